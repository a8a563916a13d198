//! What the generator's tests share: servers whose behaviour is known, and the generator as a
//! coordinator sees it.

#![allow(dead_code, reason = "each test program uses a part of this")]

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hdrhistogram::serialization::Deserializer;
use protocol::{
    endpoint::Endpoint,
    generator::{Command as Order, Event, Plan},
    session::{Chunk, Session},
    tally::{Connected, Histogram, Tally, Totals},
    wire::Wire,
};
use rustix::time::{ClockId, clock_gettime};
use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    thread,
    time::Duration,
};

/// What a test's server does to the reply with this number, counted on its connection.
pub(crate) type Meddle = fn(number: u32, reply: &mut Vec<u8>);

pub(crate) fn serve(wire: Wire, meddle: Meddle) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || answer(stream, wire, meddle));
        }
    });
    addr
}

fn answer(mut stream: TcpStream, wire: Wire, meddle: Meddle) {
    let mut session = Session::new(wire);
    let mut chunk = Chunk::new(64 << 10);
    let mut number = 0;
    while let Ok(received @ 1..) = stream.read(chunk.space()) {
        chunk.fill(received);
        while let Ok(Some(step)) = session.next(&mut chunk) {
            let mut reply = step.reply.to_vec();
            meddle(number, &mut reply);
            number += 1;
            if stream.write_all(&reply).is_err() {
                return;
            }
        }
    }
}

pub(crate) struct Generator {
    pub(crate) child: Child,
    pub(crate) orders: ChildStdin,
    events: BufReader<ChildStdout>,
    pub(crate) rate_per_s: Option<f64>,
    pub(crate) samples: bool,
}

impl Generator {
    pub(crate) fn start(plan: &Plan) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_loadgen"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut orders = child.stdin.take().unwrap();
        let events = BufReader::new(child.stdout.take().unwrap());
        writeln!(orders, "{}", serde_json::to_string(plan).unwrap()).unwrap();
        Self {
            child,
            orders,
            events,
            rate_per_s: None,
            samples: false,
        }
    }

    pub(crate) fn order(&mut self, order: &Order) {
        writeln!(self.orders, "{}", serde_json::to_string(order).unwrap()).unwrap();
    }

    /// The next event, but for those that tell how it goes.
    pub(crate) fn next(&mut self) -> Event {
        loop {
            match self.next_of_all() {
                Event::Progress { .. } | Event::Interval(_) => {}
                event => return event,
            }
        }
    }

    pub(crate) fn next_of_all(&mut self) -> Event {
        let mut line = String::new();
        assert!(
            self.events.read_line(&mut line).unwrap() > 0,
            "the generator ended"
        );
        serde_json::from_str(&line).unwrap()
    }

    pub(crate) fn connect(&mut self, connections: u32) -> Connected {
        self.order(&Order::Connect { connections });
        match self.next() {
            Event::Connected(connected) => connected,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn begin(&mut self, begins_at_ns: u64) {
        self.order(&Order::Start {
            begins_at_ns,
            rate_per_s: self.rate_per_s,
            samples: self.samples,
        });
    }

    pub(crate) fn measure(&mut self, window: Duration) -> Tally {
        let begins_at_ns = now_ns();
        self.begin(begins_at_ns);
        self.open(begins_at_ns + LEAD_NS, window);
        self.result()
    }

    pub(crate) fn open(&mut self, opens_at_ns: u64, window: Duration) {
        self.order(&Order::Measure {
            opens_at_ns,
            window_us: window.as_micros() as u64,
        });
    }

    pub(crate) fn result(&mut self) -> Tally {
        match self.next() {
            Event::Result(result) => *result,
            other => panic!("{other:?}"),
        }
    }

    fn memory_peak_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = peak.unwrap().trim().trim_end_matches(" kB");
        kib.parse().unwrap()
    }

    pub(crate) fn finish(mut self) -> Totals {
        self.order(&Order::Finish);
        let Event::Finished(totals) = self.next() else {
            panic!("not finished");
        };
        assert!(self.child.wait().unwrap().success());
        totals
    }
}

pub(crate) fn plan(target: impl Into<Endpoint>) -> Plan {
    Plan {
        payload_bytes: 100,
        connections_max: 100,
        reply_deadline_us: 500_000,
        interval_us: 50_000,
        ..Plan::least(target)
    }
}

/// A deadline that every reply keeps, however busy the machine is.
pub(crate) const PATIENT_US: u64 = 30_000_000;

/// From the announcement of a window to its opening: a busy machine may be that slow to tell.
pub(crate) const LEAD_NS: u64 = 500_000_000;

pub(crate) fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

pub(crate) const WINDOW: Duration = Duration::from_millis(200);

/// One window over ten connections, and the totals.
pub(crate) fn measured(plan: &Plan) -> (Tally, Totals) {
    let mut generator = Generator::start(plan);
    assert_eq!(generator.connect(10).connections, 10);
    let result = generator.measure(WINDOW);
    (result, generator.finish())
}

/// Asserts that of ten connections some are lost in a window, each by this kind of error and no other,
/// and that the generator has kept little of what came.
pub(crate) fn assert_lost_by(kind: &str, plan: &Plan) {
    let mut generator = Generator::start(plan);
    assert_eq!(generator.connect(10).connections, 10, "{kind}");
    let result = generator.measure(WINDOW);
    // On a busy machine not every connection comes to the request that is answered wrongly.
    let lost = result.counts.connections_lost;
    assert!(lost > 0, "{kind}: {result:?}");
    let errors: Vec<_> = result.errors.0.into_iter().collect();
    assert_eq!(errors, [(kind.to_owned(), lost)]);
    let peak_kib = generator.memory_peak_kib();
    assert!(peak_kib < 64 << 10, "{kind}: {peak_kib} KiB");
    generator.finish();
}

pub(crate) fn decoded(histogram: &Histogram) -> hdrhistogram::Histogram<u64> {
    let bytes = STANDARD.decode(&histogram.0).unwrap();
    Deserializer::new()
        .deserialize(&mut bytes.as_slice())
        .unwrap()
}
