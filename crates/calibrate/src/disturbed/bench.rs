//! The trials of a setting, disturbed and not.

use super::{
    disturbance::{CAPACITY_PER_S, How, IDLE, Setting, WINDOW_S},
    disturber::Disturber,
    judged::Made,
    order::Turn,
    published::{Figures, published},
};
use crate::bench::{CaseBench, WARM_UP_S, planned};
use anyhow::{Context as _, bail};
use process::interrupt;
use report::{
    run::PlannedLoad,
    trial::{Arrivals, Load, MachineUse, Step},
};

/// A hundred, so that a percentage of them is a number of them.
const CONNECTIONS: u32 = 100;

/// Of the null server in open load: enough requests for a p99.9, and far below its peak.
const OPEN_PER_S: f64 = 10_000.0;

/// Of its capacity a server of known capacity is offered this, where nothing disturbs.
const OFFERED: f64 = 0.8;

/// On the ladder memory counts, not time.
const IDLE_SECONDS: (f64, f64) = (0.1, 0.2);
const IDLE_INTERVAL_US: u64 = 10_000_000;

/// As what programs that use a CPU are known (`calibration`).
const HOGS: [&str; 2] = ["hog", "starter"];

const QUICK_SECONDS: (f64, f64) = (0.1, 0.3);

/// Makes the trials of a setting. One that comes to no end is told with its reason.
///
/// # Errors
/// The user wants to stop, or reports can't be kept.
pub fn run(
    bench: &mut CaseBench<'_>,
    setting: Setting,
    turns: &[Turn],
) -> anyhow::Result<Vec<Made>> {
    bench.samples = true;
    let mut made = Vec::new();
    // What server and generator use when nothing disturbs.
    let mut cpus_used = None;
    for &turn in turns {
        if interrupt::asked() {
            bail!("interrupted");
        }
        let (figures, strangers_cpus) = match trial(bench, setting, turn, cpus_used) {
            Ok((figures, step)) => {
                if matches!(turn, Turn::Undisturbed) {
                    cpus_used = cpus(&step).or(cpus_used);
                }
                (Ok(figures), strangers_cpus(&step.machine))
            }
            Err(_) if interrupt::asked() => bail!("interrupted"),
            Err(error) => (Err(format!("{error:#}")), 0.0),
        };
        made.push(Made {
            turn,
            figures,
            strangers_cpus,
        });
    }
    Ok(made)
}

fn trial(
    bench: &mut CaseBench<'_>,
    setting: Setting,
    turn: Turn,
    cpus_used: Option<f64>,
) -> anyhow::Result<(Figures, Step)> {
    let (name, behaviour, how) = match turn {
        Turn::Undisturbed => ("undisturbed".to_owned(), setting.behaviour(), None),
        Turn::Disturbed(of, times) => (
            format!("{}-{times}", of.name),
            of.behaviour(times),
            Some((of.how, times)),
        ),
    };
    let load = load(bench.lab.quick, setting, how);
    let plan = bench.plan().clone();
    let disturber = Disturber::new((bench.lab, &plan), &load, how, cpus_used.unwrap_or(0.0))?;
    let trial = bench.trial_told(&behaviour, 1, &load, &disturber);
    bench.lab.progress.end();
    let trial = trial?;
    disturber.check()?;
    drop(disturber);
    let step = trial.steps.first().context("a trial without a window")?;
    let step = step.clone();
    let report = bench.conclude(name, &behaviour, vec![trial])?;
    let figures = published(&report);
    bench.add_load(&load);
    bench.keep(report)?;
    Ok((figures, step))
}

/// That server and generator used in a window.
fn cpus(step: &Step) -> Option<f64> {
    let used_s = step.server.cpu_total_s()? + step.generator.cpu_total_s()?;
    Some(used_s / (step.window.length_us as f64 / 1e6))
}

/// That programs used, those aside that disturb.
fn strangers_cpus(machine: &MachineUse) -> f64 {
    let all_s: f64 = machine.programs_s.values().sum();
    let programs = machine.programs_s.iter();
    let ours = programs.filter(|(name, _)| HOGS.contains(&name.as_str()));
    let ours_s: f64 = ours.map(|(_, s)| s).sum();
    machine.programs_cpus_used.unwrap_or(0.0) * (1.0 - ours_s / all_s.max(1e-9))
}

fn load(quick: bool, setting: Setting, how: Option<(How, f64)>) -> PlannedLoad {
    let (warm_up_s, window_s) = match (quick, setting) {
        (true, _) => QUICK_SECONDS,
        (false, Setting::Idle) => IDLE_SECONDS,
        (false, _) => (WARM_UP_S, WINDOW_S),
    };
    let of = |load, rate_per_s| planned(load, CONNECTIONS, rate_per_s, (warm_up_s, window_s));
    let open = Load::Open {
        arrivals: Arrivals::Uniform,
        deadline_us: 2_000_000,
    };
    match setting {
        Setting::Closed | Setting::PacedClosed => of(Load::Closed { outstanding: 1 }, None),
        Setting::Open => of(open, Some(OPEN_PER_S)),
        Setting::PacedOpen => {
            let share = match how {
                Some((How::Offer, times)) => times,
                _ => OFFERED,
            };
            of(open, Some(share * CAPACITY_PER_S))
        }
        Setting::Idle => PlannedLoad {
            connections: IDLE.to_vec(),
            ..of(
                Load::Idle {
                    interval_us: IDLE_INTERVAL_US,
                },
                None,
            )
        },
    }
}
