//! What models need to do work.

use protocol::work::{Finished, Task, Work};
use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

/// Hashing that is no longer than this many blocks is too short to hand to another thread, for
/// models that would.
///
/// The rule among users of async runtimes is to go 10 to 100 microseconds at most without an
/// await (A. Ryhl, "Async: What is blocking?",
/// <https://ryhl.io/blog/async-what-is-blocking/>). A block takes 0.05 to 0.3 us, with and
/// without a CPU's instructions for SHA-256, and a hand-over some 10 us.
pub const SHORT_TASK_BLOCKS: u64 = 300;

/// Does the work on the calling thread, which is of no use to anyone else until it returns.
pub fn run_blocking(work: Work) -> Finished {
    match work.task() {
        Task::Cpu { .. } => {}
        Task::Wait(time) | Task::Block(time) => thread::sleep(time),
    }
    work.finish()
}

/// What waits (requests, mostly), for models without a runtime that has timers: by the time when
/// it is due, and by a key, of which each waits for one thing at a time.
#[derive(Debug)]
pub struct Timers<K, V = Work>(BTreeMap<(Instant, K), V>);

impl<K, V> Default for Timers<K, V> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord, V> Timers<K, V> {
    /// Has it due after this time.
    pub fn set(&mut self, after: Duration, key: K, what: V) {
        self.0.insert((Instant::now() + after, key), what);
    }

    /// Takes back what was set for a key.
    #[cold]
    pub fn forget(&mut self, key: &K) {
        self.0.retain(|(_, of), _| of != key);
    }

    /// How long it is until the next is due; `None` when there is none.
    #[inline]
    pub fn until_next(&self) -> Option<Duration> {
        let ((due, _), _) = self.0.first_key_value()?;
        Some(due.saturating_duration_since(Instant::now()))
    }

    /// Takes those that are due now. What is set from here on has to wait for the next call,
    /// so that requests for no time at all can't keep a loop from the others.
    #[inline]
    pub fn due(&mut self) -> Vec<(K, V)> {
        let mut due = Vec::new();
        if self.0.is_empty() {
            return due;
        }
        let now = Instant::now();
        while let Some(first) = self.0.first_entry()
            && first.key().0 <= now
        {
            let ((_, key), what) = first.remove_entry();
            due.push((key, what));
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{
        session::{Chunk, Session},
        wire::{Header, Kind, Wire},
    };

    fn wait() -> Work {
        let header = Header {
            kind: Kind::Wait,
            payload_bytes: 0,
            id: 1,
            argument: 5,
        };
        let mut chunk = Chunk::new(64);
        let bytes = header.encode();
        chunk.space()[..bytes.len()].copy_from_slice(&bytes);
        chunk.fill(bytes.len());
        let step = Session::new(Wire::Framed).next(&mut chunk).unwrap();
        step.unwrap().work.unwrap()
    }

    #[test]
    fn timers_are_due_in_their_order_and_not_before() {
        let mut timers = Timers::default();
        assert_eq!(timers.until_next(), None);
        timers.set(Duration::from_secs(3600), 'c', wait());
        timers.set(Duration::from_millis(20), 'b', wait());
        timers.set(Duration::ZERO, 'a', wait());
        thread::sleep(Duration::from_millis(20));
        assert_eq!(timers.until_next(), Some(Duration::ZERO));
        let due: Vec<char> = timers.due().into_iter().map(|(key, _)| key).collect();
        assert_eq!(due, ['a', 'b']);
        assert!(timers.until_next() > Some(Duration::from_secs(3500)));
        assert!(timers.due().is_empty());
    }
}
