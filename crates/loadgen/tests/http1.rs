//! The generator against servers that speak HTTP, well and badly.

#![allow(
    clippy::unwrap_used,
    reason = "a test that can't go on fails, and says where"
)]

mod common;

use common::{Generator, PATIENT_US, plan};
use protocol::{
    generator::{Arrivals, Load, Plan, Schedule},
    http::HttpRequest,
    wire::Wire,
};
use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
};

/// What a test's server answers to the request with this number on its connection: in these pieces,
/// after which it closes if the last one is empty.
type Answer = fn(number: u32, body: &[u8]) -> Vec<Vec<u8>>;

fn serve(answer: Answer) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || answer_all(stream, answer));
        }
    });
    addr
}

fn answer_all(mut stream: TcpStream, answer: Answer) {
    stream.set_nodelay(true).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    for number in 0.. {
        let mut body_bytes = 0;
        loop {
            let mut line = String::new();
            if !matches!(reader.read_line(&mut line), Ok(1..)) {
                return;
            }
            if let Some(bytes) = line.strip_prefix("Content-Length: ") {
                body_bytes = bytes.trim_end().parse().unwrap();
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; body_bytes];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        for piece in answer(number, &body) {
            if piece.is_empty() || stream.write_all(&piece).is_err() {
                return;
            }
        }
    }
}

fn reply(head: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 {head}\r\nContent-Length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

fn right(_: u32, _: &[u8]) -> Vec<Vec<u8>> {
    vec![reply("200 OK", b"hello")]
}

fn asking(answer: Answer, line: &str, expect: &str) -> Plan {
    Plan {
        wire: Wire::Http1,
        http: Some(HttpRequest {
            line: line.parse().unwrap(),
            fields: Vec::new(),
            expect: expect.parse().unwrap(),
        }),
        ..plan(serve(answer))
    }
}

#[test]
fn every_form_of_load_is_served_and_counted() {
    let get = asking(right, "GET /", "body=same");
    let schedule = Schedule {
        arrivals: Arrivals::Poisson,
        seed: 1,
        busy_poll: false,
    };
    let echo = asking(|_, body| vec![reply("200 OK", body)], "POST /", "body=echo");
    let by_byte: Answer = |number, _| {
        let chunked =
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a\r\nhi\r\n0\r\n\r\n";
        let whole = match number % 2 {
            0 => chunked.to_vec(),
            _ => reply("200 OK", b"hi"),
        };
        whole.chunks(1).map(<[u8]>::to_vec).collect()
    };
    let plans = [
        (Load::Closed { outstanding: 1 }, get.clone()),
        (Load::Closed { outstanding: 5 }, get.clone()),
        (Load::Closed { outstanding: 2 }, echo),
        (
            Load::Closed { outstanding: 1 },
            asking(by_byte, "GET /", "body=same"),
        ),
        (
            Load::Idle {
                interval_us: 50_000,
            },
            get.clone(),
        ),
        (Load::Open(schedule), get.clone()),
        (Load::Churn(schedule), get),
    ];
    for (load, plan) in plans {
        let mut generator = Generator::start(&Plan {
            load,
            reply_deadline_us: PATIENT_US,
            ..plan
        });
        generator.rate_per_s = Some(500.0);
        if !matches!(load, Load::Churn(_)) {
            assert_eq!(generator.connect(10).connections, 10);
        }
        let result = generator.measure(common::WINDOW);
        let counts = result.counts;
        assert!(counts.requests > 0, "{load:?}: {result:?}");
        assert_eq!(
            (counts.replies_wrong, counts.connections_lost),
            (0, 0),
            "{load:?}: {result:?}"
        );
        assert!(result.errors.0.is_empty(), "{load:?}: {:?}", result.errors);
        generator.finish();
    }
}

/// The probes before the load are answered well, and the tenth request on each connection is not.
#[test]
fn each_fault_is_a_kind_of_error_on_each_connection() {
    let faults: [(Answer, &str); 7] = [
        (
            |n, _| vec![reply(if n == 9 { "500 Oh" } else { "200 OK" }, b"x")],
            "HTTP status 500 (the server failed)",
        ),
        (
            |n, _| match n {
                9 => vec![reply("200 OK", b"x")[..20].to_vec(), Vec::new()],
                _ => vec![reply("200 OK", b"x")],
            },
            "closed by the server within a reply",
        ),
        (
            |n, _| vec![reply("200 OK", b"x").repeat(if n == 9 { 2 } else { 1 })],
            "a reply that nobody asked for",
        ),
        (
            |n, _| match n {
                9 => vec![b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz".to_vec()],
                _ => vec![reply("200 OK", b"x")],
            },
            "malformed HTTP chunk",
        ),
        (
            |n, _| match n {
                9 => vec![format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(1 << 20)).into_bytes()],
                _ => vec![reply("200 OK", b"x")],
            },
            "HTTP head over 65536 bytes",
        ),
        (
            |n, _| match n {
                9 => vec![b"HTTP/1.1 200 OK\r\nContent-Length: 17000000\r\n\r\n".to_vec()],
                _ => vec![reply("200 OK", b"x")],
            },
            "HTTP body over 16777216 bytes",
        ),
        (
            |n, _| match n {
                9 => {
                    let chunk = [b"100000\r\n", &vec![b'x'; 1 << 20][..], b"\r\n"].concat();
                    let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
                    [vec![head], vec![chunk; 17]].concat()
                }
                _ => vec![reply("200 OK", b"x")],
            },
            "HTTP body over 16777216 bytes",
        ),
    ];
    for (answer, kind) in faults {
        common::assert_lost_by(kind, &asking(answer, "GET /", "body=any"));
    }
}

#[test]
fn a_connection_may_be_closed_after_its_reply_where_it_has_only_one() {
    let schedule = Schedule {
        arrivals: Arrivals::Uniform,
        seed: 1,
        busy_poll: false,
    };
    let closes: Answer = |_, _| vec![reply("200 OK\r\nConnection: close", b"x"), Vec::new()];
    let early: Answer = |_, _| vec![Vec::new()];
    for (answer, error) in [(closes, None), (early, Some("closed by the server"))] {
        let mut generator = Generator::start(&Plan {
            load: Load::Churn(schedule),
            ..asking(answer, "GET /", "body=same")
        });
        generator.rate_per_s = Some(200.0);
        let result = generator.measure(common::WINDOW);
        assert_eq!(result.errors.0.keys().next().map(String::as_str), error);
        assert_eq!(
            (result.counts.connections, result.counts.requests > 0),
            (0, error.is_none())
        );
        generator.finish();
    }
}

#[test]
fn a_redirect_is_known_before_the_load() {
    let redirects: Answer = |_, _| vec![reply("302 Found", b"")];
    let mut generator = Generator::start(&asking(redirects, "GET /", "body=same"));
    let errors = generator.connect(10).errors.0;
    assert_eq!(
        errors.get("HTTP status 302 (a redirect)"),
        Some(&2),
        "{errors:?}"
    );
}
