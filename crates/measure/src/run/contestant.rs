//! One contestant's turns.

use super::{place::Place, profile::ProfileWish};
use crate::trial::Bench;
use plan::{Plan, rate::rates_within};
use process::interrupt;
use report::{model::ModelReport, run::PlannedLoad};
use request::name_at;
use server::launch::Launch;

/// A server on its way through the run, with its report.
#[derive(Debug)]
pub struct Contestant {
    /// `None` when there is nothing to run: the report's failure says why.
    pub launch: Option<Launch>,
    /// What came of it so far.
    pub report: ModelReport,
}

impl Contestant {
    /// Itself, or one for each step of the plan's ladder of threads.
    pub fn steps(self, plan: &Plan) -> Vec<Self> {
        let ladder = plan.server_threads_ladder.iter();
        let steps = ladder.map(|&threads| self.at_threads(plan, threads));
        let steps: Vec<Self> = steps.collect();
        if steps.is_empty() { vec![self] } else { steps }
    }

    fn at_threads(&self, plan: &Plan, threads: u32) -> Self {
        let plan = plan.at_threads(Some(threads));
        let mut step = Self {
            launch: self.launch.clone(),
            report: self.report.clone(),
        };
        match &mut step.launch {
            Some(Launch::Contract(launch)) => {
                launch.threads = plan.server_threads;
                launch.cpus = plan.server_cpus;
            }
            Some(Launch::External(launch)) => {
                launch.threads = plan.server_threads;
                launch.cpus = plan.server_cpus;
            }
            // It has the threads that it has.
            Some(Launch::Target(_)) | None => {}
        }
        let model = &mut step.report.model;
        model.name = name_at(&model.name, threads);
        model.threads = Some(threads);
        step
    }

    /// Whether it was measured, or can still be.
    pub(super) fn may_have_rate(&self) -> bool {
        let is_out = self.launch.is_none() || self.report.failure.is_some();
        !is_out || !self.report.trials.is_empty()
    }

    pub(super) fn has_rate(&self) -> bool {
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

    /// Of the load's counts of connections the one at which closed load was slowest, so that the rates
    /// can be followed at every count; the greatest, where that isn't known.
    fn slowest_count(&self, planned: &PlannedLoad) -> u32 {
        let ladder = &self.report.summary.closed_ladder;
        let counts = planned.connections.iter();
        let known =
            counts.filter_map(|&count| ladder.iter().find(|step| step.connections == count));
        let slowest = known.min_by(|a, b| a.rate_per_s.median.total_cmp(&b.rate_per_s.median));
        slowest.map_or_else(|| planned.connections_max(), |step| step.connections)
    }

    /// The highest rate of open load that the model is known to hold: the ramp's, or where there was
    /// none the closed peak.
    pub(super) fn sustained_over(&self, planned: &PlannedLoad) -> Option<f64> {
        let of_ramp = self.report.sustained_rate_per_s;
        of_ramp.or_else(|| self.peak_over(planned))
    }

    /// A short ramp in open load, from which the rates of this load follow. A closed peak doesn't
    /// tell what a server holds: at "70 % of its peak" one uses 54 % of its CPU, another 99.
    pub(super) fn ramp(&mut self, bench: &Bench<'_>, planned: &PlannedLoad) {
        let is_out = self.report.failure.is_some() || interrupt::asked();
        let launch = self.launch.as_ref().filter(|_| !is_out);
        let Some((launch, peak)) = launch.zip(self.peak_over(planned)) else {
            bench.progress.end();
            return;
        };
        let name = &self.report.model.name;
        let plan = bench.plan.at_threads(self.report.model.threads);
        let bench = &Bench {
            plan: &plan,
            ..*bench
        };
        bench.progress.begin(&format!("ramp  {name}  open"));
        let found = bench.ramp(launch, planned, self.slowest_count(planned), peak);
        bench.progress.end();
        match found {
            Ok(rate_per_s) => self.report.sustained_rate_per_s = rate_per_s,
            Err(error) if error.is_interrupt() => {}
            Err(error) => self.report.failure = Some(error.failure()),
        }
    }

    /// One trial, unless the model has failed before or the user wants to stop.
    pub(super) fn take_turn(
        &mut self,
        bench: &Bench<'_>,
        at: &Place,
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
            // A model that holds no rate that is known can't have this load.
            let held = self.sustained_over(&planned).unwrap_or(0.0);
            planned.rates_per_s = rates_within(&planned.rates_per_s, held);
            if planned.rates_per_s.is_empty() {
                bench.progress.end();
                return;
            }
        }
        let load = planned.load.word();
        let name = &self.report.model.name;
        let plan = bench.plan.at_threads(self.report.model.threads);
        let bench = &Bench {
            plan: &plan,
            ..*bench
        };
        bench.progress.begin(&format!("{at}  {name}  {load}"));
        let outcome = bench.trial_and_profile(launch, at.number, &planned, profile.is_some());
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
