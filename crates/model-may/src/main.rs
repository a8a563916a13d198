//! A coroutine per connection on may, each with a stack of its own: the code of a blocking thread, and
//! switches that the kernel knows nothing of.
//!
//! An async runtime keeps what a task needs between two waits, which the compiler works out. A stackful
//! coroutine keeps its whole stack, as a thread does: so any function may wait, however deep, and
//! nothing is coloured. The price is that stack: 32 KiB of address space here (may's default), of which
//! a coroutine touches a page or two, and a guard page, which makes two mappings for each connection
//! (`vm.max_map_count` has room for 32,000). Where there is no more, may panics: so the server ends before
//! that, and says which setting it takes.
//!
//! Workers take coroutines from each other; each waits in an epoll instance of its own, edge-triggered,
//! and is pinned to a CPU, which is may's default, too. Not so where there are fewer of them than CPUs:
//! the others are for other processes, whose workers may would pin to the same ones.
//!
//! A coroutine that waits to read has lent its buffer, so each has one on the heap, which is small.
//! What computes or blocks does so where it stands: may has no pool for it, and tells its users to
//! leave thread-blocking calls alone. A wait is a timer; what waited goes on on the timer's thread, one
//! beside the workers, until it waits for its socket.
//!
//! Coroutines go on on another thread after a wait, and a thread's variables must not be held over one:
//! the kit's are used only in calls that don't wait, and that aren't inlined, so that no address of one
//! is kept.
//!
//! Sources: <https://docs.rs/may/latest/may/>; R. von Behren et al., "Capriccio: Scalable Threads for
//! Internet Services", SOSP 2003.

use may::{
    coroutine,
    net::{TcpListener, TcpStream},
};
use model_kit::{
    Chunk, Closed, Connection, Ended, Finished, Listeners, Model, Refused, Server, Task, Work,
    run_blocking,
};
use std::{
    fs,
    io::{self, Read as _, Write as _},
    os::fd::{FromRawFd as _, IntoRawFd as _},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

const BUFFER_BYTES: usize = 4 << 10;

/// A coroutine's stack, and the guard page below it.
const MAPPINGS_PER_CONNECTION: usize = 2;

/// Mappings left for what else the process does.
const RESERVE: usize = 500;

/// As much as one connection may read before it makes room for others: 64 KiB, as other models' buffers.
const FULL_READS_MAX: u32 = 16;

/// A timer of any length lets the worker look at epoll.
const TURN_OF_OTHERS: Duration = Duration::from_micros(1);

fn main() -> ExitCode {
    let model = Model {
        listeners: Listeners::One,
        needs: &[],
        run,
    };
    model.main()
}

fn run(server: Arc<Server>) -> Ended {
    may::config().set_workers(server.threads());
    may::config().set_worker_pin(server.cpus().len() <= server.threads());
    let accepting = Arc::clone(&server);
    // SAFETY: `accept` and what it calls need less stack than a coroutine has, and hold no variable of
    // a thread over a wait.
    let accepting = unsafe { coroutine::spawn(move || accept(&accepting)) };
    accepting.join().map_err(
        |_| "the accepting coroutine panicked; no room for a stack? see vm.max_map_count",
    )??;
    server.wait_until_drained();
    Ok(())
}

fn accept(server: &Server) -> io::Result<()> {
    // SAFETY: the descriptor is the listener's, which gives it away.
    let listener = unsafe { TcpListener::from_raw_fd(server.listen()?.into_raw_fd()) };
    server.ready()?;
    let (mappings, living) = (mappings_max(), Arc::new(()));
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                let needed = Arc::strong_count(&living) * MAPPINGS_PER_CONNECTION + RESERVE;
                if needed > mappings {
                    return Err(io::Error::other(format!(
                        "one more connection than vm.max_map_count allows ({mappings}; each takes \
                         {MAPPINGS_PER_CONNECTION} mappings): sysctl -w vm.max_map_count={}",
                        mappings * 2
                    )));
                }
                let connection = Connection::open(server.wire());
                let lives = Arc::clone(&living);
                // SAFETY: as in `run`.
                unsafe {
                    coroutine::spawn(move || {
                        let _lives = lives;
                        serve(stream, connection)
                    })
                };
            }
            Err(error) => match server.refused(&error) {
                Refused::Retry => {}
                Refused::Pause(time) => coroutine::sleep(time),
                Refused::Stopping => return Ok(()),
            },
        }
    }
}

/// What can't be read limits nothing: the kernel will tell.
fn mappings_max() -> usize {
    let text = fs::read_to_string("/proc/sys/vm/max_map_count").unwrap_or_default();
    text.trim().parse().unwrap_or(usize::MAX)
}

fn serve(mut stream: TcpStream, mut connection: Connection) -> Result<(), Closed> {
    let mut chunk = Chunk::new(BUFFER_BYTES);
    let mut full_reads = 0;
    loop {
        let received_bytes = stream.read(chunk.space())?;
        let mut next = answer(&mut connection, &mut chunk, received_bytes, &stream)?;
        loop {
            if !connection.unsent().is_empty() {
                stream.write_all(connection.unsent())?;
                sent_all(&mut connection)?;
            }
            let Some(work) = next else { break };
            let finished = perform(work);
            next = resume(&mut connection, finished, &stream)?;
        }
        // A read that finds bytes doesn't wait, and nobody else would have a turn. Not `yield_now`:
        // that queues the coroutine on its worker, which looks at epoll only when its queue is empty.
        full_reads = if received_bytes == BUFFER_BYTES {
            full_reads + 1
        } else {
            0
        };
        if full_reads == FULL_READS_MAX {
            full_reads = 0;
            coroutine::sleep(TURN_OF_OTHERS);
        }
    }
}

/// Sends without waiting: see above.
#[inline(never)]
fn answer(
    connection: &mut Connection,
    chunk: &mut Chunk,
    received_bytes: usize,
    stream: &TcpStream,
) -> Result<Option<Work>, Closed> {
    connection.answer(chunk, received_bytes, |reply| stream.inner().write(reply))
}

/// Likewise.
#[inline(never)]
fn resume(
    connection: &mut Connection,
    finished: Finished,
    stream: &TcpStream,
) -> Result<Option<Work>, Closed> {
    connection.resume(finished, |reply| stream.inner().write(reply))
}

#[inline(never)]
fn sent_all(connection: &mut Connection) -> Result<(), Closed> {
    connection.sent_all()
}

fn perform(work: Work) -> Finished {
    match work.task() {
        Task::Wait(time) => {
            coroutine::sleep(time);
            work.finish()
        }
        Task::Cpu { .. } | Task::Block(_) => run_blocking(work),
    }
}
