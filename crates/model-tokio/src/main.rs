//! A task per connection on tokio's multi-threaded runtime.
//!
//! Workers share all tasks: each has a queue, and one that runs dry steals from another. One
//! of them at a time waits in epoll (edge-triggered) and wakes the tasks whose sockets have
//! become ready. A task is a state machine that the compiler makes of `serve`; while it waits
//! it is only that, a few hundred bytes on the heap.
//!
//! Following <https://docs.rs/tokio/latest/tokio/net/struct.TcpStream.html>, with one thing
//! that matters at a million connections: the buffer belongs to the worker's thread and not to
//! the task, so a connection that waits holds none.
//!
//! A worker's queue has 256 places. What becomes ready beyond that goes to a queue that all workers
//! share, and a worker with tasks of its own takes one from there only now and then: with few
//! workers and many busy connections some are served far less often than others
//! (<https://docs.rs/tokio/latest/tokio/runtime/#multi-threaded-runtime-behavior-at-the-time-of-writing>).
//!
//! Work that takes a thread's time goes where the documentation sends it
//! (<https://docs.rs/tokio/latest/tokio/#cpu-bound-tasks-and-blocking-code>): to the threads of
//! `spawn_blocking`, up to 512 of them. Computing goes there too unless it is short, and only as
//! much at a time as there are workers, as `spawn_blocking` says ("a semaphore ... should be
//! used to limit the number of computations executed in parallel").

use model_kit::{
    Closed, Connection, Ended, Finished, Listeners, Model, Refused, SHORT_TASK_BLOCKS, Server,
    Task, Work, run_blocking, with_chunk,
};
use std::{
    future::poll_fn, io, net::SocketAddr, pin::Pin, process::ExitCode, sync::Arc, task::ready,
};
use tokio::{
    io::{AsyncRead as _, AsyncWriteExt as _, ReadBuf},
    net::{TcpListener, TcpStream},
    runtime,
    sync::Semaphore,
    task, time,
};

/// Computations that may run at a time: gets its permits when the number of threads is known.
static COMPUTING: Semaphore = Semaphore::const_new(0);

fn main() -> ExitCode {
    let model = Model {
        listeners: Listeners::One,
        needs: &[],
        run,
    };
    model.main_or_relay(run_relay)
}

fn run(server: Arc<Server>) -> Ended {
    COMPUTING.add_permits(server.threads());
    serve_each(server, serve)
}

fn run_relay(server: Arc<Server>, backend: SocketAddr) -> Ended {
    serve_each(server, move |client, connection| {
        tokio_relay::serve(client, connection, backend)
    })
}

/// Has a task of its own serve each connection.
fn serve_each<Serving>(
    server: Arc<Server>,
    serve: impl Fn(TcpStream, Connection) -> Serving + Send + 'static,
) -> Ended
where
    Serving: Future<Output: Send> + Send + 'static,
{
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(server.threads())
        .enable_all()
        .build()?;
    // Not here: this thread is no worker, and each connection would cross threads.
    let accepting = runtime.spawn(async move { accept(&server, serve).await });
    Ok(runtime.block_on(accepting)??)
}

async fn accept<Serving>(
    server: &Server,
    serve: impl Fn(TcpStream, Connection) -> Serving,
) -> io::Result<()>
where
    Serving: Future<Output: Send> + Send + 'static,
{
    let listener = server.listen()?;
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    server.ready()?;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(serve(stream, Connection::open(server.wire())));
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
    loop {
        let work = poll_fn(|cx| {
            with_chunk(|chunk| {
                let mut space = ReadBuf::new(chunk.space());
                ready!(Pin::new(&mut stream).poll_read(cx, &mut space))?;
                let received_bytes = space.filled().len();
                connection
                    .answer(chunk, received_bytes, |reply| stream.try_write(reply))
                    .into()
            })
        })
        .await?;
        if let Some(work) = work {
            // Boxed, so that a task that waits for a request has no room for sleeps and joins.
            let send = |reply: &[u8]| stream.try_write(reply);
            Box::pin(connection.work_off(work, perform, send)).await?;
        }
        if !connection.unsent().is_empty() {
            stream.write_all(connection.unsent()).await?;
            connection.sent_all()?;
        }
    }
}

async fn perform(work: Work) -> io::Result<Finished> {
    match work.task() {
        Task::Wait(time) => {
            // In steps of a millisecond, rounded up: so it is for everyone who uses tokio.
            time::sleep(time).await;
            Ok(work.finish())
        }
        Task::Cpu { blocks } if blocks <= SHORT_TASK_BLOCKS => Ok(work.finish()),
        Task::Cpu { .. } => {
            let _permit = COMPUTING.acquire().await.map_err(io::Error::other)?;
            Ok(task::spawn_blocking(|| run_blocking(work)).await?)
        }
        Task::Block(_) => Ok(task::spawn_blocking(|| run_blocking(work)).await?),
    }
}
