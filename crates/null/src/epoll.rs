//! A loop on epoll: receive, send the same.

use model_kit::{Closed, Connection, Refused, Server};
use rustix::{
    buffer::spare_capacity,
    event::epoll::{self, CreateFlags, EventData, EventFlags},
    io::Errno,
    net::{RecvFlags, SendFlags, SocketFlags, accept_with, recv, send},
};
use std::{
    io,
    net::TcpListener,
    os::fd::{AsRawFd as _, OwnedFd},
    thread,
};

const EVENTS_PER_WAIT: usize = 1024;
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
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    let listening = listener.as_raw_fd() as u64;
    epoll::add(
        &epoll,
        &listener,
        EventData::new_u64(listening),
        EventFlags::IN,
    )?;
    server.ready()?;

    // Each at the index of its descriptor.
    let mut clients: Vec<Option<(OwnedFd, Connection)>> = Vec::new();
    let (mut open, mut stopping) = (0, false);
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut events = Vec::with_capacity(EVENTS_PER_WAIT);
    while !stopping || open > 0 {
        events.clear();
        match epoll::wait(&epoll, spare_capacity(&mut events), None) {
            Err(Errno::INTR) => continue,
            waited => waited?,
        };
        for event in &events {
            if event.data.u64() == listening {
                let Some(fd) = accept(server, &listener, &mut stopping) else {
                    continue;
                };
                let index = fd.as_raw_fd() as usize;
                epoll::add(&epoll, &fd, EventData::new_u64(index as u64), WATCHED)?;
                clients.resize_with(clients.len().max(index + 1), || None);
                clients[index] = Some((fd, Connection::open(server.wire())));
                open += 1;
                continue;
            }
            let client = &mut clients[event.data.u64() as usize];
            let Some((fd, connection)) = client else {
                continue;
            };
            let flags = event.flags;
            let last = flags.intersects(LAST);
            if echo(fd, connection, &mut buffer, last).is_err() {
                *client = None;
                open -= 1;
            }
        }
        if stopping {
            // It stays readable; nobody accepts any more.
            let _ = epoll::delete(&epoll, &listener);
        }
    }
    Ok(())
}

fn accept(server: &Server, listener: &TcpListener, stopping: &mut bool) -> Option<OwnedFd> {
    match accept_with(listener, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK) {
        Ok(fd) => Some(fd),
        Err(Errno::AGAIN) => None,
        Err(errno) => {
            match server.refused(&errno.into()) {
                Refused::Retry => {}
                // The figure is spoiled anyhow.
                Refused::Pause(time) => thread::sleep(time),
                Refused::Stopping => *stopping = true,
            }
            None
        }
    }
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
