//! A relay on epoll: receive from one, send to the other.

use crate::table::{self, Client, LAST, WATCHED};
use model_kit::{
    Server, Side, connect,
    epoll::{Broken, Epoll, Pair, Passed},
};
use rustix::event::epoll::EventFlags;
use std::{io, net::SocketAddr};

pub(crate) fn serve(server: &Server, backend: SocketAddr) -> io::Result<()> {
    table::serve(server, |client, connection| {
        let Ok(backend) = connect(backend) else {
            connection.backend_failed();
            return None;
        };
        Some(Box::new(Pair::new(connection, client, backend)))
    })
}

impl Client for Box<Pair<()>> {
    #[inline(always)]
    fn place_of(key: usize) -> usize {
        Side::of_key(key).0
    }

    fn watch(&self, epoll: &Epoll, place: usize) -> io::Result<()> {
        Side::BOTH
            .into_iter()
            .try_for_each(|side| epoll.add(self.fd(side), side.key(place), WATCHED))
    }

    #[inline(always)]
    fn serve(&mut self, key: usize, flags: EventFlags, buffer: &mut [u8]) -> bool {
        let (_, side) = Side::of_key(key);
        pass(self, side, buffer, flags).is_ok() && !self.is_over()
    }
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
