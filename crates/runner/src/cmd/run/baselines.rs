//! Runs that later ones are held against: `--save-baseline` and `--baseline`.

use crate::{
    cmd::compare::{Compared, THRESHOLD, outcome, pairs},
    exit::Exit,
    output,
    usage::usage,
};
use clap::Args;
use compare::{Options, plan_differences};
use render::comparison::text;
use report::{
    model::ModelReport,
    run::{Plan, RunReport},
};
use std::{io::stderr, path::Path};
use store::{
    baseline::{self, BaselineName},
    read::Saved,
};

#[derive(Args, Debug, Default)]
pub(crate) struct BaselineArgs {
    /// Hold the run against one that --save-baseline kept
    ///
    /// Each model is compared with the one of its name, as 'runner compare' does it. Exit code 4 for a
    /// regression, 5 where nothing can be told, as between two runs without --allow-across.
    #[arg(long, help_heading = "Trust", value_name = "NAME")]
    baseline: Option<BaselineName>,

    /// Say of the baseline and this run what is said of one run, so that whatever differs between
    /// their machines counts as a difference between the models
    #[arg(
        long,
        help_heading = "Trust",
        hide_short_help = true,
        requires = "baseline"
    )]
    allow_across: bool,

    /// Keep the run under this name, instead of what had it before
    ///
    /// It is kept in the directory 'baselines' beside the runs. A run that was interrupted, failed or
    /// is invalid is not kept.
    #[arg(
        long,
        help_heading = "Trust",
        hide_short_help = true,
        value_name = "NAME"
    )]
    save_baseline: Option<BaselineName>,
}

impl BaselineArgs {
    /// What the run will be held against, if anything. `runs` is the directory that runs are made in.
    ///
    /// # Errors
    /// There is no such baseline, it has none of the models, or it was asked for other work: it is
    /// better to hear of that before the run.
    pub(crate) fn read(&self, runs: &Path, plan: &Plan) -> anyhow::Result<Vec<Saved>> {
        let Some(name) = &self.baseline else {
            return Ok(Vec::new());
        };
        let saved = baseline::read(runs, name)?;
        if !saved
            .iter()
            .any(|one| plan.models.contains(&one.report.model.name))
        {
            let there: Vec<&str> = saved.iter().map(|one| &*one.report.model.name).collect();
            return Err(usage(format!(
                "none of these models is in the baseline {name}, which has {}",
                there.join(", ")
            )));
        }
        let baseline = saved.first().map(|one| &one.run.plan);
        let differences = baseline.map_or_else(Vec::new, |other| plan_differences(other, plan));
        if !differences.is_empty() {
            let lines = differences.iter().map(|one| format!("\n  {one}"));
            return Err(usage(format!(
                "the baseline {name} is of other work, with which this run can't be compared:{}",
                lines.collect::<String>()
            )));
        }
        Ok(saved)
    }

    /// Shows how the run stands to its baseline. The exit code is the worse of that and of what the
    /// rest came to.
    pub(crate) fn judge(
        &self,
        baselines: &[Saved],
        run: &RunReport,
        reports: &[ModelReport],
        rest: Exit,
    ) -> Exit {
        if baselines.is_empty() || rest == Exit::Interrupted {
            return rest;
        }
        let options = Options {
            threshold: Some(THRESHOLD),
            allow_across: self.allow_across,
            ..Options::default()
        };
        let candidates: Vec<_> = reports.iter().map(|report| (run, report)).collect();
        // The run goes on to what else it is held to.
        let compared = pairs(baselines, &candidates, &options).unwrap_or_else(|refusal| {
            output::say(format_args!("\nnot held against the baseline: {refusal:#}"));
            Compared::default()
        });
        for one in &compared.0 {
            output::say(format_args!("\n{}", text(one, output::columns(stderr()))));
        }
        rest.and(outcome(&compared))
    }

    /// Keeps the run, if that was asked for and `came_to` is what one wants to be held against.
    ///
    /// # Errors
    /// It can't be written.
    pub(crate) fn keep(
        &self,
        runs: &Path,
        run: &RunReport,
        reports: &[ModelReport],
        came_to: Exit,
    ) -> anyhow::Result<()> {
        let Some(name) = &self.save_baseline else {
            return Ok(());
        };
        if came_to == Exit::Fine {
            let path = baseline::save(runs, name, run, reports)?;
            output::say(format_args!(
                "\nkept as the baseline {name}: {}",
                path.display()
            ));
        } else {
            output::say(format_args!(
                "\nnot kept as the baseline {name}: the run is not whole, or not valid"
            ));
        }
        Ok(())
    }
}
