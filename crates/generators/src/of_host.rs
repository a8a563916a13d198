//! What the generators of each machine tell of a window, kept apart.

use hdrhistogram::Histogram;
use protocol::tally;

/// Of a window, in histograms of nanoseconds.
type Tally = tally::Tally<Histogram<u64>>;

/// What one machine's generators brought in a window.
#[derive(Clone, Debug)]
pub struct HostTally {
    /// The machine, by the name that reports have for it.
    pub host: String,
    /// How many there are.
    pub processes: u32,
    /// Their sum.
    pub tally: Tally,
}

/// Adds one generator's to its machine's; those of this machine have none.
pub(crate) fn add(all: &mut Vec<HostTally>, machine: Option<&str>, one: &Tally) {
    let Some(machine) = machine else {
        return;
    };
    match all.iter_mut().find(|of| of.host == machine) {
        Some(of) => {
            of.processes += 1;
            of.tally += one.clone();
        }
        None => all.push(HostTally {
            host: machine.to_owned(),
            processes: 1,
            tally: one.clone(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::tally::{Counts, Errors, ScheduledTimes};

    fn of_one(requests: u64, lag_ns: u64) -> Tally {
        let mut lag = Histogram::new(3).unwrap();
        lag.record_n(lag_ns, requests).unwrap();
        Tally {
            counts: Counts {
                requests,
                ..Counts::default()
            },
            service_time: lag.clone(),
            read_times: None,
            scheduled: Some(ScheduledTimes {
                response_time: lag.clone(),
                prompt_response_time: lag.clone(),
                lag,
                connect_time: None,
            }),
            intervals: Vec::new(),
            errors: Errors::default(),
        }
    }

    #[test]
    fn processes_of_one_machine_are_added_and_those_of_two_are_not() {
        let mut all = Vec::new();
        for (machine, late_ns) in [("host 1", 10), ("host 2", 5_000), ("host 1", 20)] {
            add(&mut all, Some(machine), &of_one(100, late_ns));
        }
        add(&mut all, None, &of_one(100, 1));
        let told = all.iter().map(|of| {
            let lag = &of.tally.scheduled.as_ref().unwrap().lag;
            let host = of.host.as_str();
            (host, of.processes, of.tally.counts.requests, lag.max())
        });
        let told: Vec<_> = told.collect();
        assert_eq!(told[0], ("host 1", 2, 200, 20));
        assert_eq!((told[1].1, told[1].2, told.len()), (1, 100, 2));
        assert!(told[1].3 >= 5_000);
    }
}
