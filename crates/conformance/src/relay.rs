//! Servers that relay: the suite is their client and their backend, so it sees both ends of what they
//! pass on.

use crate::{
    proc,
    promise::Promise,
    running::{Running, run},
};
use anyhow::{Context as _, Result, anyhow, ensure};
use protocol::launch::Done;
use rustix::net::sockopt::set_socket_linger;
use server::launch::Launch;
use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

/// How long anything may take that has to happen.
const LIMIT: Duration = Duration::from_secs(10);

/// How long a relay may take to pass on a visit, if it does.
const VISIT_LIMIT: Duration = Duration::from_secs(2);

/// For how long nothing must go until a sender believes that it is blocked.
const BLOCKED_AFTER: Duration = Duration::from_millis(400);

/// Sending ends here if it isn't blocked before: far beyond what the kernel's buffers take.
const SENT_BYTES_MAX: usize = 96 << 20;

/// What a relay may hold for one connection, buffers that all share included.
const GROWTH_BYTES_MAX: u64 = 16 << 20;

/// More than a socket takes at once.
const MUCH_BYTES: usize = 2_000_000;

const CLIENTS: usize = 8;

/// Runs a server as a relay to a backend that is the case's own.
fn relayed(
    promise: &Promise,
    body: impl FnOnce(&Running, &TcpListener) -> Result<()>,
) -> Result<Option<Done>> {
    let backend = TcpListener::bind("127.0.0.1:0")?;
    run(&to(promise, backend.local_addr()?), |running| {
        if !matches!(promise.launch, Launch::Contract(_)) {
            forget_visit(&backend)?;
        }
        body(running, &backend)
    })
}

/// A server without a ready line was visited, to see that it listens, and has told its backend.
fn forget_visit(backend: &TcpListener) -> Result<()> {
    backend.set_nonblocking(true)?;
    proc::in_time_of(VISIT_LIMIT, || Ok(backend.accept().is_ok()))?;
    Ok(())
}

fn to(promise: &Promise, backend: SocketAddr) -> Promise {
    Promise {
        launch: promise.launch.clone().relaying_to(backend),
        ..promise.clone()
    }
}

fn connect(running: &Running) -> Result<TcpStream> {
    let client = TcpStream::connect(running.addr())?;
    limited(&client)?;
    Ok(client)
}

fn limited(stream: &TcpStream) -> Result<()> {
    stream.set_read_timeout(Some(LIMIT))?;
    stream.set_write_timeout(Some(LIMIT))?;
    Ok(stream.set_nodelay(true)?)
}

/// A client that has said nothing yet, and the connection that the relay has opened for it.
fn pair(running: &Running, backend: &TcpListener) -> Result<(TcpStream, TcpStream)> {
    let client = connect(running)?;
    backend.set_nonblocking(true)?;
    let mut accepted = None;
    let came = proc::in_time_of(LIMIT, || {
        accepted = backend.accept().ok();
        Ok(accepted.is_some())
    });
    came?;
    let (behind, _) = accepted.context(
        "a client has connected, and the backend sees no connection: it is opened when the client \
         connects",
    )?;
    behind.set_nonblocking(false)?;
    limited(&behind)?;
    Ok((client, behind))
}

/// Bytes that differ from one place to the next.
fn pattern(bytes: usize) -> Vec<u8> {
    let period: Vec<u8> = (0..251).collect();
    let mut all = period.repeat(bytes.div_ceil(period.len()));
    all.truncate(bytes);
    all
}

/// Reads up to the end of the stream.
fn read_all(from: &mut TcpStream, whose: &str) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    from.read_to_end(&mut all)
        .with_context(|| format!("{whose} waits for the end of its stream"))?;
    Ok(all)
}

fn expect(came: &[u8], sent: &[u8], way: &str) -> Result<()> {
    ensure!(
        came == sent,
        "{} bytes were sent {way}, and {} came, {}",
        sent.len(),
        came.len(),
        match came.iter().zip(sent).position(|(a, b)| a != b) {
            Some(place) => format!("the first wrong one at {place}"),
            None => "right as far as they go".to_owned(),
        }
    );
    Ok(())
}

pub(super) fn intact(promise: &Promise) -> Result<()> {
    let sent = pattern(MUCH_BYTES);
    let done = relayed(promise, |running, backend| {
        let pairs: Result<Vec<_>> = (0..CLIENTS).map(|_| pair(running, backend)).collect();
        let mut pairs = pairs?;
        thread::scope(|scope| {
            let both = pairs.iter_mut().map(|(client, behind)| {
                let sent = &sent;
                scope.spawn(move || pass_both_ways(client, behind, sent))
            });
            let both: Vec<_> = both.collect();
            both.into_iter().try_for_each(ended)
        })
    })?;
    let bytes = (CLIENTS * MUCH_BYTES) as u64;
    let Some(done) = done else { return Ok(()) };
    let told = (done.accepted, done.bytes_in, done.bytes_out);
    ensure!(
        told == (CLIENTS as u64, bytes, bytes) && done.requests.is_none(),
        "of {CLIENTS} connections with {bytes} bytes each way it counted {told:?}, and {:?} requests, \
         which a relay doesn't see",
        done.requests
    );
    Ok(())
}

/// Both send all they have before they read: both ways are full at once.
fn pass_both_ways(client: &mut TcpStream, behind: &mut TcpStream, sent: &[u8]) -> Result<()> {
    let senders = [client.try_clone()?, behind.try_clone()?];
    thread::scope(|scope| {
        for mut sender in senders {
            scope.spawn(move || {
                sender.write_all(sent)?;
                sender.shutdown(Shutdown::Write)
            });
        }
        expect(&read_all(behind, "the backend")?, sent, "to the backend")?;
        expect(&read_all(client, "a client")?, sent, "to a client")
    })
}

fn ended(thread: thread::ScopedJoinHandle<'_, Result<()>>) -> Result<()> {
    thread.join().map_err(|_| anyhow!("a client panicked"))?
}

pub(super) fn half_close(promise: &Promise) -> Result<()> {
    relayed(promise, |running, backend| {
        let (client, behind) = pair(running, backend)?;
        goes_on_one_way((client, "a client"), (behind, "the backend"))?;
        let (client, behind) = pair(running, backend)?;
        goes_on_one_way((behind, "the backend"), (client, "a client"))
    })?;
    Ok(())
}

/// One side ends its stream after a few bytes, and is then sent many.
fn goes_on_one_way(
    (mut ending, its_name): (TcpStream, &str),
    (mut going_on, name): (TcpStream, &str),
) -> Result<()> {
    ending.write_all(b"few")?;
    ending.shutdown(Shutdown::Write)?;
    let reader = format!("{its_name} has ended its stream: {name}");
    let came = read_all(&mut going_on, &reader)?;
    expect(&came, b"few", &format!("to {name}"))?;
    let much = pattern(MUCH_BYTES);
    let sender = thread::spawn({
        let much = much.clone();
        move || going_on.write_all(&much)
    });
    let came = read_all(&mut ending, &format!("after its own end {its_name}"))?;
    let _ = sender.join();
    expect(
        &came,
        &much,
        &format!("to {its_name}, which had ended its stream"),
    )
}

/// The relay has closed the client's connection.
fn expect_closed(client: &mut TcpStream, why: &str) -> Result<()> {
    match client.read(&mut [0; 1]) {
        Ok(0) => Ok(()),
        Err(error) if error.kind() == ErrorKind::ConnectionReset => Ok(()),
        Ok(_) => anyhow::bail!("{why}, and the client is sent something"),
        Err(error) => Err(error).context(format!("{why}, and the client's connection stays open")),
    }
}

fn expect_failures(done: Option<&Done>, failures: u64) -> Result<()> {
    let told = done.map_or(failures, |done| done.backend_failures);
    ensure!(
        told == failures,
        "{failures} connections' backend refused or broke off, and the server counted {told}"
    );
    Ok(())
}

pub(super) fn refused(promise: &Promise) -> Result<()> {
    // Nobody listens at the address of a listener that is gone, until there is another.
    let gone = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let done = run(&to(promise, gone), |running| {
        for _ in 0..CLIENTS {
            expect_closed(&mut connect(running)?, "the backend refuses")?;
        }
        let back = TcpListener::bind(gone)?;
        let (mut client, mut behind) =
            pair(running, &back).context("the backend has refused some, and is there again")?;
        client.write_all(b"request")?;
        client.shutdown(Shutdown::Write)?;
        expect(
            &read_all(&mut behind, "the backend")?,
            b"request",
            "to the backend",
        )
    })?;
    expect_failures(done.as_ref(), CLIENTS as u64)
}

pub(super) fn backend_dies(promise: &Promise) -> Result<()> {
    let done = relayed(promise, |running, backend| {
        let (mut other, mut behind_other) = pair(running, backend)?;
        let (mut client, mut behind) = pair(running, backend)?;
        client.write_all(b"request")?;
        behind.read_exact(&mut [0; 7])?;
        set_socket_linger(&behind, Some(Duration::ZERO))?;
        drop(behind);
        expect_closed(&mut client, "the backend has reset a connection")?;
        other.write_all(b"request")?;
        other.shutdown(Shutdown::Write)?;
        let came = read_all(&mut behind_other, "beside one that is reset, the backend")?;
        expect(&came, b"request", "to the backend")
    })?;
    expect_failures(done.as_ref(), 1)
}

pub(super) fn slow_client(promise: &Promise) -> Result<()> {
    slow(promise, "client", |(client, behind)| (behind, client))
}

pub(super) fn slow_backend(promise: &Promise) -> Result<()> {
    slow(promise, "backend", |pair| pair)
}

/// One side of a pair sends and the other doesn't read, until nothing goes; then it reads it all.
fn slow(
    promise: &Promise,
    who: &str,
    sender_first: fn((TcpStream, TcpStream)) -> (TcpStream, TcpStream),
) -> Result<()> {
    relayed(promise, |running, backend| {
        let (mut other, mut behind_other) = pair(running, backend)?;
        let (mut sender, mut reader) = sender_first(pair(running, backend)?);
        let before_bytes = proc::resident_bytes(running)?;
        let sent_bytes = send_until_blocked(&mut sender)?;
        other.write_all(b"request")?;
        behind_other
            .read_exact(&mut [0; 7])
            .with_context(|| format!("another connection, while a {who} doesn't read"))?;
        let growth_bytes = proc::resident_bytes(running)?.saturating_sub(before_bytes);
        ensure!(
            sent_bytes < SENT_BYTES_MAX && growth_bytes < GROWTH_BYTES_MAX,
            "a {who} reads nothing, and the relay took {} MiB for it, by which its memory grew by {} \
             MiB: it has to stop reading from the other side",
            sent_bytes >> 20,
            growth_bytes >> 20
        );
        sender.shutdown(Shutdown::Write)?;
        let came = read_all(&mut reader, "who has read nothing so far, and reads now,")?;
        expect(&came, &pattern(sent_bytes), "to who reads late")
    })?;
    Ok(())
}

/// Sends a pattern's bytes until none goes for a while; how many went.
fn send_until_blocked(sender: &mut TcpStream) -> Result<usize> {
    let bytes = pattern(SENT_BYTES_MAX);
    sender.set_nonblocking(true)?;
    let (mut sent, mut moved) = (0, Instant::now());
    while sent < bytes.len() && moved.elapsed() < BLOCKED_AFTER {
        match sender.write(&bytes[sent..]) {
            Ok(more) => (sent, moved) = (sent + more, Instant::now()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                thread::sleep(Duration::from_millis(5));
            }
            Err(error) => return Err(error).context("who sends to one that doesn't read"),
        }
    }
    sender.set_nonblocking(false)?;
    Ok(sent)
}

pub(super) fn stop(promise: &Promise) -> Result<()> {
    let backend = TcpListener::bind("127.0.0.1:0")?;
    let running = Running::start(&to(promise, backend.local_addr()?))?;
    let (mut client, mut behind) = pair(&running, &backend)?;
    client.write_all(b"request")?;
    let answer = move || -> Result<()> {
        let came = read_all(&mut behind, "the relay is to stop, and the backend")?;
        expect(
            &came,
            b"request",
            "to the backend before the relay was to stop",
        )?;
        Ok(behind.write_all(b"reply")?)
    };
    let done = thread::scope(|scope| {
        let answering = scope.spawn(answer);
        let done = running.stop();
        ended(answering).and(done)
    })?;
    let came = read_all(&mut client, "of a relay that stops, a client")?;
    expect(&came, b"reply", "back while the relay stopped")?;
    let told = done.map(|done| (done.bytes_in, done.bytes_out, done.abandoned));
    ensure!(
        told.is_none_or(|told| told == (7, 5, 0)),
        "7 bytes came and 5 went back before it stopped, with no connection left; it counted {told:?}"
    );
    Ok(())
}
