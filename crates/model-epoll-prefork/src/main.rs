//! Processes rather than threads: a parent starts workers that all accept from one listener, which
//! they have inherited. How Apache and, with an epoll loop in each, nginx are built.
//!
//! Each worker is a single-threaded epoll loop that shares nothing with its neighbours, not even
//! memory: one that dies takes its own connections with it and no others, and the parent starts
//! another: later and later if they die again and again, and in the end none, with the reason. Each
//! has a table of descriptors of its own, so the limit of open files counts for each.
//!
//! The listener is in every worker's epoll. EPOLLEXCLUSIVE has the kernel wake one of them for a
//! connection rather than all; it wakes the one that began to wait last, so a worker accepts one
//! connection at a time and not all that are there. Even so the idle get more than their share.
//!
//! A worker is this program again, with the listener's descriptor among its arguments: starting a
//! program is safe with threads around, where a bare fork isn't. It keeps the launch contract with
//! its parent as the parent does with whoever started it: it serves until its input ends, and then
//! tells what it has counted. So the parent's end is the workers' end too, however it came about,
//! and the parent adds up what they tell.
//!
//! Sources: epoll_ctl(2), EPOLLEXCLUSIVE; W. R. Stevens, "Unix Network Programming 1", chapter 30
//! (preforked servers); M. Majkowski, "Why does one NGINX worker take all the load?",
//! <https://blog.cloudflare.com/the-sad-state-of-linux-socket-balancing/>.

mod restarts;
mod worker;

use model_kit::{Args, Ended, Listeners, Model, Server, ServerLine, read_line, wrong_use};
use restarts::Restarts;
use rustix::{
    event::{PollFd, PollFlags, poll},
    io::{Errno, FdFlags, fcntl_setfd},
};
use std::{
    env,
    io::{self, BufReader},
    mem,
    net::TcpListener,
    os::fd::{AsRawFd as _, RawFd},
    process::{Child, ChildStdout, Command, ExitCode, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

/// A worker's option: the descriptor that its parent left it as the listener.
const LISTENER: &str = "listener";

fn main() -> ExitCode {
    let (contract, [listener]) = Args::parse_with([LISTENER]);
    let listener = listener.map(|descriptor| match descriptor.parse::<RawFd>() {
        Ok(descriptor) => descriptor,
        Err(_) => wrong_use("--listener takes a descriptor"),
    });
    let model = Model {
        listeners: Listeners::One,
        needs: &[],
        run: |server: Arc<Server>| match listener {
            Some(listener) => worker::run(&server, listener),
            None => supervise(&server),
        },
    };
    model.main_with(contract)
}

/// The parent: starts the workers, restarts those that die, ends them all.
fn supervise(server: &Server) -> Ended {
    let listener = server.listen()?;
    fcntl_setfd(&listener, FdFlags::empty())?;
    let start = |_| Worker::start(&listener);
    let mut workers: Vec<Worker> = (0..server.threads()).map(start).collect::<Result<_, _>>()?;
    server.ready()?;
    while let Some(dead) = wait_for_death(&listener, &workers)? {
        let Worker {
            process,
            since,
            restarts,
            ..
        } = &mut workers[dead];
        let status = process.wait()?;
        let Some(pause) = restarts.after(since.elapsed()) else {
            return Err(
                format!("workers die as soon as they serve, the last with {status}").into(),
            );
        };
        eprintln!("a worker has ended ({status}): starting another");
        if is_shut_within(&listener, pause)? {
            break;
        }
        let restarts = mem::take(restarts);
        workers[dead] = Worker {
            restarts,
            ..Worker::start(&listener)?
        };
    }
    // All at once, and then their counts one by one.
    workers
        .iter_mut()
        .for_each(|worker| drop(worker.process.stdin.take()));
    for worker in &mut workers {
        while let Ok(line) = read_line(&mut worker.lines) {
            if let ServerLine::Done(done) = line {
                server.add_counts(&done);
            }
        }
        worker.process.wait()?;
    }
    Ok(())
}

/// The index of a worker that has died; none when the server has been told to stop.
fn wait_for_death(listener: &TcpListener, workers: &[Worker]) -> io::Result<Option<usize>> {
    loop {
        // Asked for nothing, poll still tells of hang-ups: of a listener that has been shut, and
        // of an output that nobody can write to any more.
        let outputs = workers.iter().map(|worker| worker.lines.get_ref());
        let mut fds: Vec<PollFd<'_>> = outputs
            .map(|output| PollFd::new(output, PollFlags::empty()))
            .collect();
        fds.push(PollFd::new(listener, PollFlags::empty()));
        match poll(&mut fds, None) {
            Err(Errno::INTR) => continue,
            polled => polled?,
        };
        let has_ended = |fd: &PollFd<'_>| !fd.revents().is_empty();
        if fds.last().is_some_and(has_ended) {
            return Ok(None);
        }
        if let Some(dead) = fds.iter().position(has_ended) {
            return Ok(Some(dead));
        }
    }
}

/// Waits for so long, or until the server is told to stop.
fn is_shut_within(listener: &TcpListener, pause: Duration) -> io::Result<bool> {
    let pause = pause.try_into().map_err(io::Error::other)?;
    let mut listener = [PollFd::new(listener, PollFlags::empty())];
    match poll(&mut listener, Some(&pause)) {
        Err(Errno::INTR) => Ok(false),
        polled => Ok(polled? > 0),
    }
}

/// A process that serves, and ends with its parent because its input does.
struct Worker {
    process: Child,
    lines: BufReader<ChildStdout>,
    /// It was ready then.
    since: Instant,
    restarts: Restarts,
}

impl Worker {
    /// Comes back when it is ready.
    fn start(listener: &TcpListener) -> io::Result<Self> {
        let mut process = Command::new(env::current_exe()?)
            .args(env::args_os().skip(1))
            .args(["--listener", &listener.as_raw_fd().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = process.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let mut lines = BufReader::new(output);
        match read_line(&mut lines)? {
            ServerLine::Ready(_) => Ok(Self {
                process,
                lines,
                since: Instant::now(),
                restarts: Restarts::default(),
            }),
            line => Err(io::Error::other(format!("a worker began with {line:?}"))),
        }
    }
}
