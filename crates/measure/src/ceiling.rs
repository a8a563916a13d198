//! What rates are held against: printed beside what models reach.
//!
//! | workload | ceiling |
//! |---|---|
//! | `echo` | the rate of the null server, measured in each block like a contestant, with as many processes and threads: it sends back what comes and does nothing else ([`crate::null`]) |
//! | `relay` | that of the null server as a relay, before the same backend |
//! | `discard` | none: a server that knows nothing of requests can't leave them unanswered |
//! | `cpu` | the server's CPUs / time of the hashes, as the null server takes for them on one of these |
//! | `wait` | connections / time: each connection has one at a time |
//! | `block` | threads that may block / time: as many as connections where the work is handed to a pool, the I/O threads where it isn't |
//!
//! A mix has none: what its parts cost each other is what it is measured for.

use crate::{
    launch::launch,
    null::{self, Null},
};
use plan::{Plan, ceiling::closed_load};
use process::{child::Child, guard::Guard};
use protocol::{client::Workload, wire::Kind};
use report::model::{Ceiling, CeilingStep, Model};
use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// Hashes that take longer have no ceiling.
const HASHING_MAX: Duration = Duration::from_secs(30);

/// What the ceilings of a run's models are computed from.
#[derive(Clone, Debug)]
pub enum Basis {
    /// The same for all models.
    Rate(Ceiling),
    /// Threads that may block, per this time.
    Blocking {
        /// Of each call.
        time_s: f64,
        /// That ask for it, at each step of the ladder.
        connections: Vec<u32>,
    },
    /// There is none, and why.
    None(String),
}

/// What a ceiling may take: the null server's program, or why there is none, and what it came to.
#[derive(Debug)]
pub struct Means<'a> {
    /// Through what programs are started.
    pub guard: &'a Guard,
    /// The program.
    pub null_server: &'a Result<PathBuf, String>,
    /// What it came to on each of its engines.
    pub nulls: &'a mut [Null],
}

/// Computes what there is to compute for the run's workload.
pub fn basis(plan: &Plan, means: Means<'_>) -> Basis {
    let Some(closed) = closed_load(plan) else {
        return Basis::None("the run had no closed load".to_owned());
    };
    if !plan.wire.is_of_contract() {
        let wire = plan.wire.word();
        return Basis::None(format!("the null server doesn't speak the {wire} wire"));
    }
    match &plan.workload {
        Workload::Discard => Basis::None("a discard has no reply".to_owned()),
        Workload::Echo | Workload::Relay => means
            .program()
            .and_then(|_| null::ceiling(means.nulls, plan))
            .into(),
        Workload::Mix(mix) => match mix.parts() {
            [part] => {
                let time_s = f64::from(part.argument) / 1e6;
                match part.kind {
                    Kind::Cpu => means
                        .program()
                        .and_then(|null| hashing(plan, part.argument, means.guard, null))
                        .into(),
                    Kind::Wait => waiting(&closed.connections, time_s),
                    Kind::Block => Basis::Blocking {
                        time_s,
                        connections: closed.connections.clone(),
                    },
                    Kind::Echo | Kind::Discard => Basis::None("it is no work".to_owned()),
                }
            }
            _ => Basis::None("a mix has no ceiling".to_owned()),
        },
    }
}

impl From<Result<Ceiling, String>> for Basis {
    fn from(rate: Result<Ceiling, String>) -> Self {
        rate.map_or_else(Self::None, Self::Rate)
    }
}

impl<'a> Means<'a> {
    fn program(&self) -> Result<&'a Path, String> {
        self.null_server.as_deref().map_err(Clone::clone)
    }
}

impl Basis {
    /// The ceiling of one model, or why there is none.
    pub fn of(&self, model: &Model, plan: &Plan) -> Result<Ceiling, String> {
        let top = plan.server_threads;
        let server_threads = model.threads.unwrap_or(top);
        match self {
            Self::Rate(_) if server_threads != top => Err(format!(
                "the ceiling is that of {top} threads, and this server has {server_threads}"
            )),
            Self::Rate(ceiling) => Ok(ceiling.clone()),
            Self::None(reason) => Err(reason.clone()),
            Self::Blocking { time_s, .. } if *time_s == 0.0 => {
                Err("blocking for no time has no ceiling".to_owned())
            }
            Self::Blocking {
                time_s,
                connections,
            } => {
                let of = |threads, which| at_a_time(threads, *time_s, which);
                Ok(match model.block.as_deref() {
                    Some("offload") => {
                        of(connections, "threads of a pool, one for each connection,")
                    }
                    _ => Ceiling {
                        steps: Vec::new(),
                        ..of(&[server_threads], "threads, those for I/O,")
                    },
                })
            }
        }
    }
}

/// Timed by a program that is built as models are: in a debug build hashes take half as long again.
fn hashing(plan: &Plan, hashes: u32, guard: &Guard, null: &Path) -> Result<Ceiling, String> {
    let asked = format!("{hashes}:{}", plan.payload_bytes);
    let mut args = launch(plan, guard, null).args();
    args.extend(["--hash".to_owned(), asked]);
    let mut child = Child::spawn(guard, null, args, None).map_err(|error| error.to_string())?;
    child.end_input();
    let said = child.next_line(Instant::now() + HASHING_MAX).ok();
    let time_ns: Option<f64> = said.and_then(|line| line.parse().ok());
    let time_us = time_ns.ok_or("the time of the hashes could not be measured")? / 1e3;
    let cpus = plan.server_cpus.len().max(1);
    Ok(Ceiling {
        rate_per_s: cpus as f64 * 1e6 / time_us,
        what: format!("{cpus} CPUs / {time_us:.1} us, the time of {hashes} hashes here"),
        steps: Vec::new(),
    })
}

fn waiting(connections: &[u32], time_s: f64) -> Basis {
    if time_s == 0.0 {
        return Basis::None("waiting for no time has no ceiling".to_owned());
    }
    Basis::Rate(at_a_time(connections, time_s, "connections"))
}

/// Of so many, at each step of a ladder, of which each does one thing at a time.
fn at_a_time(counts: &[u32], time_s: f64, of_what: &str) -> Ceiling {
    let steps = counts.iter().map(|&connections| CeilingStep {
        connections,
        rate_per_s: f64::from(connections) / time_s,
    });
    let named: Vec<String> = counts.iter().map(u32::to_string).collect();
    let most = counts.iter().max().copied().unwrap_or(1);
    Ceiling {
        rate_per_s: f64::from(most) / time_s,
        what: format!("{} {of_what} / {time_s} s", named.join(" or ")),
        steps: steps.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_and_blocks_have_the_ceiling_of_who_may_wait() {
        let Basis::Rate(ceiling) = waiting(&[100, 1_000], 0.005) else {
            panic!("no rate");
        };
        assert_eq!(ceiling.rate_per_s, 200_000.0);
        assert_eq!([100, 1_000].map(|n| ceiling.over(n)), [20_000.0, 200_000.0]);
        assert_eq!(ceiling.what, "100 or 1000 connections / 0.005 s");
        let plan = Plan {
            server_threads: 2,
            ..Plan::of_one_thread(1)
        };
        let blocking = Basis::Blocking {
            time_s: 0.01,
            connections: vec![50, 100],
        };
        let model = |block: &str| Model {
            block: Some(block.to_owned()),
            ..Model::default()
        };
        let offloaded = blocking.of(&model("offload"), &plan).unwrap();
        assert_eq!([50, 100].map(|n| offloaded.over(n)), [5_000.0, 10_000.0]);
        assert_eq!(
            blocking.of(&model("inline"), &plan).unwrap().rate_per_s,
            200.0
        );
        let of_ladder = Model {
            threads: Some(1),
            ..model("inline")
        };
        assert_eq!(blocking.of(&of_ladder, &plan).unwrap().rate_per_s, 100.0);
        assert!(waiting(&[100], 0.005).of(&of_ladder, &plan).is_err());
        assert!(matches!(waiting(&[100], 0.0), Basis::None(_)));
    }
}
