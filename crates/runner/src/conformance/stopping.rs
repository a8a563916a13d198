//! Cases of the server's end: what it has received is answered, and nobody can hold it up.

use super::{
    client::Client,
    request,
    subject::{Candidate, Subject, expect_none_abandoned},
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

pub(super) fn end_of_input(candidate: &Candidate) -> Result<()> {
    requests_in_flight(candidate, Subject::stop)
}

pub(super) fn sigterm(candidate: &Candidate) -> Result<()> {
    requests_in_flight(candidate, Subject::terminate)
}

fn requests_in_flight(
    candidate: &Candidate,
    stop: fn(Subject) -> Result<Option<Done>>,
) -> Result<()> {
    let mut subject = Subject::start(candidate)?;
    let mut tally = Tally::new(candidate.wire);
    let (clients, parted) = subject.attempt(|subject| {
        let clients = subject.connect_many(CONNECTIONS)?;
        tally.accepted(CONNECTIONS as u64);
        (0..CONNECTIONS).for_each(|i| tally.echo(&subject.greeting(i)));
        Ok((clients, half_frames(subject, &mut tally)?))
    })?;

    // Asleep while the requests come in, the server has all of them before it and has answered
    // none when it is told to stop: no race decides what is in flight.
    signal(&subject, Signal::STOP)?;
    let replies: Vec<Vec<Vec<u8>>> = subject.attempt(|subject| {
        let pairs = clients.iter().zip(0..);
        pairs
            .map(|(client, i)| send_in_flight(subject, client, i, &mut tally))
            .collect()
    })?;
    let circumstance = "the server (asleep by SIGSTOP) received requests, was told to stop and \
                        woken";
    let done = stop_asleep(subject, stop).context(circumstance)?;
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
    subject: &Subject,
    client: &Client,
    i: u64,
    tally: &mut Tally,
) -> Result<Vec<Vec<u8>>> {
    let mut sent = Vec::new();
    let mut replies = Vec::new();
    for k in 0..IN_FLIGHT {
        let id = i << 8 | k;
        if subject.wire() == Wire::Framed && k == 2 {
            let discard = request::discard(id, 100);
            tally.discard(&discard);
            sent.extend(discard);
        } else {
            let echo = subject.echo(id, 300 * k as usize);
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
fn half_frames(subject: &Subject, tally: &mut Tally) -> Result<Vec<Client>> {
    if subject.wire() == Wire::Raw {
        return Ok(Vec::new());
    }
    let frame = request::discard(1, 100);
    let cuts = [HEADER_BYTES / 2, HEADER_BYTES, HEADER_BYTES + 50];
    let clients = subject.connect_many(cuts.len())?;
    tally.accepted(cuts.len() as u64);
    for (i, (client, cut)) in clients.iter().zip(cuts).enumerate() {
        tally.echo(&subject.greeting(i));
        tally.part(&frame[..cut]);
        client.send(&frame[..cut])?;
    }
    Ok(clients)
}

/// Tells a sleeping server to stop and wakes it after that.
fn stop_asleep(
    subject: Subject,
    stop: fn(Subject) -> Result<Option<Done>>,
) -> Result<Option<Done>> {
    let pid = pid(&subject)?;
    thread::scope(|scope| {
        scope.spawn(move || {
            // Nothing is wrong with waking it before it is told; only then the case is milder.
            thread::sleep(Duration::from_millis(50));
            let _ = kill_process(pid, Signal::CONT);
        });
        stop(subject)
    })
}

fn signal(subject: &Subject, signal: Signal) -> Result<()> {
    Ok(kill_process(pid(subject)?, signal)?)
}

fn pid(subject: &Subject) -> Result<Pid> {
    let pid = subject.pids().first().copied().unwrap_or(0);
    Pid::from_raw(i32::try_from(pid)?).context("the server's process has no id")
}

pub(super) fn work_in_hand(candidate: &Candidate) -> Result<()> {
    const CONNECTIONS: usize = 50;
    let circumstance = "requests to wait 400 ms are in hand and the server is told to stop";
    let mut subject = Subject::start(candidate)?;
    let mut tally = Tally::new(candidate.wire);
    let (clients, replies) = subject.attempt(|subject| {
        let clients = subject.connect_many(CONNECTIONS)?;
        tally.accepted(CONNECTIONS as u64);
        let mut replies = Vec::new();
        for (i, client) in clients.iter().enumerate() {
            let wait = request::work(Kind::Wait, 400_000, i as u64, 30);
            let echo = subject.echo(i as u64, 40);
            tally.echo(&subject.greeting(i));
            tally.work(&wait);
            tally.echo(&echo);
            client.send(&[&wait.request[..], &echo].concat())?;
            replies.push([wait.reply, echo]);
        }
        Ok((clients, replies))
    })?;
    // Mostly they are waiting by now; if not, they have been received, and count as much.
    thread::sleep(Duration::from_millis(100));
    let done = subject.terminate().context(circumstance)?;
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

pub(super) fn unread_replies(candidate: &Candidate) -> Result<()> {
    let circumstance = "a client doesn't read its replies and the server is told to stop";
    let mut subject = Subject::start(candidate)?;
    let (unread, other, echo) = subject.attempt(|subject| {
        let other = subject.connect_many(1)?.remove(0);
        let unread = Unread::fill(subject)?;
        let echo = subject.echo(1, 1000);
        other.send(&echo)?;
        Ok((unread, other, echo))
    })?;
    // That connection can't end well, so the server may count it as abandoned.
    subject.stop().context(circumstance)?;
    drop(unread);
    let answered = other.expect(&echo).and_then(|()| other.expect_end());
    answered.with_context(|| format!("{circumstance}: another connection with a request in flight"))
}
