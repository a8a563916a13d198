//! Threads that share nothing, for models that serve with one loop or executor on each.

use crate::{model::Ended, server::Server};
use std::{
    io,
    sync::{Arc, mpsc},
    thread,
};

/// Runs `serve` on as many threads as the server has I/O threads, until all have returned.
///
/// They are not pinned, one to a CPU each: the kernel places them on the CPUs that the server
/// was given.
///
/// # Errors
/// The first thread's to fail, without waiting for the others: a server that lacks a thread is
/// not the one that was asked for.
pub fn on_each_thread(
    server: &Arc<Server>,
    serve: impl Fn(&Server) -> io::Result<()> + Copy + Send + 'static,
) -> Ended {
    let (returned, has_returned) = mpsc::channel();
    for number in 0..server.threads() {
        let (server, returned) = (Arc::clone(server), returned.clone());
        thread::Builder::new()
            .name(format!("io-{number}"))
            .spawn(move || {
                let _ = returned.send(serve(&server));
            })?;
    }
    drop(returned);
    for _ in 0..server.threads() {
        has_returned
            .recv()
            .map_err(|_| "an I/O thread panicked")??;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{args::Args, server::Listeners};
    use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

    fn server_of_three() -> Arc<Server> {
        let args = Args {
            threads: 3,
            ..Args::default()
        };
        Arc::new(Server::new(args, Listeners::PerThread))
    }

    #[test]
    fn every_thread_serves() {
        static SERVING: AtomicU32 = AtomicU32::new(0);
        let ended = on_each_thread(&server_of_three(), |_| {
            SERVING.fetch_add(1, SeqCst);
            Ok(())
        });
        assert!(ended.is_ok());
        assert_eq!(SERVING.load(SeqCst), 3);
    }

    #[test]
    fn one_that_fails_ends_the_server_though_others_serve() {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let ended = on_each_thread(&server_of_three(), |_| {
            if STARTED.fetch_add(1, SeqCst) == 1 {
                return Err(io::Error::other("no ring"));
            }
            loop {
                thread::park();
            }
        });
        assert_eq!(ended.unwrap_err().to_string(), "no ring");
    }
}
