//! One connection: which of its messages are on their way, and how far.
//!
//! Messages are functions of their ids (`protocol::client`), so a connection keeps counts and
//! offsets only. The loop (in `worker`) decides when something may be sent; what the bytes are,
//! and whether those that came back are right, is decided here.
//!
//! What lies on a request's way, here and in the loop, is always inlined: a return into a frame
//! from before a system call is mispredicted where the kernel clears return predictions (as the
//! mitigations of SRSO do). Left to the compiler, a request took 1.25 times the CPU time of a
//! minimal client's; so it takes 1.02 times.

use crate::socket::{self, Arrived};
use protocol::client::MessageId;
use rustix::{
    io::Errno,
    net::{RecvFlags, SendFlags, recv, send},
};
use std::os::fd::OwnedFd;
use wires::{After, At, Replies, Requests, error::ReplyError};

/// The state of one connection. A million of these have to fit: see the test.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) fd: OwnedFd,
    pub(crate) stage: Stage,
    /// The kernel tells when what is read had arrived: see `socket::stamp_arrivals`.
    pub(crate) is_stamped: bool,
    /// Messages sent whole, and bytes sent of the next.
    sent: u32,
    sent_bytes: u32,
    /// Messages that may be sent by now.
    allowed: u32,
    /// Batches answered whole, and bytes received of the next answer.
    answered: u32,
    answered_bytes: u32,
    /// Batches answered in the window.
    pub(crate) served: u32,
}

/// How far a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Connecting,
    /// Established; the wire has something to say before the first request.
    Greeting,
    /// Established; its first request is on its way, to see that the server keeps up.
    Probing,
    Open,
    /// It has had its reply and waits for the server's end of it.
    Closing,
}

/// What sending or receiving came to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Moved {
    pub(crate) bytes: u64,
    /// Messages sent whole, or batches answered whole.
    pub(crate) whole: u32,
}

/// Why a connection is of no more use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    ClosedByServer,
    Reply(ReplyError),
    Failed(Errno),
}

/// What every connection of a thread shares: requests, replies that have come in part, the buffer to
/// send from, and the send times.
#[derive(Debug)]
pub(crate) struct Shared<'a> {
    pub(crate) requests: &'a Requests,
    pub(crate) replies: Replies,
    /// Batches outstanding per connection, at most.
    pub(crate) depth: u32,
    pub(crate) out: Box<[u8]>,
    /// When the turn of each outstanding batch began: `depth` slots per connection.
    pub(crate) sent_at_ns: Vec<u64>,
}

impl Shared<'_> {
    #[inline]
    fn slot(&self, index: usize, batch: u32) -> usize {
        if self.depth == 1 {
            return index;
        }
        index * self.depth as usize + (batch % self.depth) as usize
    }
}

impl Connection {
    /// One that is being established.
    pub(crate) fn new(fd: OwnedFd) -> Self {
        Self {
            fd,
            stage: Stage::Connecting,
            is_stamped: false,
            sent: 0,
            sent_bytes: 0,
            allowed: 0,
            answered: 0,
            answered_bytes: 0,
            served: 0,
        }
    }

    /// Lets `batches` more be sent. Their turn begins now, whenever the kernel has room for them: so
    /// what is outstanding is the rate times the service time (Little's law), even where buffers
    /// hold less.
    #[inline(always)]
    pub(crate) fn allow(
        &mut self,
        index: usize,
        batches: u32,
        now_ns: u64,
        shared: &mut Shared<'_>,
    ) {
        let first = shared.requests.batch_of(self.allowed);
        for batch in first..first + batches {
            let slot = shared.slot(index, batch);
            shared.sent_at_ns[slot] = now_ns;
        }
        let messages = batches * shared.requests.batch();
        self.allowed = self.allowed.wrapping_add(messages);
    }

    /// Batches that are allowed or sent, and not answered.
    #[inline]
    pub(crate) fn outstanding(&self, requests: &Requests) -> u32 {
        requests.batch_of(self.allowed) - self.answered
    }

    /// When the turn of its last batch began; `None` before the first.
    pub(crate) fn last_asked_ns(&self, index: usize, shared: &Shared<'_>) -> Option<u64> {
        let last = shared.requests.batch_of(self.allowed).checked_sub(1)?;
        Some(shared.sent_at_ns[shared.slot(index, last)])
    }

    /// Sends what is allowed, as far as the kernel takes it.
    #[inline(always)]
    pub(crate) fn send(&mut self, number: u32, shared: &mut Shared<'_>) -> Result<Moved, Broken> {
        let requests = shared.requests;
        let message_bytes = requests.request_bytes() as u32;
        let mut moved = Moved::default();
        while self.sent < self.allowed {
            let mut filled = 0;
            let (mut sequence, mut offset) = (self.sent, self.sent_bytes);
            while sequence < self.allowed && filled < shared.out.len() {
                let id = MessageId {
                    connection: number,
                    sequence,
                };
                let written = requests.write(id, offset as usize, &mut shared.out[filled..]);
                filled += written;
                offset += written as u32;
                if offset == message_bytes {
                    (sequence, offset) = (sequence + 1, 0);
                }
            }
            match send(&self.fd, &shared.out[..filled], SendFlags::NOSIGNAL) {
                Ok(bytes) => {
                    moved.bytes += bytes as u64;
                    let before = self.sent;
                    if bytes < filled {
                        // The kernel's buffer is full: an event will tell when it isn't.
                        self.advance(bytes, message_bytes);
                        moved.whole += self.sent - before;
                        break;
                    }
                    (self.sent, self.sent_bytes) = (sequence, offset);
                    moved.whole += self.sent - before;
                }
                Err(Errno::AGAIN) => break,
                Err(Errno::INTR) => {}
                Err(errno) => return Err(Broken::Failed(errno)),
            }
        }
        Ok(moved)
    }

    fn advance(&mut self, bytes: usize, message_bytes: u32) {
        let total = u64::from(self.sent_bytes) + bytes as u64;
        self.sent += (total / u64::from(message_bytes)) as u32;
        self.sent_bytes = (total % u64::from(message_bytes)) as u32;
    }

    /// Whether there is something to send that the kernel wouldn't take.
    #[inline]
    pub(crate) fn is_blocked(&self) -> bool {
        self.sent < self.allowed
    }

    /// Receives once: how many bytes, and when the last of them had arrived if that is known.
    /// `None` when nothing was there.
    #[inline(always)]
    pub(crate) fn receive(
        &self,
        buffer: &mut [u8],
    ) -> Result<Option<(usize, Option<Arrived>)>, Broken> {
        loop {
            let received = if self.is_stamped {
                socket::receive_stamped(&self.fd, buffer)
            } else {
                recv(&self.fd, &mut *buffer, RecvFlags::empty()).map(|(bytes, _)| (bytes, None))
            };
            return match received {
                Ok((0, _)) => Err(Broken::ClosedByServer),
                Ok(received) => Ok(Some(received)),
                Err(Errno::AGAIN) => Ok(None),
                // What is there has had its event, and won't have another.
                Err(Errno::INTR) => continue,
                Err(errno) => Err(Broken::Failed(errno)),
            };
        }
    }

    /// Holds bytes that were received by now against the expected replies; calls `answered` with the
    /// send time of each batch whose reply is complete.
    #[inline(always)]
    pub(crate) fn verify(
        &mut self,
        index: usize,
        number: u32,
        (received, now_ns): (&[u8], u64),
        shared: &mut Shared<'_>,
        mut answered: impl FnMut(u64),
    ) -> Result<Moved, ReplyError> {
        let requests = shared.requests;
        let mut rest = received;
        let mut moved = Moved {
            bytes: received.len() as u64,
            whole: 0,
        };
        while !rest.is_empty() {
            // The reply to a batch is that to its last message, which has to be sent.
            let sequence = self.answered * requests.batch() + requests.batch() - 1;
            let id = MessageId {
                connection: number,
                sequence,
            };
            let at = At {
                index,
                id,
                offset: self.answered_bytes as usize,
                is_asked: sequence < self.sent || (sequence == self.sent && self.sent_bytes > 0),
            };
            let taken = requests.take(&mut shared.replies, at, rest)?;
            rest = &rest[taken.bytes..];
            match taken.after {
                After::Whole => {
                    if sequence == self.sent {
                        return Err(ReplyError::Premature);
                    }
                    let sent_at_ns = shared.sent_at_ns[shared.slot(index, self.answered)];
                    if now_ns - sent_at_ns < requests.takes_at_least_ns(id) {
                        return Err(ReplyError::Early);
                    }
                    answered(sent_at_ns);
                    self.answered_bytes = 0;
                    self.answered += 1;
                    moved.whole += 1;
                }
                After::Part => {
                    self.answered_bytes = self.answered_bytes.saturating_add(taken.bytes as u32);
                }
                After::Between => self.answered_bytes = 0,
            }
        }
        Ok(moved)
    }

    /// Sends what isn't a request, whole or not at all; says whether it could, which within a request
    /// it can't.
    pub(crate) fn say(&self, bytes: &[u8]) -> Result<bool, Broken> {
        if self.sent_bytes > 0 {
            return Ok(false);
        }
        match send(&self.fd, bytes, SendFlags::NOSIGNAL) {
            Ok(sent) if sent == bytes.len() => Ok(true),
            Err(Errno::AGAIN | Errno::INTR) => Ok(false),
            Ok(_) => Err(Broken::Failed(Errno::NOBUFS)),
            Err(errno) => Err(Broken::Failed(errno)),
        }
    }

    /// Whether a part of a reply has come, and not the rest.
    pub(crate) fn is_within_reply(&self) -> bool {
        self.answered_bytes > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{
        client::Messages,
        session::{Chunk, Session},
        wire::Wire,
    };
    use std::{io::Read as _, os::unix::net::UnixStream};

    #[test]
    fn replies_of_other_lengths_than_their_requests_are_told_apart() {
        let mix = "echo:40%,cpu:3:40%,wait:1us:20%".parse().unwrap();
        let messages = Messages::new(Wire::Framed, &mix, 100, 1).unwrap();
        let requests = Requests::Messages(messages);
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let mut shared = Shared {
            requests: &requests,
            replies: Replies::default(),
            depth: 50,
            out: vec![0; 6000].into(),
            sent_at_ns: vec![0; 50],
        };
        let mut connection = Connection::new(ours.into());
        connection.allow(0, 50, 1, &mut shared);
        let sent = connection.send(7, &mut shared).unwrap();
        assert_eq!((sent.whole, sent.bytes), (50, 50 * 120));

        let mut chunk = Chunk::new(sent.bytes as usize);
        theirs.read_exact(chunk.space()).unwrap();
        chunk.fill(sent.bytes as usize);
        let mut session = Session::new(Wire::Framed);
        let (mut replies, mut rest) = (Vec::new(), chunk);
        while let Some(step) = session.next(&mut rest).unwrap() {
            replies.extend_from_slice(step.reply);
            if let Some(work) = step.work {
                let finished = work.finish();
                replies.extend_from_slice(finished.reply());
                rest = finished.into_rest();
            }
        }
        let mut answered = 0;
        for piece in replies.chunks(33) {
            let verified = connection.verify(0, 7, (piece, 1_001), &mut shared, |_| answered += 1);
            assert!(verified.is_ok());
        }
        assert_eq!((answered, connection.outstanding(&requests)), (50, 0));
    }

    #[test]
    fn a_server_that_was_to_wait_and_did_not_is_found_out() {
        let wait = "wait:5ms".parse().unwrap();
        let messages = Messages::new(Wire::Framed, &wait, 8, 1).unwrap();
        let mut reply = vec![0; messages.message_bytes()];
        let id = MessageId {
            connection: 7,
            sequence: 0,
        };
        messages.write(id, 0, &mut reply);
        let requests = Requests::Messages(messages);
        for (after_ns, expected) in [(4_999_999, Err(ReplyError::Early)), (5_000_000, Ok(1))] {
            let (ours, _theirs) = UnixStream::pair().unwrap();
            let mut shared = Shared {
                requests: &requests,
                replies: Replies::default(),
                depth: 1,
                out: vec![0; 100].into(),
                sent_at_ns: vec![0],
            };
            let mut connection = Connection::new(ours.into());
            connection.allow(0, 1, 100, &mut shared);
            connection.send(7, &mut shared).unwrap();
            let verified = connection.verify(0, 7, (&reply, 100 + after_ns), &mut shared, |_| {});
            assert_eq!(verified.map(|moved| moved.whole), expected);
        }
    }

    #[test]
    fn a_connection_fits_64_bytes_with_its_send_time() {
        assert!(size_of::<Option<Connection>>() + size_of::<u64>() <= 64);
    }
}
