//! Servers that speak HTTP or WebSocket, measured as their users have them: by their address.

use crate::common::{Fixture, runner, stderr};
use report::{check::Status, model::ModelReport};
use std::{
    io::{BufRead as _, BufReader, Read, Write as _},
    net::{TcpListener, TcpStream},
    thread,
};

const UPGRADE: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Accept: ";

/// A server in this process: what it says to each head, and whether messages follow.
fn serve(answer: String, upgrades: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = answer.clone();
            thread::spawn(move || converse(stream, &answer, upgrades));
        }
    });
    addr
}

/// `None` at the connection's end.
fn converse(mut stream: TcpStream, answer: &str, upgrades: bool) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    loop {
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            reader
                .read_line(&mut line)
                .ok()
                .filter(|&bytes| bytes > 0)?;
        }
        stream.write_all(answer.as_bytes()).ok()?;
        if upgrades {
            loop {
                echo(&mut reader, &mut stream)?;
            }
        }
    }
}

/// Sends a short message back, without its mask.
fn echo(reader: &mut impl Read, stream: &mut TcpStream) -> Option<()> {
    let mut header = [0; 6];
    reader.read_exact(&mut header).ok()?;
    let mut reply = vec![header[0], header[1] & 0x7f];
    reply.resize(2 + usize::from(reply[1]), 0);
    reader.read_exact(&mut reply[2..]).ok()?;
    let key = header[2..].iter().cycle();
    let bytes = reply[2..].iter_mut().zip(key);
    bytes.for_each(|(byte, key)| *byte ^= key);
    stream.write_all(&reply).ok()
}

fn measured(target: &str, args: &[&str]) -> (ModelReport, String) {
    let fixture = Fixture::new();
    let args = [&["--target", target, "--load", "closed"], args].concat();
    let output = fixture.run_with(&args);
    (fixture.report(), stderr(&output))
}

#[test]
fn what_can_not_be_asked_is_refused_in_one_line() {
    for args in [
        &["--target", "http://127.0.0.1:80/", "--http", "GET /"][..],
        &["--target", "127.0.0.1:80", "--http", "GET"],
        &["--target", "127.0.0.1:80", "--http", "GET no-slash"],
        &["--target", "127.0.0.1:80", "--http", "GET /\r\nX: y"],
        &[
            "--target",
            "127.0.0.1:80",
            "--http",
            "GET /",
            "--expect",
            "status=99",
        ],
    ] {
        let output = runner().args(args).output().unwrap();
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
        assert!(said.starts_with("error: "), "{args:?}: {said}");
    }
}

const HTTP: &[&str] = &["--http", "GET /"];
const WEBSOCKET: &[&str] = &["--wire", "websocket", "--payload", "50"];

#[test]
fn servers_that_speak_http_or_websocket_have_rates() {
    let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi".to_owned();
    let upgrade = format!("{UPGRADE}s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
    for (target, args) in [(serve(ok, false), HTTP), (serve(upgrade, true), WEBSOCKET)] {
        let (report, shown) = measured(&target, args);
        assert_eq!(report.failure, None, "{shown}");
        let rate = report.summary.peak.unwrap().rate_per_s;
        assert!(rate.median > 0.0, "{shown}");
        let checks = report.verdict.checks;
        let right = checks.iter().find(|c| c.id == "replies_right").unwrap();
        assert_eq!(right.status(), Status::Valid, "{right:?}");
    }
}

#[test]
fn a_wrong_answer_is_a_row_that_names_its_kind() {
    let fails = "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n".to_owned();
    let garbage = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n".to_owned();
    let huge = "HTTP/1.1 200 OK\r\nContent-Length: 17000000\r\n\r\n".to_owned();
    let head = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(1 << 20));
    let guesses = format!("{UPGRADE}AAAA\r\n\r\n");
    let accepts = format!("{UPGRADE}s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
    for (target, args, kind) in [
        (serve(fails, false), HTTP, "HTTP status 500"),
        (serve(garbage, false), HTTP, "malformed HTTP chunk"),
        (serve(huge, false), HTTP, "HTTP body over"),
        (serve(head, false), HTTP, "HTTP head over"),
        (
            serve(format!("{accepts}\u{72}\u{0}"), true),
            WEBSOCKET,
            "frame with reserved bits",
        ),
        (
            serve(format!("{accepts}\u{2}\u{80}"), true),
            WEBSOCKET,
            "with a mask, from a server",
        ),
        (
            serve(guesses, true),
            WEBSOCKET,
            "wrong Sec-WebSocket-Accept",
        ),
    ] {
        let (report, shown) = measured(&target, args);
        let said = serde_json::to_string(&report).unwrap();
        assert!(
            said.contains(kind) && shown.contains(kind),
            "{shown}\n{said}"
        );
        let is_valid = report.failure.is_none() && report.verdict.status == Status::Valid;
        assert!(!is_valid, "{said}");
    }
}
