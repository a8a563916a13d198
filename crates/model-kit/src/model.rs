//! A model from its first line to its last: arguments, preflight, run, done line.

use crate::{
    args::{Args, wrong_use},
    counters,
    preflight::Need,
    server::{Listeners, Server, write_line},
    stop::Stop,
};
use protocol::launch::{STOP_LIMIT_S, ServerLine};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::{
    error::Error,
    io::{self, Write as _},
    net::SocketAddr,
    panic::{self, PanicHookInfo},
    process::{ExitCode, exit},
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

/// Left for the done line and the exit before the runner's patience is over.
const DRAIN_LIMIT: Duration = Duration::from_millis(STOP_LIMIT_S * 1000 - 1000);

/// How long a model may take to return after that.
const RETURN_LIMIT: Duration = Duration::from_millis(500);

/// A concurrency model: what it needs, and how it serves.
#[derive(Debug)]
pub struct Model<Run> {
    /// How connections come in.
    pub listeners: Listeners,
    /// What it needs from the machine beyond sockets.
    pub needs: &'static [Need],
    /// Serves until the server is stopping and every connection has closed.
    pub run: Run,
}

/// How a model's `run` ends: without an error when it was told to stop.
pub type Ended = Result<(), Box<dyn Error>>;

impl<Run: Fn(Arc<Server>) -> Ended> Model<Run> {
    /// The whole life of the model's process.
    pub fn main(self) -> ExitCode {
        self.main_with(Args::parse())
    }

    /// The same of a model that offers to relay: with `--relay` it runs `relay`, which is told where
    /// the backend is.
    pub fn main_or_relay(self, relay: impl Fn(Arc<Server>, SocketAddr) -> Ended) -> ExitCode {
        self.main_or_relay_with(Args::parse(), relay)
    }

    /// The same for a program whose own arguments come along with the contract's.
    pub fn main_or_relay_with(
        self,
        args: Args,
        relay: impl Fn(Arc<Server>, SocketAddr) -> Ended,
    ) -> ExitCode {
        let Some(backend) = args.relay else {
            return self.live(args);
        };
        let model = Model {
            listeners: self.listeners,
            needs: self.needs,
            run: move |server| relay(server, backend),
        };
        model.live(args)
    }

    /// The whole life of one that doesn't relay, and whose own arguments come along with the
    /// contract's.
    pub fn main_with(self, args: Args) -> ExitCode {
        if args.relay.is_some() {
            wrong_use("--relay: this server answers by itself, and offers no relaying");
        }
        self.live(args)
    }

    fn live(self, args: Args) -> ExitCode {
        panic::set_hook(Box::new(end_in_words));
        if args.preflight {
            return self.preflight(args.threads);
        }
        match self.serve(args) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                // That nobody can be told is no reason to panic.
                let _ = writeln!(io::stderr(), "error: {error}");
                ExitCode::FAILURE
            }
        }
    }

    fn preflight(&self, threads: u32) -> ExitCode {
        match self.needs.iter().try_for_each(|need| need.check(threads)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(unmet) => {
                let _ = write_line(&ServerLine::Unmet(unmet));
                ExitCode::FAILURE
            }
        }
    }

    fn serve(&self, args: Args) -> Ended {
        raise_open_files();
        // Before any thread starts: threads inherit it.
        args.pin()?;
        let stop = Stop::prepare(args.relay)?;
        let server = Arc::new(Server::new(args, self.listeners));

        let (returned, has_returned) = mpsc::channel();
        let stopper = thread::Builder::new().name("stop".into()).spawn({
            let server = Arc::clone(&server);
            move || stop_when_told(stop, &server, &has_returned)
        })?;
        (self.run)(Arc::clone(&server))?;
        // The drain has ended, or `run` would not have returned without an error.
        let _ = returned.send(());
        stopper.join().map_err(|_| "the stopping thread panicked")?;
        let done = counters::totals(server.counts_frames());
        Ok(write_line(&ServerLine::Done(done))?)
    }
}

/// A runtime that lacks something panics. Whoever started the model shall have one line and an exit code,
/// as for any other end, instead of a signal.
fn end_in_words(panic: &PanicHookInfo<'_>) {
    let payload = panic.payload();
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let what = text.or_else(|| payload.downcast_ref().copied());
    let place = panic.location().map(|place| format!(" ({place})"));
    let _ = writeln!(
        io::stderr(),
        "error: {}{}",
        what.unwrap_or("a panic"),
        place.unwrap_or_default()
    );
    exit(1);
}

/// Waits for the word, ends every connection, and makes sure that the process ends in time.
fn stop_when_told(mut stop: Stop, server: &Server, has_returned: &mpsc::Receiver<()>) {
    stop.wait();
    let deadline = Instant::now() + DRAIN_LIMIT + RETURN_LIMIT;
    server.begin_stop();
    let all_closed = stop.shut_all(DRAIN_LIMIT);
    server.end_drain();
    // All the time that is left: connections of other processes may have to close yet.
    let left = deadline.saturating_duration_since(Instant::now());
    if all_closed && has_returned.recv_timeout(left).is_ok() {
        return;
    }
    // Somebody doesn't read its replies, or the runtime doesn't come to its end. The counts
    // are worth more than an orderly exit.
    let done = counters::totals(server.counts_frames());
    let _ = write_line(&ServerLine::Done(done));
    exit(0);
}

/// The hard limit is what the user allowed; the soft one is only a default.
fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    // If it can't be raised, `accept` will say so when it matters.
    let _ = setrlimit(Resource::Nofile, raised);
}
