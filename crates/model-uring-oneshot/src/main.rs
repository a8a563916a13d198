//! io_uring by hand, in its plain form: a thread per core, each with a ring and a listener, and a
//! request for each thing that is done.
//!
//! The loop puts what it wants done into a ring that it shares with the kernel, and finds what has
//! been done in another: completions rather than readiness. One system call submits a whole turn
//! and waits for what comes next. For each connection one thing is done at a time, so nothing is
//! set aside and nothing is cancelled: receive, send, perhaps wait, and receive again. The loop is
//! `rings/src/one_at_a_time.rs`; here is where received bytes go.
//!
//! A receive that waits needs a buffer to receive into. So each connection has one of its own, whose
//! size follows what comes (128 bytes to 32 KiB), and an idle one costs its size, which provided buffers
//! spare. What is sent is a copy, each send has a completion, and each receive a request: `uring` spares
//! these. (Asking for readiness
//! first, by a request to poll, would spare the buffer for the price of one more request each time.
//! Those who use rings without provided buffers do it the way it is done here.)
//!
//! The ring is set up as for any other server of today: a single issuer, and completions that are
//! made when the loop asks for them. A turn takes what the kernel brings unasked: asking for more at
//! a time, as `uring` does, cost 8 % of CPU per request at 50 connections here.
//!
//! Sources: io_uring(7), io_uring_setup(2), io_uring_prep_recv(3); J. Axboe, "Efficient IO with
//! io_uring", <https://kernel.dk/io_uring.pdf>.

use io_uring::{opcode, squeue, types::Fd};
use model_kit::{
    Chunk, Closed, Connection, Ended, Listeners, Model, ReadSize, Server, Work, on_each_thread,
};
use rings::{Completion, NEEDS, Receiving, Ring, keep, serve_one_at_a_time};
use rustix::io::Errno;
use std::{io, process::ExitCode, sync::Arc};

fn main() -> ExitCode {
    let model = Model {
        listeners: Listeners::PerThread,
        needs: NEEDS,
        run,
    };
    model.main()
}

fn run(server: Arc<Server>) -> Ended {
    on_each_thread(&server, serve_one_at_a_time::<OwnBuffers>)
}

/// Each connection receives into a buffer of its own.
struct OwnBuffers;

struct Own {
    chunk: Chunk,
    size: ReadSize,
}

impl Default for Own {
    fn default() -> Self {
        let size = ReadSize::default();
        Self {
            chunk: Chunk::new(size.bytes()),
            size,
        }
    }
}

// SAFETY: a request points to the chunk's bytes, which lie on the heap for as long as the chunk lives,
// and it is replaced only when the next request is made.
unsafe impl Receiving for OwnBuffers {
    type Own = Own;

    fn new(_ring: &Ring) -> io::Result<Self> {
        Ok(Self)
    }

    #[inline(always)]
    fn request(&mut self, fd: Fd, own: &mut Own) -> squeue::Entry {
        if own.chunk.space().len() != own.size.bytes() {
            own.chunk = Chunk::new(own.size.bytes());
        }
        let space = own.chunk.space();
        opcode::Recv::new(fd, space.as_mut_ptr(), space.len() as u32).build()
    }

    #[inline(always)]
    fn answer(
        &mut self,
        completion: &Completion,
        own: &mut Own,
        connection: &mut Connection,
    ) -> Result<Option<Work>, Closed> {
        match completion.bytes() {
            Ok(bytes) => {
                own.size.learn(bytes);
                connection.answer(&mut own.chunk, bytes, keep)
            }
            Err(Errno::AGAIN | Errno::INTR) => Ok(None),
            Err(errno) => Err(io::Error::from(errno).into()),
        }
    }
}
