//! Whether the kernel's audit is on: it looks at each system call then.
//!
//! Source: linux/audit.h, audit_status.

use crate::netlink::Question;
use rustix::net::netlink::AUDIT;
use std::io;

const GET_STATUS: u16 = 1000;

/// Whether it is on.
///
/// # Errors
/// Why that can't be told, in words.
pub(crate) fn is_enabled() -> Result<bool, String> {
    let question = Question {
        protocol: AUDIT,
        kind: GET_STATUS,
        is_dump: false,
        body: &[],
    };
    match question.ask() {
        Ok(messages) => messages
            .iter()
            .filter(|(kind, _)| *kind == GET_STATUS)
            .find_map(|(_, body)| is_enabled_in(body))
            .ok_or_else(|| "the kernel gives no answer that is known".to_owned()),
        Err(error) => match error.kind() {
            // A kernel without it has no such protocol.
            io::ErrorKind::Unsupported => Ok(false),
            _ if error.raw_os_error() == Some(rustix::io::Errno::PROTONOSUPPORT.raw_os_error()) => {
                Ok(false)
            }
            io::ErrorKind::PermissionDenied | io::ErrorKind::ConnectionRefused => {
                Err("only root may ask, and not in a container".to_owned())
            }
            _ => Err(format!("the kernel doesn't tell it: {error}")),
        },
    }
}

/// A mask of what is valid, then 0: off, 1: on, 2: on for good.
fn is_enabled_in(status: &[u8]) -> Option<bool> {
    let enabled = status.get(4..8)?.try_into().ok()?;
    Some(u32::from_ne_bytes(enabled) != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_word_says_whether_it_is_on() {
        let status = |enabled: u32| [0_u32.to_ne_bytes(), enabled.to_ne_bytes()].concat();
        assert_eq!(is_enabled_in(&status(0)), Some(false));
        assert_eq!(is_enabled_in(&status(1)), Some(true));
        assert_eq!(is_enabled_in(&status(2)), Some(true));
        assert_eq!(is_enabled_in(&[0; 6]), None);
    }
}
