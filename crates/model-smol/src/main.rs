//! A task per connection on smol, the successor of async-std.
//!
//! The executor is a queue of tasks that have something to do, and knows nothing of sockets:
//! the model brings the threads that run it. Each has a queue of its own, and one that runs dry
//! steals from another. A thread that finds nothing to run waits in epoll (one-shot interest,
//! renewed for each wait) for all of them, and wakes the tasks whose sockets have become ready.
//!
//! Following <https://docs.rs/smol/latest/smol/struct.Executor.html>, and `smol::spawn`, which
//! says that it is "more advisable to create your own". The buffer belongs to the thread and not
//! to the task, so a connection that waits holds none.
//!
//! Work that takes a thread's time goes to `unblock`, "a thread pool for isolating blocking I/O
//! in async programs": threads that come and go with the work, up to 500. Computing goes there
//! too unless it is short; nothing in smol limits how much of that runs at a time.

use model_kit::{
    Closed, Connection, Ended, Finished, Listeners, Model, Refused, SHORT_TASK_BLOCKS, Server,
    Task, Work, run_blocking, with_chunk,
};
use smol::{
    Executor, Timer,
    io::{AsyncRead as _, AsyncWrite as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    unblock,
};
use std::{
    future::poll_fn,
    io,
    pin::Pin,
    process::ExitCode,
    sync::Arc,
    task::{Context, Poll, ready},
    thread,
};

static EXECUTOR: Executor<'static> = Executor::new();

fn main() -> ExitCode {
    let model = Model {
        listeners: Listeners::One,
        needs: &[],
        run,
    };
    model.main()
}

fn run(server: Arc<Server>) -> Ended {
    for number in 1..server.threads() {
        let server = Arc::clone(&server);
        thread::Builder::new()
            .name(format!("executor-{number}"))
            .spawn(move || smol::block_on(EXECUTOR.run(server.drained())))?;
    }
    Ok(smol::block_on(EXECUTOR.run(accept(&server)))?)
}

async fn accept(server: &Server) -> io::Result<()> {
    let listener = TcpListener::try_from(server.listen()?)?;
    server.ready()?;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                EXECUTOR
                    .spawn(serve(stream, Connection::open(server.wire())))
                    .detach();
            }
            Err(error) => match server.refused(&error) {
                Refused::Retry => {}
                Refused::Pause(pause) => {
                    Timer::after(pause).await;
                }
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
            Timer::after(time).await;
            work.finish()
        }
        Task::Cpu { blocks } if blocks <= SHORT_TASK_BLOCKS => work.finish(),
        Task::Cpu { .. } | Task::Block(_) => unblock(|| run_blocking(work)).await,
    }
}
