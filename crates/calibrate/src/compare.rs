//! Comparisons whose outcome is known: a server against itself, and against one that uses a tenth
//! more CPU time. They are made as every comparison of two models is: six blocks of a fresh
//! server each in shuffled order, paired block by block.

use crate::{
    bench::{CaseBench, planned},
    row::{Row, false_alarms_most, findings_least},
};
use ::compare::{Options, compare};
use anyhow::bail;
use process::interrupt;
use report::{
    comparison::{ComparedFigure, Difference},
    environment::Environment,
    model::ModelReport,
    run::{self, PlannedLoad, RunReport},
    trial::Load,
};
use serde::Serialize;
use stats::median;

/// Its name, as on the command line.
pub const CASE: &str = "comparisons";

/// The least with which a difference can be stated.
const BLOCKS: u32 = 6;

/// Connections, and seconds of warm-up and window: short, because there are hundreds of them.
const CONNECTIONS: u32 = 50;
const SECONDS: (f64, f64) = (1.0, 1.0);

/// The surcharge that has to be found, as a share of the null server's CPU time per request.
const SURCHARGE: f64 = 0.1;

/// Both over [`CONNECTIONS`].
const RATE: &str = "closed.50_connections.rate_per_s";
const CPU: &str = "closed.50_connections.server_cpu_us_per_request";

/// One figure of one comparison.
#[derive(Clone, Debug, Serialize)]
pub struct Compared {
    /// `null against itself`, or with what.
    pub pair: &'static str,
    /// Counted from 1.
    pub number: u32,
    /// Median of the baseline's blocks and of the candidate's, ratio, interval, p, difference.
    #[serde(flatten)]
    pub figure: ComparedFigure,
}

const AA: &str = "null against itself";
const SLOWER: &str = "null against 10 % more CPU";

/// Trials that so many comparisons take.
pub fn trials(comparisons: u32) -> u64 {
    u64::from(comparisons + slower_comparisons(comparisons)) * u64::from(2 * BLOCKS)
}

fn slower_comparisons(comparisons: u32) -> u32 {
    comparisons.div_ceil(2)
}

/// Makes so many comparisons of the null server with itself and half as many with the slower
/// one. What was compared is in `done`, also when not all could be.
///
/// # Errors
/// A trial fails, or the user wants to stop.
pub fn run(
    bench: &mut CaseBench<'_>,
    comparisons: u32,
    done: &mut Vec<Compared>,
) -> anyhow::Result<Vec<Row>> {
    bench.samples = true;
    let mut random = fastrand::Rng::with_seed(bench.lab.seed);
    for number in 1..=comparisons {
        let figures = one(bench, &format!("aa-{number}"), "null", &mut random)?;
        done.extend(figures.into_iter().map(|figure| Compared {
            pair: AA,
            number,
            figure,
        }));
    }
    let null_cpu_us: Vec<f64> = of(done, AA, CPU).map(|f| f.baseline).collect();
    let Some(null_cpu_us) = median(&null_cpu_us) else {
        bail!("no comparison came to its end");
    };
    let extra_ns = (SURCHARGE * null_cpu_us * 1000.0).round();
    let behaviour = format!("burn --extra-ns {extra_ns}");
    for number in 1..=slower_comparisons(comparisons) {
        let figures = one(bench, &format!("slower-{number}"), &behaviour, &mut random)?;
        done.extend(figures.into_iter().map(|figure| Compared {
            pair: SLOWER,
            number,
            figure,
        }));
    }
    let note = format!("{extra_ns} ns more than {null_cpu_us:.2} us per request");
    Ok(rows(done, &note))
}

/// How the comparisons came out.
fn rows(done: &[Compared], surcharge: &str) -> Vec<Row> {
    let count = |pair, id, is: fn(Option<Difference>) -> bool| {
        let figures = of(done, pair, id);
        let found = figures.clone().filter(|f| is(f.comparison.difference));
        (found.count() as u32, figures.count() as u32)
    };
    let alarms = |what: &str, id| {
        let alarms = count(AA, id, |difference| {
            matches!(difference, Some(Difference::Higher | Difference::Lower))
        });
        let row = Row::at_most(what, alarms, false_alarms_most(alarms.1))
            .note("the null server against itself, six blocks each");
        row.judged_on(alarms.1)
    };
    let found = count(SLOWER, CPU, |difference| {
        difference == Some(Difference::Higher)
    });
    let detected = Row::at_least("10 % more CPU found", found, findings_least(found.1));
    vec![
        alarms("A/A: differences in rate", RATE),
        alarms("A/A: differences in CPU per request", CPU),
        detected.note(surcharge).judged_on(found.1),
    ]
}

fn of<'a>(
    done: &'a [Compared],
    pair: &'static str,
    id: &'static str,
) -> impl Iterator<Item = &'a ComparedFigure> + Clone {
    let of_pair = done.iter().filter(move |compared| compared.pair == pair);
    of_pair
        .map(|compared| &compared.figure)
        .filter(move |figure| figure.id == id)
}

/// One comparison of the null server with another.
fn one(
    bench: &mut CaseBench<'_>,
    name: &str,
    candidate: &str,
    random: &mut fastrand::Rng,
) -> anyhow::Result<Vec<ComparedFigure>> {
    let load = load();
    let behaviours = ["null", candidate];
    let mut trials = [Vec::new(), Vec::new()];
    for block in 1..=BLOCKS {
        let mut order = [0, 1];
        random.shuffle(&mut order);
        for side in order {
            if interrupt::asked() {
                bail!("interrupted");
            }
            trials[side].push(bench.trial(behaviours[side], block, &load)?);
            bench.lab.progress.end();
        }
    }
    let [baseline, other] = trials;
    let baseline = bench.conclude(format!("{name}-baseline"), "null", baseline)?;
    let other = bench.conclude(format!("{name}-candidate"), candidate, other)?;
    let figures = compared(bench, &baseline, &other)?;
    bench.keep(baseline)?;
    bench.keep(other)?;
    Ok(figures)
}

fn compared(
    bench: &CaseBench<'_>,
    baseline: &ModelReport,
    candidate: &ModelReport,
) -> anyhow::Result<Vec<ComparedFigure>> {
    let plan = run::Plan {
        primary_figures: [RATE, CPU].map(str::to_owned).to_vec(),
        ..bench.plan().to_report()
    };
    let run = RunReport::new(&baseline.run, String::new(), plan, Environment::default());
    let comparison = compare((&run, baseline), (&run, candidate), &Options::default())?;
    Ok(comparison.figures)
}

fn load() -> PlannedLoad {
    planned(Load::Closed { outstanding: 1 }, CONNECTIONS, None, SECONDS)
}
