//! Blocks: each contestant once, in shuffled order, and the null server with them.
//!
//! A block that something from outside disturbed (steal, throttling, swap, other programs, CPUs that
//! moved) is made again as a whole, for all; before that, a turn in which CPUs moved was taken once
//! more by itself. Outcomes never ask for either: slow servers cause those. All blocks are kept, and
//! figures that depend on which are counted say so.

use super::{
    contestant::Contestant,
    place::Place,
    profile,
    state::{Instruments, Run, RunError},
};
use crate::{null::Null, null::keep_fastest, progress::Progress, trial::Bench};
use analysis::rules::is_disturbed;
use plan::{ceiling::null_trials, patience::Patience};
use process::interrupt;
use report::{
    run::{PlannedLoad, Stop, StopReason},
    trial::{Load, Trial},
};
use stats::happens_to_one;
use std::time::Instant;

/// Of so many planned blocks one may be made again.
const BLOCKS_PER_AGAIN: u32 = 2;

/// When one contestant's blocks are disturbed more often than the others' by so little chance, what
/// disturbs them isn't from outside.
const SELECTIVE_P: f64 = 0.01;

/// What is measured in one series of blocks.
pub(super) struct Series<'a> {
    pub(super) loads: &'a [PlannedLoad],
    pub(super) instruments: &'a Instruments,
    pub(super) progress: &'a dyn Progress,
}

impl Run {
    /// As many blocks as planned; where the plan has looks, until one finds the figures of these loads
    /// decided, or the patience over.
    pub(super) fn measure_blocks(
        &mut self,
        series: &Series<'_>,
        random: &mut fastrand::Rng,
        patience: &mut Patience,
    ) -> Result<(), RunError> {
        let plan = self.plan.clone();
        let bench = series.instruments.bench(&plan, series.progress);
        let mut nulls = self.nulls(&bench, series);
        let mut again_left = plan.blocks / BLOCKS_PER_AGAIN;
        let mut at = Place::new(plan.blocks);
        let mut counted = 0;
        // Until its successor is there, a disturbed block is all that there is.
        let mut disturbed_block = None;
        while counted < plan.blocks && !interrupt::asked() {
            at.go_on(disturbed_block);
            let number = at.number;
            let began = Instant::now();
            self.measure_block(&at, series, &bench, random, (&mut nulls, patience));
            self.set_usual_distance();
            patience.spend(began.elapsed(), disturbed_block.is_some(), counted);
            if let Some(block) = disturbed_block.take().filter(|_| !interrupt::asked()) {
                self.set_made_again(block, series.loads);
            }
            let disturbed = self.is_disturbed(number, series.loads);
            if disturbed && again_left > 0 && patience.allows(began.elapsed()) {
                if self.is_selective(series.loads) {
                    self.count_all_again(series.loads);
                    again_left = 0;
                } else {
                    series.progress.say(&format!(
                        "block {number} was disturbed from outside: it is made again"
                    ));
                    disturbed_block = Some(number);
                    again_left -= 1;
                    self.save_block(series.progress)?;
                    continue;
                }
            }
            counted += 1;
            self.save_block(series.progress)?;
            let is_over = patience.is_over(counted);
            if plan.looks.contains(&counted)
                && let Some(reason) = self.reason_to_stop(series.loads, counted, is_over)
            {
                self.report.stops.push(Stop {
                    loads: words(series.loads),
                    blocks: counted,
                    reason,
                });
                break;
            }
        }
        self.nulls.extend(nulls);
        Ok(())
    }

    /// Saves what there is, and tells of it where that went well.
    fn save_block(&mut self, progress: &dyn Progress) -> Result<(), RunError> {
        self.save_if_possible()?;
        if self.unsaved.is_none() {
            let models: Vec<_> = self.contestants.iter().map(|c| c.report.clone()).collect();
            progress.saved(&self.report, &models, &self.directory);
        }
        Ok(())
    }

    /// Why this look is the last, if it is.
    fn reason_to_stop(
        &self,
        loads: &[PlannedLoad],
        blocks: u32,
        is_over: bool,
    ) -> Option<StopReason> {
        if self.is_decided(loads) {
            Some(StopReason::Decided)
        } else if blocks >= self.plan.blocks {
            Some(StopReason::LastLook)
        } else {
            is_over.then_some(StopReason::OutOfPatience)
        }
    }

    /// The null servers that take part in these blocks.
    fn nulls(&mut self, bench: &Bench<'_>, series: &Series<'_>) -> Vec<Null> {
        let load = null_trials(bench.plan).map(|(load, _)| load);
        let is_here = load.is_some_and(|load| series.loads.contains(load));
        match &series.instruments.null_server {
            Ok(program) if is_here => Null::of_plan(bench, program),
            _ => Vec::new(),
        }
    }

    fn measure_block(
        &mut self,
        at: &Place,
        series: &Series<'_>,
        bench: &Bench<'_>,
        random: &mut fastrand::Rng,
        (nulls, patience): (&mut Vec<Null>, &mut Patience),
    ) {
        let profiled = profile::load_of(&bench.plan.loads).filter(|_| series.instruments.profile);
        let mut order: Vec<usize> = (0..self.contestants.len()).collect();
        random.shuffle(&mut order);
        let names = order
            .iter()
            .map(|&i| self.contestants[i].report.model.name.clone());
        self.report.block_order.push(names.collect());
        // Between two contestants, and not always at an end.
        let place = random.usize(0..=order.len());
        for (turn, index) in order.iter().enumerate() {
            if turn == place {
                self.null_turns(nulls, bench, at.number);
            }
            for load in series.loads {
                let profiles = at.number == 1 && profiled == Some(load);
                self.take_turns(*index, bench, at, (load, profiles), patience);
            }
        }
        if place == order.len() {
            self.null_turns(nulls, bench, at.number);
        }
    }

    /// The null server's turns, if there is somebody whose rate can be held against its.
    fn null_turns(&self, nulls: &mut Vec<Null>, bench: &Bench<'_>, block: u32) {
        let load = null_trials(bench.plan).map(|(load, _)| load);
        let is_needed = self.contestants.iter().any(Contestant::may_have_rate);
        let Some(load) = load.filter(|_| is_needed) else {
            nulls.iter().for_each(|_| bench.progress.end());
            return;
        };
        for null in nulls.iter_mut() {
            // An interruption is seen by whoever takes the next turn.
            let _ = null.take_turn(bench, block, load);
        }
        keep_fastest(nulls);
    }

    /// Whether something from outside touched one of a block's windows under load.
    fn is_disturbed(&self, block: u32, loads: &[PlannedLoad]) -> bool {
        let contestants = self.contestants.iter();
        let trials = contestants.flat_map(|contestant| of_loads(contestant, loads));
        trials
            .filter(|trial| trial.block == block && !trial.made_again)
            .any(is_trial_disturbed)
    }

    /// Whether one contestant's blocks are disturbed more often than the others'.
    fn is_selective(&self, loads: &[PlannedLoad]) -> bool {
        let counts = self.contestants.iter().map(|contestant| {
            let trials: Vec<&Trial> = of_loads(contestant, loads).collect();
            let disturbed = trials.iter().filter(|trial| is_trial_disturbed(trial));
            (disturbed.count() as u32, trials.len() as u32)
        });
        let counts: Vec<(u32, u32)> = counts.collect();
        happens_to_one(&counts, SELECTIVE_P)
    }

    fn set_made_again(&mut self, block: u32, loads: &[PlannedLoad]) {
        for trial in self.trials_mut(loads) {
            trial.made_again |= trial.block == block;
        }
    }

    /// But turns that have a successor in their own block.
    pub(super) fn count_all_again(&mut self, loads: &[PlannedLoad]) {
        for contestant in &mut self.contestants {
            let trials = &mut contestant.report.trials;
            let counted: Vec<(u32, Load)> = trials
                .iter()
                .filter(|trial| !trial.made_again)
                .map(|trial| (trial.block, trial.load))
                .collect();
            let of_loads = trials.iter_mut().filter(|trial| is_of(loads, trial));
            of_loads.for_each(|trial| {
                trial.made_again &= counted.contains(&(trial.block, trial.load));
            });
        }
    }

    fn trials_mut(&mut self, loads: &[PlannedLoad]) -> impl Iterator<Item = &mut Trial> {
        let trials = self
            .contestants
            .iter_mut()
            .flat_map(|contestant| &mut contestant.report.trials);
        trials.filter(|trial| is_of(loads, trial))
    }
}

fn of_loads<'a>(
    contestant: &'a Contestant,
    loads: &'a [PlannedLoad],
) -> impl Iterator<Item = &'a Trial> {
    let trials = contestant.report.trials.iter();
    trials.filter(|trial| is_of(loads, trial))
}

fn is_of(loads: &[PlannedLoad], trial: &Trial) -> bool {
    loads.iter().any(|load| load.load == trial.load)
}

/// Memory isn't touched by what comes and goes.
fn is_trial_disturbed(trial: &Trial) -> bool {
    !matches!(trial.load, Load::Idle { .. }) && trial.steps.iter().any(is_disturbed)
}

fn words(loads: &[PlannedLoad]) -> Vec<String> {
    let words = loads.iter().map(|planned| planned.load.word().to_owned());
    words.collect()
}
