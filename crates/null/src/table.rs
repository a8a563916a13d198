//! A loop on epoll over a table of clients: the same for an echo and for a relay.

use model_kit::{
    Connection, Refused, Server,
    epoll::{Epoll, Events, LISTENER, accept_some},
};
use rustix::event::epoll::EventFlags;
use std::{
    io,
    os::fd::{AsRawFd as _, OwnedFd},
    thread,
};

const BUFFER_BYTES: usize = 64 << 10;

/// Both directions, each change once: a socket costs no `epoll_ctl` after its first.
pub(crate) const WATCHED: EventFlags = EventFlags::IN
    .union(EventFlags::OUT)
    .union(EventFlags::RDHUP)
    .union(EventFlags::ET);

/// The other end has sent its last byte, or is gone: no further event may come.
pub(crate) const LAST: EventFlags = EventFlags::RDHUP
    .union(EventFlags::HUP)
    .union(EventFlags::ERR);

/// What there is of a client, in its place in the table.
pub(crate) trait Client: Sized {
    /// The place that a key belongs to.
    fn place_of(key: usize) -> usize;

    /// Has each of its sockets watched, by a key that belongs to the place.
    fn watch(&self, epoll: &Epoll, place: usize) -> io::Result<()>;

    /// Does what there is to be done when this was reported of one of its sockets. It says whether the
    /// client stays.
    fn serve(&mut self, key: usize, flags: EventFlags, buffer: &mut [u8]) -> bool;
}

/// Serves what `open` makes of each connection, which may be nothing.
pub(crate) fn serve<Served: Client>(
    server: &Server,
    open: impl Fn(OwnedFd, Connection) -> Option<Served>,
) -> io::Result<()> {
    let listener = server.listen()?;
    listener.set_nonblocking(true)?;
    let epoll = Epoll::new()?;
    epoll.add(&listener, LISTENER, EventFlags::IN)?;
    server.ready()?;

    // Each at the index of its descriptor.
    let mut clients: Vec<Option<Served>> = Vec::new();
    let (mut served, mut stopping) = (0, false);
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut events = Events::default();
    while !stopping || served > 0 {
        for (key, flags) in epoll.wait(&mut events, None)? {
            if key == LISTENER {
                let keep = |fd: OwnedFd, connection| {
                    let place = fd.as_raw_fd() as usize;
                    let Some(client) = open(fd, connection) else {
                        return Ok(());
                    };
                    client.watch(&epoll, place)?;
                    clients.resize_with(clients.len().max(place + 1), || None);
                    clients[place] = Some(client);
                    served += 1;
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
            let client = &mut clients[Served::place_of(key)];
            let Some(one) = client else {
                continue;
            };
            if !one.serve(key, flags, &mut buffer) {
                *client = None;
                served -= 1;
            }
        }
        if stopping {
            // It stays readable; nobody accepts any more.
            let _ = epoll.delete(&listener);
        }
    }
    Ok(())
}
