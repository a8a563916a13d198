//! A connection with its socket, which is read from and written to when epoll says so.

use crate::{
    connection::{Closed, Connection},
    server::{Refused, Server},
};
use protocol::{
    session::Chunk,
    work::{Finished, Work},
};
use rustix::{
    io::Errno,
    net::{RecvFlags, SendFlags, SocketFlags, accept_with, recv, send},
};
use std::{
    io,
    net::TcpListener,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    time::Duration,
};

/// A connection with its socket, and what its loop has to remember of it. Nothing here waits.
#[derive(Debug)]
pub struct Socket<State> {
    /// The loop's. It lies here and not around the socket, where it would cost 8 bytes more for
    /// each connection.
    pub state: State,
    fd: OwnedFd,
    connection: Connection,
}

/// Accepts what is there, up to `at_most` connections, and says what to do with the listener next.
/// `open` gets the connections; one that it has no room for is closed, and counts as one that couldn't
/// be accepted.
pub fn accept_some(
    server: &Server,
    listener: &TcpListener,
    at_most: usize,
    mut open: impl FnMut(OwnedFd, Connection) -> io::Result<()>,
) -> Refused {
    for _ in 0..at_most {
        let opened = match accept_with(listener, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK) {
            Ok(fd) => open(fd, Connection::open(server.wire())),
            Err(Errno::AGAIN) => break,
            Err(errno) => Err(errno.into()),
        };
        if let Err(error) = opened {
            return server.refused(&error);
        }
    }
    Refused::Retry
}

// Always inlined, as the connection's own functions are that wrap a system call.
impl<State> Socket<State> {
    /// A connection that has just been accepted.
    pub fn new(fd: OwnedFd, connection: Connection, state: State) -> Self {
        Self {
            state,
            fd,
            connection,
        }
    }

    /// Sends what is left from before, or else reads once and answers.
    ///
    /// # Errors
    /// As [`Connection::answer`].
    #[inline(always)]
    pub fn answer(&mut self, chunk: &mut Chunk) -> Result<Option<Work>, Closed> {
        if self.has_unsent() {
            return self.resend().map(|()| None);
        }
        match self.receive(chunk)? {
            Some(received_bytes) => self.answer_received(chunk, received_bytes),
            None => Ok(None),
        }
    }

    /// Reads once; `None` when there is nothing to be read.
    ///
    /// # Errors
    /// The socket failed: reset by the client, mostly.
    #[inline(always)]
    pub fn receive(&self, chunk: &mut Chunk) -> io::Result<Option<usize>> {
        loop {
            match recv(&self.fd, chunk.space(), RecvFlags::empty()) {
                Ok((received_bytes, _)) => return Ok(Some(received_bytes)),
                Err(Errno::AGAIN) => return Ok(None),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    /// [`Connection::answer`] on this socket.
    ///
    /// # Errors
    /// As there.
    #[inline(always)]
    pub fn answer_received(
        &mut self,
        chunk: &mut Chunk,
        received_bytes: usize,
    ) -> Result<Option<Work>, Closed> {
        let Self { fd, connection, .. } = self;
        connection.answer(chunk, received_bytes, |reply| send_to(fd, reply))
    }

    /// [`Connection::resume`] on this socket.
    ///
    /// # Errors
    /// As there.
    pub fn resume(&mut self, finished: Finished) -> Result<Option<Work>, Closed> {
        let Self { fd, connection, .. } = self;
        connection.resume(finished, |reply| send_to(fd, reply))
    }

    /// [`Connection::work_inline`] on this socket.
    ///
    /// # Errors
    /// As there.
    #[inline(always)]
    pub fn work_inline(
        &mut self,
        next: Result<Option<Work>, Closed>,
    ) -> Result<Option<(Duration, Work)>, Closed> {
        let Self { fd, connection, .. } = self;
        connection.work_inline(next, |reply| send_to(fd, reply))
    }

    /// [`Connection::resend`] on this socket.
    ///
    /// # Errors
    /// As there.
    #[inline(always)]
    pub fn resend(&mut self) -> Result<(), Closed> {
        let Self { fd, connection, .. } = self;
        connection.resend(|reply| send_to(fd, reply))
    }

    /// The kernel's buffer is full: the socket isn't read from before it has room again.
    #[inline(always)]
    pub fn has_unsent(&self) -> bool {
        !self.connection.unsent().is_empty()
    }
}

impl<State> AsFd for Socket<State> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

#[inline(always)]
fn send_to(fd: &OwnedFd, reply: &[u8]) -> io::Result<usize> {
    Ok(send(fd, reply, SendFlags::NOSIGNAL)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Args, server::Listeners};
    use std::{io::Read as _, net::TcpStream};

    #[test]
    fn a_connection_that_there_is_no_room_for_is_closed_and_the_server_goes_on() {
        let server = Server::new(Args::default(), Listeners::One);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let no_room = |_, _| Err(Errno::NOSPC.into());
        let refused = accept_some(&server, &listener, 1, no_room);
        assert!(matches!(refused, Refused::Pause(_)), "{refused:?}");
        assert_eq!(client.read(&mut [0; 1]).unwrap(), 0);
    }
}
