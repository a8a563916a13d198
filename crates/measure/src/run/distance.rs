//! How far the CPUs of server and generator are apart, over a run: what is usual, waiting for it, and turns
//! taken once more in which they moved.

use super::{place::Place, profile::ProfileWish, state::Run};
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

/// A turn is taken so often at most.
const TURNS_MAX: u32 = 3;

impl Run {
    /// One contestant's turn in a block. One in which the CPUs moved is taken once more, at once, as long
    /// as there is patience: that doesn't depend on what a server does, and of twenty contestants one has
    /// such a turn in nearly every block. The last one counts, and all are kept.
    pub(super) fn take_turns(
        &mut self,
        index: usize,
        bench: &Bench<'_>,
        at: &Place,
        (load, profiles): (&PlannedLoad, bool),
        patience: &mut Patience,
    ) {
        let mut before: Option<usize> = None;
        for turns_before in 0..TURNS_MAX {
            self.await_usual_distance(bench, load, patience);
            let began = Instant::now();
            let at = at.after_turns(turns_before);
            let wish = (profiles && turns_before == 0).then_some(ProfileWish {
                directory: &self.directory,
            });
            let contestant = &mut self.contestants[index];
            let taken = contestant.report.trials.len();
            contestant.take_turn(bench, &at, load, wish);
            let trials = &mut contestant.report.trials;
            let is_there = trials.len() > taken;
            if let Some(before) = before.filter(|_| is_there) {
                trials[before].made_again = true;
                patience.wait(began.elapsed());
            }
            let may_be_again = is_there && patience.allows(began.elapsed());
            if !may_be_again || !self.moved_in(index, taken) {
                return;
            }
            before = Some(taken);
        }
    }

    /// Whether the CPUs weren't as far apart as usual at an end of one of a trial's windows.
    fn moved_in(&self, index: usize, trial: usize) -> bool {
        let trial = &self.contestants[index].report.trials[trial];
        let is_idle = matches!(trial.load, Load::Idle { .. });
        let Some(usual_ns) = self.usual_distance_ns().filter(|_| !is_idle) else {
            return false;
        };
        let mut ends = distances(trial).flat_map(both_ends);
        ends.any(|ns| !is_usual(ns, usual_ns))
    }

    /// Lets a turn begin when the CPUs are as far apart as usual, or when its share of the patience is
    /// over. Memory doesn't depend on it.
    fn await_usual_distance(
        &self,
        bench: &Bench<'_>,
        planned: &PlannedLoad,
        patience: &mut Patience,
    ) {
        let is_idle = matches!(planned.load, Load::Idle { .. });
        let usual_ns = self.usual_distance_ns();
        let Some((cpus, usual_ns)) = bench.plan.first_cpus().zip(usual_ns) else {
            return;
        };
        let (began, longest) = (Instant::now(), patience.left().min(WAIT_MAX));
        let is_there = || round_trip_ns(cpus).is_none_or(|ns| is_usual(ns, usual_ns));
        if is_idle || longest.is_zero() || is_there() {
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

#[cfg(test)]
mod tests {
    use super::{super::contestant::Contestant, *};
    use plan::Plan;
    use std::path::Path;
    use store::{read, save::RunDirectory};

    const NEAR_NS: f64 = 75.0;
    const FAR_NS: f64 = 390.0;

    /// A saved one, in all of whose windows the CPUs were near.
    fn run() -> Run {
        let saved = Path::new(env!("CARGO_MANIFEST_DIR")).join("../runner/tests/saved-run");
        let (report, models) = read::run(&saved).unwrap();
        let mut run = Run::new(Plan::of_one_thread(1), report, RunDirectory::open(&saved));
        for report in models {
            let launch = None;
            run.enter(Contestant { launch, report });
        }
        for trial in trials_mut(&mut run) {
            put(trial, NEAR_NS);
        }
        run
    }

    fn trials_mut(run: &mut Run) -> impl Iterator<Item = &mut Trial> {
        let contestants = run.contestants.iter_mut();
        contestants.flat_map(|contestant| &mut contestant.report.trials)
    }

    fn put(trial: &mut Trial, after_ns: f64) {
        for step in &mut trial.steps {
            step.machine.cpus_apart = Some(CpusApart {
                before_ns: NEAR_NS,
                after_ns,
                usual_ns: None,
            });
        }
    }

    fn place_of(run: &Run, is_wanted: impl Fn(&Load) -> bool) -> usize {
        let mut trials = run.contestants[0].report.trials.iter();
        trials.position(|trial| is_wanted(&trial.load)).unwrap()
    }

    #[test]
    fn a_turn_in_which_the_cpus_moved_is_told_by_what_is_usual_in_the_run() {
        let mut run = run();
        let loaded = place_of(&run, |load| matches!(load, Load::Closed { .. }));
        let idle = place_of(&run, |load| matches!(load, Load::Idle { .. }));
        assert!(!run.moved_in(0, loaded));
        for place in [loaded, idle] {
            put(&mut run.contestants[0].report.trials[place], FAR_NS);
        }
        assert!(run.moved_in(0, loaded));
        assert!(!run.moved_in(0, idle), "memory doesn't depend on it");
        assert!(!run.moved_in(1, loaded));
        run.set_usual_distance();
        let all = run.contestants.iter();
        let mut all = all.flat_map(|one| one.report.trials.iter().flat_map(distances));
        assert!(all.all(|apart| apart.usual_ns == Some(NEAR_NS)));
    }

    #[test]
    fn a_turn_that_was_taken_once_more_counts_once_when_all_blocks_count_again() {
        let mut run = run();
        let loaded = place_of(&run, |load| matches!(load, Load::Closed { .. }));
        let trials = &mut run.contestants[0].report.trials;
        let once_more = trials[loaded].clone();
        trials[loaded].made_again = true;
        trials.push(once_more);
        let whole_block = &mut run.contestants[1].report.trials[loaded];
        whole_block.made_again = true;
        let loads = run.report.plan.loads.clone();
        run.count_all_again(&loads);
        assert!(run.contestants[0].report.trials[loaded].made_again);
        assert!(!run.contestants[1].report.trials[loaded].made_again);
    }
}
