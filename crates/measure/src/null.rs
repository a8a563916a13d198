//! The null server, measured in each block like a contestant: what rates are held against has to be
//! as old as they are, and not the best of some windows at the end.

use crate::{
    launch::launch,
    trial::{Bench, TrialError},
};
use analysis::{rules, step::rate_per_s, summary::conclude};
use plan::{Plan, ceiling::null_trials};
use protocol::wire::Wire;
use report::{
    model::{Ceiling, CeilingStep, Model, ModelReport},
    run::PlannedLoad,
    trial::Step,
};
use server::{contract::ContractLaunch, launch::Launch};
use stats::HistogramError;
use std::path::Path;

/// The null server on one engine, with its report.
#[derive(Clone, Debug)]
pub struct Null {
    engine: &'static str,
    launch: Launch,
    /// What came of it so far.
    pub report: ModelReport,
    /// Why there is nothing, or no more.
    failed: Option<String>,
}

impl Null {
    /// One for each engine that a run of this plan is held against; none where its ceiling is
    /// another one.
    pub fn of_plan(bench: &Bench<'_>, program: &Path) -> Vec<Self> {
        let engines = null_trials(bench.plan).map_or(&[][..], |(_, engines)| engines);
        engines
            .iter()
            .map(|engine| Self::on(engine, bench, program))
            .collect()
    }

    /// On this engine.
    pub fn on(engine: &'static str, bench: &Bench<'_>, program: &Path) -> Self {
        let launch = ContractLaunch {
            leading_args: vec!["--engine".to_owned(), engine.to_owned()],
            // It knows nothing of frames, so it can't count requests; so it says when asked for raw.
            wire: Wire::Raw,
            ..launch(bench.plan, bench.guard, program)
        };
        let model = Model {
            name: format!("null-{engine}"),
            title: format!("the null server on {engine}"),
            ..Model::default()
        };
        Self {
            engine,
            launch: launch.into(),
            report: ModelReport::new("", model),
            failed: None,
        }
    }

    /// One trial, unless one has failed before.
    ///
    /// # Errors
    /// The user wants to stop. Where an engine can't be had the ceiling is the other's.
    pub fn take_turn(
        &mut self,
        bench: &Bench<'_>,
        block: u32,
        load: &PlannedLoad,
    ) -> Result<(), TrialError> {
        if self.failed.is_some() {
            bench.progress.end();
            return Ok(());
        }
        bench.progress.begin(&format!(
            "block {block}  null server on {}  closed",
            self.engine
        ));
        let outcome = bench.trial(&self.launch, block, load);
        bench.progress.end();
        match outcome {
            Ok(trial) => self.report.trials.push(trial),
            Err(error) if error.is_interrupt() => return Err(error),
            Err(error) => self.failed = Some(error.to_string()),
        }
        Ok(())
    }

    /// Its rates over each count of connections: the median of its blocks.
    ///
    /// # Errors
    /// A histogram can't be read.
    fn steps(&mut self) -> Result<Vec<CeilingStep>, HistogramError> {
        conclude(&mut self.report)?;
        let ladder = self.report.summary.closed_ladder.iter();
        let steps = ladder.map(|step| CeilingStep {
            connections: step.connections,
            rate_per_s: step.rate_per_s.median,
        });
        Ok(steps.collect())
    }

    fn steps_so_far(&self) -> impl Iterator<Item = &Step> {
        self.report.trials.iter().flat_map(|trial| &trial.steps)
    }

    /// In most of its windows.
    fn is_generator_bound(&self) -> bool {
        let bound = self
            .steps_so_far()
            .filter(|step| rules::is_generator_bound(step));
        2 * bound.count() > self.steps_so_far().count()
    }

    /// Of all windows so far, the highest.
    fn rate_max_per_s(&self) -> f64 {
        self.steps_so_far().map(rate_per_s).fold(0.0, f64::max)
    }
}

/// The engine that is faster so far, which alone goes on: the other has shown that it is no ceiling.
pub fn keep_faster(nulls: &mut Vec<Null>) {
    nulls.sort_by(|a, b| b.rate_max_per_s().total_cmp(&a.rate_max_per_s()));
    nulls.truncate(1);
}

/// What rates are held against, over each count of connections.
///
/// # Errors
/// Why there is no such ceiling.
pub fn ceiling(null: Option<&mut Null>, plan: &Plan) -> Result<Ceiling, String> {
    let null = null.ok_or("the null server was not measured")?;
    let steps = null.steps().map_err(|error| error.to_string())?;
    let rates = steps.iter().map(|step| step.rate_per_s);
    let Some(rate_per_s) = rates.max_by(f64::total_cmp) else {
        let reason = null.failed.as_deref().unwrap_or("no block was finished");
        return Err(format!("the null server failed: {reason}"));
    };
    let bound = match null.is_generator_bound() {
        true => ", limited by the generator",
        false => "",
    };
    Ok(Ceiling {
        rate_per_s,
        what: format!(
            "the null server on {}, {} thread(s), in the same blocks{bound}",
            null.engine, plan.server_threads
        ),
        steps,
    })
}
