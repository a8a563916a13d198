//! Ctrl-C: heard at once, acted upon at the next wait.

use std::{
    io,
    os::{
        fd::{AsFd as _, BorrowedFd},
        unix::net::UnixStream,
    },
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

static ASKED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// Has something to read once somebody has asked. Nobody reads it.
static BELL: OnceLock<UnixStream> = OnceLock::new();

/// From now on SIGINT and SIGTERM only set a flag; a second one ends the process at once.
/// (Servers and generators then end too: their input does.)
///
/// # Errors
/// The handlers can't be installed.
pub fn listen() -> io::Result<()> {
    let flag = ASKED.get_or_init(Arc::default);
    let (bell, rope) = UnixStream::pair()?;
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        // In this order: the first signal finds the flag unset and passes the first handler.
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(flag))?;
        signal_hook::flag::register(signal, Arc::clone(flag))?;
        signal_hook::low_level::pipe::register(signal, rope.try_clone()?)?;
    }
    // Who listens twice hears the first bell.
    let _ = BELL.set(bell);
    Ok(())
}

/// Becomes readable when the user wants to stop, for waits that look at nothing meanwhile; `None`
/// where nobody listens.
pub fn bell() -> Option<BorrowedFd<'static>> {
    BELL.get().map(|bell| bell.as_fd())
}

/// Whether the user wants to stop.
pub fn asked() -> bool {
    ASKED.get().is_some_and(|flag| flag.load(Relaxed))
}
