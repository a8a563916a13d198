//! One thread, one level-triggered epoll instance, one listener: the reactor by hand.
//!
//! The loop is [`level_triggered`], which says how it works: it accepts, reads, answers and sends,
//! all on the thread that it is called on. Nothing runs in parallel, so a request that computes or
//! blocks makes all others wait: that is the model's price.
//!
//! Sources: epoll(7); D. Kegel, "The C10K problem", <http://www.kegel.com/c10k.html>.

use model_kit::{
    Ended, Listeners, Model, Server,
    epoll::{
        level_triggered::{self, Accepting},
        relay as relaying,
    },
};
use rustix::event::epoll::EventFlags;
use std::{net::SocketAddr, process::ExitCode, sync::Arc};

/// Nobody else accepts, so many are accepted at a time.
const ACCEPTING: Accepting = Accepting {
    interest: EventFlags::IN,
    per_turn: 64,
};

fn main() -> ExitCode {
    let model = Model {
        listeners: Listeners::One,
        needs: &[],
        run,
    };
    model.main_or_relay(relay)
}

fn run(server: Arc<Server>) -> Ended {
    let listener = server.listen()?;
    Ok(level_triggered::serve(&server, &listener, ACCEPTING)?)
}

/// The same loop over pairs of sockets: [`relaying`].
fn relay(server: Arc<Server>, backend: SocketAddr) -> Ended {
    let listener = server.listen()?;
    Ok(relaying::serve(&server, backend, &listener, ACCEPTING)?)
}
