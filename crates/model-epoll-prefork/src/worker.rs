//! A worker: an epoll loop on a listener that other processes accept from, too.

use model_kit::{
    Ended, Server,
    epoll::level_triggered::{self, Accepting},
};
use rustix::event::epoll::EventFlags;
use std::{
    net::TcpListener,
    os::fd::{FromRawFd as _, RawFd},
};

/// One at a time, so that the neighbours get theirs.
const ACCEPTING: Accepting = Accepting {
    interest: EventFlags::IN.union(EventFlags::EXCLUSIVE),
    per_turn: 1,
};

pub(crate) fn run(server: &Server, listener: RawFd) -> Ended {
    // SAFETY: the parent has left this descriptor of its listener open for us, and nothing else
    // here knows of it.
    let listener = unsafe { TcpListener::from_raw_fd(listener) };
    Ok(level_triggered::serve(server, &listener, ACCEPTING)?)
}
