//! Standard output, which may be a pipe whose reader has seen enough.

use std::{
    fmt,
    io::{self, Write as _},
    process::exit,
};

/// Writes a line. When the reader is gone, so is the reason to go on: the process ends quietly.
pub(crate) fn line(text: impl fmt::Display) {
    write(format_args!("{text}\n"));
}

/// Writes text as it is; otherwise as [`line`].
pub(crate) fn write(text: impl fmt::Display) {
    let mut stdout = io::stdout().lock();
    if write!(stdout, "{text}")
        .and_then(|()| stdout.flush())
        .is_err()
    {
        exit(0);
    }
}
