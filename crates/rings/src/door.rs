//! A ring's listener: it lets connections in until the server is to stop, and rests when the process
//! is out of something that they take.

use crate::{
    about::About,
    ring::{Completion, Ring},
};
use io_uring::{
    opcode,
    types::{Fd, Timespec},
};
use model_kit::{Connection, Refused, Server};
use rustix::net::SocketFlags;
use std::{
    io,
    net::TcpListener,
    os::fd::{AsRawFd as _, OwnedFd},
    ptr,
};

/// A listener, and how the ring accepts from it.
pub struct Door {
    listener: TcpListener,
    is_multishot: bool,
    /// Boxed, because the kernel reads it.
    pause: Box<Timespec>,
    is_shut: bool,
}

impl Door {
    /// A listener of the server. With a multishot request for all connections, or with one for each.
    ///
    /// # Errors
    /// As [`Server::listen`].
    pub fn new(server: &Server, is_multishot: bool) -> io::Result<Self> {
        Ok(Self {
            listener: server.listen()?,
            is_multishot,
            pause: Box::default(),
            is_shut: false,
        })
    }

    /// The server is stopping: nobody comes in any more.
    pub fn is_shut(&self) -> bool {
        self.is_shut
    }

    /// Asks the kernel to accept: at first, and when a pause is over.
    ///
    /// # Errors
    /// As [`Ring::push`].
    pub fn accept(&self, ring: &mut Ring) -> io::Result<()> {
        let fd = Fd(self.listener.as_raw_fd());
        let flags = SocketFlags::CLOEXEC.bits() as i32;
        let accept = if self.is_multishot {
            opcode::AcceptMulti::new(fd).flags(flags).build()
        } else {
            let accept = opcode::Accept::new(fd, ptr::null_mut(), ptr::null_mut());
            accept.flags(flags).build()
        };
        // SAFETY: it points nowhere, and is one to accept.
        unsafe { ring.push(accept, About::Accept, 0) }
    }

    /// The connection that an accept has brought, if it has, and the next accept.
    ///
    /// # Errors
    /// As [`Ring::push`].
    pub fn accepted(
        &mut self,
        completion: &Completion,
        server: &Server,
        ring: &mut Ring,
    ) -> io::Result<Option<(OwnedFd, Connection)>> {
        let came = match completion.accepted(server) {
            Ok(came) => Some(came),
            Err(Refused::Retry) => None,
            Err(Refused::Pause(time)) => {
                *self.pause = time.into();
                let timeout = opcode::Timeout::new(&raw const *self.pause).build();
                // SAFETY: the time lies in a box that lives as long as the loop.
                unsafe { ring.push(timeout, About::PauseOver, 0)? };
                return Ok(None);
            }
            Err(Refused::Stopping) => {
                self.is_shut = true;
                return Ok(None);
            }
        };
        if !completion.has_more() {
            self.accept(ring)?;
        }
        Ok(came)
    }
}
