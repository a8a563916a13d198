//! What more threads bring: shares of a server's threads, and models over a ladder of them.

use report::{
    model::{ModelReport, Peak, ThreadShare},
    trial::{Load, ThreadCounts, Trial},
};
use stats::median;

/// What each thread had, from the one with most requests on: over the trials the median of the first,
/// of the second, and so on.
pub(crate) fn shares(trials: &[Trial]) -> Vec<ThreadShare> {
    let of = |is_meant: fn(Load) -> bool| -> Vec<Vec<ThreadShare>> {
        let meant = trials.iter().filter(|trial| is_meant(trial.load));
        meant
            .filter_map(|trial| of_trial(&trial.server_threads_counts))
            .collect()
    };
    let mut each = of(|load| matches!(load, Load::Closed { .. }));
    if each.is_empty() {
        each = of(|load| matches!(load, Load::Open { .. }));
    }
    let threads = each.iter().map(Vec::len).max().unwrap_or(0);
    let nth = |n: usize, part: fn(&ThreadShare) -> f64| {
        // A thread that had nothing isn't told of.
        let parts = each.iter().map(|shares| shares.get(n).map_or(0.0, part));
        median(&parts.collect::<Vec<_>>()).unwrap_or(0.0)
    };
    (0..threads)
        .map(|n| ThreadShare {
            connections: nth(n, |share| share.connections),
            requests: nth(n, |share| share.requests),
        })
        .collect()
}

fn of_trial(counts: &[ThreadCounts]) -> Option<Vec<ThreadShare>> {
    let requests = |of: &ThreadCounts| of.requests.unwrap_or(of.request_bytes) as f64;
    let connections = |of: &ThreadCounts| of.connections as f64;
    let (all, accepted): (f64, f64) = (
        counts.iter().map(requests).sum(),
        counts.iter().map(connections).sum(),
    );
    if all == 0.0 || accepted == 0.0 {
        return None;
    }
    let mut shares: Vec<ThreadShare> = counts
        .iter()
        .map(|own| ThreadShare {
            connections: connections(own) / accepted,
            requests: requests(own) / all,
        })
        .collect();
    shares.sort_by(|a, b| b.requests.total_cmp(&a.requests));
    Some(shares)
}

/// A model at one step of a ladder of threads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OnThreads<'a> {
    /// Its name without the threads.
    pub model: &'a str,
    /// I/O threads of each of its processes.
    pub threads: u32,
    /// Everything else.
    pub report: &'a ModelReport,
    /// Closed load over the most connections that all steps of the model have.
    pub peak: &'a Peak,
    /// Its rate for each thread, over that of the ladder's lowest step: 1 where twice the threads bring
    /// twice the rate. `None` where the lowest step has no rate.
    pub efficiency: Option<f64>,
}

/// All models that stand on a ladder of threads and have a rate, model by model, ascending.
pub fn on_threads<'a>(reports: impl IntoIterator<Item = &'a ModelReport>) -> Vec<OnThreads<'a>> {
    let mut steps: Vec<OnThreads<'a>> = reports.into_iter().filter_map(on_one).collect();
    steps.sort_by_key(|step| (step.model, step.threads));
    let each = |step: &OnThreads<'_>| step.peak.rate_per_s.median / f64::from(step.threads);
    let lowest = |model: &str| steps.iter().find(|step| step.model == model).map(each);
    let efficiencies = steps.iter().map(|step| {
        let lowest = lowest(step.model).filter(|rate| *rate > 0.0);
        lowest.map(|lowest| each(step) / lowest)
    });
    let efficiencies: Vec<Option<f64>> = efficiencies.collect();
    for (step, efficiency) in steps.iter_mut().zip(efficiencies) {
        step.efficiency = efficiency;
    }
    steps
}

fn on_one(report: &ModelReport) -> Option<OnThreads<'_>> {
    let threads = report.model.threads?;
    let name = report.model.name.as_str();
    Some(OnThreads {
        model: name.strip_suffix(&format!("@{threads}")).unwrap_or(name),
        threads,
        report,
        peak: report.summary.closed_ladder.last()?,
        efficiency: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_the_busiest_first_and_those_that_had_nothing_have_none() {
        let thread = |connections, requests| ThreadCounts {
            connections,
            requests: Some(requests),
            request_bytes: 0,
        };
        let shares = of_trial(&[thread(10, 100), thread(30, 300)]).unwrap();
        assert_eq!((shares[0].connections, shares[0].requests), (0.75, 0.75));
        assert_eq!((shares[1].connections, shares[1].requests), (0.25, 0.25));
        assert_eq!(of_trial(&[]), None);
        assert_eq!(of_trial(&[thread(0, 5)]), None, "nobody was accepted");
        assert_eq!(of_trial(&[thread(5, 0)]), None, "nothing was asked");
    }
}
