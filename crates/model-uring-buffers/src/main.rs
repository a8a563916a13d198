//! io_uring by hand, with one-shot requests and provided buffers: what lies between `uring-oneshot` and
//! `uring`.
//!
//! As in `uring-oneshot` one thing is done at a time for each connection, and each is a request of its
//! own: receive, send, perhaps wait, and receive again. But a receive that waits has no buffer to
//! receive into: the kernel takes one from the ring of those that the thread has provided when bytes
//! have come, and gets it back when they have been answered. So an idle connection costs none. `uring`
//! has the same buffers, and asks for accepts and receives once.
//!
//! Should more speak at once than there are buffers, those that got none ask again.
//!
//! Sources: io_uring(7), io_uring_register_buf_ring(3); J. Axboe, "io_uring and networking in 2023",
//! <https://github.com/axboe/liburing/wiki>.

use io_uring::{opcode, squeue, types::Fd};
use model_kit::{Closed, Connection, Ended, Listeners, Model, Server, Work, on_each_thread};
use rings::{Buffers, Completion, GROUP, NEEDS, Receiving, Ring, keep, serve_one_at_a_time};
use rustix::io::Errno;
use std::{io, process::ExitCode, ptr, sync::Arc};

/// More than two turns use, so that the kernel rarely finds none.
const BUFFERS: usize = 1024;

const BUFFER_BYTES: usize = 16 << 10;

fn main() -> ExitCode {
    let model = Model {
        listeners: Listeners::PerThread,
        needs: NEEDS,
        run,
    };
    model.main()
}

fn run(server: Arc<Server>) -> Ended {
    on_each_thread(&server, serve_one_at_a_time::<SharedBuffers>)
}

/// The kernel takes a buffer of the thread's when bytes have come.
struct SharedBuffers(Buffers<BUFFERS>);

// SAFETY: a request points nowhere. The kernel knows the buffers, which are never freed.
unsafe impl Receiving for SharedBuffers {
    type Own = ();

    fn new(ring: &Ring) -> io::Result<Self> {
        Ok(Self(Buffers::register(ring, BUFFER_BYTES)?))
    }

    #[inline(always)]
    fn request(&mut self, fd: Fd, _own: &mut ()) -> squeue::Entry {
        let receive = opcode::Recv::new(fd, ptr::null_mut(), 0).buf_group(GROUP);
        receive.build().flags(squeue::Flags::BUFFER_SELECT)
    }

    #[inline(always)]
    fn answer(
        &mut self,
        completion: &Completion,
        _own: &mut (),
        connection: &mut Connection,
    ) -> Result<Option<Work>, Closed> {
        let buffer = completion.buffer();
        let next = match (completion.bytes(), buffer) {
            (Ok(bytes), Some(id)) => connection.answer(self.0.chunk(id), bytes, keep),
            // Without a buffer nothing has come.
            (Ok(_), None) => Err(Closed::ByClient),
            (Err(Errno::AGAIN | Errno::INTR | Errno::NOBUFS), _) => Ok(None),
            (Err(errno), _) => Err(io::Error::from(errno).into()),
        };
        self.0.give_back(buffer);
        next
    }
}
