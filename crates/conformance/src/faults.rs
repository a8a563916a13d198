//! Cases of clients that do wrong: it must cost them their own connection and nobody else's.

use crate::{
    proc,
    promise::Promise,
    request,
    running::{Running, run},
    tally::Tally,
};
use anyhow::{Context as _, Result};
use protocol::wire::{HASHES_MAX, HEADER_BYTES, Kind, MAX_PAYLOAD_BYTES, TIME_MAX_US, VERSION};
use std::{thread, time::Duration};

pub(super) fn reset(promise: &Promise) -> Result<()> {
    run(promise, |running| {
        let other = running.connect()?;
        let greeting = running.greeting(0);
        other.round_trip(&greeting)?;
        let open_before = proc::open_files(running)?;

        let message = running.echo(0, 10_000);
        for round in 0..20 {
            for cut in [0, 1, HEADER_BYTES / 2, message.len() / 2] {
                let client = running.connect()?;
                client.send(&message[..cut])?;
                // In some rounds the server has read that before the reset, in some not.
                if round % 2 == 0 {
                    thread::sleep(Duration::from_micros(500));
                }
                client.reset()?;
                other.round_trip(&greeting).with_context(|| {
                    format!("another connection was reset {cut} bytes into a message")
                })?;
            }
        }
        proc::wait_for_open_files(running, open_before)
            .context("80 connections were reset in mid-message")?;
        other.finish()
    })?;
    Ok(())
}

/// What is wrong with a header, and the header.
type Broken = (&'static str, [u8; HEADER_BYTES]);

/// One that is right, so that a header is wrong only where it is meant to be.
fn argument_of(kind: Kind) -> u32 {
    *kind.arguments().start()
}

fn broken_headers() -> Vec<Broken> {
    let with = |kind, at: usize, bytes: &[u8]| {
        let mut header = request::header(kind, argument_of(kind), 7, 10);
        header[at..at + bytes.len()].copy_from_slice(bytes);
        header
    };
    let over_long = (MAX_PAYLOAD_BYTES + 1).to_le_bytes();
    vec![
        ("version 0", with(Kind::Echo, 0, &[0])),
        ("a version too new", with(Kind::Echo, 0, &[VERSION + 1])),
        ("kind 255, which is none", with(Kind::Echo, 1, &[255])),
        ("the first reserved byte set", with(Kind::Echo, 2, &[1])),
        (
            "the second reserved byte set",
            with(Kind::Discard, 3, &[0x80]),
        ),
        (
            "a payload one byte over the bound",
            with(Kind::Echo, 4, &over_long),
        ),
        ("a payload of 4 GiB", with(Kind::Discard, 4, &[0xff; 4])),
        (
            "an argument for an echo",
            with(Kind::Echo, 16, &[1, 0, 0, 0]),
        ),
        (
            "an argument for a discard",
            with(Kind::Discard, 16, &[0, 0, 0, 1]),
        ),
        ("no hashes for a cpu", with(Kind::Cpu, 16, &[0; 4])),
        (
            "a hash more than a cpu may have",
            with(Kind::Cpu, 16, &(HASHES_MAX + 1).to_le_bytes()),
        ),
        (
            "a microsecond more than a wait may have",
            with(Kind::Wait, 16, &(TIME_MAX_US + 1).to_le_bytes()),
        ),
        ("an hour for a block", with(Kind::Block, 16, &[0xff; 4])),
        (
            "a payload over the bound for a wait",
            with(Kind::Wait, 4, &over_long),
        ),
    ]
}

pub(super) fn malformed(promise: &Promise) -> Result<()> {
    let mut tally = Tally::new(promise.wire);
    let done = run(promise, |running| {
        let other = running.connect_many(1)?.remove(0);
        let greeting = running.greeting(0);
        tally.accepted(1);
        tally.echo(&greeting);
        broken_after_work(running, &mut tally)?;
        for (what, header) in broken_headers() {
            for valid_before in [0, 3] {
                send_broken(running, &mut tally, valid_before, &header).with_context(|| {
                    format!("{valid_before} valid requests and a header with {what}")
                })?;
                other
                    .round_trip(&greeting)
                    .with_context(|| format!("another connection has sent a header with {what}"))?;
                tally.echo(&greeting);
            }
        }
        other.finish()
    })?;
    tally.expect(done.as_ref())
}

/// Valid requests and a broken header in one segment: answers, then no more connection.
fn send_broken(
    running: &Running,
    tally: &mut Tally,
    valid_before: u64,
    header: &[u8],
) -> Result<()> {
    let valid: Vec<Vec<u8>> = (0..valid_before)
        .map(|id| running.echo(id, id as usize * 25))
        .collect();
    tally.accepted(1);
    valid.iter().for_each(|echo| tally.echo(echo));
    tally.malformed(header);

    let client = running.connect()?;
    client.send(&[&valid.concat(), header].concat())?;
    client.expect_all(&valid)?;
    client.expect_closed()
}

/// Work in hand when the broken header comes is done and answered.
fn broken_after_work(running: &Running, tally: &mut Tally) -> Result<()> {
    let work = request::work(Kind::Wait, 50_000, 1, 30);
    let (_, broken) = broken_headers().remove(0);
    tally.accepted(1);
    tally.work(&work);
    tally.malformed(&broken);
    let client = running.connect()?;
    client.send(&[&work.request, &broken[..]].concat())?;
    let answered = client
        .expect(&work.reply)
        .and_then(|()| client.expect_closed());
    answered.context("a wait and a broken header in one segment")
}

/// Requests and a broken header that come faster than their replies are read: these are sent all the
/// same. How many there are decides which of them the server holds when it meets the header.
pub(super) fn malformed_unread(promise: &Promise) -> Result<()> {
    let (_, broken) = broken_headers().remove(0);
    let mut tally = Tally::new(promise.wire);
    let done = run(promise, |running| {
        let other = running.connect_many(1)?.remove(0);
        let greeting = running.greeting(0);
        tally.accepted(1);
        tally.echo(&greeting);
        for count in (8..=96).step_by(4) {
            let echoes: Vec<Vec<u8>> = (0..count).map(|id| running.echo(id, 1000)).collect();
            tally.accepted(1);
            echoes.iter().for_each(|echo| tally.echo(echo));
            tally.malformed(&broken);
            let client = running.connect_narrow()?;
            client.send(&[&echoes.concat(), &broken[..]].concat())?;
            // The server has had its turn then.
            other.round_trip(&greeting)?;
            tally.echo(&greeting);
            let answered = client.expect_all(&echoes);
            let closed = answered.and_then(|()| client.expect_closed());
            closed.with_context(|| {
                format!("{count} echoes of 1,000 bytes, unread, and a broken header")
            })?;
        }
        other.finish()
    })?;
    tally.expect(done.as_ref())
}
