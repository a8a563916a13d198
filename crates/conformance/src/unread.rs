//! A client that sends and doesn't read, until neither side's buffers take any more: the
//! server has to stop reading from it, and must neither store its replies nor wait for it. And when
//! the client reads at last, the server has to notice by itself.

use crate::{
    client::Client,
    needs::CantBeJudged,
    proc,
    promise::Promise,
    queues::unread_bytes,
    running::{Messages, Running, run},
};
use anyhow::{Context as _, Result, ensure};
use protocol::wire::MAX_PAYLOAD_BYTES;
use std::{slice, thread, time::Duration};

const MESSAGE_BYTES: usize = MAX_PAYLOAD_BYTES as usize;

/// Sending ends here if it isn't blocked before: far beyond what the kernel's buffers take.
const SENT_BYTES_MAX: usize = 64 << 20;

/// For how long nothing must go until the client believes that it is blocked.
const BLOCKED_AFTER: Duration = Duration::from_millis(400);

/// What a server may hold for such a client, its own large buffers included.
const GROWTH_BYTES_MAX: u64 = 16 << 20;

/// A client that is blocked because it reads nothing.
#[derive(Debug)]
pub(super) struct Unread {
    client: Client,
    messages: Messages,
    sent_bytes: usize,
}

impl Unread {
    /// Sends large echoes until the server takes no more.
    pub(super) fn fill(running: &Running) -> Result<Self> {
        let client = running.connect()?.with_small_buffers()?;
        let mut sent_bytes = 0;
        for id in 0.. {
            let message = running.echo(id, MESSAGE_BYTES);
            let sent = client
                .send_some(&message, BLOCKED_AFTER)
                .context("a client that sends and doesn't read its replies")?;
            sent_bytes += sent;
            if sent < message.len() || sent_bytes >= SENT_BYTES_MAX {
                break;
            }
        }
        let messages = running.messages();
        Ok(Self {
            client,
            messages,
            sent_bytes,
        })
    }

    /// Reads every reply at last.
    fn drain(self) -> Result<()> {
        let Self {
            client, messages, ..
        } = &self;
        let message_bytes = messages.echo(0, MESSAGE_BYTES).len();
        let count = self.sent_bytes.div_ceil(message_bytes);
        let last_sent_bytes = self.sent_bytes - (count - 1) * message_bytes;
        thread::scope(|scope| {
            // Sending blocked within the last message; its rest can go as soon as replies are
            // read. Should it fail, the reading side tells more.
            let send = move || {
                let last = messages.echo(count as u64 - 1, MESSAGE_BYTES);
                client.send(&last[last_sent_bytes..])?;
                client.half_close()
            };
            thread::Builder::new().spawn_scoped(scope, send)?;
            for i in 0..count {
                client
                    .expect(&messages.echo(i as u64, MESSAGE_BYTES))
                    .with_context(|| {
                        format!("the client reads its replies at last, {} of {count}", i + 1)
                    })?;
            }
            client.expect_end()
        })
    }
}

/// Of those that are sent to be read late: the server's kernel takes about ten of them or twenty.
const LATE_BYTES: usize = 1000;

/// For how long a client neither sends nor reads, so that the server comes to rest. On a machine on
/// which that takes longer the case sees less, and fails nobody.
const REST: Duration = Duration::from_millis(60);

/// Of those that are sent one by one: the server's kernel takes about ten.
const ONE_BYTES: usize = 4000;

/// More than the kernel takes of them.
const ONES_MAX: usize = 100;

/// For how long the server's kernel may take to have a reply, or not to have it for want of room.
const TAKEN_AFTER: Duration = Duration::from_millis(700);

/// The client sends some requests, or as many as go, and nothing more. Then it reads. Nobody else says
/// anything, so the server hears of nothing but that there is room for replies again. How many there
/// are decides what the last send came to: all, a part, nothing.
pub(super) fn read_late(promise: &Promise) -> Result<()> {
    run(promise, |running| {
        for count in (8..=96).step_by(8).chain([MESSAGE_BYTES / LATE_BYTES]) {
            let client = running.connect_narrow()?;
            let echoes = echoes(running, count, LATE_BYTES);
            let all = echoes.concat();
            let sent_bytes = client.send_some(&all, BLOCKED_AFTER)?;
            thread::sleep(REST);
            let whole = sent_bytes / echoes[0].len();
            read_at_last(&client, &echoes[..whole])?;
            client.exchange(&all[sent_bytes..], &echoes[whole..])?;
            client.finish()?;
        }
        last_reply_is_short(running)
    })?;
    Ok(())
}

fn echoes(running: &Running, count: usize, bytes: usize) -> Vec<Vec<u8>> {
    let ids = 0..count as u64;
    ids.map(|id| running.echo(id, bytes)).collect()
}

fn read_at_last(client: &Client, echoes: &[Vec<u8>]) -> Result<()> {
    client.expect_all(echoes).with_context(|| {
        format!(
            "a client that sent {} echoes of {} bytes, and nothing more, reads its replies at last",
            echoes.len(),
            echoes[0].len()
        )
    })
}

/// One request after the other until the kernel doesn't take the reply to the last: that alone is what
/// the server has to hear of, where above more requests came behind it.
fn last_reply_is_short(running: &Running) -> Result<()> {
    let client = running.connect_narrow()?;
    let (server, own) = client.ends()?;
    let echoes = echoes(running, ONES_MAX, ONE_BYTES);
    let (mut sent, mut bytes) = (0, 0);
    for echo in &echoes {
        client.send(echo)?;
        sent += 1;
        bytes += echo.len() as u64;
        let taken = proc::in_time_of(TAKEN_AFTER, || {
            let unread = unread_bytes(server, own).map_err(|error| {
                CantBeJudged(format!("what a client hasn't read isn't known: {error}"))
            });
            Ok(unread? >= bytes)
        });
        if !taken? {
            break;
        }
    }
    read_at_last(&client, &echoes[..sent])?;
    client.finish()
}

pub(super) fn unread_replies(promise: &Promise) -> Result<()> {
    run(promise, |running| {
        let others = running.connect_many(10)?;
        // Buffers that the server keeps are none that it needs for the blocked client.
        let large = running.echo(1, MESSAGE_BYTES);
        let warm_up = running.connect()?;
        warm_up
            .exchange_and_end(&large, slice::from_ref(&large))
            .context("a first large echo, before the case begins")?;
        let before_bytes = proc::resident_bytes(running)?;

        let unread = Unread::fill(running)?;
        for (i, other) in others.iter().enumerate() {
            other
                .round_trip(&running.greeting(i))
                .context("another connection, while a client doesn't read its replies")?;
        }
        running
            .connect_many(1)
            .context("a new connection, while a client doesn't read its replies")?;
        let growth_bytes = proc::resident_bytes(running)?.saturating_sub(before_bytes);
        ensure!(
            growth_bytes < GROWTH_BYTES_MAX,
            "the server's memory grew by {} MiB while one client sent {} MiB of echoes and read \
             nothing; less than {} MiB is expected: it has to stop reading from a client that \
             doesn't take its replies",
            growth_bytes >> 20,
            unread.sent_bytes >> 20,
            GROWTH_BYTES_MAX >> 20
        );
        unread.drain()
    })?;
    Ok(())
}
