//! A monoio runtime and a listener per thread, on io_uring: thread per core, nothing shared.
//!
//! Every thread has a ring, its tasks and a listening socket of its own, and the kernel spreads
//! connections over the listeners (SO_REUSEPORT, socket(7)). A task doesn't wait until its socket
//! is ready to be read and then read it: it hands the kernel a buffer, and is woken when that has
//! been filled. So each read and each write is an entry in the ring, and one system call carries
//! the entries of all tasks that ran since the last one. The price: whoever waits for a request
//! has given a buffer away. Here it is a small one at first, and its size follows what comes: 128 bytes
//! to 32 KiB. (monoio can wait for readiness first, which lends none, but says "do not use it
//! before every io": each request takes a third entry then.)
//!
//! Completions are made when the runtime asks for them, and not by interrupting it (deferred task
//! run): monoio takes the ring's settings from its user.
//!
//! A ring owns what it sends too, so replies are gathered before they are written, and nothing is
//! read until they have been: a client that doesn't read them is waited for.
//!
//! What computes for long or blocks goes to `spawn_blocking`, which is for "heavy computation or
//! blocking io" and leaves the choice of a thread pool to its users: one for all runtimes here,
//! monoio's own, whose threads all start at once.
//!
//! Sources: <https://docs.rs/monoio/latest/monoio/>, io_uring(7).

use io_uring::IoUring;
use model_kit::{
    Closed, Connection, Ended, Finished, Listeners, Model, Need, ReadSize, Refused,
    SHORT_TASK_BLOCKS, Server, Task, Work, gather, on_each_thread, run_blocking, with_chunk,
};
use monoio::{
    IoUringDriver, RuntimeBuilder,
    blocking::DefaultThreadPool,
    io::{AsyncReadRent as _, AsyncWriteRentExt as _},
    net::{TcpListener, TcpStream},
    time,
};
use std::{
    io,
    process::ExitCode,
    sync::{Arc, LazyLock},
};

/// Of the ring: more than the tasks that run in a turn ask for.
const ENTRIES: u32 = 4096;

/// Threads that may block or compute.
const POOL_THREADS: usize = 64;

static POOL: LazyLock<DefaultThreadPool> = LazyLock::new(|| DefaultThreadPool::new(POOL_THREADS));

fn main() -> ExitCode {
    let model = Model {
        listeners: Listeners::PerThread,
        needs: &[
            Need::IoUring,
            Need::Kernel {
                version: (6, 1),
                brings: "deferred task run of io_uring",
            },
        ],
        run,
    };
    model.main()
}

fn run(server: Arc<Server>) -> Ended {
    on_each_thread(&server, |server| {
        let mut ring = IoUring::builder();
        ring.setup_single_issuer().setup_defer_taskrun();
        let mut runtime = RuntimeBuilder::<IoUringDriver>::new()
            .with_entries(ENTRIES)
            .uring_builder(ring)
            .enable_timer()
            .attach_thread_pool(Box::new(POOL.clone()))
            .build()?;
        runtime.block_on(accept(server))
    })
}

async fn accept(server: &Server) -> io::Result<()> {
    let listener = TcpListener::from_std(server.listen()?)?;
    server.ready()?;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                monoio::spawn(serve(stream, Connection::open(server.wire())));
            }
            Err(error) => match server.refused(&error) {
                Refused::Retry => {}
                Refused::Pause(pause) => time::sleep(pause).await,
                Refused::Stopping => break,
            },
        }
    }
    server.drained().await;
    Ok(())
}

async fn serve(mut stream: TcpStream, mut connection: Connection) -> Result<(), Closed> {
    let mut size = ReadSize::default();
    let mut buffer = Vec::with_capacity(size.bytes());
    loop {
        let received;
        (received, buffer) = stream.read(buffer).await;
        let received_bytes = received?;
        size.learn(received_bytes);
        let next = with_chunk(|chunk| {
            chunk.space()[..received_bytes].copy_from_slice(&buffer);
            buffer.clear();
            connection.answer(chunk, received_bytes, |reply| gather(&mut buffer, reply))
        });
        if !buffer.is_empty() {
            let sent;
            (sent, buffer) = stream.write_all(buffer).await;
            sent?;
        }
        if let Some(work) = next? {
            // Boxed, so that a task that waits for a request has no room for sleeps and joins.
            Box::pin(work_off(&mut stream, &mut connection, work)).await?;
        }
        buffer.clear();
        if buffer.capacity() != size.bytes() {
            buffer = Vec::with_capacity(size.bytes());
        }
    }
}

/// Does this work, and what comes up behind it.
async fn work_off(
    stream: &mut TcpStream,
    connection: &mut Connection,
    work: Work,
) -> Result<(), Closed> {
    let mut next = Some(work);
    while let Some(work) = next {
        let finished = perform(work).await?;
        let mut replies = Vec::new();
        let resumed = connection.resume(finished, |reply| gather(&mut replies, reply));
        stream.write_all(replies).await.0?;
        next = resumed?;
    }
    Ok(())
}

async fn perform(work: Work) -> io::Result<Finished> {
    match work.task() {
        Task::Wait(time) => {
            time::sleep(time).await;
            Ok(work.finish())
        }
        Task::Cpu { blocks } if blocks <= SHORT_TASK_BLOCKS => Ok(work.finish()),
        Task::Cpu { .. } | Task::Block(_) => monoio::spawn_blocking(|| run_blocking(work))
            .await
            .map_err(|_| io::Error::other("the thread pool dropped a task")),
    }
}
