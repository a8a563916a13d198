//! Counts that every thread keeps for itself and that are added up once, at the end.

use protocol::launch::{Done, ThreadCounts};
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
    pub(crate) backend_failures: Count,
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

    /// Of what was added too early.
    pub(crate) fn take_back(&self, n: u64) {
        self.0.store(self.0.load(Relaxed) - n, Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// Beyond so many threads a done line has their sums only.
const THREADS_TOLD_MAX: usize = 256;

static ALL: Mutex<Vec<&'static Counters>> = Mutex::new(Vec::new());

/// Counts of threads that have ended, for those to come: a server may start a thread for each
/// connection, and must not keep counts for every one that there ever was.
static FREE: Mutex<Vec<&'static Counters>> = Mutex::new(Vec::new());

thread_local! {
    // A reference rather than an owner: without a destructor, access is a plain load.
    static MINE: Cell<Option<&'static Counters>> = const { Cell::new(None) };
    static AT_END: GiveBack = const { GiveBack };
}

/// Gives the thread's counts to another when the thread ends.
struct GiveBack;

impl Drop for GiveBack {
    fn drop(&mut self) {
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        free.extend(MINE.take());
    }
}

/// This thread's counts.
#[inline]
pub(crate) fn counters() -> &'static Counters {
    MINE.get().unwrap_or_else(register)
}

/// Counts outlive their thread: they are added up at the end of the process.
#[cold]
fn register() -> &'static Counters {
    let free = FREE.lock().unwrap_or_else(PoisonError::into_inner).pop();
    let mine = free.unwrap_or_else(new);
    MINE.set(Some(mine));
    // So late in the thread's end that it can't be told of it any more, they are just kept.
    let _ = AT_END.try_with(|_| ());
    mine
}

/// Counts that are no other thread's.
pub(crate) fn new() -> &'static Counters {
    let new: &'static Counters = Box::leak(Box::default());
    ALL.lock().unwrap_or_else(PoisonError::into_inner).push(new);
    new
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

/// The sums of all threads. `counts_frames` says whether there are any to count.
pub(crate) fn totals(counts_frames: bool) -> Done {
    let frames = |n: u64| counts_frames.then_some(n);
    Done {
        accepted: sum(|c| &c.accepted),
        requests: frames(sum(|c| &c.requests)),
        responses: frames(sum(|c| &c.responses)),
        bytes_in: sum(|c| &c.bytes_in),
        bytes_out: sum(|c| &c.bytes_out),
        malformed: sum(|c| &c.malformed),
        accept_errors: sum(|c| &c.accept_errors),
        abandoned: open_connections(),
        backend_failures: sum(|c| &c.backend_failures),
        by_thread: by_thread(counts_frames),
    }
}

/// Of the threads that had anything to count, unless there were too many.
fn by_thread(counts_frames: bool) -> Vec<ThreadCounts> {
    let all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
    let each = all.iter().map(|counters| ThreadCounts {
        accepted: counters.accepted.get(),
        requests: counts_frames.then(|| counters.requests.get()),
        bytes_in: counters.bytes_in.get(),
    });
    let each = each.filter(|own| own.accepted > 0 || own.bytes_in > 0);
    let mut told: Vec<ThreadCounts> = each.take(THREADS_TOLD_MAX + 1).collect();
    if told.len() > THREADS_TOLD_MAX {
        told.clear();
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{ptr, thread};

    #[test]
    fn a_thread_goes_on_with_the_counts_of_one_that_has_ended() {
        let count_one = || {
            let mine = counters();
            mine.malformed.add(1);
            mine
        };
        let kept = count_one();
        let all = |_| thread::spawn(count_one).join().unwrap();
        let threads: Vec<&Counters> = (0..50).map(all).collect();
        assert!(threads.iter().all(|theirs| !ptr::eq(*theirs, kept)));
        // Other tests' threads may take some of them meanwhile.
        let mut blocks: Vec<*const Counters> = threads.iter().map(|c| ptr::from_ref(*c)).collect();
        blocks.sort_unstable();
        blocks.dedup();
        assert!(blocks.len() < 50, "every thread has counts of its own");
        assert!(sum(|c| &c.malformed) >= 51);
    }
}
