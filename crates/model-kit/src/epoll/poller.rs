//! An epoll instance, with keys for what it reports.

use rustix::{
    buffer::spare_capacity,
    event::epoll::{self, CreateFlags, Event, EventData, EventFlags},
    io::Errno,
};
use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    time::Duration,
};

const EVENTS_PER_WAIT: usize = 1024;

/// The listener's key, where a connection's is its place in a table.
pub const LISTENER: usize = usize::MAX;

/// An epoll instance.
#[derive(Debug)]
pub struct Epoll(OwnedFd);

/// Room for what a wait reports.
pub struct Events(Vec<Event>);

impl Default for Events {
    fn default() -> Self {
        Self(Vec::with_capacity(EVENTS_PER_WAIT))
    }
}

impl Epoll {
    /// An instance that watches nothing yet.
    ///
    /// # Errors
    /// Out of descriptors.
    pub fn new() -> io::Result<Self> {
        Ok(Self(epoll::create(CreateFlags::CLOEXEC)?))
    }

    /// Registers a descriptor, to be reported by this key.
    ///
    /// # Errors
    /// As epoll_ctl(2): out of memory or of watches, mostly.
    #[inline]
    pub fn add(&self, fd: impl AsFd, key: usize, interest: EventFlags) -> io::Result<()> {
        Ok(epoll::add(&self.0, fd, token(key), interest)?)
    }

    /// Changes what a registered descriptor is reported for.
    ///
    /// # Errors
    /// It isn't registered.
    #[inline]
    pub fn modify(&self, fd: impl AsFd, key: usize, interest: EventFlags) -> io::Result<()> {
        Ok(epoll::modify(&self.0, fd, token(key), interest)?)
    }

    /// Ends a registration.
    ///
    /// # Errors
    /// It isn't registered.
    pub fn delete(&self, fd: impl AsFd) -> io::Result<()> {
        Ok(epoll::delete(&self.0, fd)?)
    }

    /// Waits until there is something to report, for `timeout` at the most, and reports it: keys,
    /// each with what has come up. Nothing is reported when the time is over or a signal has come.
    ///
    /// # Errors
    /// As epoll_wait(2).
    #[inline]
    pub fn wait<'events>(
        &self,
        events: &'events mut Events,
        timeout: Option<Duration>,
    ) -> io::Result<impl Iterator<Item = (usize, EventFlags)> + use<'events>> {
        let Events(events) = events;
        events.clear();
        let timeout = timeout.map(TryInto::try_into).transpose();
        let timeout = timeout.map_err(io::Error::other)?;
        match epoll::wait(&self.0, spare_capacity(events), timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        let reported = events.iter();
        Ok(reported.map(|event| (event.data.u64() as usize, event.flags)))
    }
}

fn token(key: usize) -> EventData {
    EventData::new_u64(key as u64)
}
