//! Loads with a schedule: what is due counts, whether the server or the generator can follow or
//! not.

#![allow(
    clippy::unwrap_used,
    reason = "a test that can't go on fails, and says where"
)]

mod common;

use common::{Generator, LEAD_NS, Meddle, PATIENT_US, decoded, now_ns, plan, serve};
use protocol::{
    generator::{Arrivals, Event, Load, Plan, Schedule},
    tally::Tally,
    wire::Wire,
};
use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

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
        plan.reply_deadline_us = PATIENT_US;
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
        // One that sleeps can't tell a stall from having nothing to do.
        assert_eq!(result.counts.longest_stall_ns.is_some(), busy_poll);
    }
    let mut plan = open_plan(Arrivals::Poisson, |_, _| {});
    plan.reply_deadline_us = PATIENT_US;
    let result = measured_at(&plan, 5_000.0);
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
    // Again and again, so that it happens in the window whenever that opens.
    let meddle: Meddle = |number, _| {
        if number % 20 == 0 {
            thread::sleep(Duration::from_millis(10));
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
fn a_generator_that_is_late_knows_what_times_would_be_without() {
    let late = Duration::from_millis(5);
    let mut generator = Generator::start(&Plan {
        read_late_us: late.as_micros() as u64,
        ..open_plan(Arrivals::Poisson, |_, _| {})
    });
    // A tenth of what ten connections can send that are read every 5 ms: at the limit requests wait
    // for each other, which is the server's time for all that the generator knows.
    generator.rate_per_s = Some(200.0);
    generator.samples = true;
    generator.connect(10);
    let begins_at_ns = now_ns() + LEAD_NS;
    generator.begin(begins_at_ns);
    generator.open(begins_at_ns + LEAD_NS, WINDOW);
    let result = generator.result();
    generator.finish();
    let late_ns = late.as_nanos() as u64;
    // Replies that are read after it stood still don't hide that it did.
    assert!(result.counts.longest_stall_ns >= Some(late_ns));
    let (read, scheduled) = (result.read_times.unwrap(), result.scheduled.unwrap());
    let [time, prompt] = [read.time, read.prompt_time].map(|h| decoded(&h).value_at_quantile(0.5));
    assert!(time >= late_ns, "{time}");
    assert!(prompt + late_ns / 4 < time, "{prompt} of {time}");
    // Sends are late, too: one thread does both.
    let [time, prompt] = [scheduled.response_time, scheduled.prompt_response_time]
        .map(|h| decoded(&h).value_at_quantile(0.5));
    assert!(prompt < time, "{prompt} of {time}");
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
fn a_rate_beyond_any_machine_ends_and_is_counted() {
    for load in [Load::Open, Load::Churn] {
        for arrivals in [Arrivals::Uniform, Arrivals::Poisson] {
            let mut plan = open_plan(arrivals, |_, _| {});
            plan.load = load(schedule(arrivals));
            plan.reply_deadline_us = 100_000;
            let mut generator = Generator::start(&plan);
            generator.rate_per_s = Some(1e9);
            if matches!(plan.load, Load::Open(_)) {
                generator.connect(10);
            }
            let result = generator.measure(WINDOW);
            let counts = result.counts;
            let offered = counts.offered as f64 / 200e6;
            assert!((0.99..1.01).contains(&offered), "{counts:?}");
            assert_eq!(response_times(&result).len(), counts.offered);
            assert!(counts.requests_unqueued > 0, "{counts:?}");
            assert!(counts.replies_missing >= counts.requests_unqueued);
            assert!(counts.outstanding_at_close > counts.outstanding_at_open.min(1_000));
            generator.finish();
        }
    }
}

/// A server of raw messages that notes the connection that each came from.
fn serve_noting(seen: &Arc<Mutex<Vec<u32>>>) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let seen = Arc::clone(seen);
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let seen = Arc::clone(&seen);
            thread::spawn(move || {
                let mut message = [0; 100];
                while stream.read_exact(&mut message).is_ok() {
                    // The number of the connection is the upper half of the message's.
                    let number = u32::from_le_bytes(message[4..8].try_into().unwrap());
                    seen.lock().unwrap().push(number);
                    stream.write_all(&message).unwrap();
                }
            });
        }
    });
    addr
}

/// Fewer connections than threads, in two processes: who has none has no share of the rate.
#[test]
fn processes_and_threads_share_one_schedule_by_their_connections() {
    let seen = Arc::default();
    let target = serve_noting(&seen);
    let plan = |process| Plan {
        wire: Wire::Raw,
        load: Load::Open(schedule(Arrivals::Uniform)),
        threads: 2,
        process,
        processes: 2,
        connections_max: 3,
        ..plan(target)
    };
    let mut generators = [0, 1].map(|process| Generator::start(&plan(process)));
    let held = generators.each_mut().map(|generator| {
        generator.rate_per_s = Some(1_000.0);
        generator.connect(3).connections
    });
    assert_eq!(held, [2, 1]);
    seen.lock().unwrap().clear();
    let begins_at_ns = now_ns() + LEAD_NS;
    for generator in &mut generators {
        generator.begin(begins_at_ns);
        generator.open(begins_at_ns + LEAD_NS, WINDOW);
    }
    let results = generators.each_mut().map(Generator::result);
    let of = |value: fn(&Tally) -> u64| results.iter().map(value).sum::<u64>();
    assert_eq!(of(|tally| tally.counts.offered), 200);
    assert_eq!(of(|tally| tally.counts.replies_missing), 0);
    assert_eq!(of(|tally| response_times(tally).len()), 200);
    for generator in generators {
        generator.finish();
    }
    let seen = seen.lock().unwrap();
    let times = |number| seen.iter().filter(|&&one| one == number).count();
    // A request every third turn on each, however many threads there are: 700 ms of one schedule.
    assert_eq!([0, 1, 2].map(times), [234, 233, 233]);
}

#[test]
fn the_course_of_a_load_is_told_until_the_window_and_kept_in_it() {
    let mut plan = plan(serve(Wire::Framed, |_, _| {}));
    plan.threads = 2;
    plan.interval_us = 20_000;
    let mut generator = Generator::start(&plan);
    generator.connect(10);
    generator.begin(now_ns());
    let mut indices = Vec::new();
    while indices.len() < 5 {
        match generator.next_of_all() {
            Event::Interval(interval) => indices.push(interval.index),
            Event::Progress { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(indices, [0, 1, 2, 3, 4]);
    let opens_at_ns = now_ns() + LEAD_NS;
    generator.open(opens_at_ns, WINDOW);
    let result = loop {
        let event = generator.next_of_all();
        let in_window = opens_at_ns..opens_at_ns + WINDOW.as_nanos() as u64;
        match event {
            Event::Result(result) => break result,
            _ => assert!(
                !in_window.contains(&now_ns()),
                "told in the window: {event:?}"
            ),
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
    generator.begin(now_ns());
    let Event::Failed { message } = generator.next() else {
        panic!("it started");
    };
    assert!(message.contains("needs a rate"), "{message}");
}
