//! A level-triggered loop that relays: two sockets for each client, and nothing in between but a read
//! that wasn't taken yet.
//!
//! As in the loop that answers ([`super::level_triggered`]) a read for each report is enough. What a
//! socket is watched for says what the pair waits for: to read, or for room on the other side.

use super::{
    level_triggered::{Accepting, NOTHING},
    pair::{Broken, Pair},
    poller::{Epoll, Events, LISTENER},
    socket::accept_some,
};
use crate::{
    connection::{Connection, with_chunk},
    relay::{Side, connect},
    server::{Refused, Server},
    work::Timers,
};
use rustix::event::epoll::EventFlags;
use slab::Slab;
use std::{
    io,
    net::{SocketAddr, TcpListener},
    os::fd::OwnedFd,
};

/// Says that it is ready, and relays on the calling thread until the server is stopping and every
/// connection of this loop has closed.
///
/// # Errors
/// Of epoll, or of the ready line.
pub fn serve(
    server: &Server,
    backend: SocketAddr,
    listener: &TcpListener,
    accepting: Accepting,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let mut pairs = Pairs {
        epoll: Epoll::new()?,
        open: Slab::new(),
        backend,
    };
    let mut pauses = Timers::default();
    pairs.epoll.add(listener, LISTENER, accepting.interest)?;
    server.ready()?;
    let mut events = Events::default();
    let mut stopping = false;
    while !stopping || !pairs.open.is_empty() {
        for (key, _) in pairs.epoll.wait(&mut events, pauses.until_next())? {
            if key != LISTENER {
                pairs.serve(key)?;
                continue;
            }
            let open = |client, connection| pairs.open(client, connection);
            match accept_some(server, listener, accepting.per_turn, open) {
                Refused::Retry => continue,
                Refused::Pause(time) => pauses.set(time, LISTENER, ()),
                Refused::Stopping => stopping = true,
            }
            pairs.epoll.delete(listener)?;
        }
        for _ in pauses.due() {
            pairs.epoll.add(listener, LISTENER, accepting.interest)?;
        }
    }
    Ok(())
}

struct Pairs {
    epoll: Epoll,
    /// Each side with what epoll reports of it.
    open: Slab<Pair<Interest>>,
    backend: SocketAddr,
}

struct Interest(EventFlags);

impl Default for Interest {
    fn default() -> Self {
        Self(NOTHING)
    }
}

impl Pairs {
    /// The client isn't read from before the backend is there.
    fn open(&mut self, client: OwnedFd, connection: Connection) -> io::Result<()> {
        let Ok(backend) = connect(self.backend) else {
            connection.backend_failed();
            return Ok(());
        };
        let entry = self.open.vacant_entry();
        let place = entry.key();
        let pair = Pair::new(connection, client, backend);
        for side in Side::BOTH {
            self.epoll.add(pair.fd(side), side.key(place), NOTHING)?;
        }
        entry.insert(pair);
        let watched = self.watch(place);
        if watched.is_err() {
            self.open.remove(place);
        }
        watched
    }

    fn serve(&mut self, key: usize) -> io::Result<()> {
        let (place, side) = Side::of_key(key);
        let Some(pair) = self.open.get_mut(place) else {
            return Ok(());
        };
        if pair.state(side).0 == NOTHING {
            // A hang-up, of which is heard again when there is something to be done for the side.
            return Ok(());
        }
        pair.heard_of(side);
        let passed = with_chunk(|chunk| -> Result<(), Broken> {
            pair.flush(side)?;
            pair.pass(side, chunk.space())?;
            Ok(())
        });
        if passed.is_err() || pair.is_over() {
            self.open.remove(place);
            return Ok(());
        }
        self.watch(place)
    }

    /// Tells epoll what is next for either side.
    #[inline(always)]
    fn watch(&mut self, place: usize) -> io::Result<()> {
        let pair = &mut self.open[place];
        for side in Side::BOTH {
            let mut wanted = EventFlags::empty();
            wanted.set(EventFlags::IN, pair.wants_to_read(side));
            wanted.set(EventFlags::OUT, pair.wants_to_write(side));
            if wanted.is_empty() {
                wanted = NOTHING;
            }
            if pair.state(side).0 != wanted {
                pair.state(side).0 = wanted;
                self.epoll.modify(pair.fd(side), side.key(place), wanted)?;
            }
        }
        Ok(())
    }
}
