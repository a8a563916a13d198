//! One thread's event loop: when to connect, to send, to count and to stop.
//!
//! What the kernel tells comes through [`readiness`] (epoll) or [`completions`] (io_uring), and
//! meets in [`exchange`], where a reply is held against its request and lets the next one go.
//! Opening connections is in [`ramp`]; what makes requests due is in [`trickle`] (idle load),
//! [`open`] and [`churn`].

mod arrivals;
mod churn;
mod exchange;
mod intervals;
mod open;
mod ramp;
mod readiness;
mod trickle;
mod waiting;

use crate::{
    affinity::Affinity,
    clock::now_ns,
    connection::{Connection, Shared},
    socket,
    tally::{Report, Tally},
};
use anyhow::Context as _;
use protocol::{
    client::Messages,
    generator::{Load, Plan, Totals},
};
use rustix::{
    event::{EventfdFlags, eventfd},
    io::Errno,
};
use std::{
    mem,
    os::fd::OwnedFd,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
        mpsc::{Receiver, Sender},
    },
};

use arrivals::ArrivalTimes;
use churn::ChurnLoad;
use intervals::Course;
use open::OpenLoad;
use ramp::Ramp;
use readiness::Inbox;
use trickle::Trickle;

/// What is sent or received by one call.
const BUFFER_BYTES: usize = 64 << 10;

/// How often a ramp that can't go on looks whether it has stalled.
const RAMP_LOOK_NS: u64 = 100_000_000;

/// What the coordinator wants of a thread.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Order {
    Connect { connections: u32 },
    Start { rate_per_s: Option<f64> },
    Measure { open_ns: u64, close_ns: u64 },
    Finish,
}

/// What others may look at while the thread works.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Progress {
    pub(crate) connections: AtomicU32,
    pub(crate) requests: AtomicU64,
}

#[derive(Debug)]
enum Phase {
    Resting,
    Ramping(Box<Ramp>),
    Loading,
    Draining { deadline_ns: u64 },
    Over,
}

/// When replies count, and until when a reply lets the next request go.
#[derive(Clone, Copy, Debug)]
struct Window {
    open_ns: u64,
    close_ns: u64,
}

impl Window {
    #[inline]
    fn contains(&self, moment_ns: u64) -> bool {
        moment_ns >= self.open_ns && moment_ns < self.close_ns
    }
}

/// There is no window yet, and nothing ends the load.
const NO_WINDOW: Window = Window {
    open_ns: u64::MAX,
    close_ns: u64::MAX,
};

pub(crate) struct Worker<'a> {
    plan: &'a Plan,
    thread: u32,
    epoll: OwnedFd,
    bell: OwnedFd,
    orders: Receiver<Order>,
    reports: Sender<Report>,
    progress: Arc<Progress>,
    affinity: Affinity,
    shared: Shared<'a>,
    connections: Vec<Option<Connection>>,
    /// This thread's share of the plan's.
    connections_max: u32,
    open: u32,
    /// Batches that wait for their reply, over all connections.
    outstanding: u64,
    phase: Phase,
    window: Window,
    trickle: Trickle,
    /// From the start of an open load to the end of its window.
    open_load: Option<Box<OpenLoad>>,
    /// Likewise of a churn load.
    churn_load: Option<Box<ChurnLoad>>,
    course: Course,
    tally: Tally,
    totals: Totals,
    /// The clock as it was read last.
    now_ns: u64,
}

/// How to reach a thread.
#[derive(Debug)]
pub(crate) struct Channels {
    pub(crate) orders: Receiver<Order>,
    pub(crate) bell: OwnedFd,
    pub(crate) reports: Sender<Report>,
    pub(crate) progress: Arc<Progress>,
    pub(crate) affinity: Affinity,
}

/// A descriptor that wakes a thread from its wait.
///
/// # Errors
/// Out of descriptors or memory.
pub(crate) fn new_bell() -> Result<OwnedFd, Errno> {
    eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
}

impl<'a> Worker<'a> {
    pub(crate) fn new(
        plan: &'a Plan,
        messages: &'a Messages,
        thread: u32,
        channels: Channels,
    ) -> anyhow::Result<Self> {
        let depth = match plan.load {
            // An idle connection, and one whose batch is several messages, has one batch out.
            Load::Closed { outstanding } if messages.batch() == 1 => outstanding.max(1),
            _ => 1,
        };
        let connections_max = plan.connections_max.div_ceil(plan.threads);
        let epoll = readiness::watch(&channels.bell).context("epoll")?;
        Ok(Self {
            plan,
            thread,
            epoll,
            bell: channels.bell,
            orders: channels.orders,
            reports: channels.reports,
            progress: channels.progress,
            affinity: channels.affinity,
            shared: Shared {
                messages,
                depth,
                out: vec![0; BUFFER_BYTES].into_boxed_slice(),
                sent_at_ns: vec![0; connections_max as usize * depth as usize],
            },
            connections: Vec::with_capacity(connections_max as usize),
            connections_max,
            open: 0,
            outstanding: 0,
            phase: Phase::Resting,
            window: NO_WINDOW,
            trickle: Trickle::default(),
            open_load: None,
            churn_load: None,
            course: Course::resting(),
            tally: Tally::new(),
            totals: Totals::default(),
            now_ns: now_ns(),
        })
    }

    /// Works until told to finish.
    ///
    /// # Errors
    /// epoll fails, which takes a lack of memory.
    pub(crate) fn run(mut self) -> anyhow::Result<()> {
        let mut inbox = Inbox::new();
        while !matches!(self.phase, Phase::Over) {
            let had_none = self.take_readiness(&mut inbox)?;
            self.obey();
            self.end_turn(had_none);
        }
        Ok(())
    }

    /// Looked for in each turn: the bell only ends a wait. Where many sockets are ready it comes
    /// after all of them, and with a million a window would open twenty seconds late.
    fn obey(&mut self) {
        while let Ok(order) = self.orders.try_recv() {
            match order {
                Order::Connect { connections } => {
                    self.affinity.loosen();
                    self.phase = Phase::Ramping(Box::new(Ramp::new(connections, now_ns())));
                }
                Order::Start { rate_per_s } => {
                    self.affinity.keep();
                    self.start(now_ns(), rate_per_s);
                }
                Order::Measure { open_ns, close_ns } => {
                    self.connections
                        .iter_mut()
                        .flatten()
                        .for_each(|c| c.served = 0);
                    self.window = Window { open_ns, close_ns };
                    self.course.cut_at(open_ns);
                }
                Order::Finish => self.finish(),
            }
        }
    }

    fn start(&mut self, now: u64, rate_per_s: Option<f64>) {
        self.phase = Phase::Loading;
        self.window = NO_WINDOW;
        self.start_course(now);
        let times = |schedule| {
            let of = (self.thread, self.plan.threads);
            let rate_per_s = rate_per_s.unwrap_or(1.0);
            ArrivalTimes::new(schedule, rate_per_s, of, self.plan.first_connection, now)
        };
        match self.plan.load {
            Load::Closed { .. } => {
                for index in 0..self.connections.len() {
                    self.send(index, self.shared.depth, now_ns());
                }
            }
            Load::Idle { .. } => self.trickle = Trickle::starting(now),
            Load::Open(schedule) => {
                let load = OpenLoad::new(times(schedule), self.connections.len());
                self.open_load = Some(Box::new(load));
            }
            Load::Churn(schedule) => {
                let load = ChurnLoad::new(times(schedule));
                self.churn_load = Some(Box::new(load));
            }
        }
    }

    fn finish(&mut self) {
        // The slots stay: events of what was there may follow.
        for connection in self.connections.iter_mut().filter_map(Option::take) {
            socket::reset_on_close(&connection.fd);
        }
        let _ = self.reports.send(Report::Finished(self.totals));
        self.phase = Phase::Over;
    }

    /// `None`: until an event or an order comes.
    fn wait_at_most_ns(&self, now: u64) -> Option<u64> {
        let until = match &self.phase {
            Phase::Resting | Phase::Over => return None,
            Phase::Ramping(ramp) if ramp.room(self.connections.len() as u32) > 0 => now,
            Phase::Ramping(_) => now + RAMP_LOOK_NS,
            Phase::Loading if self.polls_busily() => now,
            Phase::Loading => self
                .next_send_ns()
                .unwrap_or(u64::MAX)
                .min(self.window.close_ns)
                .min(self.course.end_ns),
            Phase::Draining { deadline_ns } => *deadline_ns,
        };
        (until < u64::MAX).then(|| until.saturating_sub(now))
    }

    fn polls_busily(&self) -> bool {
        matches!(self.plan.load, Load::Open(s) | Load::Churn(s) if s.busy_poll)
    }

    /// When the next request is due by the clock.
    fn next_send_ns(&self) -> Option<u64> {
        match (&self.open_load, &self.churn_load) {
            (Some(open), _) => Some(open.times.next_ns()),
            (_, Some(churn)) => Some(churn.times.next_ns()),
            _ => self.next_trickle_ns(),
        }
    }

    #[inline(always)]
    fn send_what_is_due(&mut self, now: u64) {
        if !matches!(self.plan.load, Load::Closed { .. }) && matches!(self.phase, Phase::Loading) {
            self.send_scheduled(now);
            self.churn(now);
            self.send_trickle(now);
        }
    }

    /// All events have been looked at.
    fn end_turn(&mut self, had_none: bool) {
        let turn_began_ns = self.now_ns;
        self.now_ns = now_ns();
        if self.window.contains(turn_began_ns) {
            self.tally.polls += 1;
            self.tally.polls_empty += u64::from(had_none);
            if self.polls_busily() {
                let longest_ns = &mut self.tally.scheduled.longest_stall_ns;
                *longest_ns = (*longest_ns).max(self.now_ns - turn_began_ns);
            }
        }
        self.advance(self.now_ns);
        self.progress.connections.store(self.open, Relaxed);
        self.progress.requests.store(self.totals.responses, Relaxed);
    }

    /// What time, rather than an event, asks for.
    fn advance(&mut self, now: u64) {
        self.roll_course(now);
        match &mut self.phase {
            Phase::Resting | Phase::Over => {}
            Phase::Ramping(_) => self.go_on_connecting(now),
            Phase::Loading if now >= self.window.close_ns => {
                let deadline_ns = self.window.close_ns + self.plan.reply_deadline_us * 1000;
                // What the schedule intended for the window is still due.
                self.send_what_is_due(now);
                let is_behind = !matches!(self.plan.load, Load::Idle { .. })
                    && self
                        .next_send_ns()
                        .is_some_and(|due| due < self.window.close_ns);
                if !is_behind || now >= deadline_ns {
                    self.phase = Phase::Draining { deadline_ns };
                    self.advance(now);
                }
            }
            Phase::Loading => self.send_what_is_due(now),
            Phase::Draining { deadline_ns } => {
                let deadline_ns = *deadline_ns;
                if self.is_drained() || now >= deadline_ns {
                    self.phase = Phase::Resting;
                    self.report_window(now);
                }
            }
        }
    }

    fn is_drained(&self) -> bool {
        self.outstanding == 0
            && self
                .open_load
                .as_ref()
                .is_none_or(|open| open.waiting.is_empty())
            && self.churn_load.as_ref().is_none_or(|churn| churn.is_idle())
    }

    fn report_window(&mut self, now: u64) {
        self.count_unanswered(now);
        let mut tally = mem::replace(&mut self.tally, Tally::new());
        tally.connections = self.open;
        tally.replies_missing += self.outstanding;
        for connection in self.connections.iter().flatten() {
            tally.served_least = tally.served_least.min(connection.served);
            tally.served_most = tally.served_most.max(connection.served);
            tally.never_served += u32::from(connection.served == 0);
        }
        let _ = self.reports.send(Report::Measured(Box::new(tally)));
    }

    /// The connection's number among those of all generators.
    #[inline]
    fn number(&self, index: usize) -> u32 {
        if let Some(churn) = &self.churn_load {
            return churn.number(index);
        }
        self.plan.first_connection + self.thread + index as u32 * self.plan.threads
    }
}
