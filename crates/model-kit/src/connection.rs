//! One connection's side of the conversation, whatever runtime moves its bytes.

use crate::{counters::counters, work::run_blocking};
use protocol::{
    session::{Chunk, Session},
    wire::{Malformed, Wire},
    work::{Finished, Task, Work},
};
use std::{
    cell::{Cell, RefCell},
    io,
    time::Duration,
};

/// Size of a read. A thread's connections share one buffer, so it costs nothing per
/// connection; 64 KiB is what one loopback segment can bring at once.
const CHUNK_BYTES: usize = 64 << 10;

thread_local! {
    // A reference rather than an owner: without a destructor, access is a plain load.
    static CHUNK: Cell<Option<&'static RefCell<Chunk>>> = const { Cell::new(None) };
}

/// Lends the thread's receive buffer. The closure can't await, so no connection holds the
/// buffer while it waits: an idle connection costs none.
///
/// # Panics
/// When called within itself.
#[inline]
pub fn with_chunk<R>(f: impl FnOnce(&mut Chunk) -> R) -> R {
    let chunk = CHUNK.get().unwrap_or_else(new_chunk);
    f(&mut chunk.borrow_mut())
}

/// I/O threads live as long as the process, and so do their buffers.
#[cold]
fn new_chunk() -> &'static RefCell<Chunk> {
    let chunk: &'static RefCell<Chunk> = Box::leak(Box::new(RefCell::new(Chunk::new(CHUNK_BYTES))));
    CHUNK.set(Some(chunk));
    chunk
}

/// An open connection: its session, and the replies that the kernel wouldn't take yet.
///
/// Counted as open from [`Connection::open`] until it is dropped.
#[derive(Debug)]
pub struct Connection {
    session: Session,
    /// Boxed, because it is rare: the pointer's 8 bytes are all that an idle connection has of
    /// it.
    unsent: Option<Box<Unsent>>,
}

#[derive(Debug, Default)]
struct Unsent {
    replies: Vec<u8>,
    /// What ends the connection once they have been sent.
    then: Option<Malformed>,
}

/// What a runtime that owns both buffers has to send for a read.
#[derive(Debug, PartialEq, Eq)]
pub enum Reply {
    /// Nothing yet.
    Nothing,
    /// All that was read, byte for byte: so it is sent from where it lies.
    AsItCame,
    /// These bytes.
    Gathered(Vec<u8>),
}

/// Why a connection is over. Every one of these is the end of that connection only.
#[derive(Debug)]
pub enum Closed {
    /// The client has closed its sending side, and everything has been answered.
    ByClient,
    /// The client left the wire's rules.
    Malformed(Malformed),
    /// The socket failed: reset by the client, mostly.
    Failed(io::Error),
}

impl From<io::Error> for Closed {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

impl Connection {
    /// A connection that has just been accepted.
    pub fn open(wire: Wire) -> Self {
        counters().accepted.add(1);
        Self {
            session: Session::new(wire),
            unsent: None,
        }
    }

    /// Answers the `received_bytes` bytes that a read put into the chunk's space, up to a
    /// request that takes time. That is handed out: the model does it, lets
    /// [`Connection::resume`] go on, and doesn't read from the connection meanwhile.
    ///
    /// `send` writes to the socket without waiting, and fails with
    /// [`io::ErrorKind::WouldBlock`] when the kernel's buffer is full. From then on replies
    /// gather in [`Connection::unsent`]; the model sends those before it reads again, so a
    /// client that doesn't read can't make the server hold more than the replies to one chunk
    /// and to one request that takes time. A malformed frame behind them is told when they have
    /// been sent: what came before it is answered.
    ///
    /// # Errors
    /// [`Closed`] when the connection is over; the model drops it.
    #[inline]
    pub fn answer(
        &mut self,
        chunk: &mut Chunk,
        received_bytes: usize,
        mut send: impl FnMut(&[u8]) -> io::Result<usize>,
    ) -> Result<Option<Work>, Closed> {
        if received_bytes == 0 {
            return Err(Closed::ByClient);
        }
        chunk.fill(received_bytes);
        counters().bytes_in.add(received_bytes as u64);
        self.work_through(chunk, &mut send)
    }

    /// As [`Connection::answer`], for models whose runtime owns what it reads and what it sends: says
    /// what is to be sent, in place of sending it.
    #[inline]
    pub fn answer_read(&mut self, received: &[u8]) -> (Reply, Result<Option<Work>, Closed>) {
        with_chunk(|chunk| {
            let space = &mut chunk.space()[..received.len()];
            space.copy_from_slice(received);
            let all = space.as_ptr_range();
            let mut reply = Reply::Nothing;
            let next = self.answer(chunk, received.len(), |bytes| {
                match &mut reply {
                    Reply::Nothing if bytes.as_ptr_range() == all => reply = Reply::AsItCame,
                    Reply::Gathered(replies) => replies.extend_from_slice(bytes),
                    _ => reply = Reply::Gathered(bytes.to_vec()),
                }
                Ok(bytes.len())
            });
            (reply, next)
        })
    }

    /// Replies to work that is done, and goes on with what came behind it, up to the next.
    ///
    /// # Errors
    /// As [`Connection::answer`].
    pub fn resume(
        &mut self,
        finished: Finished,
        mut send: impl FnMut(&[u8]) -> io::Result<usize>,
    ) -> Result<Option<Work>, Closed> {
        counters().responses.add(1);
        self.send_or_keep(finished.reply(), &mut send)?;
        self.work_through(&mut finished.into_rest(), &mut send)
    }

    /// For models that do work on the thread that reads: does what came of an answer, and what
    /// comes up behind it, until there is none left or it has to wait. Then it is returned with
    /// its time, after which [`Work::finish`] and [`Connection::resume`] are next.
    ///
    /// # Errors
    /// As [`Connection::answer`].
    #[inline(always)]
    pub fn work_inline(
        &mut self,
        mut next: Result<Option<Work>, Closed>,
        mut send: impl FnMut(&[u8]) -> io::Result<usize>,
    ) -> Result<Option<(Duration, Work)>, Closed> {
        while let Some(work) = next? {
            if let Task::Wait(time) = work.task() {
                return Ok(Some((time, work)));
            }
            next = self.resume(run_blocking(work), &mut send);
        }
        Ok(None)
    }

    /// For models that have work done elsewhere: awaits what came of an answer, and what comes up
    /// behind it, until there is none left.
    ///
    /// # Errors
    /// As [`Connection::answer`], and those of `perform`.
    pub async fn work_off<Performing: Future<Output = io::Result<Finished>>>(
        &mut self,
        work: Work,
        perform: impl Fn(Work) -> Performing,
        mut send: impl FnMut(&[u8]) -> io::Result<usize>,
    ) -> Result<(), Closed> {
        let mut next = Some(work);
        while let Some(work) = next {
            let finished = perform(work).await?;
            next = self.resume(finished, &mut send)?;
        }
        Ok(())
    }

    /// Always inlined, for the same reason as [`Connection::send_or_keep`].
    #[inline(always)]
    fn work_through(
        &mut self,
        chunk: &mut Chunk,
        send: &mut impl FnMut(&[u8]) -> io::Result<usize>,
    ) -> Result<Option<Work>, Closed> {
        let counters = counters();
        loop {
            match self.session.next(chunk) {
                Ok(Some(step)) => {
                    counters.requests.add(step.requests.into());
                    counters.responses.add(step.responses.into());
                    self.send_or_keep(step.reply, send)?;
                    if step.work.is_some() {
                        return Ok(step.work);
                    }
                }
                Ok(None) => return Ok(None),
                Err(malformed) => {
                    counters.malformed.add(1);
                    let Some(unsent) = &mut self.unsent else {
                        return Err(Closed::Malformed(malformed));
                    };
                    unsent.then = Some(malformed);
                    return Ok(None);
                }
            }
        }
    }

    /// Counts what a program has received that understands and answers requests by itself.
    pub fn received(&self, bytes: usize, requests: u64) {
        counters().bytes_in.add(bytes as u64);
        counters().requests.add(requests);
    }

    /// Sends, or keeps as unsent, `reply`, with which `responses` requests are answered: the
    /// other half of [`Connection::received`].
    ///
    /// # Errors
    /// [`Closed::Failed`] when the socket failed.
    pub fn reply(
        &mut self,
        reply: &[u8],
        responses: u64,
        mut send: impl FnMut(&[u8]) -> io::Result<usize>,
    ) -> Result<(), Closed> {
        counters().responses.add(responses);
        self.send_or_keep(reply, &mut send)
    }

    /// Counts what such a program has sent by itself.
    pub fn sent(&self, bytes: usize) {
        counters().bytes_out.add(bytes as u64);
    }

    /// Counts that a relay's backend has refused this client's connection, or has broken off.
    pub fn backend_failed(&self) {
        counters().backend_failures.add(1);
    }

    /// Counts that the client left the wire's rules.
    pub fn malformed(&mut self) {
        counters().malformed.add(1);
    }

    /// Replies that are still to be sent. While there are any the model must not read.
    #[inline]
    pub fn unsent(&self) -> &[u8] {
        self.unsent.as_deref().map_or(&[], |unsent| &unsent.replies)
    }

    /// Takes back a reply that `send` took, and that has not been sent after all: it is unsent, before
    /// all others.
    #[cold]
    pub fn take_back(&mut self, reply: &[u8]) {
        counters().bytes_out.take_back(reply.len() as u64);
        let unsent = self.unsent.get_or_insert_default();
        unsent.replies.splice(..0, reply.iter().copied());
    }

    /// What an answer came to of which a reply was taken back: the end waits until it has been sent.
    #[cold]
    pub fn end_later(
        &mut self,
        answered: Result<Option<Work>, Closed>,
    ) -> Result<Option<Work>, Closed> {
        match (answered, &mut self.unsent) {
            (Err(Closed::Malformed(malformed)), Some(unsent)) => {
                unsent.then = Some(malformed);
                Ok(None)
            }
            (answered, _) => answered,
        }
    }

    /// Everything unsent has been sent by the model.
    ///
    /// # Errors
    /// [`Closed::Malformed`] when that was all that there is to say.
    #[inline]
    pub fn sent_all(&mut self) -> Result<(), Closed> {
        counters().bytes_out.add(self.unsent().len() as u64);
        // Freed rather than kept: a connection that once met a full buffer is cheap again.
        match self.unsent.take().and_then(|unsent| unsent.then) {
            Some(malformed) => Err(Closed::Malformed(malformed)),
            None => Ok(()),
        }
    }

    /// Sends what is unsent as far as the kernel takes it.
    ///
    /// # Errors
    /// [`Closed::Failed`] when the socket failed, and those of [`Connection::sent_all`].
    pub fn resend(
        &mut self,
        mut send: impl FnMut(&[u8]) -> io::Result<usize>,
    ) -> Result<(), Closed> {
        let Some(unsent) = self.unsent.take() else {
            return Ok(());
        };
        self.send_or_keep(&unsent.replies, &mut send)?;
        match (&mut self.unsent, unsent.then) {
            (Some(left), then) => left.then = then,
            (None, Some(malformed)) => return Err(Closed::Malformed(malformed)),
            (None, None) => {}
        }
        Ok(())
    }

    /// Always inlined, because it wraps a system call: as a function of its own it made each
    /// request 10 % dearer (1.11 to 1.01 of a plain echo's CPU time, on a CPU whose return
    /// predictions the kernel clears, as the mitigations of SRSO do).
    #[inline(always)]
    fn send_or_keep(
        &mut self,
        mut reply: &[u8],
        send: &mut impl FnMut(&[u8]) -> io::Result<usize>,
    ) -> Result<(), Closed> {
        while self.unsent.is_none() && !reply.is_empty() {
            match send(reply) {
                Ok(0) => return Err(Closed::Failed(io::ErrorKind::WriteZero.into())),
                Ok(sent) => {
                    counters().bytes_out.add(sent as u64);
                    reply = &reply[sent..];
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Closed::Failed(error)),
            }
        }
        if !reply.is_empty() {
            let unsent = self.unsent.get_or_insert_default();
            unsent.replies.extend_from_slice(reply);
        }
        Ok(())
    }
}

/// What `send` does for models whose runtime owns what it sends: it puts the reply to those that
/// are written together.
///
/// # Errors
/// None.
#[inline(always)]
pub fn gather(replies: &mut Vec<u8>, reply: &[u8]) -> io::Result<usize> {
    replies.extend_from_slice(reply);
    Ok(reply.len())
}

impl Drop for Connection {
    fn drop(&mut self) {
        counters().closed.add(1);
    }
}
