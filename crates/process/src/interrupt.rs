//! Ctrl-C and the end of a terminal: heard at once, acted upon at the next wait.

use procfs::process::Process;
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ},
    iterator::Signals,
};
use std::{
    io::{self, Write as _},
    os::{
        fd::{AsFd as _, BorrowedFd},
        unix::net::UnixStream,
    },
    process::exit,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

static ASKED: AtomicBool = AtomicBool::new(false);

/// Has something to read once somebody has asked. Nobody reads it.
static BELL: OnceLock<UnixStream> = OnceLock::new();

/// Signals that come together are one wish: a terminal that is closed sends SIGHUP, and who closes
/// it may send others.
const TOGETHER: Duration = Duration::from_secs(1);

/// The usual code of a program that was ended by SIGINT.
const EXIT_CODE: i32 = 130;

/// From now on SIGINT, SIGTERM and SIGHUP are only noted; one that comes a second or more after the
/// first ends the process at once. (Servers and generators then end too: their input does.) A SIGHUP
/// that is ignored, as under nohup(1), stays so. A file that grows beyond its limit is an error
/// where it is written, and no end.
///
/// # Errors
/// The handlers can't be installed.
pub fn listen() -> io::Result<()> {
    signal_hook::flag::register(SIGXFSZ, Arc::default())?;
    let mut signals = vec![SIGINT, SIGTERM];
    if !is_ignored(SIGHUP) {
        signals.push(SIGHUP);
    }
    let mut signals = Signals::new(signals)?;
    let (bell, mut rope) = UnixStream::pair()?;
    // Who listens twice hears the first bell.
    let _ = BELL.set(bell);
    thread::Builder::new().spawn(move || {
        let mut first = None;
        for _ in signals.forever() {
            let first = *first.get_or_insert_with(Instant::now);
            if ASKED.swap(true, Relaxed) && first.elapsed() >= TOGETHER {
                exit(EXIT_CODE);
            }
            // A bell that can't be rung is heard at the end of the wait.
            let _ = rope.write_all(b"!");
        }
    })?;
    Ok(())
}

/// Becomes readable when the user wants to stop, for waits that look at nothing meanwhile; `None`
/// where nobody listens.
pub fn bell() -> Option<BorrowedFd<'static>> {
    BELL.get().map(|bell| bell.as_fd())
}

/// Whether the user wants to stop.
pub fn asked() -> bool {
    ASKED.load(Relaxed)
}

/// Whether whoever started this process had it ignore a signal. See proc(5), SigIgn.
fn is_ignored(signal: i32) -> bool {
    let status = Process::myself().and_then(|process| process.status());
    status.is_ok_and(|status| status.sigign & (1 << (signal - 1)) != 0)
}
