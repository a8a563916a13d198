//! A compio runtime and a listener per thread, on io_uring: thread per core, nothing shared.
//!
//! Every thread has a ring, its tasks and a listening socket of its own, and the kernel spreads
//! connections over the listeners (SO_REUSEPORT, socket(7)). A task hands the kernel an operation
//! and is woken when it has been done; one system call carries the operations of all tasks that
//! ran since the last one.
//!
//! A read that waits would hold a buffer, so reads here are managed: the thread has given the
//! kernel a ring of buffers (io_uring_register_buf_ring(3)), which takes one when bytes have come
//! and not before. And they are multishot: one request, and an arrival for each time that bytes have
//! come, until the kernel says that there won't be more. To ask for each read took 14 % more CPU per
//! request at 1,000 connections. Should many connections speak at once and the ring run dry, those
//! that got none read into a buffer of their own.
//!
//! A ring owns what it sends too: an echo goes from the buffer that it came in, other replies are
//! gathered before they are written. No arrival is looked at until they have been: what a client sends
//! that doesn't read them waits in buffers of the ring.
//!
//! What computes for long or blocks goes to `spawn_blocking`, up to 256 threads per runtime that
//! come and go with the work. (When all are busy, `spawn_blocking` itself waits for one: compio
//! 0.19 then holds up every connection of its thread.)
//!
//! Sources: <https://docs.rs/compio/latest/compio/>, its `AsyncReadMulti`; io_uring(7).

use compio::{
    BufResult,
    buf::IoBuf,
    driver::ProactorBuilder,
    io::{AsyncRead as _, AsyncReadMulti as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    runtime::{self, RuntimeBuilder},
    time,
};
use futures_util::StreamExt as _;
use model_kit::{
    Closed, Connection, Ended, Finished, Listeners, Model, Need, Refused, Reply, SHORT_TASK_BLOCKS,
    Server, Task, Work, gather, on_each_thread, run_blocking,
};
use std::{io, num::NonZero, pin::pin, process::ExitCode, sync::Arc};

/// Buffers that a thread's connections share, enough for those that speak at the same time.
const BUFFERS: NonZero<u16> = NonZero::new(1024).expect("it is not zero");

/// Tasks that run until the ring is asked again: as many as have buffers. compio's 61 are a system
/// call for so few.
const EVENT_INTERVAL: usize = 1024;

/// Size of a read.
const BUFFER_BYTES: usize = 4 << 10;

/// Size of a read for which there was no buffer.
const SPARE_BYTES: usize = 512;

fn main() -> ExitCode {
    let model = Model {
        listeners: Listeners::PerThread,
        needs: &[
            Need::Kernel {
                version: (6, 1),
                brings: "deferred task run of io_uring",
            },
            Need::IoUring,
        ],
        run,
    };
    model.main()
}

fn run(server: Arc<Server>) -> Ended {
    on_each_thread(&server, |server| {
        let mut driver = ProactorBuilder::new();
        driver
            .buffer_pool_size(BUFFERS)
            .buffer_pool_buffer_len(BUFFER_BYTES)
            .single_issuer(true)
            .defer_taskrun(true);
        let mut builder = RuntimeBuilder::new();
        builder.event_interval(EVENT_INTERVAL);
        let runtime = builder.with_proactor(driver).build()?;
        runtime.block_on(accept(server))
    })
}

async fn accept(server: &Server) -> io::Result<()> {
    let listener = TcpListener::from_std(server.listen()?)?;
    server.ready()?;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                runtime::spawn(serve(stream, Connection::open(server.wire()))).detach();
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

async fn serve(stream: TcpStream, mut connection: Connection) -> Result<(), Closed> {
    let mut reading = &stream;
    let mut arrivals = pin!(reading.read_multi(0));
    let mut stream = &stream;
    loop {
        let work = match arrivals.next().await {
            Some(Ok(received)) => {
                let answered = connection.answer_read(&received);
                // Boxed, for a task that waits for a request has no use for its room. Unboxed it was
                // not detectably faster.
                Box::pin(send(&mut stream, received, answered)).await?
            }
            None => return Err(Closed::ByClient),
            Some(Err(error)) if error.kind() == io::ErrorKind::ResourceBusy => {
                // Boxed for the same reason as below.
                Box::pin(read_spare(&mut stream, &mut connection)).await?
            }
            Some(Err(error)) => return Err(error.into()),
        };
        if let Some(work) = work {
            // Boxed, so that a task that waits for a request has no room for sleeps and joins.
            Box::pin(work_off(&mut stream, &mut connection, work)).await?;
        }
    }
}

/// Answers what comes into a buffer of its own.
async fn read_spare(
    stream: &mut &TcpStream,
    connection: &mut Connection,
) -> Result<Option<Work>, Closed> {
    let BufResult(read, received) = stream.read(Vec::with_capacity(SPARE_BYTES)).await;
    read?;
    let answered = connection.answer_read(&received);
    send(stream, received, answered).await
}

/// Sends the reply to what was received, from where that lies if it is the same.
async fn send(
    stream: &mut &TcpStream,
    received: impl IoBuf,
    (reply, next): (Reply, Result<Option<Work>, Closed>),
) -> Result<Option<Work>, Closed> {
    match reply {
        Reply::Nothing => {}
        Reply::AsItCame => stream.write_all(received).await.0?,
        Reply::Gathered(replies) => stream.write_all(replies).await.0?,
    }
    next
}

/// Does this work, and what comes up behind it.
async fn work_off(
    stream: &mut &TcpStream,
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
        Task::Cpu { .. } | Task::Block(_) => runtime::spawn_blocking(|| run_blocking(work))
            .await
            .map_err(|_| io::Error::other("a blocking thread panicked")),
    }
}
