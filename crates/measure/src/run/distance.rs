//! How far the CPUs of server and generator are apart, over a run: what is usual, and waiting for it.

use super::state::Run;
use crate::trial::Bench;
use hosts::distance::{is_usual, usual_ns};
use machine::distance::round_trip_ns;
use plan::patience::Patience;
use process::interrupt;
use report::{
    run::PlannedLoad,
    trial::{CpusApart, Load, Trial},
};
use std::{
    thread::sleep,
    time::{Duration, Instant},
};

/// No turn waits for longer. A host that has moved a CPU mostly moves it again within a minute.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// The CPUs rest in between: a host moves one when it wakes.
const REST: Duration = Duration::from_millis(200);

impl Run {
    /// Lets a turn begin when the CPUs are as far apart as usual, or when its share of the patience is
    /// over. Memory doesn't depend on it.
    pub(super) fn await_usual_distance(
        &self,
        bench: &Bench<'_>,
        loads: &[PlannedLoad],
        patience: &mut Patience,
    ) {
        let is_idle = |planned: &PlannedLoad| matches!(planned.load, Load::Idle { .. });
        let usual_ns = self.usual_distance_ns();
        let Some((cpus, usual_ns)) = bench.plan.first_cpus().zip(usual_ns) else {
            return;
        };
        let (began, longest) = (Instant::now(), patience.left().min(WAIT_MAX));
        let is_there = || round_trip_ns(cpus).is_none_or(|ns| is_usual(ns, usual_ns));
        if loads.iter().all(is_idle) || longest.is_zero() || is_there() {
            return;
        }
        bench
            .progress
            .say("the host moved a CPU: waiting until it is near the other one again");
        while began.elapsed() < longest && !interrupt::asked() {
            sleep(REST);
            if is_there() {
                break;
            }
        }
        patience.wait(began.elapsed());
    }

    /// What is usual becomes known as the run goes on: every window is held against the same.
    pub(super) fn set_usual_distance(&mut self) {
        let usual_ns = self.usual_distance_ns();
        let contestants = self.contestants.iter_mut();
        let trials = contestants.flat_map(|contestant| &mut contestant.report.trials);
        for step in trials.flat_map(|trial| &mut trial.steps) {
            if let Some(apart) = &mut step.machine.cpus_apart {
                apart.usual_ns = usual_ns;
            }
        }
    }

    fn usual_distance_ns(&self) -> Option<f64> {
        let contestants = self.contestants.iter();
        let trials = contestants.flat_map(|contestant| &contestant.report.trials);
        usual_ns(trials.flat_map(distances).flat_map(both_ends))
    }
}

fn distances(trial: &Trial) -> impl Iterator<Item = &CpusApart> {
    let steps = trial.steps.iter();
    steps.filter_map(|step| step.machine.cpus_apart.as_ref())
}

fn both_ends(apart: &CpusApart) -> [f64; 2] {
    [apart.before_ns, apart.after_ns]
}
