//! Questions to the kernel that have no file.
//!
//! Source: netlink(7).

use rustix::{
    io::Errno,
    net::{
        AddressFamily, Protocol, RecvFlags, SendFlags, SocketType, recv, send, socket,
        sockopt::{Timeout, set_socket_timeout},
    },
};
use std::{io, time::Duration};

/// Length, type, flags, sequence number and port of a message.
const HEADER_BYTES: usize = 16;
const REQUEST: u16 = 1;
const DUMP: u16 = 0x300;
const ERROR: u16 = 2;
const DONE: u16 = 3;

/// The kernel answers at once, or not at all.
const PATIENCE: Duration = Duration::from_millis(500);
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// A message of the kernel: its type, and what it holds.
pub(crate) type Message = (u16, Vec<u8>);

/// One question.
pub(crate) struct Question<'a> {
    pub(crate) protocol: Protocol,
    pub(crate) kind: u16,
    /// Whether there are many answers, the last of which says so.
    pub(crate) is_dump: bool,
    pub(crate) body: &'a [u8],
}

impl Question<'_> {
    /// Asks it.
    ///
    /// # Errors
    /// The kernel refuses, or doesn't answer.
    pub(crate) fn ask(&self) -> io::Result<Vec<Message>> {
        let socket = socket(AddressFamily::NETLINK, SocketType::RAW, Some(self.protocol))?;
        set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE))?;
        send(&socket, &self.bytes(), SendFlags::empty())?;
        let mut messages = Vec::new();
        let mut buffer = vec![0; ANSWER_BYTES_MAX];
        loop {
            let (length, _) = recv(&socket, buffer.as_mut_slice(), RecvFlags::empty())?;
            for (kind, body) in messages_in(&buffer[..length]) {
                match kind {
                    DONE => return Ok(messages),
                    ERROR => check(&body)?,
                    _ => messages.push((kind, body)),
                }
            }
            if !self.is_dump {
                return Ok(messages);
            }
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let length = (HEADER_BYTES + self.body.len()) as u32;
        let flags = REQUEST | if self.is_dump { DUMP } else { 0 };
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend(self.kind.to_ne_bytes());
        bytes.extend(flags.to_ne_bytes());
        // Sequence number and port: there is one question on a socket of its own.
        bytes.extend([0; 8]);
        bytes.extend(self.body);
        bytes
    }
}

/// An error's number is negative; 0 acknowledges.
fn check(body: &[u8]) -> io::Result<()> {
    let number = body
        .first_chunk()
        .map_or(0, |bytes| i32::from_ne_bytes(*bytes));
    match number {
        0 => Ok(()),
        _ => Err(Errno::from_raw_os_error(number.saturating_neg()).into()),
    }
}

/// The messages of one datagram.
fn messages_in(mut bytes: &[u8]) -> Vec<Message> {
    let mut messages = Vec::new();
    while let Some(header) = bytes.first_chunk::<HEADER_BYTES>() {
        let [l0, l1, l2, l3, k0, k1, ..] = *header;
        let length = u32::from_ne_bytes([l0, l1, l2, l3]) as usize;
        if !(HEADER_BYTES..=bytes.len()).contains(&length) {
            break;
        }
        let kind = u16::from_ne_bytes([k0, k1]);
        messages.push((kind, bytes[HEADER_BYTES..length].to_vec()));
        // Each begins at a multiple of four bytes.
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    messages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_datagram_holds_several_messages() {
        let question = |body| Question {
            protocol: rustix::net::netlink::AUDIT,
            kind: 7,
            is_dump: false,
            body,
        };
        let mut bytes = question(b"abcde").bytes();
        bytes.extend([0; 3]);
        bytes.extend(question(b"").bytes());
        bytes.extend(b"rest");
        let expected = [(7, b"abcde".to_vec()), (7, Vec::new())];
        assert_eq!(messages_in(&bytes), expected);
        assert!(messages_in(&[9; 20]).is_empty(), "a length beyond the end");
    }

    #[test]
    fn errors_are_told_from_acknowledgements() {
        assert!(check(&0_i32.to_ne_bytes()).is_ok());
        let refused = check(&(-1_i32).to_ne_bytes()).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::PermissionDenied);
    }
}
