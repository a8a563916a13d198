//! Cases of requests that take time: the work is done, in time and in order, and only those wait
//! for it who have to.

use crate::{
    client::Client,
    proc,
    promise::Promise,
    request::{self, Work},
    running::{Running, run},
    tally::Tally,
};
use anyhow::{Context as _, Result, bail, ensure};
use protocol::wire::{HASHES_MAX, Kind, MAX_PAYLOAD_BYTES};
use std::{
    slice, thread,
    time::{Duration, Instant},
};

const LARGEST_BYTES: usize = MAX_PAYLOAD_BYTES as usize;

pub(super) fn digests(promise: &Promise) -> Result<()> {
    let mut tally = Tally::new(promise.wire);
    let done = run(promise, |running| {
        // Around the places where SHA-256 needs one more block, and up to the largest.
        let sizes = [0, 1, 55, 56, 63, 64, 65, 1000, 100_000, LARGEST_BYTES];
        let client = running.connect()?;
        tally.accepted(1);
        for (id, bytes) in (0..).zip(sizes) {
            for hashes in [1, 2, 3, 1000, 5001] {
                let work = request::work(Kind::Cpu, hashes, id, bytes);
                client
                    .exchange(&work.request, slice::from_ref(&work.reply))
                    .with_context(|| format!("{hashes} hashes over {bytes} bytes"))?;
                tally.work(&work);
            }
        }
        client.finish()
    })?;
    tally.expect(done.as_ref())
}

/// Requests of all kinds, with the replies to come.
fn mixed(running: &Running, tally: &mut Tally, n: u64) -> (Vec<u8>, Vec<Vec<u8>>) {
    let (mut sent, mut replies) = (Vec::new(), Vec::new());
    for id in 0..n {
        let bytes = id as usize * 37 % 80;
        // No regular pattern: runs of each kind, of several lengths.
        let (kind, argument) = match id * id % 13 {
            0 => (Kind::Cpu, 1 + id as u32 % 3),
            1 => (Kind::Wait, 0),
            3 => (Kind::Wait, id as u32),
            4 => (Kind::Block, id as u32 % 100),
            9 => {
                let discard = request::discard(id, bytes);
                tally.discard(&discard);
                sent.extend(discard);
                continue;
            }
            _ => {
                let echo = running.echo(id, bytes);
                tally.echo(&echo);
                sent.extend(&echo);
                replies.push(echo);
                continue;
            }
        };
        let work = request::work(kind, argument, id, bytes);
        tally.work(&work);
        sent.extend(work.request);
        replies.push(work.reply);
    }
    (sent, replies)
}

pub(super) fn mixed_kinds(promise: &Promise) -> Result<()> {
    let mut tally = Tally::new(promise.wire);
    let done = run(promise, |running| {
        tally.accepted(3);
        // Below the 64 KiB that a loopback segment carries.
        let (sent, replies) = mixed(running, &mut tally, 500);
        running
            .connect()?
            .exchange_and_end(&sent, &replies)
            .context("500 requests of all kinds in one write")?;

        let (sent, replies) = mixed(running, &mut tally, 40);
        let client = running.connect()?;
        let bytes = sent
            .iter()
            .try_for_each(|byte| client.send(slice::from_ref(byte)));
        bytes
            .and_then(|()| client.expect_all(&replies))
            .context("40 requests of all kinds, one write for each byte")?;
        client.finish()?;

        let large: Vec<Work> = [(Kind::Wait, 0), (Kind::Cpu, 1), (Kind::Block, 1)]
            .map(|(kind, argument)| request::work(kind, argument, 5, LARGEST_BYTES))
            .into();
        large.iter().for_each(|work| tally.work(work));
        let sent: Vec<u8> = large.iter().flat_map(|work| work.request.clone()).collect();
        let replies: Vec<Vec<u8>> = large.into_iter().map(|work| work.reply).collect();
        running
            .connect()?
            .exchange_and_end(&sent, &replies)
            .context("wait, cpu and block with payloads of 1 MiB")
    })?;
    tally.expect(done.as_ref())
}

pub(super) fn not_before(promise: &Promise) -> Result<()> {
    run(promise, |running| {
        let client = running.connect()?;
        for kind in [Kind::Wait, Kind::Block] {
            for time_us in [0, 100, 1500, 30_000, 300_000] {
                let work = request::work(kind, time_us, time_us.into(), 20);
                let sent_at = Instant::now();
                client.send(&work.request)?;
                client
                    .expect(&work.reply)
                    .with_context(|| format!("{kind:?} for {time_us} us"))?;
                let elapsed = sent_at.elapsed();
                ensure!(
                    elapsed >= Duration::from_micros(time_us.into()),
                    "{kind:?} for {time_us} us was answered after {} us",
                    elapsed.as_micros()
                );
            }
        }
        client.finish()
    })?;
    Ok(())
}

pub(super) fn in_order(promise: &Promise) -> Result<()> {
    run(promise, |running| {
        for (kind, argument) in [
            (Kind::Wait, 50_000),
            (Kind::Block, 50_000),
            (Kind::Cpu, 100_000),
        ] {
            let work = request::work(kind, argument, 1, 100);
            let echo = running.echo(2, 100);
            let replies = [work.reply, echo.clone()];
            let both = [&work.request[..], &echo].concat();
            running
                .connect()?
                .exchange_and_end(&both, &replies)
                .with_context(|| format!("{kind:?} and echo in one segment"))?;

            let client = running.connect()?;
            client.send(&work.request)?;
            thread::sleep(Duration::from_millis(5));
            client.send(&echo)?;
            client.half_close()?;
            let answered = client.expect_all(&replies);
            answered
                .and_then(|()| client.expect_end())
                .with_context(|| format!("{kind:?}, then echo in another segment"))?;
        }
        Ok(())
    })?;
    Ok(())
}

pub(super) fn waits_side_by_side(promise: &Promise) -> Result<()> {
    const CONNECTIONS: usize = 200;
    const TIME: Duration = Duration::from_millis(300);
    run(promise, |running| {
        overtakes(running, Kind::Wait, TIME.as_micros() as u32, 16)?;

        let clients = running.connect_many(CONNECTIONS)?;
        let sent_at = Instant::now();
        let mut works = Vec::new();
        for (client, id) in clients.iter().zip(0..) {
            let work = request::work(Kind::Wait, TIME.as_micros() as u32, id, 20);
            client.send(&work.request)?;
            works.push(work);
        }
        for (client, work) in clients.iter().zip(&works) {
            client.expect(&work.reply)?;
        }
        let (elapsed, limit) = (sent_at.elapsed(), TIME * CONNECTIONS as u32 / 4);
        ensure!(
            elapsed < limit,
            "{CONNECTIONS} connections waited {TIME:?} each and that took {elapsed:?}, less than \
             {limit:?} is expected: they have to wait at the same time"
        );
        Ok(())
    })?;
    Ok(())
}

pub(super) fn block_aside(promise: &Promise) -> Result<()> {
    run(promise, |running| {
        overtakes(running, Kind::Block, 300_000, 4)
    })?;
    Ok(())
}

pub(super) fn cpu_aside(promise: &Promise) -> Result<()> {
    run(promise, |running| {
        overtakes(running, Kind::Cpu, HASHES_MAX, 4)
    })?;
    Ok(())
}

/// Echoes on other connections come before the reply to work that was sent earlier. A machine
/// may be too busy for that once or twice; a server that makes others wait fails every time.
fn overtakes(running: &Running, kind: Kind, argument: u32, busy: usize) -> Result<()> {
    const ATTEMPTS: usize = 3;
    let others = running.connect_many(8)?;
    let work = request::work(kind, argument, 1, 20);
    for _ in 0..ATTEMPTS {
        let busy: Vec<Client> = running.connect_many(busy)?;
        for client in &busy {
            client.send(&work.request)?;
        }
        // So that the work has begun; without effect on what is right.
        thread::sleep(Duration::from_millis(10));
        for (i, other) in others.iter().enumerate() {
            other
                .round_trip(&running.greeting(i))
                .with_context(|| format!("an echo while {kind:?} is done for others"))?;
        }
        let silent: Result<Vec<bool>> = busy.iter().map(Client::is_silent).collect();
        let overtaken = silent?.into_iter().all(|silent| silent);
        for client in &busy {
            client
                .expect(&work.reply)
                .with_context(|| format!("{kind:?} {argument} on {} connections", busy.len()))?;
        }
        if overtaken {
            return Ok(());
        }
    }
    bail!(
        "echoes on {} connections were answered only after {kind:?} {argument} on others was \
         done, in each of {ATTEMPTS} attempts",
        others.len()
    )
}

pub(super) fn parting_while_waiting(promise: &Promise) -> Result<()> {
    const SHARE_MAX: f64 = 0.3;
    run(promise, |running| {
        running.connect_many(1)?.remove(0).finish()?;
        let open_before = proc::open_files(running)?;
        let wait = request::work(Kind::Wait, 1_000_000, 1, 20);
        let waiting = || -> Result<Client> {
            let client = running.connect()?;
            client.send(&wait.request)?;
            Ok(client)
        };
        let (talking, parting, reset) = (waiting()?, waiting()?, waiting()?);
        // So that they wait when the rest happens; without effect on what is right.
        thread::sleep(Duration::from_millis(100));
        let echo = running.echo(1, 100);
        talking.send(&echo)?;
        parting.half_close()?;
        reset.reset()?;

        let share = proc::cpu_share(running, Duration::from_millis(500), || Ok(()))?;
        ensure!(
            share < SHARE_MAX,
            "clients have sent more, have half-closed or were reset while the server let their \
             time pass, and it uses {:.0} % of a CPU; less than {:.0} % is expected",
            100.0 * share,
            100.0 * SHARE_MAX
        );
        talking
            .expect_all(&[wait.reply.clone(), echo])
            .context("an echo was sent while its connection waited")?;
        let answered = parting.expect(&wait.reply);
        answered
            .and_then(|()| parting.expect_end())
            .context("half-closed while the server let its time pass")?;
        drop((talking, parting));
        proc::wait_for_open_files(running, open_before)
    })?;
    Ok(())
}
