//! The window, and the course of a load: what happened in each short interval of it. Before the
//! window every interval is told at once, so that the coordinator sees when the load has become
//! steady; those of the window are kept until it is over.

use crate::tally::{Interval, Report, new_interval, record};
use std::{mem, sync::mpsc::Sender};

/// When replies count, and until when a reply lets the next request go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub(super) open_ns: u64,
    pub(super) close_ns: u64,
}

impl Window {
    #[inline]
    pub(super) fn contains(&self, moment_ns: u64) -> bool {
        moment_ns >= self.open_ns && moment_ns < self.close_ns
    }

    /// How much of a stretch of time lies in it.
    pub(super) fn part_of(&self, from_ns: u64, to_ns: u64) -> u64 {
        let end_ns = to_ns.min(self.close_ns);
        end_ns.saturating_sub(from_ns.max(self.open_ns))
    }
}

/// There is no window yet, and nothing ends the load.
pub(super) const NO_WINDOW: Window = Window {
    open_ns: u64::MAX,
    close_ns: u64::MAX,
};

/// The interval that is on its way.
#[derive(Debug)]
pub(super) struct Course {
    every_ns: u64,
    pub(super) end_ns: u64,
    now: Interval,
    in_window: bool,
}

impl Course {
    /// None is on its way.
    pub(super) fn resting() -> Self {
        Self {
            every_ns: 1,
            end_ns: u64::MAX,
            now: new_interval(0),
            in_window: false,
        }
    }

    pub(super) fn starting(start_ns: u64, every_ns: u64) -> Self {
        Self {
            every_ns,
            end_ns: start_ns + every_ns,
            ..Self::resting()
        }
    }

    #[inline]
    pub(super) fn count(&mut self, latency_ns: u64) {
        record(&mut self.now, latency_ns);
    }

    /// The interval ends at this edge of the window if it would reach beyond.
    pub(super) fn cut_at(&mut self, edge_ns: u64) {
        self.end_ns = self.end_ns.min(edge_ns);
    }

    /// Ends the interval that is on its way, with so much outstanding.
    pub(super) fn end_interval(
        &mut self,
        Window { open_ns, close_ns }: Window,
        outstanding: u64,
        kept: &mut Vec<Interval>,
        reports: &Sender<Report>,
    ) {
        let end_ns = self.end_ns;
        if end_ns == open_ns {
            // What is left before the window is no whole interval.
            *self = Self::starting(open_ns, self.every_ns);
            self.in_window = true;
            return self.cut_at(close_ns);
        }
        let next = new_interval(self.now.index + 1);
        let mut over = mem::replace(&mut self.now, next);
        over.outstanding = outstanding;
        self.end_ns += self.every_ns;
        if !self.in_window {
            let _ = reports.send(Report::Interval(Box::new(over)));
            return self.cut_at(open_ns);
        }
        // Nor is what is left at its close.
        if (end_ns - open_ns).is_multiple_of(self.every_ns) {
            kept.push(over);
        }
        if end_ns == close_ns {
            *self = Self::resting();
        } else {
            self.cut_at(close_ns);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_counts_as_far_as_it_lies_in_the_window() {
        let window = Window {
            open_ns: 100,
            close_ns: 200,
        };
        let parts = [
            (0, 100),
            (90, 110),
            (120, 150),
            (150, 250),
            (50, 300),
            (200, 300),
        ];
        let parts = parts.map(|(from_ns, to_ns)| window.part_of(from_ns, to_ns));
        assert_eq!(parts, [0, 10, 30, 50, 100, 0]);
        assert_eq!(NO_WINDOW.part_of(0, 1_000), 0);
    }
}
