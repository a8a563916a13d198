//! A loop on epoll: receive, send the same.

use model_kit::{
    Closed, Connection, Refused, Server,
    epoll::{Epoll, Events, LISTENER, accept_some},
};
use rustix::{
    event::epoll::EventFlags,
    io::Errno,
    net::{RecvFlags, SendFlags, recv, send},
};
use std::{
    io,
    os::fd::{AsRawFd as _, OwnedFd},
    thread,
};

const BUFFER_BYTES: usize = 64 << 10;

/// Both directions, each change once: a connection costs no `epoll_ctl` after its first.
const WATCHED: EventFlags = EventFlags::IN
    .union(EventFlags::OUT)
    .union(EventFlags::RDHUP)
    .union(EventFlags::ET);

/// The client has sent its last byte, or is gone.
const LAST: EventFlags = EventFlags::RDHUP
    .union(EventFlags::HUP)
    .union(EventFlags::ERR);

pub(crate) fn serve(server: &Server) -> io::Result<()> {
    let listener = server.listen()?;
    listener.set_nonblocking(true)?;
    let epoll = Epoll::new()?;
    epoll.add(&listener, LISTENER, EventFlags::IN)?;
    server.ready()?;

    // Each at the index of its descriptor.
    let mut clients: Vec<Option<(OwnedFd, Connection)>> = Vec::new();
    let (mut open, mut stopping) = (0, false);
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut events = Events::default();
    while !stopping || open > 0 {
        for (key, flags) in epoll.wait(&mut events, None)? {
            if key == LISTENER {
                let keep = |fd: OwnedFd, connection| {
                    let index = fd.as_raw_fd() as usize;
                    epoll.add(&fd, index, WATCHED)?;
                    clients.resize_with(clients.len().max(index + 1), || None);
                    clients[index] = Some((fd, connection));
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
            let client = &mut clients[key];
            let Some((fd, connection)) = client else {
                continue;
            };
            let last = flags.intersects(LAST);
            if echo(fd, connection, &mut buffer, last).is_err() {
                *client = None;
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

/// `last`: no further event may come, so everything is read up to the end.
#[inline(always)]
fn echo(
    fd: &OwnedFd,
    connection: &mut Connection,
    buffer: &mut [u8],
    last: bool,
) -> Result<(), Closed> {
    let mut send_to = |bytes: &[u8]| Ok(send(fd, bytes, SendFlags::NOSIGNAL)?);
    if !connection.unsent().is_empty() {
        connection.resend(&mut send_to)?;
    }
    // What is unsent is sent before more is read: an event tells when there is room.
    while connection.unsent().is_empty() {
        match recv(fd, &mut *buffer, RecvFlags::empty()) {
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
