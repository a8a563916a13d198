//! The program as others meet it: started by the launch contract, asked over a socket. What is
//! asserted is which replies come and what is counted, never how fast.

#![allow(
    clippy::unwrap_used,
    reason = "a test that can't go on fails, and says where"
)]

use protocol::{
    client::{MessageId, Messages, Workload},
    launch::{Done, ServerLine},
    wire::Wire,
};
use std::{
    io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    process::{Child, ChildStdout, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

const PAYLOAD_BYTES: u32 = 24;
const REQUESTS: u32 = 100;

/// For what has to come; a machine that takes longer has other troubles.
const LONG: Duration = Duration::from_secs(10);

/// For what must not come: when it is over the reply is taken for lost.
const SHORT: Duration = Duration::from_millis(300);

struct Server {
    child: Child,
    lines: BufReader<ChildStdout>,
    addr: SocketAddr,
}

impl Server {
    fn start(behaviour: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_calibration"))
            .args(behaviour.split_whitespace())
            .args(["--listen", "127.0.0.1:0", "--threads", "1"])
            .args(["--wire", "framed"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let ServerLine::Ready(ready) = next_line(&mut lines) else {
            panic!("no ready line");
        };
        let addr = ready.addr;
        Self { child, lines, addr }
    }

    fn connect(&self, number: u32) -> Client {
        let stream = TcpStream::connect(self.addr).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_write_timeout(Some(LONG)).unwrap();
        Client {
            stream,
            number,
            messages: Messages::new(Wire::Framed, &Workload::Echo, PAYLOAD_BYTES, 1).unwrap(),
        }
    }

    fn stop(mut self) -> Done {
        drop(self.child.stdin.take());
        let ServerLine::Done(done) = next_line(&mut self.lines) else {
            panic!("no done line");
        };
        assert!(self.child.wait().unwrap().success());
        done
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The server ends by itself some seconds after its input does, so this ends too.
fn next_line(lines: &mut BufReader<ChildStdout>) -> ServerLine {
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    serde_json::from_str(&line).unwrap()
}

struct Client {
    stream: TcpStream,
    number: u32,
    messages: Messages,
}

/// What came back for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Right,
    /// With the lowest bit of the last byte flipped, and otherwise right.
    Corrupt,
    Missing,
    Closed,
}

impl Client {
    fn message(&self, sequence: u32) -> Vec<u8> {
        let connection = self.number;
        let id = MessageId {
            connection,
            sequence,
        };
        let mut bytes = vec![0; self.messages.message_bytes()];
        self.messages.write(id, 0, &mut bytes);
        bytes
    }

    fn send(&mut self, sequence: u32) {
        let message = self.message(sequence);
        self.stream.write_all(&message).unwrap();
    }

    fn receive(&mut self, sequence: u32, patience: Duration) -> Answer {
        let mut expected = self.message(sequence);
        let mut received = vec![0; expected.len()];
        self.stream.set_read_timeout(Some(patience)).unwrap();
        match self.stream.read_exact(&mut received) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Answer::Missing,
            Err(_) => return Answer::Closed,
        }
        if received == expected {
            return Answer::Right;
        }
        *expected.last_mut().unwrap() ^= 1;
        assert_eq!(received, expected, "request {sequence}");
        Answer::Corrupt
    }

    /// Asks and waits, once for each sequence number; `due` says which answer has to come.
    fn ask(&mut self, due: impl Fn(u32) -> Answer) {
        for sequence in 0..REQUESTS {
            self.send(sequence);
            let due = due(sequence);
            let patience = if due == Answer::Missing { SHORT } else { LONG };
            let answer = self.receive(sequence, patience);
            assert_eq!(
                answer, due,
                "request {sequence} of connection {}",
                self.number
            );
        }
    }
}

/// What the server has to have counted, when every byte of every reply was sent.
fn assert_counts(done: &Done, accepted: u64, requests: u64, responses: u64) {
    let frame_bytes = u64::from(PAYLOAD_BYTES) + 20;
    let expected = Done {
        accepted,
        requests: Some(requests),
        responses: Some(responses),
        bytes_in: requests * frame_bytes,
        bytes_out: responses * frame_bytes,
        by_thread: done.by_thread.clone(),
        ..Done::default()
    };
    assert_eq!(done, &expected);
}

#[test]
fn honest_behaviours_answer_everything() {
    for behaviour in [
        "null",
        "burn --extra-ns 2000",
        "delay --delay-us 500",
        "mixture --one-in 10 --slow-us 2000",
        "stall --every-us 5000 --for-us 2000",
        "cap --rate 5000",
        "slow-down --rate 5000 --percent-per-s 5",
        "leak --bytes-per-connection 5000",
        "step --bytes-per-connection 5000 --step-bytes 500000 --at-connection 1",
        "idle-threads --count 20",
        "kernel-work --times 3",
    ] {
        let server = Server::start(behaviour);
        server.connect(1).ask(|_| Answer::Right);
        assert_counts(&server.stop(), 1, 100, 100);
    }
}

#[test]
fn replies_keep_their_order_and_frames_may_come_in_pieces() {
    let server = Server::start("mixture --one-in 7 --slow-us 3000");
    let mut client = server.connect(5);
    let stream: Vec<u8> = (0..REQUESTS).flat_map(|n| client.message(n)).collect();
    for piece in stream.chunks(61) {
        client.stream.write_all(piece).unwrap();
    }
    for sequence in 0..REQUESTS {
        assert_eq!(client.receive(sequence, LONG), Answer::Right, "{sequence}");
    }
    assert_counts(&server.stop(), 1, 100, 100);
}

#[test]
fn no_delay_is_cut_short() {
    let server = Server::start("delay --delay-us 20000");
    let mut client = server.connect(1);
    let sent = Instant::now();
    client.send(0);
    assert_eq!(client.receive(0, LONG), Answer::Right);
    assert!(sent.elapsed() >= Duration::from_millis(20));
}

#[test]
fn what_still_waits_is_answered_before_the_end() {
    let server = Server::start("delay --delay-us 400000");
    let mut client = server.connect(1);
    client.send(0);
    // Until it has surely been read; if not, the stopping server reads it all the same.
    thread::sleep(Duration::from_millis(50));
    let done = server.stop();
    assert_eq!(client.receive(0, LONG), Answer::Right);
    assert_counts(&done, 1, 1, 1);
}

#[test]
fn a_wrong_byte_comes_in_each_nth_reply() {
    let server = Server::start("wrong-byte --one-in 10");
    server.connect(3).ask(|sequence| match sequence % 10 {
        9 => Answer::Corrupt,
        _ => Answer::Right,
    });
    assert_counts(&server.stop(), 1, 100, 100);
}

#[test]
fn each_nth_reply_is_lost() {
    let server = Server::start("lose-reply --one-in 40");
    server.connect(3).ask(|sequence| match sequence % 40 {
        39 => Answer::Missing,
        _ => Answer::Right,
    });
    assert_counts(&server.stop(), 1, 100, 98);
}

#[test]
fn one_connection_is_dropped_and_no_other() {
    let server = Server::start("drop-connection --after 50");
    let (mut dropped, mut other) = (server.connect(1), server.connect(2));
    for sequence in 0..49 {
        dropped.send(sequence);
        assert_eq!(dropped.receive(sequence, LONG), Answer::Right);
    }
    dropped.send(49);
    assert_eq!(dropped.receive(49, LONG), Answer::Closed);
    other.ask(|_| Answer::Right);
    assert_counts(&server.stop(), 2, 150, 149);
}

#[test]
fn every_second_connection_is_served_once() {
    let server = Server::start("serve-half");
    let mut clients = [0, 1, 2, 3].map(|number| server.connect(number));
    // Accepted in the order of connecting: the listener's queue is one.
    for client in &mut clients {
        client.send(0);
        assert_eq!(client.receive(0, LONG), Answer::Right);
    }
    for client in &mut clients {
        client.send(1);
    }
    for client in &mut clients {
        let served = client.number % 2 == 0;
        let due = if served {
            Answer::Right
        } else {
            Answer::Missing
        };
        assert_eq!(client.receive(1, if served { LONG } else { SHORT }), due);
    }
    assert_counts(&server.stop(), 4, 8, 6);
}

#[test]
fn a_starved_connection_is_served_once() {
    let server = Server::start("starve --percent 1");
    let (mut starved, mut other) = (server.connect(0), server.connect(1));
    starved.send(0);
    assert_eq!(starved.receive(0, LONG), Answer::Right);
    starved.send(1);
    other.ask(|_| Answer::Right);
    assert_eq!(starved.receive(1, SHORT), Answer::Missing);
    assert_counts(&server.stop(), 2, 102, 101);
}

#[test]
fn a_malformed_frame_closes_its_connection_after_what_came_before() {
    for behaviour in ["null", "delay --delay-us 20000"] {
        let server = Server::start(behaviour);
        let mut client = server.connect(1);
        let stream = [&client.message(0)[..], &[9; 20]].concat();
        client.stream.write_all(&stream).unwrap();
        assert_eq!(client.receive(0, LONG), Answer::Right);
        assert_eq!(client.receive(1, LONG), Answer::Closed);
        assert_eq!(server.stop().malformed, 1);
    }
}
