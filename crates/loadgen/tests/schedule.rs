//! Loads with a schedule: what is due counts, whether the server or the generator can follow or
//! not.

#![allow(
    clippy::unwrap_used,
    reason = "a test that can't go on fails, and says where"
)]

mod common;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use common::{Generator, Meddle, plan, serve};
use hdrhistogram::serialization::Deserializer;
use protocol::{
    generator::{Arrivals, Command as Order, Event, Load, Plan, Schedule},
    tally::{Histogram, Tally},
    wire::Wire,
};
use std::{collections::BTreeMap, thread, time::Duration};

const WINDOW: Duration = Duration::from_millis(200);

fn schedule(arrivals: Arrivals) -> Schedule {
    Schedule {
        arrivals,
        seed: 7,
        busy_poll: true,
    }
}

fn open_plan(arrivals: Arrivals, meddle: Meddle) -> Plan {
    Plan {
        load: Load::Open(schedule(arrivals)),
        ..plan(serve(Wire::Framed, meddle))
    }
}

/// One window over ten connections.
fn measured_at(plan: &Plan, rate_per_s: f64) -> Tally {
    let mut generator = Generator::start(plan);
    generator.rate_per_s = Some(rate_per_s);
    assert_eq!(generator.connect(10).connections, 10);
    let result = generator.measure(WINDOW);
    generator.finish();
    result
}

fn decoded(histogram: &Histogram) -> hdrhistogram::Histogram<u64> {
    let bytes = STANDARD.decode(&histogram.0).unwrap();
    Deserializer::new()
        .deserialize(&mut bytes.as_slice())
        .unwrap()
}

fn response_times(result: &Tally) -> hdrhistogram::Histogram<u64> {
    decoded(&result.scheduled.as_ref().unwrap().response_time)
}

#[test]
fn what_the_schedule_intends_is_offered_and_answered() {
    for (arrivals, busy_poll) in [(Arrivals::Uniform, true), (Arrivals::Uniform, false)] {
        let mut plan = open_plan(arrivals, |_, _| {});
        plan.load = Load::Open(Schedule {
            busy_poll,
            ..schedule(arrivals)
        });
        plan.threads = 2;
        let result = measured_at(&plan, 2_000.0);
        assert!(
            (399..=401).contains(&result.counts.offered),
            "{}",
            result.counts.offered
        );
        assert_eq!(response_times(&result).len(), result.counts.offered);
        assert_eq!(
            (result.counts.replies_missing, result.counts.replies_wrong),
            (0, 0)
        );
        assert_eq!(result.counts.never_served, 0);
    }
    let result = measured_at(&open_plan(Arrivals::Poisson, |_, _| {}), 5_000.0);
    // 1,000 on average: this is some six standard deviations.
    assert!(
        (800..1200).contains(&result.counts.offered),
        "{}",
        result.counts.offered
    );
    assert_eq!(response_times(&result).len(), result.counts.offered);
}

#[test]
fn waiting_for_a_slow_server_counts() {
    let meddle: Meddle = |number, _| {
        if number == 20 {
            thread::sleep(Duration::from_millis(100));
        }
    };
    let result = measured_at(&open_plan(Arrivals::Uniform, meddle), 4_000.0);
    let (response, service) = (response_times(&result), decoded(&result.service_time));
    assert_eq!(response.len(), result.counts.offered);
    assert!(result.counts.requests_waited > 0, "{result:?}");
    assert!(
        response.mean() > service.mean(),
        "{} {}",
        response.mean(),
        service.mean()
    );
}

#[test]
fn a_reply_that_never_comes_stays_in_the_figures() {
    let meddle: Meddle = |number, reply| {
        if number == 20 {
            reply.clear();
        }
    };
    let plan = open_plan(Arrivals::Uniform, meddle);
    let result = measured_at(&plan, 4_000.0);
    assert!(
        result.counts.replies_missing >= 10,
        "{}",
        result.counts.replies_missing
    );
    let response = response_times(&result);
    assert_eq!(response.len(), result.counts.offered);
    assert!(response.max() >= plan.reply_deadline_us * 1000);
}

#[test]
fn a_rate_that_the_generator_can_not_send_is_offered_all_the_same() {
    let mut plan = open_plan(Arrivals::Uniform, |_, _| {});
    plan.reply_deadline_us = 100_000;
    let result = measured_at(&plan, 20_000_000.0);
    assert!((3_999_999..=4_000_001).contains(&result.counts.offered));
    assert_eq!(response_times(&result).len(), result.counts.offered);
    assert!(result.counts.requests < result.counts.offered / 2);
    assert!(result.counts.replies_missing > 0);
}

#[test]
fn a_churned_connection_asks_once_and_is_closed() {
    let plan = Plan {
        load: Load::Churn(schedule(Arrivals::Uniform)),
        threads: 2,
        ..plan(serve(Wire::Framed, |_, _| {}))
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

#[test]
fn churn_where_nobody_listens_is_missing_and_named() {
    let target = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let plan = Plan {
        load: Load::Churn(schedule(Arrivals::Uniform)),
        ..plan(target)
    };
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

#[test]
fn the_course_of_a_load_is_told_until_the_window_and_kept_in_it() {
    let mut plan = plan(serve(Wire::Framed, |_, _| {}));
    plan.threads = 2;
    plan.interval_us = 20_000;
    let mut generator = Generator::start(&plan);
    generator.connect(10);
    generator.order(&Order::Start { rate_per_s: None });
    let mut indices = Vec::new();
    while indices.len() < 5 {
        match generator.next_of_all() {
            Event::Interval(interval) => indices.push(interval.index),
            Event::Progress { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(indices, [0, 1, 2, 3, 4]);
    let window_us = 200_000;
    generator.order(&Order::Measure {
        window_us,
        lead_us: 20_000,
    });
    let mut told: BTreeMap<&str, u32> = BTreeMap::new();
    let result = loop {
        match generator.next_of_all() {
            Event::WindowOpened => *told.entry("opened").or_default() += 1,
            Event::Interval(_) => assert!(!told.contains_key("opened"), "told inside the window"),
            Event::WindowClosed | Event::Progress { .. } => {}
            Event::Result(result) => break result,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(result.intervals.len(), 10);
    let requests: u64 = result.intervals.iter().map(|i| i.requests).sum();
    assert_eq!(requests, result.counts.requests);
    generator.finish();
}

#[test]
fn a_schedule_without_a_rate_is_refused() {
    let mut generator = Generator::start(&open_plan(Arrivals::Poisson, |_, _| {}));
    generator.connect(10);
    generator.order(&Order::Start { rate_per_s: None });
    let Event::Failed { message } = generator.next() else {
        panic!("it started");
    };
    assert!(message.contains("needs a rate"), "{message}");
}
