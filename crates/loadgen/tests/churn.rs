//! A churn load: connections that are opened on a schedule, ask once and close.

#![allow(
    clippy::unwrap_used,
    reason = "a test that can't go on fails, and says where"
)]

mod common;

use common::{Generator, PATIENT_US, WINDOW, decoded, plan, serve};
use protocol::{
    endpoint::Endpoint,
    generator::{Arrivals, Load, Plan, Schedule},
    tally::Tally,
    wire::Wire,
};
use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    thread,
    time::Duration,
};

fn churn_plan(target: impl Into<Endpoint>) -> Plan {
    Plan {
        load: Load::Churn(Schedule {
            arrivals: Arrivals::Uniform,
            seed: 7,
            busy_poll: true,
        }),
        reply_deadline_us: PATIENT_US,
        ..plan(target)
    }
}

fn response_times(result: &Tally) -> hdrhistogram::Histogram<u64> {
    decoded(&result.scheduled.as_ref().unwrap().response_time)
}

#[test]
fn a_churned_connection_asks_once_and_is_closed() {
    let plan = Plan {
        threads: 2,
        ..churn_plan(serve(Wire::Framed, |_, _| {}))
    };
    let mut generator = Generator::start(&plan);
    generator.rate_per_s = Some(1_000.0);
    let result = generator.measure(WINDOW);
    assert!(
        (199..=201).contains(&result.counts.offered),
        "{}",
        result.counts.offered
    );
    assert!(result.errors.0.is_empty(), "{:?}", result.errors);
    assert_eq!(response_times(&result).len(), result.counts.offered);
    let scheduled = result.scheduled.unwrap();
    assert!(!decoded(&scheduled.connect_time.unwrap()).is_empty());
    let totals = generator.finish();
    assert!(totals.connections >= result.counts.offered);
    assert_eq!(totals.connections, totals.requests);
    assert_eq!(totals.requests, totals.responses);
}

/// Two at a time, each for 10 ms, and twice as many are due: they wait for each other, and after the
/// window's end, too.
#[test]
fn a_churned_connection_that_waits_for_a_slot_waits_for_the_server() {
    let plan = Plan {
        connections_max: 2,
        ..churn_plan(serve(Wire::Framed, |_, _| {
            thread::sleep(Duration::from_millis(10));
        }))
    };
    let mut generator = Generator::start(&plan);
    generator.rate_per_s = Some(400.0);
    let result = generator.measure(WINDOW);
    generator.finish();
    let counts = &result.counts;
    assert_eq!(counts.replies_missing, 0, "{counts:?}");
    assert!(counts.requests_waited > counts.offered / 2, "{counts:?}");
    let response = response_times(&result);
    assert_eq!(response.len(), counts.offered);
    let scheduled = result.scheduled.as_ref().unwrap();
    let lag = decoded(&scheduled.lag);
    assert_eq!(lag.len() + counts.requests_waited, counts.offered);
    let prompt = decoded(&scheduled.prompt_response_time);
    let median = [&prompt, &response].map(|times| times.value_at_quantile(0.5));
    assert_eq!(median[0], median[1], "waiting isn't the generator's lag");
}

#[test]
fn churn_where_nobody_listens_is_missing_and_named() {
    let target = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let plan = churn_plan(target);
    let mut generator = Generator::start(&plan);
    generator.rate_per_s = Some(1_000.0);
    let result = generator.measure(WINDOW);
    assert!(result.counts.replies_missing >= result.counts.offered);
    assert!(
        result.errors.0.keys().any(|kind| kind.contains("refused")),
        "{:?}",
        result.errors
    );
}

/// What comes after the reply, when the client has closed its side, may be the reply to nobody's request.
#[test]
fn more_than_the_reply_is_a_wrong_reply_even_after_it() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let mut message = [0; 100];
                stream.read_exact(&mut message).unwrap();
                stream.write_all(&message).unwrap();
                while let Ok(1..) = stream.read(&mut message) {}
                let _ = stream.write_all(&message);
            });
        }
    });
    let plan = Plan {
        wire: Wire::Raw,
        ..churn_plan(target)
    };
    let mut generator = Generator::start(&plan);
    generator.rate_per_s = Some(200.0);
    let result = generator.measure(WINDOW);
    generator.finish();
    assert_eq!(result.counts.replies_missing, 0, "{result:?}");
    assert!(result.counts.replies_wrong > 0, "{result:?}");
    let kinds: Vec<_> = result.errors.0.keys().collect();
    assert_eq!(kinds, ["a reply that nobody asked for"]);
}
