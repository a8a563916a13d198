//! A run: block by block, each model once per block in shuffled order, saved after every block.
//!
//! Interleaving lets a machine's drift hit all models alike; a fresh server for each trial lets
//! figures vary as they do between processes. Source: T. Kalibera and R. Jones, "Rigorous
//! Benchmarking in Reasonable Time", ISMM 2013.

mod blocks;
mod contestant;
mod distance;
mod place;
pub mod profile;
mod state;

pub use contestant::Contestant;
pub use state::{Instruments, Run, RunError};

use crate::{ceiling, progress::Progress};
use analysis::summary::conclude;
use blocks::Series;
use compare::{conclude_run, is_decided};
use plan::{Plan, ceiling::null_trials_count, patience::Patience, rate::rates_of};
use process::interrupt;
use report::{model::ModelReport, run::PlannedLoad, trial::Load};
use request::rate::shortest_window_us;

impl Run {
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
        let mut patience = Patience::of(&self.plan);
        let waits = |load: &PlannedLoad| load.rate_share_of_peak.is_some();
        for late in [false, true] {
            if late {
                self.ramp(instruments, progress);
                self.fix_rates();
            }
            let taken = |load: &&PlannedLoad| waits(load) == late;
            let loads: Vec<PlannedLoad> = self.plan.loads.iter().filter(taken).cloned().collect();
            if !loads.is_empty() {
                if late {
                    // These blocks may take long, and whoever ends them keeps the ceiling.
                    self.save_if_possible()?;
                }
                let series = Series {
                    loads: &loads,
                    instruments,
                    progress,
                };
                self.measure_blocks(&series, &mut random, &mut patience)?;
            }
            if !late && !interrupt::asked() {
                self.find_ceiling(instruments);
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

    fn is_decided(&self, loads: &[PlannedLoad]) -> bool {
        let reports: Vec<&ModelReport> = self.contestants.iter().map(|c| &c.report).collect();
        is_decided(&self.report, &reports, loads)
    }

    /// What the null server came to, or what can be computed, beside each contestant.
    fn find_ceiling(&mut self, instruments: &Instruments) {
        let basis = if self.contestants.iter().any(Contestant::has_rate) {
            let means = ceiling::Means {
                guard: &instruments.guard,
                null_server: &instruments.null_server,
                nulls: &mut self.nulls,
            };
            ceiling::basis(&self.plan, means)
        } else {
            ceiling::Basis::None("no model has a rate that could be held against it".to_owned())
        };
        for Contestant { report, .. } in &mut self.contestants {
            match basis.of(&report.model, &self.plan) {
                Ok(ceiling) => report.ceiling = Some(ceiling),
                Err(reason) => {
                    report.not_measured.insert("ceiling".to_owned(), reason);
                }
            }
        }
    }

    /// Which rates each contestant holds, where a load's rates follow from that.
    fn ramp(&mut self, instruments: &Instruments, progress: &dyn Progress) {
        let plan = self.plan.clone();
        let waits = |load: &&PlannedLoad| load.rate_share_of_peak.is_some();
        let bench = instruments.bench(&plan, progress);
        // A ramp of churn would use up ports; its rates follow from the closed peak.
        let is_open = |load: &&PlannedLoad| matches!(load.load, Load::Open { .. });
        if let Some(load) = plan.loads.iter().filter(waits).find(is_open) {
            for contestant in &mut self.contestants {
                contestant.ramp(&bench, load);
            }
        }
    }

    /// Now that the peaks are known: the same rates for all models.
    fn fix_rates(&mut self) {
        for load in &mut self.plan.loads {
            if let Some(share) = load.rate_share_of_peak {
                let peaks = self.contestants.iter();
                let peaks: Vec<f64> = peaks.filter_map(|one| one.sustained_over(load)).collect();
                load.rates_per_s = rates_of(share, &peaks);
                load.window_us = load.window_us.max(shortest_window_us(&load.rates_per_s));
            }
        }
        self.report.plan = self.plan.to_report();
    }

    fn trials_planned(&self) -> u64 {
        let Plan { blocks, loads, .. } = &self.plan;
        let contestants = self.contestants.len() as u64;
        let waits = |load: &PlannedLoad| load.rate_share_of_peak.is_some();
        let ramps = u64::from(loads.iter().any(waits)) * contestants;
        let of_null = null_trials_count(&self.plan);
        u64::from(*blocks) * loads.len() as u64 * contestants + ramps + u64::from(of_null)
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
