//! A run: block by block, each model once per block in shuffled order, saved after every block.
//!
//! Interleaving lets a machine's drift hit all models alike; a fresh server for each trial lets
//! figures vary as they do between processes. Source: T. Kalibera and R. Jones, "Rigorous
//! Benchmarking in Reasonable Time", ISMM 2013.

pub(crate) mod profile;

use crate::{
    ceiling, interrupt, origin::Origin, plan, progress::Progress, save::RunDirectory, trial::Bench,
};
use profile::ProfileWish;
use report::{
    model::ModelReport,
    run::{Plan, PlannedLoad, RunReport},
    summary::{conclude, conclude_run},
};
use std::path::{Path, PathBuf};

/// A model on its way through the run.
#[derive(Debug)]
pub(crate) struct Contestant {
    /// `None` when there is nothing to run: the report's failure says why.
    pub(crate) origin: Option<Origin>,
    pub(crate) report: ModelReport,
}

/// A run on its way.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) report: RunReport,
    pub(crate) directory: RunDirectory,
    pub(crate) contestants: Vec<Contestant>,
    /// Paths of the reports, as far as written: the run's first.
    pub(crate) saved: Vec<PathBuf>,
    /// The program, or why there is none.
    pub(crate) null_server: Result<PathBuf, String>,
    /// Whether profiles are wanted.
    pub(crate) profile: bool,
    allow_remote: bool,
    is_over: bool,
}

impl Run {
    pub(crate) fn new(report: RunReport, directory: RunDirectory, allow_remote: bool) -> Self {
        Self {
            report,
            directory,
            contestants: Vec::new(),
            saved: Vec::new(),
            null_server: Err("the null server was not built".to_owned()),
            profile: false,
            allow_remote,
            is_over: false,
        }
    }

    pub(crate) fn enter(&mut self, contestant: Contestant) {
        self.contestants.push(contestant);
    }

    /// Runs all blocks, or as many as the user has patience for, and writes the reports.
    ///
    /// Loads whose rate depends on the peak come in blocks of their own, after the others.
    ///
    /// # Errors
    /// A report can't be written.
    pub(crate) fn measure(&mut self, loadgen: &Path) -> anyhow::Result<()> {
        let progress = Progress::new(self.trials_planned());
        let mut random = fastrand::Rng::with_seed(self.report.plan.seed);
        let waits = |load: &PlannedLoad| load.rate_share_of_peak.is_some();
        let loads = self.report.plan.loads.len();
        for late in [false, true] {
            if late {
                self.fix_rates();
            }
            let taken = |i: &usize| waits(&self.report.plan.loads[*i]) == late;
            let loads: Vec<usize> = (0..loads).filter(taken).collect();
            if !loads.is_empty() {
                if late {
                    // These blocks may take long, and whoever ends them keeps the ceiling.
                    self.save()?;
                }
                self.measure_blocks(&loads, loadgen, &progress, &mut random)?;
            }
            if !late && !interrupt::asked() {
                self.measure_ceiling(loadgen, &progress);
            }
        }
        progress.finish();
        let interrupted = interrupt::asked();
        self.report.interrupted = interrupted;
        for contestant in &mut self.contestants {
            contestant.report.interrupted = interrupted;
        }
        self.is_over = true;
        self.save()
    }

    fn measure_blocks(
        &mut self,
        loads: &[usize],
        loadgen: &Path,
        progress: &Progress,
        random: &mut fastrand::Rng,
    ) -> anyhow::Result<()> {
        let plan = self.report.plan.clone();
        let bench = Bench {
            plan: &plan,
            loadgen,
            allow_remote: self.allow_remote,
            progress,
        };
        let profiled = profile::load_of(&plan).filter(|_| self.profile);
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
                for &load in loads {
                    let wish = (block == 1 && profiled == Some(load)).then_some(ProfileWish {
                        directory: &self.directory,
                    });
                    self.contestants[index].take_turn(&bench, block, &plan.loads[load], wish)?;
                }
            }
            self.save()?;
        }
        Ok(())
    }

    fn measure_ceiling(&mut self, loadgen: &Path, progress: &Progress) {
        let plan = &self.report.plan;
        let basis = if self.contestants.iter().any(Contestant::has_rate) {
            ceiling::basis(plan, &self.null_server, loadgen, progress)
        } else {
            ceiling::Basis::None("no model has a rate that could be held against it".to_owned())
        };
        for Contestant { report, .. } in &mut self.contestants {
            match basis.of(&report.model, plan.server_threads) {
                Ok(ceiling) => report.ceiling = Some(ceiling),
                Err(reason) => {
                    report.not_measured.insert("ceiling".to_owned(), reason);
                }
            }
        }
    }

    /// Now that the peaks are known: the same rates for all models.
    fn fix_rates(&mut self) {
        for load in &mut self.report.plan.loads {
            if let Some(share) = load.rate_share_of_peak {
                let peaks = self.contestants.iter();
                let peaks: Vec<f64> = peaks.filter_map(|one| one.peak_over(load)).collect();
                load.rates_per_s = plan::rates_of(share, &peaks);
            }
        }
    }

    fn trials_planned(&self) -> u64 {
        let Plan { blocks, loads, .. } = &self.report.plan;
        u64::from(*blocks) * (loads.len() * self.contestants.len()) as u64
    }

    /// Draws the conclusions so far and writes all reports.
    ///
    /// # Errors
    /// A report can't be written.
    pub(crate) fn save(&mut self) -> anyhow::Result<()> {
        let mut saved = Vec::new();
        for Contestant { report, .. } in &mut self.contestants {
            conclude(report)?;
            saved.push(self.directory.write(&report.model.name, report)?);
        }
        let reports: Vec<&ModelReport> = self.contestants.iter().map(|c| &c.report).collect();
        conclude_run(&mut self.report, &reports, self.is_over);
        saved.insert(0, self.directory.write("run", &self.report)?);
        self.saved = saved;
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
    ///
    /// # Errors
    /// A flame graph can't be written.
    fn take_turn(
        &mut self,
        bench: &Bench<'_>,
        block: u32,
        planned: &PlannedLoad,
        profile: Option<ProfileWish<'_>>,
    ) -> anyhow::Result<()> {
        let is_out = self.report.failure.is_some() || interrupt::asked();
        let Some(origin) = self.origin.as_ref().filter(|_| !is_out) else {
            bench.progress.end();
            return Ok(());
        };
        let mut planned = planned.clone();
        if planned.rate_share_of_peak.is_some() {
            // A model without a peak, or a rate, can't have this load.
            let peak = self.peak_over(&planned).unwrap_or(0.0);
            planned.rates_per_s = plan::rates_within(&planned.rates_per_s, peak);
            if planned.rates_per_s.is_empty() {
                bench.progress.end();
                return Ok(());
            }
        }
        let load = planned.load.word();
        let (name, blocks) = (&self.report.model.name, bench.plan.blocks);
        bench
            .progress
            .begin(&format!("block {block}/{blocks}  {name}  {load}"));
        let outcome = bench.trial_and_profile(origin, block, &planned, profile.is_some());
        bench.progress.end();
        match outcome {
            Ok((trial, profiled)) => {
                if let (Some(wish), Some(profiled)) = (profile, profiled) {
                    wish.keep(profiled, &trial, &mut self.report)?;
                }
                self.report.trials.push(trial);
            }
            Err(error) if error.is_interrupt() => {}
            Err(error) => self.report.failure = Some(error.failure()),
        }
        Ok(())
    }
}
