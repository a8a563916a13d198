//! An echo on epoll: receive, send the same.

use crate::table::{self, Client, LAST, WATCHED};
use model_kit::{Closed, Connection, Server, epoll::Epoll};
use rustix::{
    event::epoll::EventFlags,
    io::Errno,
    net::{RecvFlags, SendFlags, recv, send},
};
use std::{io, os::fd::OwnedFd};

pub(crate) fn serve(server: &Server) -> io::Result<()> {
    table::serve(server, |fd, connection| Some(Echoed { fd, connection }))
}

struct Echoed {
    fd: OwnedFd,
    connection: Connection,
}

impl Client for Echoed {
    #[inline(always)]
    fn place_of(key: usize) -> usize {
        key
    }

    fn watch(&self, epoll: &Epoll, place: usize) -> io::Result<()> {
        epoll.add(&self.fd, place, WATCHED)
    }

    #[inline(always)]
    fn serve(&mut self, _: usize, flags: EventFlags, buffer: &mut [u8]) -> bool {
        echo(self, buffer, flags.intersects(LAST)).is_ok()
    }
}

/// `last`: no further event may come, so everything is read up to the end.
#[inline(always)]
fn echo(client: &mut Echoed, buffer: &mut [u8], last: bool) -> Result<(), Closed> {
    let Echoed { fd, connection } = client;
    let mut send_to = |bytes: &[u8]| Ok(send(&*fd, bytes, SendFlags::NOSIGNAL)?);
    if !connection.unsent().is_empty() {
        connection.resend(&mut send_to)?;
    }
    // What is unsent is sent before more is read: an event tells when there is room.
    while connection.unsent().is_empty() {
        match recv(&*fd, &mut *buffer, RecvFlags::empty()) {
            Ok((0, _)) => return Err(Closed::ByClient),
            Ok((bytes, _)) => {
                connection.received(bytes, 0);
                connection.reply(&buffer[..bytes], 0, &mut send_to)?;
                if bytes < buffer.len() && !last {
                    break;
                }
            }
            Err(Errno::AGAIN) => break,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(io::Error::from(errno).into()),
        }
    }
    Ok(())
}
