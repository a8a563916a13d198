//! An executor per thread on io_uring, a listener each: thread per core, nothing shared.
//!
//! Every thread has its own rings, its own tasks and its own listening socket; the kernel
//! spreads connections over the listeners (SO_REUSEPORT). A connection lives and dies on the
//! thread that accepted it, so nothing is locked and nothing is stolen: a thread with heavy
//! connections stays loaded while its neighbour idles. Each is bound to a CPU, where it is told which
//! ones are for it.
//!
//! glommio's sockets try the system call first and ask the ring to poll only when it would
//! block, so the buffer can belong to the thread, and a connection that waits holds none.
//!
//! A blocking call goes to `spawn_blocking`, which is there for "calls to synchronous third-party
//! code": one thread per executor, unless configured otherwise. It "is not meant to be a way to
//! achieve compute parallelism", so computing stays on the executor and asks now and then
//! whether it should yield. With the default latency requirements (none) the answer is yes
//! after 100 ms.
//!
//! Sources: <https://docs.rs/glommio/latest/glommio/>, io_uring(7).

use glommio::{
    CpuSet, LocalExecutorPoolBuilder, PoolPlacement, executor, net::TcpListener, spawn_local,
    timer, yield_if_needed,
};
use model_kit::{
    Connection, Ended, Finished, Listeners, Model, Need, Refused, Server, Task, Work,
    futures_io::{perhaps_readable, serve},
    run_blocking,
};
use std::{
    io,
    os::fd::{FromRawFd as _, IntoRawFd as _},
    process::ExitCode,
    sync::Arc,
};

/// What glommio 0.9 registers with the ring of each executor.
const LOCKED_BYTES: u64 = 512 << 10;

/// Entries of a ring. The kernel looks for what is to be cancelled in as many buckets as a sixteenth of
/// them, and glommio cancels a timer in every turn: with its own 128 there are 8 for all connections.
const RING_DEPTH: usize = 4096;

/// For blocking calls, of each executor: glommio's own number.
const BLOCKING_THREADS: usize = 1;

/// Some tens of microseconds: to ask whether to yield costs nothing beside that.
const HASHES_PER_STRETCH: u32 = 500;

fn main() -> ExitCode {
    let model = Model {
        listeners: Listeners::PerThread,
        needs: &[
            Need::IoUring,
            Need::LockedMemory {
                per_thread_bytes: LOCKED_BYTES,
            },
        ],
        run,
    };
    model.main()
}

fn run(server: Arc<Server>) -> Ended {
    let placement = placement(&server).map_err(|error| error.to_string())?;
    let executors = LocalExecutorPoolBuilder::new(placement)
        .ring_depth(RING_DEPTH)
        // Left to itself, glommio puts those of all executors on the same CPU.
        .blocking_thread_pool_placement(PoolPlacement::Unbound(BLOCKING_THREADS))
        .on_all_shards(move || async move { accept(&server).await })
        .map_err(|error| error.to_string())?;
    // An executor that couldn't start says so only here.
    for executor in executors.join_all() {
        executor.map_err(|error| error.to_string())??;
    }
    Ok(())
}

/// An executor to a CPU, as glommio is meant to be run, if it was told which and they are as many.
/// Otherwise each may run on all of them: with fewer executors the other CPUs are for other processes,
/// which were told the same and would choose the same ones.
fn placement(server: &Server) -> Result<PoolPlacement, glommio::GlommioError<()>> {
    let executors = server.threads();
    if server.cpus().is_empty() {
        return Ok(PoolPlacement::Unbound(executors));
    }
    let cpus = CpuSet::online()?.filter(|at| server.cpus().contains(&at.cpu));
    Ok(if executors == cpus.len() {
        PoolPlacement::MaxSpread(executors, Some(cpus))
    } else {
        PoolPlacement::Fenced(executors, cpus)
    })
}

async fn accept(server: &Server) -> io::Result<()> {
    // SAFETY: the descriptor is a listening socket, and ownership of it passes from one
    // listener type to the other.
    let listener = unsafe { TcpListener::from_raw_fd(server.listen()?.into_raw_fd()) };
    server.ready()?;
    loop {
        match listener.accept().await {
            Ok(stream) => {
                let connection = Connection::open(server.wire());
                spawn_local(serve(stream, connection, perhaps_readable, perform)).detach();
            }
            Err(error) => match server.refused(&error.into()) {
                Refused::Retry => {}
                Refused::Pause(pause) => timer::sleep(pause).await,
                Refused::Stopping => break,
            },
        }
    }
    server.drained().await;
    Ok(())
}

async fn perform(mut work: Work) -> io::Result<Finished> {
    match work.task() {
        Task::Wait(time) => timer::sleep(time).await,
        Task::Cpu { .. } => {
            while !work.hash(HASHES_PER_STRETCH) {
                yield_if_needed().await;
            }
        }
        Task::Block(_) => return Ok(executor().spawn_blocking(|| run_blocking(work)).await),
    }
    Ok(work.finish())
}
