//! Cases of many connections, and of more than the server may have.

use crate::{
    client::Client,
    needs::CantBeJudged,
    proc,
    promise::Promise,
    running::{Running, expect_none_abandoned, run},
};
use anyhow::{Context as _, Result, bail, ensure};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};
use server::launch::Launch;
use std::{thread, time::Duration};

pub(super) fn churn(promise: &Promise) -> Result<()> {
    const BATCHES: usize = 10;
    // A batch is open at once; runner and server may each be limited to 1,024 open files.
    const BATCH: usize = 500;
    let done = run(promise, |running| {
        running.connect_many(1)?.remove(0).finish()?;
        let open_before = proc::open_files(running)?;
        for batch in 0..BATCHES {
            let opened = (0..BATCH).map(|_| running.connect());
            let clients: Vec<Client> = opened.collect::<Result<_>>()?;
            for (i, client) in clients.iter().enumerate() {
                client.send(&running.greeting(i))?;
            }
            for (i, client) in clients.iter().enumerate() {
                client.expect(&running.greeting(i)).with_context(|| {
                    format!(
                        "connection {} of {}",
                        batch * BATCH + i + 1,
                        BATCHES * BATCH
                    )
                })?;
            }
        }
        proc::wait_for_open_files(running, open_before)
            .with_context(|| format!("{} connections came and went", BATCHES * BATCH))
    })?;
    let opened = (1 + BATCHES * BATCH) as u64;
    let accepted = done.map_or(opened, |done| done.accepted);
    ensure!(
        accepted == opened,
        "the done line disagrees with what was done: accepted is {accepted} instead of {opened}"
    );
    Ok(())
}

pub(super) fn idle(promise: &Promise) -> Result<()> {
    const SHARE_MAX: f64 = 0.1;
    run(promise, |running| {
        let clients = running.connect_many(100)?;
        // A runtime may look for more work for a moment before it sleeps.
        thread::sleep(Duration::from_millis(200));
        let share = proc::cpu_share(running, Duration::from_millis(500), || Ok(()))?;
        ensure!(
            share < SHARE_MAX,
            "with {} connections that say nothing the server uses {:.0} % of a CPU; less than \
             {:.0} % is expected",
            clients.len(),
            100.0 * share,
            100.0 * SHARE_MAX
        );
        Ok(())
    })?;
    Ok(())
}

/// More connections than a server may have open: each has sent a request, and those that were
/// accepted have been answered.
struct Crowd {
    served: Vec<(Client, Vec<u8>)>,
    waiting: Vec<(Client, Vec<u8>)>,
}

impl Crowd {
    fn gather(running: &Running, open_files_max: u64) -> Result<Self> {
        let connect = |i| -> Result<_> {
            let client = running.connect()?;
            let message = running.greeting(i);
            client.send(&message)?;
            Ok((client, message))
        };
        // Some more than the limit, which each process has for itself, and the server's own
        // descriptors come on top.
        let n = open_files_max as usize * running.pids().len() + 8;
        let mut crowd = Self {
            served: Vec::new(),
            waiting: (0..n).map(connect).collect::<Result<_>>()?,
        };
        while crowd.serve_some()? {}
        ensure!(
            !crowd.served.is_empty(),
            "none of {n} connections was served with a limit of {open_files_max} open files"
        );
        if crowd.waiting.is_empty() {
            bail!(CantBeJudged(format!(
                "{n} connections were served at once with a limit of {open_files_max} open files: \
                 the limit doesn't hold for this server, which may have a process for each"
            )));
        }
        Ok(crowd)
    }

    /// Takes the replies that are there; says whether there were any.
    fn serve_some(&mut self) -> Result<bool> {
        // A busy machine may be slow to begin.
        let silence = match self.served.is_empty() {
            true => Duration::from_secs(5),
            false => Duration::from_millis(300),
        };
        let silence = Timespec::try_from(silence)?;
        let mut fds: Vec<PollFd<'_>> = self
            .waiting
            .iter()
            .map(|(client, _)| PollFd::new(client, PollFlags::IN))
            .collect();
        match poll(&mut fds, Some(&silence)) {
            Ok(0) => return Ok(false),
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => bail!("poll: {errno}"),
        }
        let ready: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        let mut ready = ready.into_iter();
        let (served, waiting) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition::<Vec<_>, _>(|_| ready.next().unwrap_or(false));
        self.waiting = waiting;
        for (client, message) in served {
            client.expect(&message).context(
                "a connection while the server runs out of file descriptors: it has to be served \
                 or to wait for its turn",
            )?;
            self.served.push((client, message));
        }
        Ok(true)
    }

    fn describe(&self) -> String {
        format!(
            "the server is out of file descriptors with {} connections, {} wait to be accepted",
            self.served.len(),
            self.waiting.len()
        )
    }
}

/// Few enough to be used up soon, and enough for what the server's threads need for
/// themselves.
fn with_few_files(promise: &Promise) -> (Promise, u64) {
    let mut promise = promise.clone();
    let few = |threads: u32| 64 + 32 * u64::from(threads);
    let open_files_max = match &mut promise.launch {
        Launch::Contract(launch) => *launch.open_files_max.insert(few(launch.threads)),
        Launch::External(launch) => *launch.open_files_max.insert(few(launch.threads)),
        // It is not started, so it has the limit that it has.
        Launch::Target(_) => few(1),
    };
    (promise, open_files_max)
}

pub(super) fn out_of_files(promise: &Promise) -> Result<()> {
    const SHARE_MAX: f64 = 0.3;
    let (promise, open_files_max) = with_few_files(promise);
    run(&promise, |running| {
        let crowd = Crowd::gather(running, open_files_max)?;
        let circumstance = crowd.describe();

        let mut turns = crowd.served.iter().cycle();
        let share = proc::cpu_share(running, Duration::from_secs(1), || {
            let (client, message) = turns.next().context("nobody was served")?;
            client.round_trip(message).with_context(|| {
                format!("a connection that was accepted before, while {circumstance}")
            })
        })?;
        ensure!(
            share < SHARE_MAX,
            "{circumstance}, and uses {:.0} % of a CPU; less than {:.0} % is expected: the \
             listener stays readable while accept fails, so it has to be left alone for a while",
            100.0 * share,
            100.0 * SHARE_MAX
        );

        let Crowd {
            mut served,
            waiting,
        } = crowd;
        let (kept, kept_message) = served.swap_remove(0);
        if served.len() < waiting.len() && running.pids().len() > 1 {
            bail!(CantBeJudged(format!(
                "{circumstance}: of its {} processes some seem to accept nothing",
                running.pids().len()
            )));
        }
        ensure!(
            served.len() >= waiting.len(),
            "{circumstance}, of {open_files_max} descriptors that it may have: it needs more than half of them \
             for itself, or has stopped accepting before"
        );
        let closed = served.len();
        drop(served);
        for (client, message) in &waiting {
            client.expect(message).with_context(|| {
                format!("{circumstance}; then {closed} connections were closed: one that waited")
            })?;
        }
        kept.round_trip(&kept_message)
            .context("a connection that was accepted before the server ran out of descriptors")
    })?;
    Ok(())
}

pub(super) fn stop_out_of_files(promise: &Promise) -> Result<()> {
    let (promise, open_files_max) = with_few_files(promise);
    let mut running = Running::start(&promise)?;
    let crowd = running.attempt(|running| Crowd::gather(running, open_files_max))?;
    let stop = || {
        expect_none_abandoned(running.stop()?.as_ref())?;
        let mut clients = crowd.served.iter();
        clients.try_for_each(|(client, _)| client.expect_end())
    };
    stop().with_context(|| format!("{}, and is told to stop", crowd.describe()))
}
