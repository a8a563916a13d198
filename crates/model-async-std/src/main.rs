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
//!
//! Work that takes a thread's time goes to `spawn_blocking`, "to prevent long-running
//! synchronous operations from blocking the main futures executor": threads that come and go
//! with the work, up to 500. Computing goes there too unless it is short. Nothing in async-std
//! limits how much of that runs at a time.

use async_std::{
    io::{Read as _, Write as _, WriteExt as _},
    net::{TcpListener, TcpStream},
    task,
};
use model_kit::{
    Closed, Connection, Ended, Finished, Listeners, Model, Refused, SHORT_TASK_BLOCKS, Server,
    Task, Work, run_blocking, with_chunk,
};
use std::{
    env,
    future::poll_fn,
    io,
    pin::Pin,
    process::ExitCode,
    sync::{Arc, mpsc},
    task::{Context, Poll, ready},
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
        let work = poll_fn(|cx| {
            with_chunk(|chunk| {
                let received_bytes = ready!(Pin::new(&mut stream).poll_read(cx, chunk.space()))?;
                connection
                    .answer(chunk, received_bytes, |reply| {
                        try_write(&mut stream, cx, reply)
                    })
                    .into()
            })
        })
        .await?;
        if let Some(work) = work {
            // Boxed, so that a task that waits for a request has no room for sleeps and joins.
            Box::pin(work_off(&mut stream, &mut connection, work)).await?;
        }
        if !connection.unsent().is_empty() {
            stream.write_all(connection.unsent()).await?;
            connection.sent_all();
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
        let finished = perform(work).await;
        let waker = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
        let cx = &mut Context::from_waker(&waker);
        next = connection.resume(finished, |reply| try_write(stream, cx, reply))?;
    }
    Ok(())
}

#[inline(always)]
fn try_write(stream: &mut TcpStream, cx: &mut Context<'_>, reply: &[u8]) -> io::Result<usize> {
    match Pin::new(stream).poll_write(cx, reply) {
        Poll::Ready(sent) => sent,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}

async fn perform(work: Work) -> Finished {
    match work.task() {
        Task::Wait(time) => {
            task::sleep(time).await;
            work.finish()
        }
        Task::Cpu { blocks } if blocks <= SHORT_TASK_BLOCKS => work.finish(),
        Task::Cpu { .. } | Task::Block(_) => task::spawn_blocking(|| run_blocking(work)).await,
    }
}
