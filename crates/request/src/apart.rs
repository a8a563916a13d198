//! Whether the loads of a request are told apart in its results, where figures are known by the kind of
//! their load, its connections and its rate.

use crate::refusal::Refusal;
use report::{run::PlannedLoad, trial::Load};

/// # Errors
/// Two loads, or two counts of connections of one, whose windows would be taken for those of one.
pub(crate) fn check_apart(loads: &[PlannedLoad]) -> Result<(), Refusal> {
    for (index, load) in loads.iter().enumerate() {
        let stands_once = matches!(load.load, Load::Capacity { .. } | Load::Churn { .. });
        if stands_once && load.connections.len() > 1 {
            return Err(Refusal::new(format!(
                "a [[{}]] has one count of connections, here it has {}: a scenario for each",
                load.load.word(),
                load.connections.len()
            )));
        }
        if loads[..index].iter().any(|before| are_mixed(before, load)) {
            return Err(Refusal::new(format!(
                "two [[{}]] of one scenario whose figures could not be told apart: closed loads take \
                 connections of their own, open ones connections or rates, which are all numbers or all \
                 shares; idle, churn and capacity stand once",
                load.load.word()
            )));
        }
    }
    Ok(())
}

fn are_mixed(a: &PlannedLoad, b: &PlannedLoad) -> bool {
    let overlap = a.connections.iter().any(|n| b.connections.contains(n));
    match (a.load, b.load) {
        (Load::Closed { .. }, Load::Closed { .. }) => overlap,
        (Load::Open { .. }, Load::Open { .. }) => {
            match (a.rate_share_of_peak, b.rate_share_of_peak) {
                (None, None) => overlap && a.rates_per_s.iter().any(|r| b.rates_per_s.contains(r)),
                (Some(_), Some(_)) => overlap,
                // Their blocks come at different times, under the same numbers.
                _ => true,
            }
        }
        (a, b) => a.word() == b.word(),
    }
}

#[cfg(test)]
mod tests {
    use crate::{loads::loads, options::Options, scenario::Scenario};

    fn refused(text: &str) -> Option<String> {
        let scenario = Scenario::parse(&format!("title = \"x\"\n{text}")).unwrap();
        let resolved = loads(&Options::default(), &scenario, 1);
        resolved.err().map(|refusal| refusal.to_string())
    }

    #[test]
    fn loads_that_would_be_taken_for_one_are_refused() {
        for mixed in [
            "[[closed]]\noutstanding = 1\n[[closed]]\noutstanding = 16",
            "[[closed]]\nconnections = [10, 20]\n[[closed]]\nconnections = [20, 30]",
            "[[capacity]]\nslo = \"p99<=2ms\"\n[[capacity]]\nslo = \"p99<=50ms\"",
            "[[churn]]\nrate = 100\n[[churn]]\nrate = 200",
            "[[idle]]\n[[idle]]",
            "[[open]]\nrate = 100\n[[open]]\nrate = 100\narrivals = \"uniform\"",
            "[[closed]]\n[[open]]\nrate = 100\n[[open]]\nrate = \"50%\"",
            "[[closed]]\n[[open]]\nrate = \"50%\"\n[[open]]\nrate = \"70%\"",
        ] {
            let said = refused(mixed).unwrap_or_else(|| panic!("{mixed}"));
            assert!(said.contains("could not be told apart"), "{said}");
        }
        for several in [
            "[[capacity]]\nslo = \"p99<=2ms\"\nconnections = [10, 20]",
            "[[churn]]\nrate = 100\nconnections = [10, 20]",
        ] {
            let said = refused(several).unwrap_or_else(|| panic!("{several}"));
            assert!(said.contains("one count of connections"), "{said}");
        }
        for apart in [
            "[[closed]]\nconnections = 10\n[[closed]]\nconnections = 20\noutstanding = 16",
            "[[open]]\nrate = 100\n[[open]]\nrate = 200",
            "[[open]]\nrate = 100\nconnections = 10\n[[open]]\nrate = 100\nconnections = 20",
            "[[idle]]\n[[closed]]\n[[open]]\nrate = \"50%\"",
        ] {
            assert_eq!(refused(apart), None, "{apart}");
        }
    }
}
