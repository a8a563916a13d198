//! A generator that reads late by a known time: read lag has to find it, the server's time has to be
//! without it, and in closed load the rate has to be called a floor.

use crate::{
    bench::{CaseBench, Measured},
    case::Case,
    exposure::not_judgeable,
    row::{Row, Tolerance},
};
use anyhow::Context as _;
use measure::trial::Deviation;
use report::{
    check::{Check, Direction, Effect, FigureKind},
    run::PlannedLoad,
};

pub(super) const CASES: &[Case] = &[Case {
    name: "slow-reader",
    trials: 4,
    run: slow_reader,
}];

/// By which replies lie unread on purpose, in microseconds.
const LATE_US: [u64; 2] = [5_000, 20_000];

/// One request at a time, and more between two of them than the longest lag: a reply that comes while
/// others lie unread would wait for two reads.
const CONNECTIONS: u32 = 8;
const RATE_PER_S: f64 = 40.0;

const READ_LAG: Tolerance = Tolerance {
    share: 0.05,
    least: 0.0,
};

/// Of a server that slept until it was asked.
const SERVER_TIME: Tolerance = Tolerance {
    share: 0.05,
    least: 100.0,
};

fn slow_reader(bench: &mut CaseBench<'_>) -> anyhow::Result<Vec<Row>> {
    bench.samples = true;
    let open = bench.open(CONNECTIONS, RATE_PER_S, 1.0);
    let undisturbed = read_late(bench, 0, &open)?;
    let truth = parts_us(&undisturbed)?;
    let mut rows = Vec::new();
    for late_us in LATE_US {
        let measured = read_late(bench, late_us, &open)?;
        let pairs = [&undisturbed, &measured].map(|of| (&[][..], &of.verdict.checks[..]));
        let reason = not_judgeable(FigureKind::P50, &pairs);
        let found = open_rows(late_us, truth, parts_us(&measured)?);
        rows.extend(found.map(|row| row.judged_unless(reason.clone())));
    }
    // One connection, for the same reason, and the longer time: more than a busy machine's.
    let closed = read_late(bench, LATE_US[1], &bench.closed(1, 1.0))?;
    rows.push(floor(&closed.verdict.checks));
    Ok(rows)
}

fn read_late(bench: &mut CaseBench<'_>, us: u64, load: &PlannedLoad) -> anyhow::Result<Measured> {
    bench.deviation = Deviation::ReadsLate { us };
    bench.measure("null", load)
}

/// The medians of read lag and of the server's time, in microseconds.
fn parts_us(measured: &Measured) -> anyhow::Result<(f64, f64)> {
    let window = &measured.step.window;
    let parts = window.read_lag_us.zip(window.server_time_us);
    let (read_lag, server_time) = parts.with_context(|| {
        let reason = window.not_measured.get("read_lag_us");
        format!(
            "no read lag: {}",
            reason.map_or("no reason", |reason| reason)
        )
    })?;
    Ok((read_lag.p50, server_time.p50))
}

/// What was found, beside what it is without lateness.
fn open_rows(late_us: u64, (lag_us, server_us): (f64, f64), found: (f64, f64)) -> [Row; 2] {
    let read = format!("p50, read {} ms late", late_us / 1000);
    let expected_us = lag_us + late_us as f64;
    [
        Row::timing(
            format!("read lag {read}"),
            "us",
            (expected_us, found.0),
            READ_LAG,
        ),
        Row::timing(
            format!("server time {read}"),
            "us",
            (server_us, found.1),
            SERVER_TIME,
        )
        .note("what it was with no reply read late"),
    ]
}

/// Whether closed load's rate is a floor, because most of what was outstanding lay unread.
fn floor(checks: &[Check]) -> Row {
    let found = checks.iter().find(|check| check.id == "generator_bound");
    let is_floor = |check: &Check| {
        let mut touches = check.touches.iter();
        touches.any(|touch| {
            let bounds = matches!(
                touch.effect,
                Effect::Bounds {
                    direction: Direction::Low,
                    ..
                }
            );
            touch.figure == FigureKind::Rate && bounds
        })
    };
    let lies_unread = |check: &Check| {
        check.measured > check.threshold && check.detail.contains("unread at the generator")
    };
    let measured = found.map_or("no bound", |check| &check.detail);
    let holds = found.is_some_and(|check| is_floor(check) && lies_unread(check));
    let expected = "a floor, for what lies unread at the generator";
    Row::words(
        "closed load's rate, read 20 ms late",
        expected,
        measured,
        holds,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::Outcome;
    use report::check::Touch;

    #[test]
    fn lateness_belongs_to_the_read_lag_and_not_to_the_server() {
        let outcomes = |found| open_rows(5_000, (10.0, 60.0), found).map(|row| row.outcome);
        assert_eq!(outcomes((5_090.0, 90.0)), [Outcome::Pass; 2]);
        // One that takes an unread reply for the server's time.
        assert_eq!(outcomes((12.0, 5_070.0)), [Outcome::Fail; 2]);
    }

    #[test]
    fn a_rate_that_waits_for_its_reader_is_a_floor() {
        let of = |unread: f64, is_bound: bool| {
            let effect = Effect::Bounds {
                direction: Direction::Low,
                slack_share: None,
            };
            let touch = Touch {
                figure: FigureKind::Rate,
                effect,
            };
            let touches = if is_bound { vec![touch] } else { Vec::new() };
            let detail = "98 % of what was outstanding lay unread at the generator".to_owned();
            Check::new("generator_bound", touches, detail, "").values(unread, 0.1)
        };
        let outcome = |checks: &[Check]| floor(checks).outcome;
        assert_eq!(outcome(&[of(0.98, true)]), Outcome::Pass);
        assert_eq!(outcome(&[of(0.05, true)]), Outcome::Fail, "for idle CPUs");
        assert_eq!(outcome(&[of(0.98, false)]), Outcome::Fail);
        assert_eq!(outcome(&[]), Outcome::Fail);
    }
}
