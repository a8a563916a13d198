//! Cases of plain use: every request is answered with the right bytes, however the network
//! cuts them, and counted.

use crate::{
    promise::Promise,
    request,
    running::{Running, run},
    tally::Tally,
};
use anyhow::{Context as _, Result};
use protocol::wire::{HEADER_BYTES, MAX_PAYLOAD_BYTES, Wire};
use std::{slice, thread, time::Duration};

const LARGEST_BYTES: usize = MAX_PAYLOAD_BYTES as usize;

/// Makes it likely that two writes arrive as two segments; nothing depends on it.
const SEGMENT_PAUSE: Duration = Duration::from_millis(1);

pub(super) fn sizes(promise: &Promise) -> Result<()> {
    run(promise, |running| {
        let client = running.connect()?;
        for (id, bytes) in (0..).zip([0, 1, 7, 1000, 65_536, LARGEST_BYTES]) {
            let message = running.echo(id, bytes);
            client
                .exchange(&message, slice::from_ref(&message))
                .with_context(|| format!("echo of a message of {} bytes", message.len()))?;
        }
        client.finish()
    })?;
    Ok(())
}

pub(super) fn byte_by_byte(promise: &Promise) -> Result<()> {
    run(promise, |running| {
        let client = running.connect()?;
        for (id, bytes) in (0..).zip([0, 1, 40]) {
            let message = running.echo(id, bytes);
            let sent = message
                .iter()
                .try_for_each(|byte| client.send(slice::from_ref(byte)));
            sent.and_then(|()| client.expect(&message))
                .with_context(|| {
                    format!("a message of {} bytes, one write for each", message.len())
                })?;
        }
        client.finish()
    })?;
    Ok(())
}

pub(super) fn one_segment(promise: &Promise) -> Result<()> {
    run(promise, |running| {
        let client = running.connect()?;
        let messages: Vec<Vec<u8>> = (0..500).map(|i| running.echo(i, i as usize % 41)).collect();
        // In one write, and below the 64 KiB that a loopback segment carries.
        client
            .exchange_and_end(&messages.concat(), &messages)
            .context("500 messages in one write")
    })?;
    Ok(())
}

pub(super) fn split_frame(promise: &Promise) -> Result<()> {
    run(promise, |running| {
        let client = running.connect()?;
        for cut in (1..=HEADER_BYTES + 1).chain([HEADER_BYTES + 50]) {
            // The cut frame's first part shares a segment with the frame before it, its second
            // part with the one after it: only so must a server hold the part in mid-buffer.
            let frames: Vec<Vec<u8>> = [30, 100, 30]
                .map(|bytes| running.echo(cut as u64 * 1000 + bytes, bytes as usize))
                .into();
            let whole = frames.concat();
            let (first, second) = whole.split_at(frames[0].len() + cut);
            let exchange = || {
                client.send(first)?;
                thread::sleep(SEGMENT_PAUSE);
                client.send(second)?;
                client.expect_all(&frames)
            };
            exchange().with_context(|| {
                format!("three frames, sent as two parts cut {cut} bytes into the second frame")
            })?;
        }
        client.finish()
    })?;
    Ok(())
}

pub(super) fn pipelined(promise: &Promise) -> Result<()> {
    run(promise, |running| {
        let client = running.connect()?;
        let mut sent = Vec::new();
        let mut replies = Vec::new();
        for id in 0..1000 {
            let bytes = id as usize * 37 % 211;
            // No regular pattern: runs of each kind, of several lengths.
            if id % 3 == 1 || id % 7 > 4 {
                sent.extend(request::discard(id, bytes));
            } else {
                let echo = running.echo(id, bytes);
                sent.extend(&echo);
                replies.push(echo);
            }
        }
        client
            .exchange_and_end(&sent, &replies)
            .context("1,000 requests sent at once, echo and discard mixed")
    })?;
    Ok(())
}

pub(super) fn half_close(promise: &Promise) -> Result<()> {
    run(promise, |running| {
        let silent = running.connect()?;
        silent.finish().context("half-closed with nothing sent")?;

        for (circumstance, n, bytes) in [
            ("half-closed after 20 small requests", 20, 10),
            ("half-closed after 8 requests of 1 MiB", 8, LARGEST_BYTES),
        ] {
            let messages: Vec<Vec<u8>> = (0..n).map(|id| running.echo(id, bytes)).collect();
            running
                .connect()?
                .exchange_and_end(&messages.concat(), &messages)
                .context(circumstance)?;
        }
        match running.wire() {
            Wire::Framed => half_close_within_a_frame(running),
            Wire::Raw | Wire::Http1 | Wire::Websocket => Ok(()),
        }
    })?;
    Ok(())
}

/// The rest of the frame will never come. Whether the part that came is sent back is the
/// server's choice; to wait for the rest is not.
fn half_close_within_a_frame(running: &Running) -> Result<()> {
    let frame = running.echo(0, 100);
    for cut in [1, HEADER_BYTES, HEADER_BYTES + 50] {
        let client = running.connect()?;
        client.send(&frame[..cut])?;
        client.half_close()?;
        client
            .expect_closed_after_anything()
            .with_context(|| format!("half-closed {cut} bytes into a frame"))?;
    }
    Ok(())
}

pub(super) fn counters(promise: &Promise) -> Result<()> {
    const CONNECTIONS: u64 = 10;
    let mut tally = Tally::new(promise.wire);
    let done = run(promise, |running| {
        tally.accepted(CONNECTIONS);
        for connection in 0..CONNECTIONS {
            let mut sent = Vec::new();
            let mut replies = Vec::new();
            for i in 0..=connection {
                let id = connection << 8 | i;
                let echo = running.echo(id, 100 + 1000 * i as usize);
                tally.echo(&echo);
                sent.extend(&echo);
                replies.push(echo);
                if running.wire() == Wire::Framed {
                    let discard = request::discard(id, 50);
                    tally.discard(&discard);
                    sent.extend(discard);
                }
            }
            running
                .connect()?
                .exchange_and_end(&sent, &replies)
                .with_context(|| format!("connection {} of {CONNECTIONS}", connection + 1))?;
        }
        Ok(())
    })?;
    tally.expect(done.as_ref())
}
