//! The course of a load: what happened in each short interval of it. Before the window every
//! interval is told at once, so that the coordinator sees when the load has become steady;
//! those of the window are kept until it is over.

use super::{NO_WINDOW, Window, Worker};
use crate::tally::{IntervalTally, Report};

/// The interval that is on its way.
#[derive(Debug)]
pub(super) struct Course {
    every_ns: u64,
    pub(super) end_ns: u64,
    now: IntervalTally,
    in_window: bool,
}

impl Course {
    /// None is on its way.
    pub(super) fn resting() -> Self {
        Self {
            every_ns: 1,
            end_ns: u64::MAX,
            now: IntervalTally::new(0),
            in_window: false,
        }
    }

    fn starting(start_ns: u64, every_ns: u64, in_window: bool) -> Self {
        Self {
            every_ns,
            end_ns: start_ns + every_ns,
            now: IntervalTally::new(0),
            in_window,
        }
    }

    #[inline]
    pub(super) fn count(&mut self, latency_ns: u64) {
        self.now.requests += 1;
        self.now.record(latency_ns);
    }

    /// A window has been announced: the interval that it opens in ends there.
    pub(super) fn cut_at(&mut self, open_ns: u64) {
        self.end_ns = self.end_ns.min(open_ns);
    }
}

impl Worker<'_> {
    pub(super) fn start_course(&mut self, now: u64) {
        self.course = Course::starting(now, self.plan.interval_us * 1000, false);
    }

    /// Ends all intervals that are over by now.
    pub(super) fn roll_course(&mut self, now: u64) {
        while now >= self.course.end_ns {
            let Window { open_ns, close_ns } = self.window;
            if self.course.end_ns == open_ns && !self.course.in_window {
                // What is left before the window is no whole interval.
                self.course = Course::starting(open_ns, self.course.every_ns, true);
                continue;
            }
            let next = IntervalTally::new(self.course.now.index + 1);
            let over = std::mem::replace(&mut self.course.now, next);
            if self.course.in_window {
                self.tally.intervals.push(over);
            } else {
                let _ = self.reports.send(Report::Interval(Box::new(over)));
            }
            self.course.end_ns += self.course.every_ns;
            if self.course.in_window && self.course.end_ns > close_ns {
                self.course = Course::resting();
            } else if !self.course.in_window && open_ns != NO_WINDOW.open_ns {
                self.course.cut_at(open_ns);
            }
        }
    }
}
