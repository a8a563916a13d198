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

    /// A window has been announced: the interval that it opens in ends there.
    pub(super) fn cut_at(&mut self, open_ns: u64) {
        self.end_ns = self.end_ns.min(open_ns);
    }

    /// Ends all intervals that are over by now.
    pub(super) fn roll(
        &mut self,
        now: u64,
        Window { open_ns, close_ns }: Window,
        kept: &mut Vec<Interval>,
        reports: &Sender<Report>,
    ) {
        while now >= self.end_ns {
            if self.end_ns == open_ns && !self.in_window {
                // What is left before the window is no whole interval.
                *self = Self::starting(open_ns, self.every_ns);
                self.in_window = true;
                continue;
            }
            let next = new_interval(self.now.index + 1);
            let over = mem::replace(&mut self.now, next);
            if self.in_window {
                kept.push(over);
            } else {
                let _ = reports.send(Report::Interval(Box::new(over)));
            }
            self.end_ns += self.every_ns;
            if self.in_window && self.end_ns > close_ns {
                *self = Self::resting();
            } else if !self.in_window && open_ns != NO_WINDOW.open_ns {
                self.cut_at(open_ns);
            }
        }
    }
}
