//! Cases of the server's end: what it has received is answered, and nobody can hold it up.

use crate::{
    client::Client,
    promise::Promise,
    request,
    running::{Running, expect_none_abandoned},
    tally::Tally,
    unread::Unread,
};
use anyhow::{Context as _, Result};
use protocol::{
    launch::Done,
    wire::{HEADER_BYTES, Kind, Wire},
};
use rustix::process::{Pid, Signal, kill_process};
use std::{thread, time::Duration};

const CONNECTIONS: usize = 200;

/// Requests in flight on each connection. Small enough for any socket's buffers: a write that
/// has returned must mean that the server's kernel has the request.
const IN_FLIGHT: u64 = 5;

pub(super) fn end_of_input(promise: &Promise) -> Result<()> {
    requests_in_flight(promise, Running::stop)
}

pub(super) fn sigterm(promise: &Promise) -> Result<()> {
    requests_in_flight(promise, Running::terminate)
}

fn requests_in_flight(promise: &Promise, stop: fn(Running) -> Result<Option<Done>>) -> Result<()> {
    let mut running = Running::start(promise)?;
    let mut tally = Tally::new(promise.wire);
    let (clients, parted) = running.attempt(|running| {
        let clients = running.connect_many(CONNECTIONS)?;
        tally.accepted(CONNECTIONS as u64);
        (0..CONNECTIONS).for_each(|i| tally.echo(&running.greeting(i)));
        Ok((clients, half_frames(running, &mut tally)?))
    })?;

    // Asleep while the requests come in, the server has all of them before it and has answered
    // none when it is told to stop: no race decides what is in flight.
    signal(&running, Signal::STOP)?;
    let replies: Vec<Vec<Vec<u8>>> = running.attempt(|running| {
        let pairs = clients.iter().zip(0..);
        pairs
            .map(|(client, i)| send_in_flight(running, client, i, &mut tally))
            .collect()
    })?;
    let circumstance = "the server (asleep by SIGSTOP) received requests, was told to stop and \
                        woken";
    let done = stop_asleep(running, stop).context(circumstance)?;
    for (i, (client, replies)) in clients.iter().zip(&replies).enumerate() {
        let answered = client
            .expect_all(replies)
            .and_then(|()| client.expect_end());
        answered
            .with_context(|| format!("{circumstance}: connection {} of {CONNECTIONS}", i + 1))?;
    }
    for client in parted {
        client
            .expect_closed_after_anything()
            .context("half a frame was sent and the server was told to stop")?;
    }
    expect_none_abandoned(done.as_ref()).context(circumstance)?;
    tally.expect(done.as_ref())
}

/// Requests on the `i`-th connection; returns the replies to come.
fn send_in_flight(
    running: &Running,
    client: &Client,
    i: u64,
    tally: &mut Tally,
) -> Result<Vec<Vec<u8>>> {
    let mut sent = Vec::new();
    let mut replies = Vec::new();
    for k in 0..IN_FLIGHT {
        let id = i << 8 | k;
        if running.wire() == Wire::Framed && k == 2 {
            let discard = request::discard(id, 100);
            tally.discard(&discard);
            sent.extend(discard);
        } else {
            let echo = running.echo(id, 300 * k as usize);
            tally.echo(&echo);
            sent.extend(&echo);
            replies.push(echo);
        }
    }
    client.send(&sent)?;
    Ok(replies)
}

/// Connections whose frame will never be complete. A discard's, so that it is no question
/// whether bytes of an unfinished reply count as sent.
fn half_frames(running: &Running, tally: &mut Tally) -> Result<Vec<Client>> {
    if running.wire() == Wire::Raw {
        return Ok(Vec::new());
    }
    let frame = request::discard(1, 100);
    let cuts = [HEADER_BYTES / 2, HEADER_BYTES, HEADER_BYTES + 50];
    let clients = running.connect_many(cuts.len())?;
    tally.accepted(cuts.len() as u64);
    for (i, (client, cut)) in clients.iter().zip(cuts).enumerate() {
        tally.echo(&running.greeting(i));
        tally.part(&frame[..cut]);
        client.send(&frame[..cut])?;
    }
    Ok(clients)
}

/// Tells a sleeping server to stop and wakes it after that.
fn stop_asleep(
    running: Running,
    stop: fn(Running) -> Result<Option<Done>>,
) -> Result<Option<Done>> {
    let pid = pid(&running)?;
    thread::scope(|scope| {
        let wake = move || {
            // Nothing is wrong with waking it before it is told; only then the case is milder.
            thread::sleep(Duration::from_millis(50));
            let _ = kill_process(pid, Signal::CONT);
        };
        thread::Builder::new().spawn_scoped(scope, wake)?;
        stop(running)
    })
}

fn signal(running: &Running, signal: Signal) -> Result<()> {
    Ok(kill_process(pid(running)?, signal)?)
}

fn pid(running: &Running) -> Result<Pid> {
    let pid = running.pids().first().copied().unwrap_or(0);
    Pid::from_raw(i32::try_from(pid)?).context("the server's process has no id")
}

pub(super) fn work_in_hand(promise: &Promise) -> Result<()> {
    const CONNECTIONS: usize = 50;
    let circumstance = "requests to wait 400 ms are in hand and the server is told to stop";
    let mut running = Running::start(promise)?;
    let mut tally = Tally::new(promise.wire);
    let (clients, replies) = running.attempt(|running| {
        let clients = running.connect_many(CONNECTIONS)?;
        tally.accepted(CONNECTIONS as u64);
        let mut replies = Vec::new();
        for (i, client) in clients.iter().enumerate() {
            let wait = request::work(Kind::Wait, 400_000, i as u64, 30);
            let echo = running.echo(i as u64, 40);
            tally.echo(&running.greeting(i));
            tally.work(&wait);
            tally.echo(&echo);
            client.send(&[&wait.request[..], &echo].concat())?;
            replies.push([wait.reply, echo]);
        }
        Ok((clients, replies))
    })?;
    // Mostly they are waiting by now; if not, they have been received, and count as much.
    thread::sleep(Duration::from_millis(100));
    let done = running.terminate().context(circumstance)?;
    for (i, (client, replies)) in clients.iter().zip(&replies).enumerate() {
        let answered = client
            .expect_all(replies)
            .and_then(|()| client.expect_end());
        answered
            .with_context(|| format!("{circumstance}: connection {} of {CONNECTIONS}", i + 1))?;
    }
    expect_none_abandoned(done.as_ref()).context(circumstance)?;
    tally.expect(done.as_ref())
}

pub(super) fn unread_replies(promise: &Promise) -> Result<()> {
    let circumstance = "a client doesn't read its replies and the server is told to stop";
    let mut running = Running::start(promise)?;
    let (unread, other, echo) = running.attempt(|running| {
        let other = running.connect_many(1)?.remove(0);
        let unread = Unread::fill(running)?;
        let echo = running.echo(1, 1000);
        other.send(&echo)?;
        Ok((unread, other, echo))
    })?;
    // That connection can't end well, so the server may count it as abandoned.
    running.stop().context(circumstance)?;
    drop(unread);
    let answered = other.expect(&echo).and_then(|()| other.expect_end());
    answered.with_context(|| format!("{circumstance}: another connection with a request in flight"))
}
