//! Whether io_uring can be used here, found out by using it: a setting tells half of it, because a
//! container's filter of system calls may refuse it as well.
//!
//! Source: io_uring_setup(2).

use std::io;

/// Sets up a ring and lets go of it.
///
/// # Errors
/// What the kernel, or a filter, answers.
pub(super) fn try_it() -> io::Result<()> {
    io_uring::IoUring::new(1).map(drop)
}
