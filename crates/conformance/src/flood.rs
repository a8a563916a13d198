//! Clients that send without end and read every reply: they are served, and so are the others.

use crate::{
    client::Client,
    promise::Promise,
    running::{Running, run},
};
use anyhow::{Context as _, Result, anyhow, ensure};
use std::{
    io, iter,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

/// More than a server under test mostly has threads: one flood for each of them.
const FLOODS: usize = 4;

/// What is sent at a time, of the smallest requests there are: they cost the server more than the
/// client, so that it always finds some.
const SENT_BYTES: usize = 1 << 20;

/// For how long the others ask.
const ASKING: Duration = Duration::from_secs(2);

/// And so many times at least.
const ASKED_MIN: usize = 3;

/// Half of the replies take less. What a server has of one client when its turn comes is served in
/// some milliseconds; a single reply may wait for a machine that is busy with something else.
const LATE: Duration = Duration::from_secs(1);

pub(super) fn flood(promise: &Promise) -> Result<()> {
    run(promise, |running| {
        let others = running.connect_many(16)?;
        let floods = iter::repeat_with(|| running.connect());
        let floods: Vec<Client> = floods.take(FLOODS).collect::<Result<_>>()?;
        let message = running.echo(7, 0);
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            let flooding: io::Result<Vec<_>> = floods
                .iter()
                .map(|client| {
                    let (send, read) = (thread::Builder::new(), thread::Builder::new());
                    let sender =
                        send.spawn_scoped(scope, || send_until(&over, &message, client))?;
                    let reader = read.spawn_scoped(scope, || client.expect_end_after_anything())?;
                    Ok((sender, reader))
                })
                .collect();
            let served = serve_others(running, &others);
            over.store(true, Relaxed);
            for (sender, reader) in flooding? {
                let panicked = |_| anyhow!("a client's thread panicked");
                let sent_bytes = sender.join().map_err(panicked)??;
                let read_bytes = reader.join().map_err(panicked)??;
                ensure!(
                    sent_bytes == read_bytes,
                    "a client that sent without end got {read_bytes} of {sent_bytes} bytes back"
                );
            }
            served
        })?;
        others.into_iter().try_for_each(Client::finish)
    })?;
    Ok(())
}

fn send_until(over: &AtomicBool, message: &[u8], client: &Client) -> Result<u64> {
    let messages = message.repeat(SENT_BYTES / message.len());
    let mut sent_bytes = 0;
    while !over.load(Relaxed) {
        client.send(&messages)?;
        sent_bytes += messages.len() as u64;
    }
    client.half_close()?;
    Ok(sent_bytes)
}

fn serve_others(running: &Running, others: &[Client]) -> Result<()> {
    let start = Instant::now();
    let mut took = Vec::new();
    for (i, other) in others.iter().enumerate().cycle() {
        if took.len() >= ASKED_MIN && start.elapsed() >= ASKING {
            break;
        }
        let asked = Instant::now();
        let answered = other.round_trip(&running.greeting(i));
        answered.context("another connection, while some send without end")?;
        took.push(asked.elapsed());
    }
    took.sort_unstable();
    let median = took[took.len() / 2];
    ensure!(
        median < LATE,
        "of {} requests of other connections half were answered after {median:.1?} or more while some \
         sent without end; less than {LATE:?} is expected: it has to be their turn now and then",
        took.len()
    );
    Ok(())
}
