//! Whether perf can be used here, and what it may see.
//!
//! Source: Documentation/admin-guide/perf-security.rst.

use pseudofiles::read;
use rustix::process::geteuid;
use std::process::{Command, Stdio};
use thiserror::Error;

/// The CPU clock, while the server is in user space.
pub(crate) const USER_ONLY: &str = "cpu-clock:u";

/// Why there is no profile, with the way out.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct CantProfile(pub(crate) String);

/// Whether profiles can be taken here.
///
/// # Errors
/// Why not, in words, with the way out.
pub fn check() -> Result<(), CantProfile> {
    event_here().map(drop)
}

pub(crate) fn event_here() -> Result<&'static str, CantProfile> {
    check_perf()?;
    event(&paranoid(), geteuid().is_root())
}

/// Whether there is a perf that runs. (Some systems have a script that says what to install.)
fn check_perf() -> Result<(), CantProfile> {
    let found = Command::new("perf")
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    match found {
        Ok(status) if status.success() => Ok(()),
        _ => Err(CantProfile(
            "there is no perf: 'apt-get install linux-perf' on Debian, 'linux-tools-generic' \
             on Ubuntu, 'dnf install perf' on Fedora"
                .to_owned(),
        )),
    }
}

fn paranoid() -> String {
    read::text("/proc/sys/kernel/perf_event_paranoid").unwrap_or_default()
}

/// What to sample by: with the kernel's part where it may be seen.
fn event(paranoid: &str, is_root: bool) -> Result<&'static str, CantProfile> {
    match paranoid.trim().parse::<i32>() {
        Err(_) => Err(CantProfile(
            "this kernel is built without perf events".to_owned(),
        )),
        Ok(level) if is_root || level <= 1 => Ok("cpu-clock"),
        Ok(2) => Ok(USER_ONLY),
        Ok(level) => Err(CantProfile(format!(
            "kernel.perf_event_paranoid is {level}, which allows perf to root alone: run as root, \
             or 'sysctl -w kernel.perf_event_paranoid=1'"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_perf_may_see_depends_on_the_setting() {
        assert_eq!(event("4\n", true), Ok("cpu-clock"));
        assert_eq!(event("1\n", false), Ok("cpu-clock"));
        assert_eq!(event("-1\n", false), Ok("cpu-clock"));
        assert_eq!(event("2\n", false), Ok("cpu-clock:u"));
        assert!(
            event("3\n", false)
                .unwrap_err()
                .to_string()
                .contains("sysctl")
        );
        assert!(
            event("", true)
                .unwrap_err()
                .to_string()
                .contains("without perf")
        );
    }
}
