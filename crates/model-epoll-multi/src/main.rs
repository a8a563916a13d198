//! Several epoll loops, each with a thread, a level-triggered epoll instance and a listener of its
//! own: a reactor per core by hand.
//!
//! The loop is [`level_triggered`], that of a single-threaded server, and stays one: nothing is
//! shared between threads, so nothing is locked. All listeners have the same port (SO_REUSEPORT),
//! and the kernel chooses one for each new connection by a hash of its addresses. There it lives
//! and dies: a thread with heavy connections stays loaded while its neighbour idles, and a request
//! that computes or blocks makes those wait that the hash has put beside it.
//!
//! Sources: epoll(7); socket(7), SO_REUSEPORT; M. Kerrisk, "The SO_REUSEPORT socket option",
//! <https://lwn.net/Articles/542629/>.

use model_kit::{
    Ended, Listeners, Model, Server,
    epoll::{
        level_triggered::{self, Accepting},
        relay as relaying,
    },
    on_each_thread,
};
use rustix::event::epoll::EventFlags;
use std::{net::SocketAddr, process::ExitCode, sync::Arc};

/// Nobody else accepts from a thread's listener, so many are accepted at a time.
const ACCEPTING: Accepting = Accepting {
    interest: EventFlags::IN,
    per_turn: 64,
};

fn main() -> ExitCode {
    let model = Model {
        listeners: Listeners::PerThread,
        needs: &[],
        run,
    };
    model.main_or_relay(relay)
}

fn run(server: Arc<Server>) -> Ended {
    on_each_thread(&server, |server| {
        let listener = server.listen()?;
        level_triggered::serve(server, &listener, ACCEPTING)
    })
}

/// The same loops over pairs of sockets: [`relaying`].
fn relay(server: Arc<Server>, backend: SocketAddr) -> Ended {
    on_each_thread(&server, move |server| {
        let listener = server.listen()?;
        relaying::serve(server, backend, &listener, ACCEPTING)
    })
}
