//! A wait that nothing wakes but its end, the death of a child, or the user.
//!
//! Other waits look around every few milliseconds. What is measured meanwhile would feel that.

use crate::interrupt;
use rustix::{
    event::{PollFd, PollFlags, poll},
    io::Errno,
    process::{Pid, PidfdFlags, pidfd_open},
    time::{ClockId, Timespec, clock_gettime},
};
use std::{
    io,
    os::fd::{AsFd as _, OwnedFd},
};
use thiserror::Error;

/// Nanoseconds of CLOCK_MONOTONIC, which all processes of a machine share.
pub fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// What ends a wait early.
#[derive(Debug, Error)]
pub enum Woken {
    /// The child with this index has ended.
    #[error("child {0} has ended")]
    Ended(usize),
    /// The user wants to stop.
    #[error("interrupted")]
    Interrupted,
    /// The system won't wait.
    #[error(transparent)]
    Refused(#[from] io::Error),
}

/// Children whose end is noticed at once.
#[derive(Debug)]
pub struct Watch {
    /// Readable when the process has ended: pidfd_open(2), Linux 5.3.
    children: Vec<OwnedFd>,
}

impl Watch {
    /// Watches the children with these numbers.
    ///
    /// # Errors
    /// Out of descriptors; a child that has been waited for.
    pub fn over(pids: impl IntoIterator<Item = u32>) -> io::Result<Self> {
        let open = |pid: u32| {
            let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
            pidfd_open(pid.ok_or(Errno::SRCH)?, PidfdFlags::empty())
        };
        let children = pids.into_iter().map(open);
        Ok(Self {
            children: children.collect::<Result<_, _>>()?,
        })
    }

    /// Sleeps until this moment of CLOCK_MONOTONIC.
    ///
    /// # Errors
    /// What woke it before.
    pub fn sleep_until(&self, moment_ns: u64) -> Result<(), Woken> {
        let bell = interrupt::bell();
        let watched = self.children.iter().map(OwnedFd::as_fd).chain(bell);
        let mut watched: Vec<PollFd<'_>> = watched
            .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN))
            .collect();
        loop {
            let left_ns = moment_ns.saturating_sub(now_ns());
            let timeout = Timespec {
                tv_sec: (left_ns / 1_000_000_000) as i64,
                tv_nsec: (left_ns % 1_000_000_000) as i64,
            };
            match poll(&mut watched, Some(&timeout)) {
                Ok(0) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(Woken::Refused(errno.into())),
                Ok(_) => {
                    let mut woken = watched.iter().map(|one| !one.revents().is_empty());
                    return Err(match woken.position(|woken| woken) {
                        Some(index) if index < self.children.len() => Woken::Ended(index),
                        _ => Woken::Interrupted,
                    });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        process::{Command, Stdio},
        time::{Duration, Instant},
    };

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn the_end_of_a_child_wakes_and_a_moment_that_is_over_is_no_wait() {
        let read = || Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let (mut lasting, mut ending) = (read(), read());
        let watch = Watch::over([lasting.id(), ending.id()]).unwrap();
        assert!(watch.sleep_until(now_ns()).is_ok());
        let began = Instant::now();
        drop(ending.stdin.take());
        let woken = watch.sleep_until(now_ns() + LONG.as_nanos() as u64);
        assert!(matches!(woken, Err(Woken::Ended(1))), "{woken:?}");
        assert!(began.elapsed() < LONG);
        drop(lasting.stdin.take());
        lasting.wait().unwrap();
        ending.wait().unwrap();
        assert!(Watch::over([ending.id()]).is_err());
    }
}
