//! Standard output, which may be a pipe whose reader has seen enough, and standard error, which
//! may be closed.

use crate::exit::Exit;
use rustix::termios::tcgetwinsize;
use std::{
    fmt,
    io::{self, ErrorKind, Write as _},
    os::fd::AsFd,
    process::exit,
};

/// Writes a line. When the reader is gone, so is the reason to go on: the process ends quietly.
pub(crate) fn line(text: impl fmt::Display) {
    write(format_args!("{text}\n"));
}

/// Writes text without a line's end; otherwise as [`line`].
pub(crate) fn write(text: impl fmt::Display) {
    let text = harmless(&text.to_string());
    let mut stdout = io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::BrokenPipe => exit(0),
        Err(error) => {
            say(format_args!(
                "error: standard output can't be written: {error}"
            ));
            exit(Exit::WrongUse as i32);
        }
    }
}

/// Nothing of what is printed here is a command for a terminal; what somebody else's report, file or
/// server says may be.
fn harmless(text: &str) -> String {
    let is_command = |char: char| char.is_control() && char != '\n' && char != '\t';
    text.replace(is_command, "\u{fffd}")
}

/// How many columns the terminal has where tables are shown; `None` where that is no terminal.
pub(crate) fn columns(stream: impl AsFd) -> Option<u16> {
    let size = tcgetwinsize(stream).ok()?;
    // A terminal that doesn't know says 0.
    (size.ws_col > 0).then_some(size.ws_col)
}

/// Tells a person something. That nobody listens is no reason to stop.
pub(crate) fn say(text: impl fmt::Display) {
    let _ = writeln!(io::stderr(), "{}", harmless(&text.to_string()));
}
