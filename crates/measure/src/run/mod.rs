//! A run: block by block, each model once per block in shuffled order, saved after every block.
//!
//! Interleaving lets a machine's drift hit all models alike; a fresh server for each trial lets
//! figures vary as they do between processes. Source: T. Kalibera and R. Jones, "Rigorous
//! Benchmarking in Reasonable Time", ISMM 2013.

pub mod profile;

use crate::{ceiling, progress::Progress, trial::Bench};
use analysis::{conclude_run, stats::HistogramError, summary::conclude};
use plan::{
    Plan,
    rate::{rates_of, rates_within},
    window::shortest_us,
};
use process::{guard::Guard, interrupt};
use profile::ProfileWish;
use report::{
    model::ModelReport,
    run::{PlannedLoad, RunReport},
};
use server::launch::Launch;
use std::path::PathBuf;
use store::{error::StoreError, save::RunDirectory};
use thiserror::Error;

/// What ends a run that isn't about one contestant.
#[derive(Debug, Error)]
pub enum RunError {
    /// Reports can't be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What was measured can't be read.
    #[error(transparent)]
    Histogram(#[from] HistogramError),
}

/// A server on its way through the run, with its report.
#[derive(Debug)]
pub struct Contestant {
    /// `None` when there is nothing to run: the report's failure says why.
    pub launch: Option<Launch>,
    /// What came of it so far.
    pub report: ModelReport,
}

/// What a run is made with.
#[derive(Clone, Debug)]
pub struct Instruments {
    /// The generator's program.
    pub loadgen: PathBuf,
    /// The null server's, or why there is none.
    pub null_server: Result<PathBuf, String>,
    /// Through what programs are started.
    pub guard: Guard,
    /// Servers may be beyond loopback.
    pub allow_remote: bool,
    /// Profiles are wanted.
    pub profile: bool,
}

impl Instruments {
    fn bench<'a>(&'a self, plan: &'a Plan, progress: &'a dyn Progress) -> Bench<'a> {
        Bench {
            plan,
            loadgen: &self.loadgen,
            guard: &self.guard,
            allow_remote: self.allow_remote,
            progress,
        }
    }
}

/// A run on its way.
#[derive(Debug)]
pub struct Run {
    /// The plan, as far as it is decided.
    pub plan: Plan,
    /// What came of it so far.
    pub report: RunReport,
    /// Where reports are written.
    pub directory: RunDirectory,
    /// In the order in which they were entered.
    pub contestants: Vec<Contestant>,
    /// Paths of the reports, as far as written: the run's first.
    pub saved: Vec<PathBuf>,
    /// Why the reports on disk are those of an earlier block. What has been measured is in memory all
    /// the same, and is written as soon as that can be done again.
    pub unsaved: Option<StoreError>,
    is_over: bool,
}

impl Run {
    /// One that nobody takes part in yet.
    pub fn new(plan: Plan, report: RunReport, directory: RunDirectory) -> Self {
        Self {
            plan,
            report,
            directory,
            contestants: Vec::new(),
            saved: Vec::new(),
            unsaved: None,
            is_over: false,
        }
    }

    /// One more takes part.
    pub fn enter(&mut self, contestant: Contestant) {
        self.contestants.push(contestant);
    }

    /// Runs all blocks, or as many as the user has patience for, and writes the reports.
    ///
    /// Loads whose rate depends on the peak come in blocks of their own, after the others.
    ///
    /// That reports can't be written ends nothing: [`Run::unsaved`] says so.
    ///
    /// # Errors
    /// What was measured can't be read.
    pub fn measure(
        &mut self,
        instruments: &Instruments,
        progress: &dyn Progress,
    ) -> Result<(), RunError> {
        progress.expect(self.trials_planned());
        let mut random = fastrand::Rng::with_seed(self.plan.seed);
        let waits = |load: &PlannedLoad| load.rate_share_of_peak.is_some();
        for late in [false, true] {
            if late {
                self.fix_rates();
            }
            let taken = |load: &&PlannedLoad| waits(load) == late;
            let loads: Vec<PlannedLoad> = self.plan.loads.iter().filter(taken).cloned().collect();
            if !loads.is_empty() {
                if late {
                    // These blocks may take long, and whoever ends them keeps the ceiling.
                    self.save_if_possible()?;
                }
                self.measure_blocks(&loads, instruments, progress, &mut random)?;
            }
            if !late && !interrupt::asked() {
                self.measure_ceiling(instruments, progress);
            }
        }
        progress.finish();
        let interrupted = interrupt::asked();
        self.report.interrupted = interrupted;
        for contestant in &mut self.contestants {
            contestant.report.interrupted = interrupted;
        }
        self.is_over = true;
        self.save_if_possible()
    }

    fn measure_blocks(
        &mut self,
        loads: &[PlannedLoad],
        instruments: &Instruments,
        progress: &dyn Progress,
        random: &mut fastrand::Rng,
    ) -> Result<(), RunError> {
        let plan = self.plan.clone();
        let bench = instruments.bench(&plan, progress);
        let profiled = profile::load_of(&plan.loads).filter(|_| instruments.profile);
        for block in 1..=plan.blocks {
            if interrupt::asked() {
                break;
            }
            let mut order: Vec<usize> = (0..self.contestants.len()).collect();
            random.shuffle(&mut order);
            let names = order
                .iter()
                .map(|&i| self.contestants[i].report.model.name.clone());
            self.report.block_order.push(names.collect());
            for index in order {
                for load in loads {
                    let wish = (block == 1 && profiled == Some(load)).then_some(ProfileWish {
                        directory: &self.directory,
                    });
                    self.contestants[index].take_turn(&bench, block, load, wish);
                }
            }
            self.save_if_possible()?;
        }
        Ok(())
    }

    fn measure_ceiling(&mut self, instruments: &Instruments, progress: &dyn Progress) {
        let bench = instruments.bench(&self.plan, progress);
        let basis = if self.contestants.iter().any(Contestant::has_rate) {
            ceiling::basis(&instruments.null_server, &bench)
        } else {
            ceiling::Basis::None("no model has a rate that could be held against it".to_owned())
        };
        for Contestant { report, .. } in &mut self.contestants {
            match basis.of(&report.model, self.plan.server_threads) {
                Ok(ceiling) => report.ceiling = Some(ceiling),
                Err(reason) => {
                    report.not_measured.insert("ceiling".to_owned(), reason);
                }
            }
        }
    }

    /// Now that the peaks are known: the same rates for all models.
    fn fix_rates(&mut self) {
        for load in &mut self.plan.loads {
            if let Some(share) = load.rate_share_of_peak {
                let peaks = self.contestants.iter();
                let peaks: Vec<f64> = peaks.filter_map(|one| one.peak_over(load)).collect();
                load.rates_per_s = rates_of(share, &peaks);
                load.window_us = load.window_us.max(shortest_us(&load.rates_per_s));
            }
        }
        self.report.plan = self.plan.to_report();
    }

    fn trials_planned(&self) -> u64 {
        let Plan { blocks, loads, .. } = &self.plan;
        u64::from(*blocks) * (loads.len() * self.contestants.len()) as u64
    }

    /// Draws the conclusions so far and writes all reports.
    ///
    /// # Errors
    /// A report can't be written.
    pub fn save(&mut self) -> Result<(), RunError> {
        for Contestant { report, .. } in &mut self.contestants {
            conclude(report)?;
        }
        let reports: Vec<&ModelReport> = self.contestants.iter().map(|c| &c.report).collect();
        conclude_run(&mut self.report, &reports, self.is_over);
        // All conclusions are drawn before the first word is written: they are shown in any case.
        let models = reports
            .iter()
            .map(|report| self.directory.write_model(report));
        let mut saved = models.collect::<Result<Vec<_>, _>>()?;
        saved.insert(0, self.directory.write_run(&self.report)?);
        self.saved = saved;
        Ok(())
    }

    /// The same, and what can't be written is kept in mind instead.
    fn save_if_possible(&mut self) -> Result<(), RunError> {
        let saved = self.save();
        self.unsaved = None;
        match saved {
            Err(RunError::Store(error)) => self.unsaved = Some(error),
            other => other?,
        }
        Ok(())
    }
}

impl Contestant {
    fn has_rate(&self) -> bool {
        let peak = self.report.summary.peak.as_ref();
        peak.is_some_and(|peak| peak.rate_per_s.median > 0.0)
    }

    /// The rate that the model had in closed load at every count of connections up to the top of
    /// this load's ladder; where it was measured with more only, at every count.
    fn peak_over(&self, planned: &PlannedLoad) -> Option<f64> {
        let ladder = &self.report.summary.closed_ladder;
        let top = planned.connections_max().max(ladder.first()?.connections);
        let rates = ladder
            .iter()
            .filter(|step| step.connections <= top)
            .map(|step| step.rate_per_s.median);
        rates.min_by(f64::total_cmp).filter(|&rate| rate > 0.0)
    }

    /// One trial, unless the model has failed before or the user wants to stop.
    fn take_turn(
        &mut self,
        bench: &Bench<'_>,
        block: u32,
        planned: &PlannedLoad,
        profile: Option<ProfileWish<'_>>,
    ) {
        let is_out = self.report.failure.is_some() || interrupt::asked();
        let Some(launch) = self.launch.as_ref().filter(|_| !is_out) else {
            bench.progress.end();
            return;
        };
        let mut planned = planned.clone();
        if planned.rate_share_of_peak.is_some() {
            // A model without a peak, or a rate, can't have this load.
            let peak = self.peak_over(&planned).unwrap_or(0.0);
            planned.rates_per_s = rates_within(&planned.rates_per_s, peak);
            if planned.rates_per_s.is_empty() {
                bench.progress.end();
                return;
            }
        }
        let load = planned.load.word();
        let (name, blocks) = (&self.report.model.name, bench.plan.blocks);
        bench
            .progress
            .begin(&format!("block {block}/{blocks}  {name}  {load}"));
        let outcome = bench.trial_and_profile(launch, block, &planned, profile.is_some());
        bench.progress.end();
        match outcome {
            Ok((trial, profiled)) => {
                if let (Some(wish), Some(profiled)) = (profile, profiled) {
                    wish.keep(profiled, &trial, &mut self.report);
                }
                self.report.trials.push(trial);
            }
            Err(error) if error.is_interrupt() => {}
            Err(error) => self.report.failure = Some(error.failure()),
        }
    }
}
