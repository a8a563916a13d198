//! A task per connection on smol, the successor of async-std.
//!
//! The executor is a queue of tasks that have something to do, and knows nothing of sockets:
//! the model brings the threads that run it. Each has a queue of its own, and one that runs dry
//! steals from another. A thread that finds nothing to run waits in epoll (one-shot interest,
//! renewed for each wait) for all of them, and wakes the tasks whose sockets have become ready.
//!
//! Following <https://docs.rs/smol/latest/smol/struct.Executor.html>, and `smol::spawn`, which
//! says that it is "more advisable to create your own". The buffer belongs to the thread and not
//! to the task, so a connection that waits holds none. A socket is read from when epoll has told that
//! it is readable: `Async` alone tells so, the sockets of `smol::net` would read first and find nothing.
//!
//! Work that takes a thread's time goes to `unblock`, "a thread pool for isolating blocking I/O
//! in async programs": threads that come and go with the work, up to 500. Computing goes there
//! too unless it is short; nothing in smol limits how much of that runs at a time.

use model_kit::{
    Connection, Ended, Finished, Listeners, Model, Refused, SHORT_TASK_BLOCKS, Server, Task, Work,
    futures_io::serve, run_blocking,
};
use smol::{Async, Executor, Timer, unblock};
use std::{
    io,
    net::{TcpListener, TcpStream},
    process::ExitCode,
    sync::Arc,
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
    let listener = Async::<TcpListener>::try_from(server.listen()?)?;
    server.ready()?;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let connection = Connection::open(server.wire());
                let readable = Async::<TcpStream>::poll_readable;
                let task = serve(stream, connection, readable, perform);
                EXECUTOR.spawn(task).detach();
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

async fn perform(work: Work) -> io::Result<Finished> {
    match work.task() {
        Task::Wait(time) => {
            Timer::after(time).await;
            Ok(work.finish())
        }
        Task::Cpu { blocks } if blocks <= SHORT_TASK_BLOCKS => Ok(work.finish()),
        Task::Cpu { .. } | Task::Block(_) => Ok(unblock(|| run_blocking(work)).await),
    }
}
