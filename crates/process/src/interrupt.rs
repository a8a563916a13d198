//! Ctrl-C: heard at once, acted upon at the next wait.

use std::{
    io,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

static ASKED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// From now on SIGINT and SIGTERM only set a flag; a second one ends the process at once.
/// (Servers and generators then end too: their input does.)
///
/// # Errors
/// The handlers can't be installed.
pub fn listen() -> io::Result<()> {
    let flag = ASKED.get_or_init(Arc::default);
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        // In this order: the first signal finds the flag unset and passes the first handler.
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(flag))?;
        signal_hook::flag::register(signal, Arc::clone(flag))?;
    }
    Ok(())
}

/// Whether the user wants to stop.
pub fn asked() -> bool {
    ASKED.get().is_some_and(|flag| flag.load(Relaxed))
}
