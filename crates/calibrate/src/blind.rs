//! The instrument's own readings at a window's edges against none: they must not make the tail.

use crate::{bench::CaseBench, case::Case, row::Row};
use measure::trial::Deviation;
use stats::{median, sign_flip_interval};

/// The least that an interval of 95 % takes.
pub const PAIRS_MIN: u32 = 6;

pub(super) fn case(pairs: u32) -> Case {
    Case {
        name: "blind",
        trials: 2 * u64::from(pairs),
        run: blind,
    }
}

/// With 25,000 requests in a window, p99.9 has 25 beyond it.
const RATE_PER_S: f64 = 50_000.0;
const WINDOW_S: f64 = 0.5;

fn blind(bench: &mut CaseBench<'_>) -> anyhow::Result<Vec<Row>> {
    let load = bench.open(50, RATE_PER_S, WINDOW_S);
    let pairs = if bench.lab.quick { 1 } else { bench.lab.pairs };
    let mut log_ratios = Vec::new();
    for pair in 0..pairs {
        let mut p99_9_us = |deviation| -> anyhow::Result<f64> {
            bench.deviation = deviation;
            let measured = bench.measure_once("null", &load);
            let window = measured?.step.window.scheduled.unwrap_or_default();
            Ok(window.response_time_us.p99_9.max(1e-3))
        };
        // Either first, in turn.
        let (reading, none) = match pair % 2 {
            0 => (p99_9_us(Deviation::None)?, p99_9_us(Deviation::Blind)?),
            _ => {
                let none = p99_9_us(Deviation::Blind)?;
                (p99_9_us(Deviation::None)?, none)
            }
        };
        log_ratios.push((reading / none).ln());
    }
    let ratio = median(&log_ratios).map_or(f64::NAN, f64::exp);
    let what = "p99.9 with the readings at the edges, over without";
    let expected = "an interval that reaches down to 1";
    let row = match sign_flip_interval(&log_ratios, 0.95, bench.lab.seed) {
        Some(interval) => {
            let (low, high) = (interval.low.exp(), interval.high.exp());
            let holds = low <= 1.0;
            Row::words(
                what,
                expected,
                format!("{ratio:.2} ({low:.2} to {high:.2})"),
                holds,
            )
        }
        None => Row::words(what, expected, format!("{ratio:.2}"), true).not_judged(),
    };
    Ok(vec![row.note("null server, 50,000 requests a second")])
}
