//! What was asked for and none of a request's loads has: it would do nothing.

use crate::{options::Options, refusal::Refusal, scenario::Scenario};
use protocol::client::Workload;

/// # Errors
/// There is something, with the load that has it.
pub(crate) fn check(options: &Options, scenario: &Scenario) -> Result<(), Refusal> {
    let has_schedule = !scenario.open.is_empty() || !scenario.churn.is_empty();
    let searches = !scenario.capacity.is_empty();
    let workload = options.workload.as_ref().or(scenario.workload.as_ref());
    if workload == Some(&Workload::Discard) && (has_schedule || searches) {
        return Err(Refusal::new(
            "a discard has no reply whose time could count: --load closed tells its rate",
        ));
    }
    let strays = [
        (
            options.rate.is_some() && !has_schedule,
            "--rate is for open and churn load: add --load open",
        ),
        (
            options.deadline.is_some() && !has_schedule,
            "--deadline is for open and churn load: add --load open (a search has one by its --slo)",
        ),
        (
            options.arrivals.is_some() && !has_schedule && !searches,
            "--arrivals says when requests of a schedule are due: add --load open",
        ),
        (
            options.outstanding.is_some() && scenario.closed.is_empty(),
            "--outstanding is for closed load: add --load closed; with a schedule as many are outstanding \
             as come to be",
        ),
        (
            options.hold.is_some() && scenario.idle.is_empty(),
            "--hold is for connections of an idle load: add --load idle",
        ),
        (
            options.slo.is_some() && !searches,
            "--slo is the target of --scenario capacity",
        ),
    ];
    match strays.into_iter().find(|(is_stray, _)| *is_stray) {
        Some((_, why)) => Err(Refusal::new(why)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Seconds;
    use report::trial::Arrivals;

    /// Somebody who asks for it would take what is measured for that.
    #[test]
    fn an_option_that_no_load_has_is_refused() {
        let deadline = || Options {
            deadline: Some(Seconds(1.0)),
            ..Options::default()
        };
        let arrivals = || Options {
            arrivals: Some(Arrivals::Uniform),
            ..Options::default()
        };
        let outstanding = || Options {
            outstanding: Some(16),
            ..Options::default()
        };
        let refused = |kind: &str, options: Options| {
            let text = format!("title = \"x\"\n[[{kind}]]\nrate = 1000");
            let text = if kind == "closed" {
                text.replace("rate = 1000", "")
            } else {
                text
            };
            let refusal = check(&options, &Scenario::parse(&text).unwrap()).err();
            refusal.map_or_else(String::new, |refusal| refusal.to_string())
        };
        assert!(refused("closed", deadline()).contains("--load open"));
        assert!(refused("closed", arrivals()).contains("--load open"));
        assert!(refused("open", outstanding()).contains("--load closed"));
        for (kind, options) in [
            ("open", deadline()),
            ("churn", arrivals()),
            ("closed", outstanding()),
        ] {
            assert_eq!(refused(kind, options), "", "{kind}");
        }
    }
}
