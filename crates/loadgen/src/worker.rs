//! One thread's event loop: when to connect, to send, to count and to stop.
//!
//! | module | |
//! |---|---|
//! | [`state`] | what the thread has before it: all others work on that |
//! | [`readiness`] | what the kernel tells, by epoll |
//! | [`exchange`] | a reply is held against its request and lets the next one go |
//! | [`greeting`] | what a wire says that isn't a request |
//! | [`ramp`], [`connecting`] | how fast connections are opened, and how |
//! | [`reading`] | how long replies lay unread, of a sample |
//! | [`open`], [`churn`], [`trickle`] | what makes requests due; `trickle` in an idle load |
//! | [`loads`], [`waiting`] | what these three remember |
//! | [`course`] | the window, and what happened in each short interval |

mod churn;
mod connecting;
mod course;
mod exchange;
mod greeting;
mod loads;
mod open;
mod ramp;
mod readiness;
mod reading;
mod state;
mod trickle;
mod waiting;

pub(crate) use state::{Channels, Order, Progress, Worker, new_bell};

use crate::{
    clock::now_ns,
    socket,
    tally::{Report, new_tally},
};
use arrivals::ArrivalTimes;
use course::{Course, NO_WINDOW, Window};
use loads::{ChurnLoad, OpenLoad, Source};
use protocol::generator::{Arrivals, Load};
use ramp::Ramp;
use readiness::Inbox;
use reading::Reading;
use state::Phase;
use std::{mem, sync::atomic::Ordering::Relaxed};

/// How often a ramp that can't go on looks whether it has stalled.
const RAMP_LOOK_NS: u64 = 100_000_000;

/// How often a full accept queue is tried again.
const QUEUE_LOOK_NS: u64 = 1_000_000;

impl Worker<'_> {
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
                    self.connections_of_all = connections;
                    let own = self.turns.count(connections.into()) as u32;
                    self.close_beyond(own as usize);
                    self.phase = Phase::Ramping(Box::new(Ramp::new(own, now_ns())));
                }
                Order::Start {
                    begins_at_ns,
                    rate_per_s,
                    samples,
                } => {
                    self.affinity.keep();
                    self.choose_sample(samples, rate_per_s);
                    self.window = NO_WINDOW;
                    self.course = Course::starting(begins_at_ns, self.plan.interval_us * 1000);
                    self.phase = Phase::Starting {
                        begins_at_ns,
                        rate_per_s: rate_per_s.unwrap_or(1.0),
                    };
                }
                Order::Measure { open_ns, close_ns } => {
                    self.tally.counts.heard_late_ns = now_ns().saturating_sub(open_ns);
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

    /// Before a load begins: its connections ask when replies arrive, or don't any longer.
    fn choose_sample(&mut self, wanted: bool, rate_per_s: Option<f64>) {
        self.reading = if wanted {
            Reading::of(self.plan.load, self.connections_of_all, rate_per_s)
        } else {
            Reading::default()
        };
        for (index, connection) in (0..).zip(&mut self.connections) {
            let asks = self.reading.is_sample(index);
            if let Some(connection) = connection
                && connection.is_stamped != asks
            {
                // Where the kernel doesn't offer it, there is no sample.
                let is_done = socket::stamp_arrivals(&connection.fd, asks).is_ok();
                connection.is_stamped = asks == is_done;
            }
        }
    }

    /// The load's first moment has come.
    fn begin(&mut self, begins_at_ns: u64, rate_per_s: f64) {
        self.phase = Phase::Loading;
        let times = |arrivals, rate_per_s, connections| {
            let of = (self.turns, connections);
            ArrivalTimes::new(arrivals, rate_per_s, of, begins_at_ns)
        };
        let (all, most) = (self.connections_of_all, self.plan.connections_max);
        match self.plan.load {
            Load::Closed { .. } => {
                for index in 0..self.connections.len() {
                    // One that still owes a reply of the load before has fewer to go.
                    let connection = self.connections[index].as_ref();
                    let owed = connection.map_or(0, |c| c.outstanding(self.shared.requests));
                    self.send(index, self.shared.depth.saturating_sub(owed), now_ns());
                }
            }
            Load::Idle { interval_us } => {
                let rate_per_s = f64::from(most) * 1e6 / interval_us as f64;
                let times = times((Arrivals::Uniform, 0), rate_per_s, all);
                self.source = Source::Trickle(Box::new(times));
            }
            Load::Open(schedule) => {
                let times = times((schedule.arrivals, schedule.seed), rate_per_s, all);
                let load = OpenLoad::new(times, self.connections.len());
                self.source = Source::Open(Box::new(load));
            }
            Load::Churn(schedule) => {
                let times = times((schedule.arrivals, schedule.seed), rate_per_s, most);
                self.source = Source::Churn(Box::new(ChurnLoad::new(times)));
            }
        }
    }

    fn finish(&mut self) {
        self.close_beyond(0);
        let _ = self.reports.send(Report::Finished(self.totals));
        self.phase = Phase::Over;
    }

    /// `None`: until an event or an order comes.
    fn wait_at_most_ns(&self, now: u64) -> Option<u64> {
        let until = match &self.phase {
            Phase::Resting | Phase::Over => return None,
            Phase::Ramping(ramp) if ramp.waits_since_ns.is_some() => now + QUEUE_LOOK_NS,
            Phase::Ramping(ramp) if ramp.room(self.connections.len() as u32) > 0 => now,
            Phase::Ramping(_) => now + RAMP_LOOK_NS,
            Phase::Starting { begins_at_ns, .. } => *begins_at_ns,
            Phase::Loading if self.polls_busily() => now,
            Phase::Loading => self
                .source
                .next_ns()
                .unwrap_or(u64::MAX)
                .min(self.window.close_ns)
                .min(self.course.end_ns),
            Phase::Draining { .. } if self.source.has_room() => now,
            Phase::Draining { deadline_ns } => *deadline_ns,
        };
        (until < u64::MAX).then(|| until.saturating_sub(now))
    }

    fn polls_busily(&self) -> bool {
        matches!(self.plan.load, Load::Open(s) | Load::Churn(s) if s.busy_poll)
    }

    #[inline(always)]
    fn send_what_is_due(&mut self, now: u64) {
        match self.source {
            Source::Replies => {}
            _ if !matches!(self.phase, Phase::Loading) => {}
            Source::Trickle(_) => self.send_trickle(now),
            Source::Open(_) => self.send_scheduled(now),
            Source::Churn(_) => self.churn(now),
        }
    }

    /// All events have been looked at.
    fn end_turn(&mut self, had_none: bool) {
        self.now_ns = now_ns();
        let turn_began_ns = mem::replace(&mut self.turn_began_ns, self.now_ns);
        if self.window.contains(turn_began_ns) {
            self.tally.counts.polls += 1;
            self.tally.counts.polls_empty += u64::from(had_none);
        }
        if self.polls_busily() {
            let of_window_ns = self.window.part_of(turn_began_ns, self.now_ns);
            let longest_ns = &mut self.tally.counts.longest_stall_ns;
            *longest_ns = (*longest_ns).max(Some(of_window_ns));
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
            &mut Phase::Starting {
                begins_at_ns,
                rate_per_s,
            } => {
                if now >= begins_at_ns {
                    self.begin(begins_at_ns, rate_per_s);
                }
            }
            Phase::Ramping(_) => self.go_on_connecting(now),
            Phase::Loading if now >= self.window.close_ns => {
                let deadline_ns = self.window.close_ns + self.plan.reply_deadline_us * 1000;
                // What the schedule intended for the window is still due.
                self.send_what_is_due(now);
                let schedule = self.source.schedule();
                let is_behind =
                    schedule.is_some_and(|times| times.next_ns() < self.window.close_ns);
                if !is_behind || now >= deadline_ns {
                    // Later, replies that a server owed all through the window may have come.
                    self.tally.counts.never_asked = self.never_asked();
                    self.phase = Phase::Draining { deadline_ns };
                    self.advance(now);
                }
            }
            Phase::Loading => self.send_what_is_due(now),
            Phase::Draining { deadline_ns } => {
                let deadline_ns = *deadline_ns;
                self.open_waiting();
                if self.is_drained() || now >= deadline_ns {
                    self.phase = Phase::Resting;
                    self.report_window(now);
                }
            }
        }
    }

    fn is_drained(&self) -> bool {
        self.outstanding == 0 && self.source.is_idle()
    }

    /// Connections that had nothing to answer in the window, which has just closed: no request was on its
    /// way when it opened, and none was sent in it. In closed load one always is.
    fn never_asked(&self) -> u64 {
        if matches!(self.source, Source::Replies) {
            return 0;
        }
        let all = self.connections.iter().enumerate();
        let open = all.filter_map(|(index, connection)| Some((index, connection.as_ref()?)));
        let unasked = open.filter(|(index, connection)| {
            let asked_ns = connection.last_asked_ns(*index, &self.shared);
            let is_asked = asked_ns.is_some_and(|asked_ns| {
                let owes = connection.outstanding(self.shared.requests) > 0;
                self.window.contains(asked_ns) || (asked_ns < self.window.open_ns && owes)
            });
            connection.served == 0 && !is_asked
        });
        unasked.count() as u64
    }

    fn report_window(&mut self, now: u64) {
        self.count_unanswered(now);
        let mut tally = mem::replace(&mut self.tally, new_tally(self.plan.load));
        let served = || self.connections.iter().flatten().map(|c| c.served);
        let counts = &mut tally.counts;
        counts.window_us = (self.window.close_ns - self.window.open_ns) / 1000;
        counts.connections = self.open;
        counts.replies_missing += self.outstanding;
        counts.served_least = served().min();
        counts.served_most = served().max().unwrap_or(0);
        match &mut tally.read_times {
            Some(times) if self.reading.samples() => {
                times.clock_was_set = self.reading.clock_was_set();
            }
            times => *times = None,
        }
        counts.never_served = served().filter(|&served| served == 0).count() as u64;
        let _ = self.reports.send(Report::Measured(Box::new(tally)));
    }
}
