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

use async_std::{net::TcpListener, task};
use model_kit::{
    Connection, Ended, Finished, Listeners, Model, Refused, SHORT_TASK_BLOCKS, Server, Task, Work,
    futures_io::{perhaps_readable, serve},
    run_blocking,
};
use std::{
    env, io,
    process::ExitCode,
    sync::{Arc, mpsc},
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
                let connection = Connection::open(server.wire());
                task::spawn(serve(stream, connection, perhaps_readable, perform));
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

async fn perform(work: Work) -> io::Result<Finished> {
    match work.task() {
        Task::Wait(time) => {
            task::sleep(time).await;
            Ok(work.finish())
        }
        Task::Cpu { blocks } if blocks <= SHORT_TASK_BLOCKS => Ok(work.finish()),
        Task::Cpu { .. } | Task::Block(_) => Ok(task::spawn_blocking(|| run_blocking(work)).await),
    }
}
