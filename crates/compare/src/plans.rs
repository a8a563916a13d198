//! Whether two runs were asked for the same work.
//!
//! Plans are compared as JSON, so a field that a plan is given later is compared too, unless it
//! is named here as one that doesn't matter.

use report::run::Plan;
use serde_json::Value;
use std::{collections::BTreeMap, fmt};

/// Fields of a plan that don't change what is asked of a model.
const DOES_NOT_MATTER: [&str; 11] = [
    "models",
    "scenario",
    "blocks",
    "looks",
    "patience_s",
    "primary_figures",
    "seed",
    "expected_s",
    "open_files_max",
    "source_network",
    "source_addresses",
];

/// One field in which two plans differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanDifference {
    /// Its name; that of a load is behind the load's, as in `closed.connections`.
    pub field: String,
    /// Its value in the baseline's plan, as JSON without quotes.
    pub baseline: String,
    /// Its value in the candidate's plan.
    pub candidate: String,
}

impl fmt::Display for PlanDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            field,
            baseline,
            candidate,
        } = self;
        write!(
            f,
            "{field} is {baseline} in the baseline, {candidate} in the candidate"
        )
    }
}

/// Differences as a list, one a line.
pub(crate) fn listed(differences: &[PlanDifference]) -> String {
    let lines: Vec<String> = differences.iter().map(|d| format!("  {d}")).collect();
    lines.join("\n")
}

/// The fields in which two plans ask for different work. A load that only one of them has is no
/// difference: its figures aren't compared.
pub fn differences(baseline: &Plan, candidate: &Plan) -> Vec<PlanDifference> {
    let (baseline, candidate) = (parts(baseline), parts(candidate));
    let mut differences = Vec::new();
    for (part, ours) in &baseline {
        let Some(theirs) = candidate.get(part) else {
            continue;
        };
        let names = ours
            .keys()
            .chain(theirs.keys().filter(|name| !ours.contains_key(*name)));
        for name in names {
            let value =
                |fields: &Fields| fields.get(name).map_or_else(|| "absent".to_owned(), shown);
            let (ours, theirs) = (value(ours), value(theirs));
            if ours != theirs {
                differences.push(PlanDifference {
                    field: format!("{part}{name}"),
                    baseline: ours,
                    candidate: theirs,
                });
            }
        }
    }
    differences
}

type Fields = BTreeMap<String, Value>;

/// The fields of a plan that matter, and those of each of its loads, by prefix.
fn parts(plan: &Plan) -> BTreeMap<String, Fields> {
    let mut fields = fields(plan);
    fields.retain(|name, _| !DOES_NOT_MATTER.contains(&name.as_str()) && name != "loads");
    let mut parts = BTreeMap::from([(String::new(), fields)]);
    for load in &plan.loads {
        let mut fields = self::fields(load);
        // What the load itself says stands beside what is planned for it.
        if let Some(Value::Object(load)) = fields.remove("load") {
            fields.extend(load);
        }
        // Rates that follow from a run's own peak are an outcome. Figures compare at equal ones.
        if load.rate_share_of_peak.is_some() {
            fields.remove("rates_per_s");
        }
        let kind = fields
            .remove("kind")
            .map(|kind| shown(&kind))
            .unwrap_or_default();
        let earlier = parts.keys().filter(|part| part.starts_with(&kind)).count();
        let prefix = match earlier {
            0 => format!("{kind}."),
            earlier => format!("{kind} {}.", earlier + 1),
        };
        parts.insert(prefix, fields);
    }
    parts
}

fn fields(of: &impl serde::Serialize) -> Fields {
    match serde_json::to_value(of) {
        Ok(Value::Object(fields)) => fields.into_iter().collect(),
        _ => unreachable!("a struct of plain values is a JSON object"),
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_over_other_machines_ask_for_other_work() {
        let over = |hosts: &[&str]| Plan {
            hosts: hosts.iter().map(|&host| host.to_owned()).collect(),
            ..Plan::default()
        };
        let (one, two) = (over(&[]), over(&["2 x A, Linux 6.1", "4 x B, Linux 6.1"]));
        assert_eq!(differences(&two, &two.clone()), []);
        let found = differences(&one, &two);
        assert_eq!((found.len(), &*found[0].field), (1, "hosts"));
        let other = over(&["2 x A, Linux 6.1", "8 x B, Linux 6.1"]);
        assert_eq!(differences(&two, &other).len(), 1);
    }
}
