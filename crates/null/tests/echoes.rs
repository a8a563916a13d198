//! What comes back is what was sent, in order, however much is on its way, and counts are right.

#![allow(
    clippy::unwrap_used,
    reason = "a test that can't go on fails, and says where"
)]

use protocol::launch::{Done, Ready, ServerLine};
use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{Shutdown, TcpStream},
    process::{Child, ChildStdout, Command, Stdio},
    thread,
};

struct Null {
    child: Child,
    output: BufReader<ChildStdout>,
    ready: Ready,
}

impl Null {
    fn start(args: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_null"))
            .args(["--listen", "127.0.0.1:0", "--threads", "2", "--wire", "raw"])
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let ServerLine::Ready(ready) = next_line(&mut output) else {
            panic!("not ready");
        };
        Self {
            child,
            output,
            ready,
        }
    }

    fn stop(mut self) -> Done {
        drop(self.child.stdin.take());
        let ServerLine::Done(done) = next_line(&mut self.output) else {
            panic!("no done line");
        };
        assert!(self.child.wait().unwrap().success());
        done
    }
}

fn next_line(output: &mut BufReader<ChildStdout>) -> ServerLine {
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    serde_json::from_str(&line).unwrap()
}

/// Sends it all without reading, and reads it all only then: more than buffers between hold.
fn echo(null: &Null, bytes: &[u8]) {
    let mut stream = TcpStream::connect(null.ready.addr).unwrap();
    let mut sender = stream.try_clone().unwrap();
    thread::scope(|scope| {
        scope.spawn(move || {
            sender.write_all(bytes).unwrap();
            sender.shutdown(Shutdown::Write).unwrap();
        });
        // To the end: what is answered after the client's end is sent, too, and then it is closed.
        let mut back = Vec::new();
        stream.read_to_end(&mut back).unwrap();
        assert!(back == bytes, "other bytes came back");
    });
}

/// Whether this machine lets the engine be tested; if not, says so.
fn is_allowed(engine: &str) -> bool {
    let lacks_rings = std::fs::read_to_string("/proc/sys/kernel/io_uring_disabled")
        .is_ok_and(|text| text.trim() == "2");
    if engine == "io-uring" && lacks_rings {
        eprintln!("io_uring is switched off here: not tested on it");
        return false;
    }
    true
}

#[test]
fn everything_comes_back_in_order_on_either_engine() {
    for engine in ["epoll", "io-uring"] {
        if !is_allowed(engine) {
            continue;
        }
        let null = Null::start(&["--engine", engine]);
        let bytes: Vec<u8> = (0..20_000_000_u32).map(|i| (i % 251) as u8).collect();
        echo(&null, b"x");
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| echo(&null, &bytes));
            }
        });
        let done = null.stop();
        assert_eq!(done.accepted, 4, "{engine}");
        assert_eq!(done.requests, None);
        assert_eq!((done.bytes_in, done.bytes_out), (60_000_001, 60_000_001));
    }
}

#[test]
fn a_relay_passes_everything_on_and_back_and_counts_its_clients_side() {
    let backend = Null::start(&[]);
    let relay = Null::start(&["--relay", &backend.ready.addr.to_string()]);
    let bytes: Vec<u8> = (0..5_000_000_u32).map(|i| (i % 251) as u8).collect();
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| echo(&relay, &bytes));
        }
    });
    for done in [relay.stop(), backend.stop()] {
        assert_eq!((done.accepted, done.backend_failures), (3, 0));
        assert_eq!(done.requests, None);
        assert_eq!((done.bytes_in, done.bytes_out), (15_000_000, 15_000_000));
    }
}

#[test]
fn the_time_of_hashes_grows_with_their_number() {
    let asked = |what: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_null"));
        command.args(["--hash", what]).output().unwrap()
    };
    let time_ns = |what: &str| -> u64 {
        let said = String::from_utf8(asked(what).stdout).unwrap();
        said.trim().parse().unwrap()
    };
    // A hundred times as many, of which one is longer; a busy machine may make some slower.
    let (few_ns, many_ns) = (time_ns("10:64"), time_ns("1000:64"));
    assert!(many_ns > 10 * few_ns, "{few_ns} ns, {many_ns} ns");
    for wrong in ["", "1000", "1000:", ":64", "many:64", "-1:64"] {
        assert_eq!(asked(wrong).status.code(), Some(2), "{wrong}");
    }
}

#[test]
fn open_connections_end_with_the_server() {
    let null = Null::start(&[]);
    let mut stream = TcpStream::connect(null.ready.addr).unwrap();
    stream.write_all(b"hello").unwrap();
    let mut back = [0; 5];
    stream.read_exact(&mut back).unwrap();
    let done = null.stop();
    assert_eq!((done.accepted, done.abandoned), (1, 0));
    assert_eq!(stream.read(&mut back).unwrap(), 0);
}
