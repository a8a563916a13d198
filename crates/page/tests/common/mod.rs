//! Runs that are odd, made from saved ones.

#![allow(dead_code, reason = "each test program uses a part of this")]

use analysis::summary::conclude;
use report::{
    model::{Failure, Model, ModelReport, Phase},
    run::RunReport,
};
use std::path::Path;
use store::read;

/// A run and its models.
pub(crate) struct Saved {
    pub(crate) run: RunReport,
    pub(crate) models: Vec<ModelReport>,
}

impl Saved {
    /// Four models, idle, closed and open load, six blocks. Its reports are from before figures had
    /// verdicts of their own.
    pub(crate) fn older() -> Self {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../runner/tests/saved-run");
        let (run, models) = read::run(Path::new(path)).unwrap();
        Self { run, models }
    }

    /// The same with figures and verdicts as they are drawn now.
    pub(crate) fn new() -> Self {
        let mut saved = Self::older();
        for report in &mut saved.models {
            conclude(report).unwrap();
        }
        saved
    }

    /// Of version 1: one model.
    pub(crate) fn first() -> Self {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../store/tests/old-reports/first/epoll.json"
        );
        let mut saved = read::models(Path::new(path)).unwrap();
        let one = saved.remove(0);
        Self {
            run: one.run,
            models: vec![one.report],
        }
    }

    /// One model, and of it one block.
    pub(crate) fn smallest() -> Self {
        let mut saved = Self::new();
        saved.models.truncate(1);
        saved.run.plan.models.truncate(1);
        saved.run.plan.blocks = 1;
        let report = &mut saved.models[0];
        report.trials.retain(|trial| trial.block == 1);
        conclude(report).unwrap();
        saved
    }

    /// Six blocks of each load, of which five are common to all: in the first block one load was
    /// disturbed, in the second the others were.
    pub(crate) fn made_again() -> Self {
        let mut saved = Self::new();
        for report in &mut saved.models {
            let again: Vec<_> = report
                .trials
                .iter()
                .filter(|trial| trial.block == if trial.load.word() == "open" { 1 } else { 2 })
                .cloned()
                .collect();
            for trial in &mut report.trials {
                trial.made_again |= again.contains(trial);
            }
            let seventh = again.into_iter().map(|mut trial| {
                trial.block = 7;
                trial
            });
            report.trials.extend(seventh);
            conclude(report).unwrap();
        }
        saved
    }

    /// As many models as there are, and more than there are hues.
    pub(crate) fn many() -> Self {
        let mut saved = Self::new();
        for index in 0..11 {
            let mut one = saved.models[index % 4].clone();
            one.model.name = format!("{}-{index}", one.model.name);
            saved.models.push(one);
        }
        saved.name_models();
        saved
    }

    /// Names that nobody should give, a model that failed, one that nothing is known of, and an end
    /// before the end.
    pub(crate) fn odd() -> Self {
        let mut saved = Self::new();
        saved.run.interrupted = true;
        saved.models[0].model.name = "<script>alert('x')</script>".to_owned();
        saved.models[0].model.title = "</title><script src=http://example.org>\"'&".to_owned();
        saved.models[1].model.name = "long".repeat(50);
        saved.models[2] = ModelReport {
            failure: Some(Failure {
                phase: Phase::Start,
                reason: "it never said <ready>".to_owned(),
                stderr_tail: "panicked at <b>main.rs</b>\n".to_owned(),
                way_out: None,
            }),
            ..ModelReport::new("now", saved.models[2].model.clone())
        };
        let nothing = Model {
            name: "nothing-yet".to_owned(),
            ..Model::default()
        };
        saved.models.push(ModelReport::new("now", nothing));
        for trial in saved.models[0].trials.iter_mut().take(3) {
            trial.made_again = true;
        }
        saved.name_models();
        saved
    }

    fn name_models(&mut self) {
        let names = self.models.iter().map(|report| report.model.name.clone());
        self.run.plan.models = names.collect();
    }

    pub(crate) fn page(&self) -> String {
        page::page(&[(&self.run, &self.models)])
    }
}
