//! What a thread has before it: its connections, its orders, and where it has come to.

use super::{
    course::{Course, NO_WINDOW, Window},
    loads::Source,
    ramp::Ramp,
    reading::Reading,
};
use crate::{
    affinity::Affinity,
    clock::now_ns,
    connection::{Connection, Shared},
    tally::{Report, Tally, new_tally},
};
use anyhow::Context as _;
use protocol::{
    generator::{Load, Plan, Turns},
    tally::Totals,
};
use rustix::{
    event::{
        EventfdFlags,
        epoll::{self, CreateFlags, EventData, EventFlags},
        eventfd,
    },
    io::Errno,
};
use std::{
    collections::BTreeSet,
    os::fd::OwnedFd,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64},
        mpsc::{Receiver, Sender},
    },
};
use wires::{Replies, Requests};

/// What epoll calls the bell; connections are called by their index.
pub(super) const BELL: u64 = u64::MAX;

/// What is sent or received by one call.
pub(super) const BUFFER_BYTES: usize = 64 << 10;

/// What the coordinator wants of a thread.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Order {
    /// Over all threads of all generators.
    Connect {
        connections: u32,
    },
    Start {
        begins_at_ns: u64,
        rate_per_s: Option<f64>,
        samples: bool,
    },
    Measure {
        open_ns: u64,
        close_ns: u64,
    },
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
pub(super) enum Phase {
    Resting,
    Ramping(Box<Ramp>),
    Starting { begins_at_ns: u64, rate_per_s: f64 },
    Loading,
    Draining { deadline_ns: u64 },
    Over,
}

/// What a thread works with.
pub(crate) struct Worker<'a> {
    pub(super) plan: &'a Plan,
    /// Which connections are this thread's, among all of all generators.
    pub(super) turns: Turns,
    pub(super) epoll: OwnedFd,
    pub(super) bell: OwnedFd,
    pub(super) orders: Receiver<Order>,
    pub(super) reports: Sender<Report>,
    pub(super) progress: Arc<Progress>,
    pub(super) affinity: Affinity,
    pub(super) shared: Shared<'a>,
    pub(super) connections: Vec<Option<Connection>>,
    /// Connections with more to read, perhaps, whose turn it isn't.
    pub(super) unread: BTreeSet<usize>,
    /// How many the load is over, in all generators.
    pub(super) connections_of_all: u32,
    /// At the end, with a FIN instead of a reset.
    pub(super) closes_in_order: bool,
    pub(super) open: u32,
    /// Batches that wait for their reply, over all connections.
    pub(super) outstanding: u64,
    pub(super) phase: Phase,
    pub(super) window: Window,
    pub(super) reading: Reading,
    pub(super) source: Source,
    pub(super) course: Course,
    pub(super) tally: Tally,
    pub(super) totals: Totals,
    /// The clock as it was read last.
    pub(super) now_ns: u64,
    /// When the loop last had looked at all events.
    pub(super) turn_began_ns: u64,
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

/// An epoll instance that watches the bell.
///
/// # Errors
/// Out of descriptors or memory.
fn watch(bell: &OwnedFd) -> Result<OwnedFd, Errno> {
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    epoll::add(&epoll, bell, EventData::new_u64(BELL), EventFlags::IN)?;
    Ok(epoll)
}

impl<'a> Worker<'a> {
    pub(crate) fn new(
        plan: &'a Plan,
        requests: &'a Requests,
        thread: u32,
        channels: Channels,
    ) -> anyhow::Result<Self> {
        let depth = match plan.load {
            // An idle connection, and one whose batch is several messages, has one batch out.
            Load::Closed { outstanding } if requests.batch() == 1 => outstanding.max(1),
            _ => 1,
        };
        let turns = plan.turns_of_thread(thread);
        let connections_max = turns.count(plan.connections_max.into()) as usize;
        let epoll = watch(&channels.bell).context("epoll")?;
        Ok(Self {
            plan,
            turns,
            epoll,
            bell: channels.bell,
            orders: channels.orders,
            reports: channels.reports,
            progress: channels.progress,
            affinity: channels.affinity,
            shared: Shared {
                requests,
                replies: Replies::default(),
                depth,
                out: vec![0; BUFFER_BYTES].into_boxed_slice(),
                sent_at_ns: vec![0; connections_max * depth as usize],
            },
            connections: Vec::with_capacity(connections_max),
            unread: BTreeSet::new(),
            connections_of_all: plan.connections_max,
            closes_in_order: plan.closes_in_order,
            open: 0,
            outstanding: 0,
            phase: Phase::Resting,
            window: NO_WINDOW,
            reading: Reading::default(),
            source: Source::default(),
            course: Course::resting(),
            tally: new_tally(plan.load),
            totals: Totals::default(),
            now_ns: now_ns(),
            turn_began_ns: now_ns(),
        })
    }

    /// Ends all intervals that are over by now, and with them the window's edges.
    pub(super) fn roll_course(&mut self, now: u64) {
        while now >= self.course.end_ns {
            let end_ns = self.course.end_ns;
            let outstanding = self.outstanding_at(end_ns);
            let counts = &mut self.tally.counts;
            if end_ns == self.window.open_ns {
                counts.outstanding_at_open = outstanding;
            }
            if end_ns == self.window.close_ns {
                counts.outstanding_at_close = outstanding;
            }
            let kept = &mut self.tally.intervals;
            self.course
                .end_interval(self.window, outstanding, kept, &self.reports);
        }
    }

    /// Requests that are due or sent by this moment, and not answered.
    fn outstanding_at(&self, moment_ns: u64) -> u64 {
        match &self.source {
            Source::Open(open) => {
                self.outstanding + open.waiting.len() as u64 + open.times.due_before(moment_ns)
            }
            Source::Churn(churn) => {
                let waiting = churn.waiting.len() as u64;
                self.churned_outstanding() + waiting + churn.times.due_before(moment_ns)
            }
            Source::Replies | Source::Trickle(_) => self.outstanding,
        }
    }

    /// The connection's number among those of all generators.
    #[inline]
    pub(super) fn number(&self, index: usize) -> u32 {
        if let Source::Churn(churn) = &self.source {
            return churn.numbers[index];
        }
        self.turns.number(index as u32)
    }
}
