//! A loop on epoll that relays: receive from one, send to the other.

use model_kit::{
    Connection, Refused, Server, Side, connect,
    epoll::{Broken, Epoll, Events, LISTENER, Pair, Passed, accept_some},
};
use rustix::event::epoll::EventFlags;
use std::{
    io,
    net::SocketAddr,
    os::fd::{AsRawFd as _, OwnedFd},
    thread,
};

const BUFFER_BYTES: usize = 64 << 10;

/// Both directions, each change once: a pair costs no `epoll_ctl` after its first two.
const WATCHED: EventFlags = EventFlags::IN
    .union(EventFlags::OUT)
    .union(EventFlags::RDHUP)
    .union(EventFlags::ET);

/// A side has sent its last byte, or is gone.
const LAST: EventFlags = EventFlags::RDHUP
    .union(EventFlags::HUP)
    .union(EventFlags::ERR);

pub(crate) fn serve(server: &Server, backend: SocketAddr) -> io::Result<()> {
    let listener = server.listen()?;
    listener.set_nonblocking(true)?;
    let epoll = Epoll::new()?;
    epoll.add(&listener, LISTENER, EventFlags::IN)?;
    server.ready()?;

    // Each at twice the index of its client's descriptor; the backend's side is at the odd number.
    let mut pairs: Vec<Option<Box<Pair<()>>>> = Vec::new();
    let (mut open, mut stopping) = (0, false);
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut events = Events::default();
    while !stopping || open > 0 {
        for (key, flags) in epoll.wait(&mut events, None)? {
            if key == LISTENER {
                let keep = |client: OwnedFd, connection: Connection| {
                    let Ok(backend) = connect(backend) else {
                        connection.backend_failed();
                        return Ok(());
                    };
                    let index = client.as_raw_fd() as usize;
                    epoll.add(&client, 2 * index, WATCHED)?;
                    epoll.add(&backend, 2 * index + 1, WATCHED)?;
                    pairs.resize_with(pairs.len().max(index + 1), || None);
                    pairs[index] = Some(Box::new(Pair::new(connection, client, backend)));
                    open += 1;
                    Ok(())
                };
                match accept_some(server, &listener, 1, keep) {
                    Refused::Retry => {}
                    // The figure is spoiled anyhow.
                    Refused::Pause(time) => thread::sleep(time),
                    Refused::Stopping => stopping = true,
                }
                continue;
            }
            let Some(pair) = pairs[key / 2].as_mut() else {
                continue;
            };
            let side = match key % 2 {
                0 => Side::Client,
                _ => Side::Backend,
            };
            let passed = pass(pair, side, &mut buffer, flags);
            if passed.is_err() || pair.is_over() {
                pairs[key / 2] = None;
                open -= 1;
            }
        }
        if stopping {
            // It stays readable; nobody accepts any more.
            let _ = epoll.delete(&listener);
        }
    }
    Ok(())
}

/// Passes on what a side has sent, and what waited until it had room again.
#[inline(always)]
fn pass(
    pair: &mut Pair<()>,
    side: Side,
    buffer: &mut [u8],
    flags: EventFlags,
) -> Result<(), Broken> {
    let had_no_room = pair.wants_to_write(side);
    pair.heard_of(side);
    if had_no_room {
        pair.flush(side)?;
        // What was reported of the other side meanwhile isn't reported again.
        pass_all(pair, side.other(), buffer, true)?;
    }
    // No further event may come after its last.
    pass_all(pair, side, buffer, flags.intersects(LAST))
}

/// Up to a read that finds nothing, or to one that isn't full where a later event is sure.
#[inline(always)]
fn pass_all(
    pair: &mut Pair<()>,
    from: Side,
    buffer: &mut [u8],
    to_the_end: bool,
) -> Result<(), Broken> {
    while pair.wants_to_read(from) {
        match pair.pass(from, buffer)? {
            Passed::Nothing => break,
            Passed::All if !to_the_end => break,
            Passed::All | Passed::Full => {}
        }
    }
    Ok(())
}
