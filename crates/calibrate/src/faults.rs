//! Servers that do wrong in a known place: no figure of theirs may pass for a valid one.

use crate::{
    bench::{CaseBench, Measured, planned},
    case::Case,
    row::Row,
};
use report::{
    run::PlannedLoad,
    trial::{Arrivals, Load},
};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "wrong-byte",
        trials: 1,
        run: wrong_byte,
    },
    Case {
        name: "lost-reply",
        trials: 1,
        run: lost_reply,
    },
    Case {
        name: "dropped-connection",
        trials: 1,
        run: dropped_connection,
    },
    Case {
        name: "half-served",
        trials: 1,
        run: half_served,
    },
];

const CONNECTIONS: u32 = 50;

/// Seconds of warm-up and window: long enough for the fault to come about on a slow machine, so
/// the shortened form has the same.
const SECONDS: (f64, f64) = (0.3, 1.0);

fn wrong_byte(bench: &mut CaseBench<'_>) -> anyhow::Result<Vec<Row>> {
    const ONE_IN: u64 = 10_000;
    // Several outstanding: more replies among which to find the wrong ones.
    let load = planned(Load::Closed { outstanding: 4 }, CONNECTIONS, None, SECONDS);
    let measured = bench.measure_once(&format!("wrong-byte --one-in {ONE_IN}"), &load)?;
    let asked = measured
        .trial
        .server_counts
        .unwrap_or_default()
        .requests
        .unwrap_or(0);
    let found = measured.step.window.replies_wrong;
    Ok(vec![
        caught(&measured, "verdict on wrong bytes", &["replies_right"]),
        Row::exactly("wrong replies", asked / ONE_IN, found).note(format!("of {asked} replies")),
    ])
}

fn lost_reply(bench: &mut CaseBench<'_>) -> anyhow::Result<Vec<Row>> {
    // 3,000 are sent: only one is the 2,000th.
    let measured = bench.measure_once("lose-reply --one-in 2000", &open_load())?;
    let counts = measured.trial.server_counts.unwrap_or_default();
    let lost = counts.requests.zip(counts.responses);
    let lost = lost.map_or(0, |(requests, responses)| requests - responses);
    let missing = measured.step.window.replies_missing;
    Ok(vec![
        caught(&measured, "verdict on a lost reply", &["replies_complete"]).note(format!(
            "{lost} lost, {missing} missing: all that wait behind it on its connection"
        )),
    ])
}

fn dropped_connection(bench: &mut CaseBench<'_>) -> anyhow::Result<Vec<Row>> {
    let measured = bench.measure_once("drop-connection --after 2000", &open_load())?;
    let lost = measured.step.window.connections_lost;
    Ok(vec![
        caught(
            &measured,
            "verdict on a dropped connection",
            &["connections_open"],
        ),
        Row::exactly("lost connections", 1, lost),
    ])
}

/// The mistake of the benchmark that this project answers: a rate over a million connections, of
/// which most were never active.
fn half_served(bench: &mut CaseBench<'_>) -> anyhow::Result<Vec<Row>> {
    let load = planned(Load::Closed { outstanding: 1 }, CONNECTIONS, None, SECONDS);
    let measured = bench.measure_once("serve-half", &load)?;
    let unserved = measured.step.window.never_served;
    let ids = ["every_connection_served", "replies_complete", "littles_law"];
    Ok(vec![
        caught(&measured, "verdict on ignored connections", &ids),
        Row::exactly("unserved connections", u64::from(CONNECTIONS / 2), unserved),
    ])
}

fn open_load() -> PlannedLoad {
    let load = Load::Open {
        arrivals: Arrivals::Uniform,
        deadline_us: 500_000,
    };
    planned(load, CONNECTIONS, Some(2_000.0), SECONDS)
}

fn caught(measured: &Measured, what: &str, ids: &[&str]) -> Row {
    Row::caught(what, &measured.verdict, ids)
}
