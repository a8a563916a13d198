//! Takes the coordinator's commands, directs the threads and adds up what they bring.

use crate::{
    affinity::Affinity,
    clock::now_ns,
    tally::{Interval, Report, encode},
    worker::{Channels, Order, Progress, Worker, new_bell},
};
use anyhow::{Context as _, bail, ensure};
use protocol::{
    generator::{Command, Event, Load, Plan},
    tally::Totals,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::{
    collections::{BTreeMap, btree_map::Entry},
    io::{self, BufRead as _, Write as _},
    ops::AddAssign,
    os::fd::OwnedFd,
    process::exit,
    sync::{
        Arc,
        atomic::Ordering::Relaxed,
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread::{self, Scope},
    time::{Duration, Instant},
};
use wires::Requests;

const PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// One request in eleven days: less is no load.
const RATE_MIN_PER_S: f64 = 1e-6;

/// How often the threads' intervals are looked for while a command is waited for.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// The whole life of the generator.
///
/// # Errors
/// A plan or command that can't be understood or carried out; the system refuses something.
pub(crate) fn run() -> anyhow::Result<()> {
    let mut first = String::new();
    io::stdin().read_line(&mut first)?;
    let plan: Plan = serde_json::from_str(&first).context("the plan can't be understood")?;
    ensure!(plan.threads >= 1, "a plan needs at least one thread");
    ensure!(
        plan.process < plan.processes && plan.processes.checked_mul(plan.threads).is_some(),
        "there is no process {} of {}",
        plan.process,
        plan.processes
    );
    ensure!(plan.interval_us >= 1, "a plan needs an interval");
    raise_open_files();
    let affinity = Affinity::take(&plan.cpus)?;
    let requests = Requests::of_plan(&plan)?;
    let commands = read_commands()?;
    thread::scope(|scope| {
        let (sender, reports) = channel();
        let result =
            start_threads(scope, &plan, &requests, &sender, affinity).and_then(|threads| {
                let coordinator = Coordinator {
                    plan: &plan,
                    threads,
                    reports,
                    intervals: BTreeMap::new(),
                };
                coordinator.obey(&commands)
            });
        if let Err(error) = &result {
            // The threads still wait for orders: leave without them.
            let _ = emit(&Event::Failed {
                message: format!("{error:#}"),
            });
            exit(1);
        }
        result
    })
}

/// The plan's threads, which wait for orders then.
///
/// # Errors
/// The system refuses one; those before it wait.
fn start_threads<'scope>(
    scope: &'scope Scope<'scope, '_>,
    plan: &'scope Plan,
    requests: &'scope Requests,
    reports: &Sender<Report>,
    affinity: Affinity,
) -> anyhow::Result<Vec<Thread>> {
    let start = |number| {
        let (orders, has_orders) = channel();
        let bell = new_bell().context("eventfd")?;
        let progress = Arc::<Progress>::default();
        let channels = Channels {
            orders: has_orders,
            bell: bell.try_clone()?,
            reports: reports.clone(),
            progress: Arc::clone(&progress),
            affinity,
        };
        let worker = Worker::new(plan, requests, number, channels)?;
        let failures = reports.clone();
        let run = move || {
            if let Err(error) = worker.run() {
                let _ = failures.send(Report::Failed(error));
            }
        };
        let started = thread::Builder::new().spawn_scoped(scope, run);
        started.context("a thread can't be started")?;
        Ok(Thread {
            orders,
            bell,
            progress,
        })
    };
    (0..plan.threads).map(start).collect()
}

/// Writes one event.
///
/// # Errors
/// The coordinator is gone.
pub(crate) fn emit(event: &Event) -> anyhow::Result<()> {
    let mut line = serde_json::to_string(event)?;
    line.push('\n');
    let mut stdout = io::stdout().lock();
    stdout.write_all(line.as_bytes())?;
    Ok(stdout.flush()?)
}

struct Thread {
    orders: Sender<Order>,
    bell: OwnedFd,
    progress: Arc<Progress>,
}

struct Coordinator<'a> {
    plan: &'a Plan,
    threads: Vec<Thread>,
    reports: Receiver<Report>,
    /// What some of the threads have told, and how many of them.
    intervals: BTreeMap<u32, (u32, Interval)>,
}

impl Coordinator<'_> {
    fn obey(mut self, commands: &Receiver<Command>) -> anyhow::Result<()> {
        let mut silent_since = Instant::now();
        loop {
            match commands.recv_timeout(LOOK_EVERY) {
                Ok(Command::Connect { connections }) => self.connect(connections)?,
                Ok(Command::Start {
                    begins_at_ns,
                    rate_per_s,
                    samples,
                }) => self.start(begins_at_ns, rate_per_s, samples)?,
                Ok(Command::Measure {
                    opens_at_ns,
                    window_us,
                }) => self.measure(opens_at_ns, window_us)?,
                Ok(Command::Finish) => return self.finish(),
                Err(RecvTimeoutError::Timeout) => {
                    if self.pass_intervals_on()? {
                        silent_since = Instant::now();
                    } else if silent_since.elapsed() >= PROGRESS_EVERY {
                        silent_since = Instant::now();
                        self.show_progress()?;
                    }
                }
                // Standard input has ended, and with it this process: see `read_commands`.
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
        }
    }

    fn connect(&self, connections: u32) -> anyhow::Result<()> {
        ensure!(
            connections <= self.plan.connections_max,
            "{connections} connections are more than the plan's {}",
            self.plan.connections_max
        );
        let began_ns = now_ns();
        self.order(Order::Connect { connections })?;
        let mut all = self.gather(|report| match report {
            Report::Connected(one) => Some(*one),
            _ => None,
        })?;
        all.elapsed_us = (now_ns() - began_ns) / 1000;
        emit(&Event::Connected(all.map(encode)?))
    }

    fn start(
        &mut self,
        begins_at_ns: u64,
        rate_per_s: Option<f64>,
        samples: bool,
    ) -> anyhow::Result<()> {
        let scheduled = matches!(self.plan.load, Load::Open(_) | Load::Churn(_));
        if scheduled {
            let rate_per_s = rate_per_s.context("a load with a schedule needs a rate")?;
            ensure!(
                rate_per_s.is_finite() && rate_per_s >= RATE_MIN_PER_S,
                "{rate_per_s} requests/s can't be scheduled"
            );
        }
        self.intervals.clear();
        self.order(Order::Start {
            begins_at_ns,
            rate_per_s,
            samples,
        })
    }

    /// Tells the intervals that all threads have told; says whether there was one.
    fn pass_intervals_on(&mut self) -> anyhow::Result<bool> {
        while let Ok(report) = self.reports.try_recv() {
            match report {
                Report::Interval(told) => match self.intervals.entry(told.index) {
                    Entry::Vacant(entry) => drop(entry.insert((1, *told))),
                    Entry::Occupied(mut entry) => {
                        let (threads, sum) = entry.get_mut();
                        *threads += 1;
                        *sum += *told;
                    }
                },
                Report::Failed(error) => return Err(error),
                _ => bail!("a thread reported what nobody asked for"),
            }
        }
        let mut any = false;
        while let Some(entry) = self.intervals.first_entry() {
            if entry.get().0 < self.plan.threads {
                break;
            }
            emit(&Event::Interval(entry.remove().1.map(encode)?))?;
            any = true;
        }
        Ok(any)
    }

    fn measure(&self, open_ns: u64, window_us: u64) -> anyhow::Result<()> {
        let close_ns = open_ns.saturating_add(window_us.saturating_mul(1000));
        self.order(Order::Measure { open_ns, close_ns })?;
        let all = self.gather_after(close_ns, |report| match report {
            Report::Measured(one) => Some(*one),
            _ => None,
        })?;
        emit(&Event::Result(Box::new(all.map(encode)?)))
    }

    fn finish(&self) -> anyhow::Result<()> {
        self.order(Order::Finish)?;
        let totals: Totals = self.gather(|report| match report {
            Report::Finished(one) => Some(one),
            _ => None,
        })?;
        emit(&Event::Finished(totals))
    }

    /// What all threads report, as one; `take` refuses what it doesn't expect.
    fn gather<T: AddAssign>(&self, take: fn(Report) -> Option<T>) -> anyhow::Result<T> {
        self.gather_after(0, take)
    }

    /// The same, and until this moment nobody is told how it goes.
    fn gather_after<T: AddAssign>(
        &self,
        silent_until_ns: u64,
        take: fn(Report) -> Option<T>,
    ) -> anyhow::Result<T> {
        let mut all = None;
        for _ in &self.threads {
            let one = take(self.next_report(silent_until_ns)?)
                .context("a thread reported something else than it was asked for")?;
            match &mut all {
                None => all = Some(one),
                Some(all) => *all += one,
            }
        }
        all.context("there is no thread")
    }

    fn order(&self, order: Order) -> anyhow::Result<()> {
        for thread in &self.threads {
            thread.orders.send(order).context("a thread has ended")?;
            rustix::io::write(&thread.bell, &1_u64.to_ne_bytes()).context("eventfd")?;
        }
        Ok(())
    }

    fn next_report(&self, silent_until_ns: u64) -> anyhow::Result<Report> {
        loop {
            let silence = Duration::from_nanos(silent_until_ns.saturating_sub(now_ns()));
            match self.reports.recv_timeout(silence.max(PROGRESS_EVERY)) {
                Ok(Report::Failed(error)) => return Err(error),
                // Told before the window was announced.
                Ok(Report::Interval(_)) => {}
                Ok(report) => return Ok(report),
                Err(RecvTimeoutError::Timeout) => self.show_progress()?,
                Err(RecvTimeoutError::Disconnected) => bail!("all threads have ended"),
            }
        }
    }

    fn show_progress(&self) -> anyhow::Result<()> {
        let sum = |of: fn(&Progress) -> u64| self.threads.iter().map(|t| of(&t.progress)).sum();
        let connections: u64 = sum(|p| p.connections.load(Relaxed).into());
        emit(&Event::Progress {
            connections: connections as u32,
            requests: sum(|p| p.requests.load(Relaxed)),
        })
    }
}

/// Commands come from a thread of their own: when the input ends, nobody wants results any
/// more, whatever the threads are doing.
fn read_commands() -> anyhow::Result<Receiver<Command>> {
    let (sender, commands) = channel();
    let read = move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            match serde_json::from_str(&line) {
                Ok(command) => {
                    let last = command == Command::Finish;
                    if sender.send(command).is_err() || last {
                        return;
                    }
                }
                Err(error) => {
                    let message = format!("the command {line:?} can't be understood: {error}");
                    let _ = emit(&Event::Failed { message });
                    exit(1);
                }
            }
        }
        exit(0);
    };
    let started = thread::Builder::new().spawn(read);
    started.context("a thread can't be started")?;
    Ok(commands)
}

/// The hard limit is what the user allowed; the soft one is only a default.
fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    // If it can't be raised, `socket` will say so when it matters.
    let _ = setrlimit(Resource::Nofile, raised);
}
