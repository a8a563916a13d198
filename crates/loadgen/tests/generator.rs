//! The generator as a program, against servers whose behaviour is known.

#![allow(
    clippy::unwrap_used,
    reason = "a test that can't go on fails, and says where"
)]

mod common;

use common::{
    Generator, LEAD_NS, Meddle, PATIENT_US, WINDOW, decoded, measured, now_ns, plan, serve,
};
use protocol::{
    client::Workload,
    endpoint::Endpoint,
    generator::{Arrivals, Load, Plan, Schedule},
    tally::{Tally, Totals},
    wire::Wire,
};
use std::{
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpListener},
    os::unix::net::UnixListener,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

fn assert_faultless(result: &Tally, totals: &Totals) {
    assert_eq!(
        (
            result.counts.replies_missing,
            result.counts.replies_wrong,
            result.counts.connections_lost
        ),
        (0, 0, 0)
    );
    assert!(result.errors.0.is_empty(), "{:?}", result.errors);
    assert!(
        result.counts.requests > 0 && result.counts.never_served == 0,
        "{result:?}"
    );
    assert!(totals.requests >= result.counts.requests);
}

#[test]
fn every_form_of_load_is_served_and_counted() {
    let framed = plan(serve(Wire::Framed, |_, _| {}));
    let raw = Plan {
        wire: Wire::Raw,
        ..plan(serve(Wire::Raw, |_, _| {}))
    };
    let plans = [
        framed.clone(),
        Plan {
            threads: 3,
            load: Load::Closed { outstanding: 7 },
            ..framed.clone()
        },
        Plan {
            payload_bytes: 0,
            ..framed.clone()
        },
        Plan {
            payload_bytes: 1 << 20,
            ..framed.clone()
        },
        Plan {
            payload_bytes: 8,
            ..raw.clone()
        },
        Plan {
            payload_bytes: 200_000,
            load: Load::Closed { outstanding: 2 },
            ..raw
        },
    ];
    for plan in plans {
        let (result, totals) = measured(&plan);
        assert_faultless(&result, &totals);
        assert_eq!(totals.requests, totals.responses, "{plan:?}");
        assert_eq!(totals.bytes_in, totals.bytes_out, "{plan:?}");
    }
    let discard = Plan {
        workload: Workload::Discard,
        load: Load::Closed { outstanding: 9 },
        ..framed
    };
    let (result, totals) = measured(&discard);
    assert_faultless(&result, &totals);
    assert_eq!(
        totals.bytes_out,
        10 * totals.bytes_in,
        "one of ten requests is answered"
    );
}

/// A reply that fills the generator's buffer leaves more to read, and where several are outstanding a
/// server refills the socket as fast as it is read.
#[test]
fn a_connection_that_always_has_more_to_read_keeps_no_other_waiting() {
    let plan = Plan {
        wire: Wire::Raw,
        payload_bytes: 200_000,
        load: Load::Closed { outstanding: 16 },
        ..plan(serve(Wire::Raw, |_, _| {}))
    };
    let (result, totals) = measured(&plan);
    assert_faultless(&result, &totals);
    let least = u64::from(result.counts.served_least.unwrap());
    let mean = result.counts.requests / 10;
    assert!(10 * least >= mean, "{result:?}");
}

#[test]
fn a_unix_socket_is_loaded_even_when_its_accept_queue_is_full() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    // Its queue has room for 128, and those are refused that find it full.
    let listener = UnixListener::bind(&path).unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            thread::spawn(move || io::copy(&mut stream.try_clone().unwrap(), &mut stream));
        }
    });
    let open = Load::Open(Schedule {
        arrivals: Arrivals::Uniform,
        seed: 1,
        busy_poll: false,
    });
    for load in [Load::Closed { outstanding: 2 }, open] {
        let mut generator = Generator::start(&Plan {
            wire: Wire::Raw,
            load,
            connections_max: 400,
            ..plan(Endpoint::Unix(path.clone()))
        });
        generator.rate_per_s = Some(500.0);
        let connected = generator.connect(400);
        assert_eq!(connected.connections, 400, "{connected:?}");
        let result = generator.measure(WINDOW);
        assert!(result.errors.0.is_empty(), "{:?}", result.errors);
        assert!(result.counts.requests > 0 && result.counts.replies_missing == 0);
        generator.finish();
    }
    let mut generator = Generator::start(&plan(Endpoint::Unix("/nowhere".into())));
    let connected = generator.connect(1);
    let kinds: Vec<&String> = connected.errors.0.keys().collect();
    assert!(
        kinds[0].starts_with("connect: ") && connected.connections == 0,
        "{kinds:?}"
    );
    generator.finish();
}

/// A server that answers two requests of each connection and closes it.
fn serve_two_each() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let mut message = [0; 120];
                for _ in 0..2 {
                    stream.read_exact(&mut message).unwrap();
                    stream.write_all(&message).unwrap();
                }
            });
        }
    });
    addr
}

#[test]
fn connections_that_the_server_closes_are_lost() {
    let (result, _) = measured(&plan(serve_two_each()));
    assert_eq!(
        (result.counts.connections, result.counts.connections_lost),
        (0, 10),
        "{result:?}"
    );
    assert_eq!(result.counts.replies_wrong, 0);
}

#[test]
fn an_idle_load_gives_each_connection_its_turn() {
    let target = serve(Wire::Framed, |_, _| {});
    let idle = Plan {
        load: Load::Idle {
            interval_us: 50_000,
        },
        connections_max: 10,
        ..plan(target)
    };
    let (result, totals) = measured(&idle);
    assert_faultless(&result, &totals);
    // Four rounds fit the window; a slow machine may see fewer, none sees more.
    assert!(result.counts.served_most <= 5, "{result:?}");
}

#[test]
fn who_was_never_asked_is_told_from_who_never_answered() {
    let idle = |interval_us, meddle| Plan {
        load: Load::Idle { interval_us },
        connections_max: 10,
        reply_deadline_us: 100_000,
        ..plan(serve(Wire::Framed, meddle))
    };
    let unserved = |plan: &Plan| {
        let counts = measured(plan).0.counts;
        (counts.never_served, counts.never_asked)
    };
    // The first turn is the load's beginning, the others come after the window.
    assert_eq!(unserved(&idle(600_000_000, |_, _| {})), (10, 10));
    // The reply to the connection's first request shows that the server keeps up.
    let silent: Meddle = |number, reply| {
        if number > 0 {
            reply.clear();
        }
    };
    assert_eq!(unserved(&idle(50_000, silent)), (10, 0));
    // In closed load each is asked, here by a request whose reply comes when the window is over.
    let late: Meddle = |number, _| {
        if number > 0 {
            thread::sleep(2 * (Duration::from_nanos(LEAD_NS) + WINDOW));
        }
    };
    let closed = Plan {
        reply_deadline_us: PATIENT_US,
        ..plan(serve(Wire::Framed, late))
    };
    assert_eq!(unserved(&closed), (10, 0));
}

#[test]
fn connections_are_added_step_by_step() {
    let mut generator = Generator::start(&plan(serve(Wire::Framed, |_, _| {})));
    for connections in [5, 20, 100] {
        assert_eq!(generator.connect(connections).connections, connections);
        assert_eq!(generator.measure(WINDOW).counts.connections, connections);
    }
    assert_eq!(generator.finish().connections, 100);
}

#[test]
fn connections_are_replaced_by_fresh_ones() {
    let plan = Plan {
        load: Load::Idle {
            interval_us: 50_000,
        },
        ..plan(serve(Wire::Framed, |_, _| {}))
    };
    let mut generator = Generator::start(&plan);
    for connections in [100, 90, 100, 7, 100] {
        assert_eq!(generator.connect(connections).connections, connections);
        let result = generator.measure(WINDOW);
        assert_eq!(result.counts.connections, connections);
        assert_eq!(result.counts.connections_lost, 0);
        assert!(result.counts.served_least > Some(0), "{result:?}");
    }
    // So many were opened in all.
    let totals = generator.finish();
    assert_eq!(totals.connections, 100 + 10 + 93);
    assert_eq!(totals.requests, totals.responses);
}

#[test]
fn a_flipped_bit_is_a_wrong_reply() {
    let meddle: Meddle = |number, reply| reply[60] ^= u8::from(number == 20);
    let (result, _) = measured(&plan(serve(Wire::Framed, meddle)));
    assert_eq!(
        result.counts.replies_wrong, 10,
        "one on each connection: {result:?}"
    );
}

#[test]
fn a_reply_that_never_comes_is_missing() {
    let meddle: Meddle = |number, reply| {
        if number == 20 {
            reply.clear();
        }
    };
    let (result, _) = measured(&plan(serve(Wire::Framed, meddle)));
    assert_eq!(
        (result.counts.replies_missing, result.counts.replies_wrong),
        (10, 0),
        "{result:?}"
    );
}

#[test]
fn the_reply_to_another_request_is_wrong() {
    let meddle: Meddle = |_, reply| reply[8] ^= 1;
    let mut generator = Generator::start(&plan(serve(Wire::Framed, meddle)));
    // The first and the last connection ask for an answer before the load begins.
    assert_eq!(generator.connect(10).connections, 8);
}

#[test]
fn nobody_there_is_counted_by_kind() {
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let mut generator = Generator::start(&plan(free));
    let connected = generator.connect(10);
    let errors = connected.errors.0;
    assert_eq!(connected.connections, 0);
    assert_eq!(errors.values().sum::<u64>(), 10, "{errors:?}");
    assert!(
        errors
            .keys()
            .all(|kind| kind.starts_with("connect: ECONNREFUSED: ")),
        "{errors:?}"
    );
}

#[test]
fn a_window_that_is_heard_of_too_late_says_so() {
    let mut generator = Generator::start(&plan(serve(Wire::Framed, |_, _| {})));
    generator.connect(10);
    generator.begin(now_ns());
    let late_ns = 50_000_000;
    generator.open(now_ns() - late_ns, WINDOW);
    let result = generator.result();
    assert!(result.counts.heard_late_ns >= late_ns, "{result:?}");
    generator.finish();
}

#[test]
fn more_outstanding_than_buffers_hold_is_said_and_obeys_littles_law() {
    let plan = Plan {
        payload_bytes: 1 << 20,
        load: Load::Closed { outstanding: 64 },
        ..plan(serve(Wire::Framed, |_, _| {}))
    };
    let mut generator = Generator::start(&plan);
    assert_eq!(generator.connect(1).connections, 1);
    let counts = generator.measure(WINDOW).counts;
    assert!(counts.sends_blocked > 0, "{counts:?}");
    // All that is outstanding has begun its turn, whether the kernel has room for it or not.
    let edges = (counts.outstanding_at_open, counts.outstanding_at_close);
    assert_eq!(edges, (64, 64));
    generator.finish();
}

#[test]
fn a_sample_of_connections_tells_where_replies_were() {
    for wire in [Wire::Framed, Wire::Raw] {
        let mut generator = Generator::start(&Plan {
            wire,
            ..plan(serve(wire, |_, _| {}))
        });
        generator.connect(100);
        assert_eq!(generator.measure(WINDOW).read_times, None);
        generator.samples = true;
        // A kernel that is busy takes its time to begin.
        let begins_at_ns = now_ns() + LEAD_NS;
        generator.begin(begins_at_ns);
        generator.open(begins_at_ns + LEAD_NS, WINDOW);
        let result = generator.result();
        generator.finish();
        let times = result.read_times.unwrap();
        assert!(!times.clock_was_set);
        // Of a hundred connections every twelfth asks.
        let asking = [&times.read_lag, &times.server_time].map(decoded);
        let all = decoded(&result.service_time).len();
        let sampled = asking[0].len();
        assert!((1..all / 4).contains(&sampled), "{sampled} of {all}");
        assert_eq!(sampled, asking[1].len());
        assert!(asking[1].mean() > 0.0);
    }
}

#[test]
fn the_end_of_its_input_is_its_end() {
    let mut generator = Generator::start(&plan(serve(Wire::Framed, |_, _| {})));
    generator.connect(10);
    generator.begin(now_ns());
    drop(generator.orders);
    let deadline = Instant::now() + Duration::from_secs(60);
    while generator.child.try_wait().unwrap().is_none() {
        assert!(
            Instant::now() < deadline,
            "it goes on without a coordinator"
        );
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_plan_that_is_none_is_said_to_be_none() {
    let output = Command::new(env!("CARGO_BIN_EXE_loadgen"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stdout).contains("the plan can't be understood"));
}

#[test]
fn arguments_are_refused_with_what_it_is() {
    let with = |argument| {
        let mut generator = Command::new(env!("CARGO_BIN_EXE_loadgen"));
        generator
            .arg(argument)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    };
    let help = with("--help");
    assert!(help.status.success());
    assert!(String::from_utf8_lossy(&help.stdout).contains("Usage: loadgen"));
    let refused = with("127.0.0.1:80");
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("driven by the runner"));
}

#[test]
fn connections_end_with_a_reset_unless_they_are_to_be_closed_in_order() {
    for closes_in_order in [false, true] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let plan = Plan {
            closes_in_order,
            ..plan(listener.local_addr().unwrap())
        };
        let ended_in_order = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut buffer = [0; 1024];
            loop {
                match stream.read(&mut buffer) {
                    Ok(0) => return true,
                    Ok(received) => stream.write_all(&buffer[..received]).unwrap(),
                    Err(_) => return false,
                }
            }
        });
        let mut generator = Generator::start(&plan);
        generator.connect(1);
        generator.finish();
        assert_eq!(ended_in_order.join().unwrap(), closes_in_order);
    }
}
