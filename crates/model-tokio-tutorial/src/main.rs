//! A task per connection on tokio, as its tutorial writes it: a buffer in each task.
//!
//! The tutorial's echo server accepts in `main`, spawns a task for each connection, and gives each
//! task a buffer of 1,024 bytes, which it reads into and writes from
//! (<https://tokio.rs/tokio/tutorial/io>). So a connection that waits for a request holds a kilobyte,
//! and `main`, which is no worker, hands each connection to one. What that is worth shows beside the
//! lean form, whose buffer belongs to the worker's thread: the runtime and its sockets are the same.
//!
//! Work that takes a thread's time goes to the threads of `spawn_blocking`, up to 512 of them;
//! computing too unless it is short.

use model_kit::{
    Chunk, Closed, Connection, Ended, Finished, Listeners, Model, Refused, SHORT_TASK_BLOCKS,
    Server, Task, Work, run_blocking,
};
use std::{io, process::ExitCode, sync::Arc};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    runtime, task, time,
};

/// The tutorial's.
const BUFFER_BYTES: usize = 1024;

fn main() -> ExitCode {
    let model = Model {
        listeners: Listeners::One,
        needs: &[],
        run,
    };
    model.main()
}

fn run(server: Arc<Server>) -> Ended {
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(server.threads())
        .enable_all()
        .build()?;
    Ok(runtime.block_on(accept(&server))?)
}

async fn accept(server: &Server) -> io::Result<()> {
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
    let mut chunk = Chunk::new(BUFFER_BYTES);
    loop {
        let received_bytes = stream.read(chunk.space()).await?;
        let send = |reply: &[u8]| stream.try_write(reply);
        if let Some(work) = connection.answer(&mut chunk, received_bytes, send)? {
            // Boxed, so that a task that waits for a request has no room for sleeps and joins.
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
            time::sleep(time).await;
            Ok(work.finish())
        }
        Task::Cpu { blocks } if blocks <= SHORT_TASK_BLOCKS => Ok(work.finish()),
        Task::Cpu { .. } | Task::Block(_) => Ok(task::spawn_blocking(|| run_blocking(work)).await?),
    }
}
