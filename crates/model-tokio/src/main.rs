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

use model_kit::{Closed, Connection, Ended, Listeners, Model, Refused, Server, with_chunk};
use std::{future::poll_fn, pin::Pin, process::ExitCode, sync::Arc, task::ready};
use tokio::{
    io::{AsyncRead as _, AsyncWriteExt as _, ReadBuf},
    net::{TcpListener, TcpStream},
    runtime, time,
};

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
    runtime.block_on(accept(&server))
}

async fn accept(server: &Server) -> Ended {
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
        poll_fn(|cx| {
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
        if !connection.unsent().is_empty() {
            stream.write_all(connection.unsent()).await?;
            connection.sent_all();
        }
    }
}
