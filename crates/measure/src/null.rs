//! The null server, measured in each block like a contestant: what rates are held against has to be
//! as old as they are, and not the best of some windows at the end.

use crate::{
    launch::launch,
    trial::{Bench, TrialError},
};
use analysis::{rules, step::rate_per_s, summary::conclude};
use plan::{
    Plan,
    ceiling::{NULL_ENGINES, null_trials},
};
use protocol::wire::Wire;
use report::{
    model::{Ceiling, CeilingStep, Model, ModelReport},
    run::PlannedLoad,
    trial::Step,
};
use server::{contract::ContractLaunch, launch::Launch};
use stats::HistogramError;
use std::{collections::BTreeMap, path::Path};

/// The null server on one engine, with its report.
#[derive(Debug)]
pub struct Null {
    engine: &'static str,
    launch: Launch,
    /// What came of it so far.
    pub report: ModelReport,
    /// Why there is nothing, or no more.
    failed: Option<TrialError>,
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
    fn on(engine: &'static str, bench: &Bench<'_>, program: &Path) -> Self {
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
            Err(error) => self.failed = Some(error),
        }
        Ok(())
    }

    /// Its rates over each count of connections: the median of its blocks.
    ///
    /// # Errors
    /// A histogram can't be read.
    fn rates_per_s(&mut self) -> Result<BTreeMap<u32, f64>, HistogramError> {
        conclude(&mut self.report)?;
        let ladder = self.report.summary.closed_ladder.iter();
        Ok(ladder
            .map(|step| (step.connections, step.rate_per_s.median))
            .collect())
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

    /// The highest of all windows so far, for each count of connections.
    fn rates_max_per_s(&self) -> BTreeMap<u32, f64> {
        let mut rates = BTreeMap::new();
        for step in self.steps_so_far() {
            let rate: &mut f64 = rates.entry(step.connections).or_default();
            *rate = rate.max(rate_per_s(step));
        }
        rates
    }
}

/// For each count of connections the highest of these rates, and whose it is.
fn fastest(rates_per_s: &[BTreeMap<u32, f64>]) -> BTreeMap<u32, (f64, usize)> {
    let mut fastest = BTreeMap::new();
    for (index, rates) in rates_per_s.iter().enumerate() {
        for (&connections, &rate) in rates {
            let known: &mut (f64, usize) = fastest.entry(connections).or_insert((rate, index));
            if rate > known.0 {
                *known = (rate, index);
            }
        }
    }
    fastest
}

/// The engines that are the fastest so far at some count of connections, which alone go on: the others
/// have shown that they are no ceiling.
pub fn keep_fastest(nulls: &mut Vec<Null>) {
    let rates: Vec<_> = nulls.iter().map(Null::rates_max_per_s).collect();
    let kept: Vec<&str> = fastest(&rates)
        .values()
        .map(|(_, index)| nulls[*index].engine)
        .collect();
    if !kept.is_empty() {
        nulls.retain(|null| kept.contains(&null.engine));
    }
}

/// The best window of the null server on each engine that can be had here, of so many trials.
///
/// # Errors
/// The user wants to stop, or it failed on each engine.
pub fn best_windows(
    bench: &Bench<'_>,
    program: &Path,
    blocks: u32,
) -> Result<Vec<(&'static str, Step)>, TrialError> {
    let mut nulls = NULL_ENGINES.map(|engine| Null::on(engine, bench, program));
    // In turn: the machine's mood shall not choose between them.
    for block in 1..=blocks {
        for null in &mut nulls {
            null.take_turn(bench, block, &bench.plan.loads[0])?;
        }
    }
    let best: Vec<_> = nulls
        .iter()
        .filter_map(|null| {
            let best = null
                .steps_so_far()
                .max_by(|a, b| rate_per_s(a).total_cmp(&rate_per_s(b)));
            Some((null.engine, best?.clone()))
        })
        .collect();
    let failures = nulls.into_iter().find_map(|null| null.failed);
    match failures {
        Some(error) if best.is_empty() => Err(error),
        _ => Ok(best),
    }
}

/// What rates are held against, over each count of connections: there the faster engine's.
///
/// # Errors
/// Why there is no such ceiling.
pub fn ceiling(nulls: &mut [Null], plan: &Plan) -> Result<Ceiling, String> {
    let rates = nulls.iter_mut().map(Null::rates_per_s);
    let rates: Result<Vec<_>, _> = rates.collect();
    let fastest = fastest(&rates.map_err(|error| error.to_string())?);
    let all = fastest.values().copied();
    let Some((rate_per_s, top)) = all.max_by(|a, b| a.0.total_cmp(&b.0)) else {
        if nulls.is_empty() {
            return Err("the null server was not measured".to_owned());
        }
        let failed = nulls.iter().find_map(|null| null.failed.as_ref());
        let reason = failed.map_or_else(|| "no block was finished".to_owned(), ToString::to_string);
        return Err(format!("the null server failed: {reason}"));
    };
    let mut engines: Vec<&str> = fastest.values().map(|of| nulls[of.1].engine).collect();
    engines.sort_unstable();
    engines.dedup();
    let bound = match nulls[top].is_generator_bound() {
        true => ", limited by the generator",
        false => "",
    };
    Ok(Ceiling {
        rate_per_s,
        what: format!(
            "the null server on {}{}, {} thread(s), in the same blocks{bound}",
            engines.join(" or "),
            if plan.relays() { " as a relay" } else { "" },
            plan.server_threads
        ),
        steps: fastest
            .into_iter()
            .map(|(connections, (rate_per_s, _))| CeilingStep {
                connections,
                rate_per_s,
            })
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_count_of_connections_has_the_ceiling_of_its_fastest_engine() {
        let one = BTreeMap::from([(50, 300_000.0), (10_000, 200_000.0)]);
        let other = BTreeMap::from([(50, 330_000.0), (10_000, 180_000.0), (20_000, 1.0)]);
        let expected = [
            (50, (330_000.0, 1)),
            (10_000, (200_000.0, 0)),
            (20_000, (1.0, 1)),
        ];
        assert_eq!(fastest(&[one, other]), BTreeMap::from(expected));
        assert!(fastest(&[]).is_empty());
    }
}
