//! Where a thread has come to with what makes its requests due.

use super::{arrivals::ArrivalTimes, waiting::Waiting};
use std::collections::VecDeque;

/// An open load on its way.
#[derive(Debug)]
pub(super) struct OpenLoad {
    pub(super) times: ArrivalTimes,
    /// When the request that is on its way was due, for each connection.
    pub(super) intended_ns: Vec<u64>,
    pub(super) waiting: Waiting,
}

impl OpenLoad {
    pub(super) fn new(times: ArrivalTimes, connections: usize) -> Self {
        Self {
            times,
            intended_ns: vec![0; connections],
            waiting: Waiting::new(connections),
        }
    }
}

/// A churn load on its way.
#[derive(Debug)]
pub(super) struct ChurnLoad {
    pub(super) times: ArrivalTimes,
    /// For each slot: the connection's number, and when it was due.
    pub(super) numbers: Vec<u32>,
    pub(super) intended_ns: Vec<u64>,
    /// Slots without a connection.
    pub(super) free: Vec<usize>,
    /// Slots that were freed just now. An event for what was there before may still follow.
    pub(super) freed: Vec<usize>,
    /// Due, while all slots are taken.
    pub(super) waiting: VecDeque<u64>,
    pub(super) begun: u32,
}

impl ChurnLoad {
    pub(super) fn new(times: ArrivalTimes) -> Self {
        Self {
            times,
            numbers: Vec::new(),
            intended_ns: Vec::new(),
            free: Vec::new(),
            freed: Vec::new(),
            waiting: VecDeque::new(),
            begun: 0,
        }
    }

    /// Whether nothing is on its way.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.free.len() + self.freed.len() == self.numbers.len()
    }

    /// A slot for one more connection, if there may be one more.
    pub(super) fn slot(&mut self, slots_max: usize) -> Option<usize> {
        if self.free.is_empty() && self.numbers.len() < slots_max {
            self.numbers.push(0);
            self.intended_ns.push(0);
            return Some(self.numbers.len() - 1);
        }
        self.free.pop()
    }
}
