//! Whose network events are counted.

#![allow(
    clippy::unwrap_used,
    reason = "a test that can't go on fails, and says where"
)]

use probe::{net::NetEvents, usage::UNKNOWN};
use report::trial::MachineUse;
use rustix::net::{AddressFamily, SocketType, bind, getsockname, listen, socket};
use std::{
    io::Read as _,
    net::{SocketAddr, TcpStream},
    process::{Child, Command, Stdio},
    time::Duration,
};

/// Ends with the test.
struct Elsewhere(Child);

impl Elsewhere {
    /// A process with a network of its own, once it is there; `None` where that isn't allowed.
    fn start() -> Option<Self> {
        let script = "echo there; cat";
        let child = Command::new("unshare")
            .args(["--user", "--map-root-user", "--net", "sh", "-c", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut there = Self(child.ok()?);
        let mut said = [0];
        let out = there.0.stdout.as_mut()?;
        out.read_exact(&mut said).ok()?;
        Some(there)
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Has an accept queue of one overflow.
fn overflow() {
    let listener = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&listener, &SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    listen(&listener, 0).unwrap();
    let addr = SocketAddr::try_from(getsockname(&listener).unwrap()).unwrap();
    let open = |_| TcpStream::connect_timeout(&addr, Duration::from_millis(20));
    let opened: Vec<_> = (0..4).map(open).collect();
    assert!(opened.iter().any(Result::is_err), "the queue held all");
}

fn overflows_by(pid: Option<u32>) -> MachineUse {
    let before = NetEvents::of(pid);
    overflow();
    let mut machine = MachineUse::default();
    before.add_since(&mut machine);
    machine
}

#[test]
fn overflows_are_those_of_the_network_that_the_process_is_in() {
    let here = overflows_by(Some(std::process::id()));
    assert!(here.listen_overflows > Some(0), "{here:?}");
    // As a server in a container: what overflows here isn't its.
    if let Some(elsewhere) = Elsewhere::start() {
        let there = overflows_by(Some(elsewhere.0.id()));
        assert_eq!(there.listen_overflows, Some(0), "{there:?}");
    }
}

#[test]
fn of_an_unknown_process_nothing_is_claimed() {
    let machine = overflows_by(None);
    assert_eq!(machine.listen_overflows, None);
    assert_eq!(machine.not_measured["retransmits"], UNKNOWN);
}
