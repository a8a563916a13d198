//! `runner calibrate`: the instrument on trial.

use crate::{
    exit::Exit,
    host::{environment, guard, host, now},
    output,
    progress::ProgressLine,
    usage::usage,
};
use calibrate::{
    bench::{CaseBench, Lab},
    case::Case,
    cases::{PAIRS_MIN, cases},
    compare::{self, Compared},
    disturbed::{
        self,
        disturbance::{DISTURBANCES, Disturbance},
        judged::{Judged, Totals, judge, rows},
        order::{Extent, chosen as chosen_disturbances, order},
    },
    row::{Outcome, Row},
    table,
};
use catalog::workspace::Workspace;
use clap::Args;
use generators::here::Here;
use process::interrupt;
use serde::Serialize;
use std::{fs, path::PathBuf};
use toolchain::build::{self, Purpose};

#[derive(Args, Debug)]
pub(crate) struct CalibrateArgs {
    /// Only these cases and disturbances [default: all]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    only: Vec<String>,

    /// Disturb trials in each way at each of its strengths, instead of at one
    #[arg(long, conflicts_with = "runs")]
    full: bool,

    /// Disturb so many trials, in all ways at all strengths in turn: some 5 s each
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    runs: Option<u32>,

    /// Short windows, in which timing is shown and not judged; faults are judged as ever
    #[arg(long)]
    quick: bool,

    /// Compare the null server with itself so often, and half as often with one that uses 10 %
    /// more CPU: 40 s each (20 are worth something)
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=1000))]
    comparisons: u32,

    /// Pairs of trials in the case 'blind', 6 to 100
    ///
    /// Pairs of trials in the case 'blind', which holds the instrument's readings at a window's edges
    /// against none. Six are the least that an interval takes; with 20 it is half as wide or less, and
    /// the case takes a minute and a half
    #[arg(long, value_name = "N", default_value_t = PAIRS_MIN, conflicts_with = "quick", value_parser = clap::value_parser!(u32).range(i64::from(PAIRS_MIN)..=100))]
    pairs: u32,

    /// Keep the reports: a directory for each case, in this one
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Seed of schedules and of the order of comparisons' trials
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// Use what has been built before
    #[arg(long)]
    no_build: bool,

    /// Write the rows as JSON to standard output; the table goes to standard error
    #[arg(long)]
    json: bool,
}

/// What there is to show.
#[derive(Debug, Default, Serialize)]
struct Results {
    rows: Vec<Row>,
    #[serde(flatten)]
    details: Details,
    /// Null unless trials were disturbed.
    disturbed_totals: Option<Totals>,
}

/// What rows are drawn from.
#[derive(Debug, Default, Serialize)]
struct Details {
    comparisons: Vec<Compared>,
    disturbed: Vec<Judged>,
}

pub(crate) fn calibrate(args: &CalibrateArgs) -> anyhow::Result<Exit> {
    let cases = chosen(args)?;
    let disturbed = order(&disturbances(args), extent(args), args.seed);
    // Before the builds: a directory that can't be made is heard of at once.
    if let Some(out) = &args.out {
        fs::create_dir_all(out)
            .map_err(|error| usage(format!("can't make {}: {error}", out.display())))?;
    }
    let workspace = Workspace::find()?;
    let packages = ["calibration", "loadgen"];
    let programs = build::programs(&workspace.tree, &packages, Purpose::Measured, args.no_build);
    if interrupt::asked() {
        return Ok(Exit::Interrupted);
    }
    let mut programs = programs?;
    let [calibration, loadgen] = packages.map(|package| build::take(&mut programs, package));
    let (calibration, loadgen) = (calibration?, loadgen?);
    let comparisons = if wants_comparisons(args) {
        args.comparisons
    } else {
        0
    };
    let trials = cases.iter().map(|case| case.trials).sum::<u64>()
        + disturbed::order::trials(&disturbed)
        + compare::trials(comparisons);
    let lab = Lab {
        calibration,
        generators: Here {
            program: loadgen,
            guard: guard(),
        },
        environment: environment(&workspace.tree.root),
        started_at: now(),
        progress: Box::new(ProgressLine::new(false)),
        guard: guard(),
        host: host(),
        quick: args.quick,
        out: args.out.clone(),
        seed: args.seed,
        pairs: args.pairs,
    };
    lab.progress.expect(trials);
    let mut results = Results::default();
    for case in cases {
        results.run(&lab, case.name, |bench, _| (case.run)(bench))?;
    }
    let together = disturbed::order::judged(&disturbed);
    for (setting, turns) in disturbed {
        results.run(&lab, setting.name(), |bench, details| {
            let made = disturbed::bench::run(bench, setting, &turns)?;
            let judged = judge(&made, together);
            let rows = rows(setting, &made, &judged);
            details.disturbed.extend(judged);
            Ok(rows)
        })?;
    }
    if comparisons > 0 {
        results.run(&lab, compare::CASE, |bench, details| {
            compare::run(bench, comparisons, &mut details.comparisons)
        })?;
    }
    results.total(&lab);
    lab.progress.finish();
    results.show(args.json)
}

impl Results {
    /// Runs a case, unless the user has had enough, and takes its rows. A case that can't be run
    /// is a row that fails.
    ///
    /// # Errors
    /// The reports can't be written.
    fn run(
        &mut self,
        lab: &Lab,
        case: &'static str,
        run: impl FnOnce(&mut CaseBench<'_>, &mut Details) -> anyhow::Result<Vec<Row>>,
    ) -> anyhow::Result<()> {
        if interrupt::asked() {
            return Ok(());
        }
        let mut bench = CaseBench::new(lab, case);
        let outcome = run(&mut bench, &mut self.details);
        let disturbed = bench.disturbed;
        bench.save()?;
        let rows = match outcome {
            Ok(rows) => rows,
            Err(_) if interrupt::asked() => return Ok(()),
            Err(error) if Exit::of(&error) == Exit::WrongUse => return Err(error),
            Err(error) => vec![Row::words(
                "runs to its end",
                "yes",
                format!("{error:#}"),
                false,
            )],
        };
        let rows = rows.into_iter().map(|row| match row.case {
            "" => row.of_case(case),
            _ => row,
        });
        let rows = rows.map(|row| if disturbed { row.disturbed() } else { row });
        self.add(lab, rows);
        Ok(())
    }

    /// What all disturbed trials prove together.
    fn total(&mut self, lab: &Lab) {
        if !self.details.disturbed.is_empty() {
            let totals = Totals::of(&self.details.disturbed);
            self.disturbed_totals = Some(totals);
            self.add(lab, totals.rows().into_iter());
        }
    }

    fn add(&mut self, lab: &Lab, rows: impl Iterator<Item = Row>) {
        self.rows.extend(rows.map(|row| match lab.quick {
            true => row.timing_not_judged(),
            false => row,
        }));
    }

    fn show(&self, json: bool) -> anyhow::Result<Exit> {
        let mut text = table::table(&self.rows);
        let comparisons = &self.details.comparisons;
        if !comparisons.is_empty() {
            text = format!("{}\n{text}", table::comparisons(comparisons));
        }
        if json {
            output::say(text);
            output::line(serde_json::to_string_pretty(self)?);
        } else {
            output::line(text);
        }
        for sentence in self.disturbed_totals.iter().flat_map(Totals::sentences) {
            output::say(sentence);
        }
        let count = |outcome| {
            self.rows
                .iter()
                .filter(|row| row.outcome == outcome)
                .count()
        };
        let failed = count(Outcome::Fail);
        output::say(format_args!(
            "{} passed, {failed} failed, {} not judged",
            count(Outcome::Pass),
            count(Outcome::NotJudged)
        ));
        Ok(if interrupt::asked() {
            output::say("interrupted: the other cases were not run");
            Exit::Interrupted
        } else if failed > 0 {
            Exit::Failed
        } else {
            Exit::Fine
        })
    }
}

/// The cases that the user wants, in their own order.
fn chosen(args: &CalibrateArgs) -> anyhow::Result<Vec<Case>> {
    let mut cases = cases(args.pairs);
    let mut names: Vec<&str> = cases.iter().map(|case| case.name).collect();
    names.extend(DISTURBANCES.iter().map(|disturbance| disturbance.name));
    names.push(compare::CASE);
    if let Some(unknown) = args
        .only
        .iter()
        .find(|name| !names.contains(&name.as_str()))
    {
        let names = names.join(", ");
        return Err(usage(format!(
            "no case is called {unknown:?}; there are: {names}"
        )));
    }
    if args.only.iter().any(|name| name == compare::CASE) && args.comparisons == 0 {
        return Err(usage(
            "--only comparisons: say how many, such as --comparisons 20",
        ));
    }
    if !args.only.is_empty() {
        cases.retain(|case| args.only.iter().any(|name| name == case.name));
    }
    Ok(cases)
}

/// The disturbances that the user wants; with only other things wanted none.
fn disturbances(args: &CalibrateArgs) -> Vec<&'static Disturbance> {
    let is_one = |name: &String| DISTURBANCES.iter().any(|of| of.name == name.as_str());
    match args.only.is_empty() || args.only.iter().any(is_one) {
        true => chosen_disturbances(&args.only),
        false => Vec::new(),
    }
}

fn extent(args: &CalibrateArgs) -> Extent {
    match args.runs {
        Some(count) => Extent::Runs(count),
        None if args.full => Extent::Full,
        None if args.quick => Extent::Quick,
        None => Extent::Short,
    }
}

fn wants_comparisons(args: &CalibrateArgs) -> bool {
    args.only.is_empty() || args.only.iter().any(|name| name == compare::CASE)
}
