//! Behaviours that take a known time: what the instrument reads has to be that time.
//!
//! What a behaviour doesn't fix, such as a round trip to a server that answers at once, is
//! measured in the same case and under the same load, so that it holds what the machine did.

use crate::{
    bench::{CaseBench, Measured},
    case::Case,
    exposure::{nearest, not_judgeable},
    row::{Row, Tolerance},
};
use anyhow::Context as _;
use calibration::truth::{
    Distribution, Stalls, constant_delay, mixture_quantile_ns, open_load_draining,
};
use report::{
    check::{Check, FigureKind},
    run::PlannedLoad,
};
use stats::{decode, range};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "delay",
        trials: 2 * PAIRS as u64,
        run: delay,
    },
    Case {
        name: "mixture",
        trials: 2 * PAIRS as u64,
        run: mixture,
    },
    Case {
        name: "stall",
        trials: 5,
        run: stall,
    },
    Case {
        name: "cap",
        trials: 2,
        run: cap,
    },
];

/// A time that is known but for a round trip.
const ROUND_TRIP: Tolerance = Tolerance {
    share: 0.03,
    least: 100.0,
};

/// A time of which all but a fiftieth is waiting by the schedule.
const SCHEDULE: Tolerance = Tolerance {
    share: 0.05,
    least: 0.0,
};

const RATE: Tolerance = Tolerance {
    share: 0.02,
    least: 0.0,
};

/// Pairs of the null server and the one that takes longer, one after the other. Of each percentile
/// the middle pair counts, as in any comparison of two models: a moment in which the machine does
/// something else spoils one pair.
const PAIRS: usize = 3;

/// Both servers of a pair: times, and what the checks say of the trial.
struct Pair {
    null: (Distribution, Vec<Check>),
    measured: (Distribution, Vec<Check>),
}

/// Both sides in open load at the same rate. In closed load the null server would be asked a
/// hundred times as often as the delaying one, and a moment in which the machine does something
/// else would weigh a hundred times less in its percentiles.
fn delay(bench: &mut CaseBench<'_>) -> anyhow::Result<Vec<Row>> {
    const DELAY_US: u64 = 5_000;
    // Often enough that the server doesn't sleep on either side, with or without the delay: one
    // that does is treated better by the scheduler, and woken later.
    let load = bench.open(100, 12_000.0, 1.0);
    // Not `null`: this one sends its replies from the same queue, only at once.
    let null = "delay --delay-us 0";
    let pairs = pairs(
        bench,
        (null, &format!("delay --delay-us {DELAY_US}")),
        &load,
    )?;
    let truth_ns = |q, null: &_| constant_delay(DELAY_US * 1000, null).quantile_ns(q);
    let row = |q| service_time(q, &pairs, truth_ns).note("5 ms and the null round trip");
    Ok([0.5, 0.9, 0.99, 0.999].map(row).into())
}

/// p99 lies on the step from fast to slow, where one request more or less decides: both sides of
/// the step are looked at instead.
fn mixture(bench: &mut CaseBench<'_>) -> anyhow::Result<Vec<Row>> {
    const ONE_IN: u32 = 100;
    const SLOW_US: u64 = 20_000;
    // A thousand requests on each connection: ten times the hundred of which one is slow.
    let load = bench.open(10, 10_000.0, 1.0);
    let behaviour = format!("mixture --one-in {ONE_IN} --slow-us {SLOW_US}");
    let pairs = pairs(bench, ("null", &behaviour), &load)?;
    let truth_ns = |q, null: &_| mixture_quantile_ns(q, ONE_IN, SLOW_US * 1000, null);
    let row = |(q, part)| service_time(q, &pairs, truth_ns).note(part);
    let (fast, slow) = (
        "of the 99 % that are fast",
        "of the 1 % that take 20 ms more",
    );
    Ok([(0.5, fast), (0.989, fast), (0.991, slow), (0.999, slow)]
        .map(row)
        .into())
}

/// Service times of two behaviours under the same load, pair by pair.
fn pairs(
    bench: &mut CaseBench<'_>,
    behaviours: (&str, &str),
    load: &PlannedLoad,
) -> anyhow::Result<Vec<Pair>> {
    let pairs = if bench.lab.quick { 1 } else { PAIRS };
    let mut one = |behaviour| {
        let measured = bench.measure(behaviour, load)?;
        anyhow::Ok((service_times(&measured)?, measured.verdict.checks))
    };
    (0..pairs)
        .map(|_| {
            Ok(Pair {
                null: one(behaviours.0)?,
                measured: one(behaviours.1)?,
            })
        })
        .collect()
}

/// The quantile `q` in the middle pair, with the truth that follows from its null server; not judged
/// where the machine touched that quantile in half of the pairs, or that truth is another one each time.
fn service_time(q: f64, pairs: &[Pair], truth_ns: impl Fn(f64, &Distribution) -> u64) -> Row {
    let figures = pairs.iter().map(|Pair { null, measured }| {
        let (expected_ns, measured_ns) = (truth_ns(q, &null.0), measured.0.quantile_ns(q));
        (expected_ns as f64 / 1000.0, measured_ns as f64 / 1000.0)
    });
    let figures: Vec<(f64, f64)> = figures.collect();
    let truths: Vec<f64> = figures.iter().map(|(truth, _)| *truth).collect();
    let differ = range(&truths).map_or(0.0, |range| range.high - range.low);
    let figures = middle(figures).unwrap_or((f64::NAN, f64::NAN));
    let row = Row::timing(name("service time", q), "us", figures, ROUND_TRIP);
    let is_vague = row.tolerance.is_some_and(|allowed| differ > allowed);
    let vague = format!("not judgeable here: null servers differ by {differ:.0} us in it");
    let checks = pairs
        .iter()
        .map(|pair| (&pair.null.1[..], &pair.measured.1[..]));
    let touched = not_judgeable(nearest(q), &checks.collect::<Vec<_>>());
    row.judged_unless(touched.or_else(|| is_vague.then_some(vague)))
}

/// Of pairs of expected and measured the one in the middle by what was measured too much.
fn middle(mut figures: Vec<(f64, f64)>) -> Option<(f64, f64)> {
    figures.sort_by(|a, b| (a.1 - a.0).total_cmp(&(b.1 - b.0)));
    figures.get(figures.len() / 2).copied()
}

/// The window is two whole periods, so that it holds the same whenever it opens.
fn stall(bench: &mut CaseBench<'_>) -> anyhow::Result<Vec<Row>> {
    const CONNECTIONS: u32 = 50;
    // What gathers in a stall takes some 30 ms to be worked off: long beside the moments in which
    // the machine does something else.
    const RATE_PER_S: f64 = 20_000.0;
    let load = bench.open(CONNECTIONS, RATE_PER_S, 5.0);
    let stalls = Stalls {
        every_ns: load.window_us * 1000 / 2,
        for_ns: load.window_us * 1000 / 20,
    };
    let behaviour = format!(
        "stall --every-us {} --for-us {}",
        stalls.every_ns / 1000,
        stalls.for_ns / 1000
    );
    let null = bench.measure("null", &bench.open(CONNECTIONS, RATE_PER_S, 1.0))?;
    let peak = bench.measure("null", &bench.closed(CONNECTIONS, 1.0))?;
    // As after a stall: more is due than is answered. Before and after, because the machine's
    // speed changes from second to second.
    let behind = bench.open(CONNECTIONS, 1.3 * peak.rate_per_s(), 1.0);
    let before = bench.measure("null", &behind)?;
    let open = bench.measure(&behaviour, &load)?;
    let after = bench.measure("null", &behind)?;
    let base_ns = response_times(&null)?.quantile_ns(0.5);
    let (before_per_s, after_per_s) = (before.rate_per_s(), after.rate_per_s());
    let drained_at = |per_s: f64| {
        let occupied_ns = (1e9 / per_s.max(1.0)) as u64;
        stalled(&stalls, RATE_PER_S, base_ns, occupied_ns)
    };
    let truth = drained_at(f64::midpoint(before_per_s, after_per_s))?;
    let ends = [drained_at(before_per_s)?, drained_at(after_per_s)?];
    Ok(stall_rows(&truth, &ends, &response_times(&open)?))
}

/// Response times at an even rate over two periods. They begin in the middle of one, so that
/// what gathers in each stall is worked off within them.
fn stalled(
    stalls: &Stalls,
    rate_per_s: f64,
    base_ns: u64,
    occupied_ns: u64,
) -> anyhow::Result<Distribution> {
    let from_ns = stalls.every_ns / 2;
    let length_ns = 2 * stalls.every_ns;
    let count = (length_ns as f64 / 1e9 * rate_per_s) as u64;
    let intended_ns: Vec<u64> = (0..count)
        .map(|k| from_ns + (k as f64 / rate_per_s * 1e9) as u64)
        .collect();
    let all = stalls.before(from_ns + length_ns);
    open_load_draining(&intended_ns, &all, base_ns, occupied_ns).context("an empty schedule")
}

/// Not judged where the truth isn't known to the tolerance: with the speed from before the stalls
/// it is another than with that from after them.
fn stall_rows(truth: &Distribution, ends: &[Distribution; 2], measured: &Distribution) -> Vec<Row> {
    let row = |what: String, us: &dyn Fn(&Distribution) -> f64| {
        let row = Row::timing(what, "us", (us(truth), us(measured)), SCHEDULE);
        let apart = (us(&ends[0]) - us(&ends[1])).abs() / us(truth).max(1.0);
        let reason = (apart > SCHEDULE.share).then(|| {
            format!(
                "not judgeable here: the server's speed, and so the truth, changed by {:.0} % meanwhile",
                apart * 100.0
            )
        });
        row.judged_unless(reason)
    };
    let mean = row("response time, mean".to_owned(), &|of| of.mean_ns() / 1e3);
    let quantiles = [0.9, 0.95, 0.99, 0.999].map(|q| {
        let row = row(name("response time", q), &|of| {
            of.quantile_ns(q) as f64 / 1e3
        });
        match q {
            0.9 => row.note("on the edge of the tenth that meets a stall: the draining decides"),
            _ => row,
        }
    });
    [mean].into_iter().chain(quantiles).collect()
}

fn cap(bench: &mut CaseBench<'_>) -> anyhow::Result<Vec<Row>> {
    const CAP_PER_S: f64 = 20_000.0;
    const OFFERED_PER_S: f64 = 1.3 * CAP_PER_S;
    let behaviour = format!("cap --rate {CAP_PER_S}");
    let peak = bench.measure(&behaviour, &bench.closed(50, 1.0))?;
    let beyond = bench.measure_once(&behaviour, &bench.open(50, OFFERED_PER_S, 1.0))?;
    let figures = (CAP_PER_S, peak.rate_per_s());
    let offered = format!("verdict at {OFFERED_PER_S}/s");
    let caught = Row::caught(offered, &beyond.verdict, &["sustained"]);
    let reason = not_judgeable(FigureKind::Rate, &[(&[], &peak.verdict.checks)]);
    Ok(vec![
        Row::timing("peak rate", "1/s", figures, RATE).judged_unless(reason),
        caught.note("three tenths more than the server's cap were offered"),
    ])
}

/// `service time p99.9`
fn name(what: &str, q: f64) -> String {
    format!("{what} p{}", (q * 1e4).round() / 100.0)
}

fn service_times(measured: &Measured) -> anyhow::Result<Distribution> {
    times(&measured.step.window.service_time_histogram)
}

fn response_times(measured: &Measured) -> anyhow::Result<Distribution> {
    let scheduled = measured.step.window.scheduled.as_ref();
    times(
        &scheduled
            .context("no response times")?
            .response_time_histogram,
    )
}

/// Every value of a histogram, as often as it was recorded.
fn times(histogram: &str) -> anyhow::Result<Distribution> {
    let histogram = decode(histogram)?;
    let all = histogram.iter_recorded().flat_map(|value| {
        let times = value.count_since_last_iteration() as usize;
        std::iter::repeat_n(value.value_iterated_to(), times)
    });
    Distribution::new(all.collect()).context("no request was answered in the window")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::Outcome;

    #[test]
    fn percentiles_have_their_usual_names() {
        let names = [0.5, 0.9, 0.989, 0.991, 0.999].map(|q| name("x", q));
        assert_eq!(names, ["x p50", "x p90", "x p98.9", "x p99.1", "x p99.9"]);
    }

    #[test]
    fn one_spoilt_pair_of_three_does_not_count() {
        let figures = vec![(5_000.0, 5_020.0), (5_000.0, 9_000.0), (5_300.0, 5_300.0)];
        assert_eq!(middle(figures), Some((5_000.0, 5_020.0)));
        let too_fast = vec![(5_000.0, 4_000.0), (5_000.0, 4_100.0), (5_000.0, 5_000.0)];
        assert_eq!(middle(too_fast), Some((5_000.0, 4_100.0)));
        assert_eq!(middle(Vec::new()), None);
    }

    const STALLS: Stalls = Stalls {
        every_ns: 5_000_000_000,
        for_ns: 500_000_000,
    };

    #[test]
    fn the_truth_about_stalls_is_that_of_a_tenth_of_the_time() {
        // Nothing to work off: everybody waits for the rest of the stall.
        let truth = stalled(&STALLS, 2_000.0, 0, 0).unwrap();
        assert_eq!(truth.times_ns().len(), 20_000);
        assert!((truth.mean_ns() / 25e6 - 1.0).abs() < 0.01);
        assert!((truth.quantile_ns(0.99) as f64 / 450e6 - 1.0).abs() < 0.01);
        assert_eq!(truth.quantile_ns(0.9), 0);
        // At 6 us each, the thousand that gathered take 6 ms.
        let truth = stalled(&STALLS, 2_000.0, 0, 6_000).unwrap();
        assert!((truth.quantile_ns(0.9) as f64 / 6e6 - 1.0).abs() < 0.05);
    }

    #[test]
    fn an_instrument_that_leaves_out_the_waiting_fails_every_row() {
        let truth = stalled(&STALLS, 2_000.0, 50_000, 6_000).unwrap();
        let ends = [truth.clone(), truth.clone()];
        let same = stall_rows(&truth, &ends, &truth);
        assert!(same.iter().all(|row| row.outcome == Outcome::Pass));
        // Only the requests that were on their way when it began: one per connection.
        let mut seen_ns = vec![50_000; 19_900];
        seen_ns.resize(20_000, 500_000_000);
        let blind = stall_rows(&truth, &ends, &Distribution::new(seen_ns).unwrap());
        let failed = blind.iter().filter(|row| row.outcome == Outcome::Fail);
        assert_eq!(failed.count(), 4, "{blind:?}");
        // A server of another speed afterwards: of p90 the truth isn't known.
        let slower = stalled(&STALLS, 2_000.0, 50_000, 7_000).unwrap();
        let outcomes = stall_rows(&truth, &[truth.clone(), slower], &truth);
        let outcomes: Vec<Outcome> = outcomes.iter().map(|row| row.outcome).collect();
        assert_eq!(outcomes[1], Outcome::NotJudged);
        assert_eq!(outcomes.iter().filter(|o| **o == Outcome::Pass).count(), 4);
    }
}
