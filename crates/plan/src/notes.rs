//! What a person should know of a plan before it starts, beside what it says itself.

use crate::{host::Host, plan::Plan, shards::CONNECTIONS_PER_SOURCE};
use report::run::PlannedLoad;
use request::{network::Source, rate::DUE_MIN};

/// Some lines; none, mostly.
pub fn notes(plan: &Plan, host: &Host) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(core) = host.shared_core(&plan.server_cpus, &plan.client_cpus) {
        let core: Vec<String> = core.iter().map(usize::to_string).collect();
        notes.push(format!(
            "CPUs {} are threads of one core: server and generator take from each other, and rates \
             and times are less than on cores of their own",
            core.join(" and ")
        ));
    }
    notes.extend(of_ladder(plan, host));
    let is_narrow = plan.connections_per_source < CONNECTIONS_PER_SOURCE;
    if let (Source::Of(_), Some(ports), true) = (plan.source, host.ports, is_narrow) {
        notes.push(format!(
            "net.ipv4.ip_local_port_range leaves {ports} ports to an address, so {} connections come \
             from each",
            plan.connections_per_source
        ));
    }
    notes.extend(plan.loads.iter().filter_map(of_window));
    notes
}

/// From which step of a ladder of threads on they have no cores of their own.
fn of_ladder(plan: &Plan, host: &Host) -> Vec<String> {
    let Some(top) = plan.server_threads_ladder.last() else {
        return Vec::new();
    };
    let cpus = plan.server_cpus.len();
    let mut notes = Vec::new();
    if (top * plan.server_processes) as usize > cpus {
        notes.push(format!(
            "up to {top} threads of a server have {cpus} CPU(s): beyond that the ladder shows what more \
             threads cost, and not what more cores bring; --server-cpus gives others"
        ));
    }
    let shares = |n: &usize| {
        let (before, this) = plan.server_cpus[..=*n].split_at(*n);
        host.shared_core(before, this).is_some()
    };
    if let Some(first) = (1..cpus).find(shares) {
        notes.push(format!(
            "from {} threads on, two of a server run on one core",
            first + 1
        ));
    }
    notes
}

/// A window that is long only because hardly anything is due.
fn of_window(planned: &PlannedLoad) -> Option<String> {
    let lowest = planned.rates_per_s.iter().copied().min_by(f64::total_cmp)?;
    let window_s = planned.window_us as f64 / 1e6;
    (lowest * window_s <= DUE_MIN).then(|| {
        format!(
            "{lowest}/s x {window_s} s = {DUE_MIN} requests are due in a window, the fewest that a \
             figure is made of: hence its length"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use report::trial::{Arrivals, Load};

    #[test]
    fn a_usual_plan_needs_no_words() {
        let host = Host {
            cpus: vec![0, 1],
            ports: Some(28_232),
            ..Host::default()
        };
        assert!(notes(&Plan::of_one_thread(1), &host).is_empty());
        let often = Plan {
            loads: vec![open(20.0, 3_000_000)],
            ..Plan::of_one_thread(1)
        };
        assert!(notes(&often, &host).is_empty());
    }

    fn open(rate_per_s: f64, window_us: u64) -> PlannedLoad {
        PlannedLoad {
            load: Load::Open {
                arrivals: Arrivals::Poisson,
                deadline_us: 1,
            },
            connections: vec![1],
            rates_per_s: vec![rate_per_s],
            rate_share_of_peak: None,
            warm_up_us: 0,
            warm_up_max_us: None,
            window_us,
            hold: None,
        }
    }

    #[test]
    fn what_the_host_or_the_rate_enforces_is_said() {
        let host = Host {
            cpus: vec![0, 1],
            siblings: vec![vec![0, 1]],
            ports: Some(5_001),
            ..Host::default()
        };
        let plan = Plan {
            server_cpus: vec![0],
            client_cpus: vec![1],
            connections_per_source: 2_500,
            loads: vec![open(1.0, 10_000_000)],
            ..Plan::of_one_thread(1)
        };
        let said = notes(&plan, &host).join("\n");
        for part in [
            "CPUs 0 and 1 are threads",
            "5001 ports",
            "1/s x 10 s = 10 requests",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
    }
}
