//! The generator against servers that speak WebSockets, well and badly.

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
    sync::atomic::{AtomicBool, Ordering::SeqCst},
    thread,
};

const UPGRADE: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// What a test's server sends for the message with this number on its connection; nothing: pings
/// without end.
type Answer = fn(number: u32, message: &[u8]) -> Vec<u8>;

fn serve(upgrade: &'static str, answer: Answer) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || answer_all(stream, upgrade, answer));
        }
    });
    addr
}

/// `None` at the connection's end.
fn answer_all(mut stream: TcpStream, upgrade: &str, answer: Answer) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        reader
            .read_line(&mut line)
            .ok()
            .filter(|&bytes| bytes > 0)?;
    }
    stream.write_all(upgrade.as_bytes()).ok()?;
    let mut number = 0;
    loop {
        // A short frame: its header and its mask.
        let mut header = [0; 6];
        reader.read_exact(&mut header).ok()?;
        assert_eq!(header[1] & 0x80, 0x80, "it is masked");
        let mut message = vec![0; usize::from(header[1] & 0x7f)];
        reader.read_exact(&mut message).ok()?;
        let key = header[2..].iter().cycle();
        message
            .iter_mut()
            .zip(key)
            .for_each(|(byte, key)| *byte ^= key);
        match header[0] & 0x0f {
            2 => match answer(number, &message) {
                reply if reply.is_empty() => flood(&mut stream)?,
                reply => stream.write_all(&reply).ok()?,
            },
            10 => assert_eq!(message, b"there?"),
            _ => return None,
        }
        number += 1;
    }
}

fn flood(stream: &mut TcpStream) -> Option<()> {
    let pings = frame(0x89, &[b'x'; 100]).repeat(1 << 14);
    loop {
        stream.write_all(&pings).ok()?;
    }
}

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    [&[first, payload.len() as u8], payload].concat()
}

/// A ping first, then the message in two frames.
fn in_pieces(_: u32, message: &[u8]) -> Vec<u8> {
    [
        frame(0x89, b"there?"),
        frame(0x02, &message[..3]),
        frame(0x80, &message[3..]),
    ]
    .concat()
}

fn asking(upgrade: &'static str, answer: Answer) -> Plan {
    Plan {
        wire: Wire::Websocket,
        http: Some(HttpRequest::default()),
        ..plan(serve(upgrade, answer))
    }
}

#[test]
fn every_form_of_load_is_served_and_counted() {
    let echo: Answer = |_, message| frame(0x82, message);
    let schedule = Schedule {
        arrivals: Arrivals::Poisson,
        seed: 1,
        busy_poll: false,
    };
    let interval_us = 50_000;
    for (load, answer) in [
        (Load::Closed { outstanding: 1 }, echo),
        (Load::Closed { outstanding: 5 }, echo),
        (Load::Closed { outstanding: 1 }, in_pieces as Answer),
        (Load::Idle { interval_us }, echo),
        (Load::Open(schedule), echo),
        (Load::Churn(schedule), echo),
    ] {
        let plan = asking(UPGRADE, answer);
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
        assert_eq!((counts.replies_wrong, counts.connections_lost), (0, 0));
        assert!(result.errors.0.is_empty(), "{load:?}: {:?}", result.errors);
        generator.finish();
    }
}

/// The probes before the load are answered well, and the tenth message on each connection is not.
#[test]
fn each_fault_is_a_kind_of_error_on_each_connection() {
    static FLOODS: AtomicBool = AtomicBool::new(false);
    let faults: [(Answer, &str); 6] = [
        (
            |n, message| frame(if n == 9 { 0xc2 } else { 0x82 }, message),
            "WebSocket frame with reserved bits",
        ),
        (
            |n, message| match n {
                9 => frame(0x88, &1011_u16.to_be_bytes()),
                _ => frame(0x82, message),
            },
            "WebSocket closed by the server with code 1011",
        ),
        (
            |n, message| frame(0x82, message).repeat(if n == 9 { 2 } else { 1 }),
            "a reply that nobody asked for",
        ),
        (
            |n, message| match n {
                9 => [&[0x82, 0x80 | message.len() as u8, 0, 0, 0, 0], message].concat(),
                _ => frame(0x82, message),
            },
            "WebSocket frame with a mask, from a server",
        ),
        (
            |n, message| match n {
                9 => vec![0x82, 127, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0],
                _ => frame(0x82, message),
            },
            "WebSocket message of another length than expected",
        ),
        (
            |n, message| match n {
                9 if !FLOODS.swap(true, SeqCst) => Vec::new(),
                _ => frame(0x82, message),
            },
            "over 33554432 bytes without a reply among them",
        ),
    ];
    for (answer, kind) in faults {
        common::assert_lost_by(kind, &asking(UPGRADE, answer));
    }
}

#[test]
fn a_server_that_upgrades_wrongly_has_no_connections() {
    let refuses = "HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n";
    let guesses = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Accept: AAAA\r\n\r\n";
    for (upgrade, kind) in [
        (refuses, "HTTP status 426"),
        (guesses, "upgrade with a wrong Sec-WebSocket-Accept"),
    ] {
        let mut generator = Generator::start(&asking(upgrade, in_pieces));
        let connected = generator.connect(3);
        assert_eq!(connected.connections, 0);
        assert_eq!(connected.errors.0.get(kind), Some(&3), "{connected:?}");
        generator.finish();
    }
}
