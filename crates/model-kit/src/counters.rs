//! Counts that every thread keeps for itself and that are added up once, at the end.

use protocol::{launch::Done, wire::Wire};
use std::{
    cell::Cell,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

/// One thread's counts. On cache lines of their own (two, because neighbours are fetched in
/// pairs), so that threads don't contend.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Counters {
    pub(crate) accepted: Count,
    pub(crate) closed: Count,
    pub(crate) requests: Count,
    pub(crate) responses: Count,
    pub(crate) bytes_in: Count,
    pub(crate) bytes_out: Count,
    pub(crate) malformed: Count,
    pub(crate) accept_errors: Count,
}

/// A number that only its own thread changes and any thread may read.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    /// A plain load and store rather than `fetch_add`: with a single writer nothing is lost,
    /// and no bus lock is taken.
    #[inline]
    pub(crate) fn add(&self, n: u64) {
        self.0.store(self.0.load(Relaxed) + n, Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

static ALL: Mutex<Vec<&'static Counters>> = Mutex::new(Vec::new());

thread_local! {
    // A reference rather than an owner: without a destructor, access is a plain load.
    static MINE: Cell<Option<&'static Counters>> = const { Cell::new(None) };
}

/// This thread's counts.
#[inline]
pub(crate) fn counters() -> &'static Counters {
    MINE.get().unwrap_or_else(register)
}

/// Counts outlive their thread: they are added up at the end of the process.
#[cold]
fn register() -> &'static Counters {
    let mine: &'static Counters = Box::leak(Box::default());
    ALL.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(mine);
    MINE.set(Some(mine));
    mine
}

fn sum(of: impl Fn(&Counters) -> &Count) -> u64 {
    let all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
    all.iter().map(|counters| of(counters).get()).sum()
}

/// Connections that are open now.
pub(crate) fn open_connections() -> u64 {
    // Closed before accepted: a connection that comes and goes in between must not make the
    // difference negative or hide an open one.
    let closed = sum(|c| &c.closed);
    sum(|c| &c.accepted).saturating_sub(closed)
}

/// The sums of all threads. A raw wire has no frames to count.
pub(crate) fn totals(wire: Wire) -> Done {
    let frames = |n: u64| (wire == Wire::Framed).then_some(n);
    Done {
        accepted: sum(|c| &c.accepted),
        requests: frames(sum(|c| &c.requests)),
        responses: frames(sum(|c| &c.responses)),
        bytes_in: sum(|c| &c.bytes_in),
        bytes_out: sum(|c| &c.bytes_out),
        malformed: sum(|c| &c.malformed),
        accept_errors: sum(|c| &c.accept_errors),
        abandoned: open_connections(),
    }
}
