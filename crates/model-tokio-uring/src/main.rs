//! A tokio-uring runtime and a listener per thread: tokio's single-threaded runtime, with sockets on
//! io_uring.
//!
//! Tasks and timers are tokio's, and tokio waits in epoll, where the ring is one descriptor among
//! others: when it has completions, their tasks are woken. So a turn costs the system calls of both,
//! one to hand in and one to wait. A ring owns what it reads into and sends from: a task gives its
//! buffer away and is given it back, and whoever waits for a request has lent one. Its size follows
//! what comes: 128 bytes to 32 KiB.
//!
//! tokio-uring has had no release since 2024. It is here because people who still run it, or look for
//! "tokio on io_uring", need the comparison; `monoio` and `compio` do the same and are maintained.
//!
//! What computes for long or blocks goes to the threads of tokio's `spawn_blocking`, up to 512 for each
//! runtime.
//!
//! Source: <https://github.com/tokio-rs/tokio-uring/blob/master/DESIGN.md>.

use model_kit::{
    Closed, Connection, Ended, Finished, Listeners, Model, Need, ReadSize, Refused,
    SHORT_TASK_BLOCKS, Server, Task, Work, gather, on_each_thread, run_blocking, with_chunk,
};
use std::{io, process::ExitCode, sync::Arc};
use tokio::{task, time};
use tokio_uring::net::{TcpListener, TcpStream};

/// Of the ring: more than the tasks that run in a turn ask for.
const ENTRIES: u32 = 4096;

fn main() -> ExitCode {
    let model = Model {
        listeners: Listeners::PerThread,
        needs: &[Need::IoUring],
        run,
    };
    model.main()
}

fn run(server: Arc<Server>) -> Ended {
    on_each_thread(&server, |server| {
        let mut runtime = tokio_uring::builder();
        runtime.entries(ENTRIES).start(accept(server))
    })
}

async fn accept(server: &Server) -> io::Result<()> {
    let listener = TcpListener::from_std(server.listen()?);
    server.ready()?;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio_uring::spawn(serve(stream, Connection::open(server.wire())));
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
    let mut size = ReadSize::default();
    let mut buffer = Vec::with_capacity(size.bytes());
    loop {
        let received;
        (received, buffer) = stream.read(buffer).await;
        let received_bytes = received?;
        size.learn(received_bytes);
        let next = with_chunk(|chunk| {
            chunk.space()[..received_bytes].copy_from_slice(&buffer[..received_bytes]);
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
            Box::pin(work_off(&stream, &mut connection, work)).await?;
        }
        buffer.clear();
        if buffer.capacity() != size.bytes() {
            buffer = Vec::with_capacity(size.bytes());
        }
    }
}

/// Does this work, and what comes up behind it.
async fn work_off(
    stream: &TcpStream,
    connection: &mut Connection,
    work: Work,
) -> Result<(), Closed> {
    let mut next = Some(work);
    while let Some(work) = next {
        let finished = perform(work).await?;
        let mut replies = Vec::new();
        let resumed = connection.resume(finished, |reply| gather(&mut replies, reply));
        if !replies.is_empty() {
            stream.write_all(replies).await.0?;
        }
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
        Task::Cpu { .. } | Task::Block(_) => Ok(task::spawn_blocking(|| run_blocking(work)).await?),
    }
}
