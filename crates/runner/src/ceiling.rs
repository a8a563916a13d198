//! What rates are held against: printed beside what models reach.
//!
//! | workload | ceiling |
//! |---|---|
//! | `echo`, `discard` | the rate of the null server in the same run: a plain loop, which a model may come close to or a little above |
//! | `cpu` | the server's CPUs / time of the hashes, measured here |
//! | `wait` | connections / time: each connection has one at a time |
//! | `block` | threads that may block / time: as many as connections where the work is handed to a pool, the I/O threads where it isn't |
//!
//! A mix has none: what its parts cost each other is what it is measured for.

use crate::{progress::Progress, server::Launch, trial::Bench};
use protocol::{client::Workload, wire::Kind, work::chained_digest};
use report::{
    model::{Ceiling, Model},
    run::{Plan, PlannedLoad},
    trial::Load,
};
use std::{
    hint::black_box,
    path::Path,
    time::{Duration, Instant},
};

/// The best of so many counts.
const NULL_TRIALS: u32 = 3;

/// For how long hashing is timed.
const HASHING: Duration = Duration::from_millis(200);

/// What the ceilings of a run's models are computed from.
#[derive(Clone, Debug)]
pub(crate) enum Basis {
    /// The same for all models.
    Rate(Ceiling),
    /// Threads that may block, per this time.
    Blocking { time_s: f64, connections: u32 },
    /// There is none, and why.
    None(String),
}

/// Measures what there is to measure for the run's workload.
pub(crate) fn basis(
    plan: &Plan,
    null_server: &Result<std::path::PathBuf, String>,
    loadgen: &Path,
    progress: &Progress,
) -> Basis {
    let is_closed = |load: &&PlannedLoad| matches!(load.load, Load::Closed { .. });
    let Some(closed) = plan.loads.iter().find(is_closed) else {
        return Basis::None("the run had no closed load".to_owned());
    };
    let connections = closed.connections.first().copied().unwrap_or(1);
    match plan.workload.parse() {
        Ok(Workload::Echo | Workload::Discard) => match null_server {
            Ok(program) => null_rate(plan, program, closed, loadgen, progress),
            Err(reason) => Basis::None(reason.clone()),
        },
        Ok(Workload::Mix(mix)) => match mix.parts() {
            [part] => {
                let time_s = f64::from(part.argument) / 1e6;
                match part.kind {
                    Kind::Cpu => hashing(plan, part.argument),
                    Kind::Wait => waiting(connections, time_s),
                    Kind::Block => Basis::Blocking {
                        time_s,
                        connections,
                    },
                    Kind::Echo | Kind::Discard => Basis::None("it is no work".to_owned()),
                }
            }
            _ => Basis::None("a mix has no ceiling".to_owned()),
        },
        Err(error) => Basis::None(error.to_string()),
    }
}

impl Basis {
    /// The ceiling of one model, or why there is none.
    pub(crate) fn of(&self, model: &Model, server_threads: u32) -> Result<Ceiling, String> {
        match self {
            Self::Rate(ceiling) => Ok(ceiling.clone()),
            Self::None(reason) => Err(reason.clone()),
            Self::Blocking { time_s, .. } if *time_s == 0.0 => {
                Err("blocking for no time has no ceiling".to_owned())
            }
            Self::Blocking {
                time_s,
                connections,
            } => {
                let (threads, which) = match model.block.as_deref() {
                    Some("offload") => (*connections, "a pool's thread for each connection"),
                    _ => (server_threads, "the I/O threads block"),
                };
                Ok(Ceiling {
                    rate_per_s: f64::from(threads) / time_s,
                    what: format!("{threads} threads / {time_s} s: {which}"),
                })
            }
        }
    }
}

/// The best trial of the null server: an echo with as little around it as can be.
fn null_rate(
    plan: &Plan,
    program: &Path,
    closed: &PlannedLoad,
    loadgen: &Path,
    progress: &Progress,
) -> Basis {
    let bench = Bench {
        plan,
        loadgen,
        allow_remote: false,
        progress,
    };
    let launch = Launch {
        leading_args: vec!["null".to_owned()],
        wire: crate::plan::wire(plan),
        threads: 1,
        cpus: plan.server_cpus.clone(),
        ..Launch::new(program)
    };
    let mut steps = Vec::new();
    for _ in 0..NULL_TRIALS {
        progress.begin("ceiling  null server  closed");
        match bench.trial(&launch, 1, closed) {
            Ok(trial) => steps.extend(trial.steps),
            Err(error) => return Basis::None(format!("the null server failed: {error}")),
        }
    }
    let rates = steps.iter().map(|step| {
        let window = &step.window;
        (
            window.requests as f64 / (window.length_us as f64 / 1e6),
            report::rules::is_generator_bound(step),
        )
    });
    match rates.max_by(|(a, _), (b, _)| a.total_cmp(b)) {
        Some((rate_per_s, bound)) => Basis::Rate(Ceiling {
            // It has one thread; as many of it do as much more at best.
            rate_per_s: rate_per_s * f64::from(plan.server_threads),
            what: format!(
                "the null server on {} thread(s){}",
                plan.server_threads,
                if bound {
                    ", limited by the generator"
                } else {
                    ""
                }
            ),
        }),
        None => Basis::None("the null server was not measured".to_owned()),
    }
}

fn hashing(plan: &Plan, hashes: u32) -> Basis {
    let payload = vec![7; plan.payload_bytes as usize];
    let began = Instant::now();
    let mut rounds = 0;
    while began.elapsed() < HASHING {
        black_box(chained_digest(black_box(&payload), hashes));
        rounds += 1;
    }
    let time_s = began.elapsed().as_secs_f64() / f64::from(rounds);
    let cpus = plan.server_cpus.len().max(1);
    Basis::Rate(Ceiling {
        rate_per_s: cpus as f64 / time_s,
        what: format!(
            "{cpus} CPUs / {:.1} us, the time of {hashes} hashes here",
            time_s * 1e6
        ),
    })
}

fn waiting(connections: u32, time_s: f64) -> Basis {
    if time_s == 0.0 {
        return Basis::None("waiting for no time has no ceiling".to_owned());
    }
    Basis::Rate(Ceiling {
        rate_per_s: f64::from(connections) / time_s,
        what: format!("{connections} connections / {time_s} s"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_and_blocks_have_the_ceiling_of_who_may_wait() {
        let Basis::Rate(ceiling) = waiting(100, 0.005) else {
            panic!("no rate");
        };
        assert_eq!(ceiling.rate_per_s, 20_000.0);
        let blocking = Basis::Blocking {
            time_s: 0.01,
            connections: 100,
        };
        let model = |block: &str| Model {
            block: Some(block.to_owned()),
            ..Model::default()
        };
        assert_eq!(
            blocking.of(&model("offload"), 2).unwrap().rate_per_s,
            10_000.0
        );
        assert_eq!(blocking.of(&model("inline"), 2).unwrap().rate_per_s, 200.0);
        assert!(matches!(waiting(100, 0.0), Basis::None(_)));
    }
}
