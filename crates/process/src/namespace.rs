//! Network namespaces: a network of their own for some processes.
//!
//! None has a name. The kernel takes one down, with its interfaces, as soon as no process is in it
//! and nobody holds it open any more: so nothing has to be taken down here, and nothing stays behind
//! when the runner is killed. Source: network_namespaces(7).

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::{
    fs::File,
    io,
    os::fd::{AsFd as _, AsRawFd as _},
    path::{Path, PathBuf},
};

/// A network namespace that is there for as long as this is.
#[derive(Debug)]
pub struct Namespace(File);

impl Namespace {
    /// The one that a process is in.
    ///
    /// # Errors
    /// There is no such process, or it isn't this user's.
    pub fn of(pid: u32) -> io::Result<Self> {
        File::open(format!("/proc/{pid}/ns/net")).map(Self)
    }

    /// Where other processes find it.
    pub fn path(&self) -> PathBuf {
        let (pid, fd) = (std::process::id(), self.0.as_raw_fd());
        format!("/proc/{pid}/fd/{fd}").into()
    }

    /// Does something inside of it: what this thread looks at there, and what it starts. The main
    /// thread's namespace is that of /proc/net, too.
    ///
    /// # Errors
    /// This user may not enter it, or it can't be left again.
    pub fn inside<T>(&self, act: impl FnOnce() -> T) -> io::Result<T> {
        let own = File::open("/proc/thread-self/ns/net")?;
        enter(&self.0)?;
        let outcome = act();
        enter(&own)?;
        Ok(outcome)
    }
}

/// Has this thread be in the namespace at a path: what [`Namespace::path`] tells.
pub(crate) fn enter_at(path: &Path) -> io::Result<()> {
    enter(&File::open(path)?)
}

fn enter(namespace: &File) -> io::Result<()> {
    let kind = Some(LinkNameSpaceType::Network);
    Ok(move_into_link_name_space(namespace.as_fd(), kind)?)
}
