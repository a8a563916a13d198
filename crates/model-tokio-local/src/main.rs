//! A current-thread tokio runtime and a listener per thread: thread per core, nothing stolen.
//!
//! Every thread has a runtime, an epoll instance, its tasks and a listening socket of its own,
//! and the kernel spreads connections over the listeners (SO_REUSEPORT, socket(7)). A connection
//! lives and dies on the thread that accepted it. So no queue is shared, tasks needn't be `Send`,
//! and no thread is woken to help another; a thread with heavy connections stays loaded while
//! its neighbour idles. What that is worth shows beside the multi-threaded runtime, from which
//! nothing else differs here: the sockets, the tasks and the blocking threads are the same.
//!
//! Following <https://docs.rs/tokio/latest/tokio/runtime/struct.LocalRuntime.html>, and the best
//! known user of the design, actix-web, which runs such a runtime per worker. The buffer belongs
//! to the thread and not to the task, so a connection that waits holds none.
//!
//! Work that takes a thread's time goes to the threads of `spawn_blocking`, where it holds up no
//! connection; computing too unless it is short, and only as much at a time as there are
//! runtimes (<https://docs.rs/tokio/latest/tokio/#cpu-bound-tasks-and-blocking-code>).

use model_kit::{
    Closed, Connection, Ended, Finished, Listeners, Model, Refused, SHORT_TASK_BLOCKS, Server,
    Task, Work, on_each_thread, run_blocking, with_chunk,
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

/// As many as tokio gives to one runtime; shared out among all, as actix-web does
/// (`HttpServer::worker_max_blocking_threads`).
const BLOCKING_THREADS: usize = 512;

/// Computations that may run at a time: gets its permits when the number of threads is known.
static COMPUTING: Semaphore = Semaphore::const_new(0);

fn main() -> ExitCode {
    let model = Model {
        listeners: Listeners::PerThread,
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

/// Has a task of its own serve each connection, on the thread that accepts it.
fn serve_each<Serving: Future + 'static>(
    server: Arc<Server>,
    serve: impl Fn(TcpStream, Connection) -> Serving + Copy + Send + 'static,
) -> Ended {
    on_each_thread(&server, move |server| {
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads((BLOCKING_THREADS / server.threads()).max(1))
            .build_local(Default::default())?;
        runtime.block_on(accept(server, serve))
    })
}

async fn accept<Serving: Future + 'static>(
    server: &Server,
    serve: impl Fn(TcpStream, Connection) -> Serving,
) -> io::Result<()> {
    let listener = server.listen()?;
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    server.ready()?;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                task::spawn_local(serve(stream, Connection::open(server.wire())));
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
