//! A task per connection on async-std, whose executor and reactor are smol's.
//!
//! Threads take tasks from one global executor. Whichever thread has nothing to run waits in
//! epoll (one-shot interest, renewed for each wait) and wakes the tasks whose sockets have
//! become ready.
//!
//! async-std is discontinued in favour of smol (RUSTSEC-2025-0052). It is here because people
//! who still run it need the comparison.
//!
//! The buffer belongs to the thread and not to the task, so a connection that waits holds none.

use async_std::{
    io::{Read as _, Write as _, WriteExt as _},
    net::{TcpListener, TcpStream},
    task,
};
use model_kit::{Closed, Connection, Ended, Listeners, Model, Refused, Server, with_chunk};
use std::{
    env,
    future::poll_fn,
    io,
    pin::Pin,
    process::ExitCode,
    sync::{Arc, mpsc},
    task::{Poll, ready},
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
    // SAFETY: the only other thread so far is the kit's, which waits for the end of standard
    // input and reads no environment. The variable is the documented way to set the number of
    // threads: https://docs.rs/async-std/latest/async_std/index.html#runtime-configuration
    unsafe { env::set_var("ASYNC_STD_THREAD_COUNT", server.threads().to_string()) };
    // Not `task::block_on`: that would make this thread one more that waits in epoll, and
    // every readiness would have to be handed across threads.
    let (returned, has_returned) = mpsc::channel();
    task::spawn(async move {
        let _ = returned.send(accept(&server).await.map_err(|error| error.to_string()));
    });
    Ok(has_returned.recv()??)
}

async fn accept(server: &Server) -> io::Result<()> {
    let listener = TcpListener::from(server.listen()?);
    server.ready()?;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                task::spawn(serve(stream, Connection::open(server.wire())));
            }
            Err(error) => match server.refused(&error) {
                Refused::Retry => {}
                Refused::Pause(pause) => task::sleep(pause).await,
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
                let received_bytes = ready!(Pin::new(&mut stream).poll_read(cx, chunk.space()))?;
                connection
                    .answer(chunk, received_bytes, |reply| {
                        match Pin::new(&mut stream).poll_write(cx, reply) {
                            Poll::Ready(sent) => sent,
                            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
                        }
                    })
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
