//! How the machines, settings and programs of two runs differ: what a ratio across them may be due
//! to.
//!
//! Environments are compared as JSON, so a field that they are given later is compared, too.

use report::{comparison::SettingDifference, model::ModelReport, run::RunReport};
use serde_json::Value;
use std::collections::BTreeMap;

/// Reasons for what is null say nothing of the machine.
const NO_SETTING: &str = "not_measured";

/// Of the baseline's run and model, then the candidate's.
pub(crate) fn differences(
    baseline: (&RunReport, &ModelReport),
    candidate: (&RunReport, &ModelReport),
) -> Vec<SettingDifference> {
    let (before, after) = (settings(baseline), settings(candidate));
    let names = before
        .keys()
        .chain(after.keys().filter(|name| !before.contains_key(*name)));
    names
        .filter(|name| before.get(*name) != after.get(*name))
        .map(|name| {
            let value = |of: &BTreeMap<String, String>| {
                of.get(name)
                    .cloned()
                    .unwrap_or_else(|| "unknown".to_owned())
            };
            SettingDifference {
                setting: name.clone(),
                baseline: value(&before),
                candidate: value(&after),
            }
        })
        .collect()
}

/// What is known, by name; that of a field in a field is behind the outer one's, with a dot.
fn settings((run, report): (&RunReport, &ModelReport)) -> BTreeMap<String, String> {
    let mut settings = BTreeMap::new();
    if let Ok(environment) = serde_json::to_value(&run.environment) {
        flatten("", &environment, &mut settings);
    }
    let mut of_model = |name: &str, value: &Option<String>| {
        if let Some(value) = value {
            settings.insert(name.to_owned(), value.clone());
        }
    };
    of_model("binary_sha256", &report.model.binary_sha256);
    of_model("runtime_version", &report.model.runtime_version);
    settings
}

fn flatten(name: &str, value: &Value, settings: &mut BTreeMap<String, String>) {
    match value {
        Value::Null => {}
        Value::Object(fields) => {
            for (field, value) in fields.iter().filter(|(field, _)| *field != NO_SETTING) {
                let inner = match name {
                    "" => field.clone(),
                    outer => format!("{outer}.{field}"),
                };
                flatten(&inner, value, settings);
            }
        }
        Value::String(text) => {
            settings.insert(name.to_owned(), text.clone());
        }
        other => {
            settings.insert(name.to_owned(), other.to_string());
        }
    }
}
