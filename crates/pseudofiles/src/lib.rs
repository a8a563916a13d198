//! What the kernel says in files: read up to a bound, then bytes to values.
//!
//! They are those of /proc, /sys and cgroups.
//!
//! | module | |
//! |---|---|
//! | [`read`] | the one place that reads: no more than a bound |
//! | [`cpus`] | what each CPU was busy with |
//! | [`cgroup`] | where a process' groups are, what their files say |
//! | [`process`] | what a process is and has used |
//! | [`counters`] | counters of the network, of memory, of pressure |
//! | [`settings`] | fields, lists and ranges, as settings have them |
//!
//! All but [`read`] is pure and takes whatever comes: such a file may be another program's, as in
//! containers that show themselves a /proc of their own. What isn't understood is `None`. Which files
//! are read, and what follows from them, is `probe`'s.

#![forbid(unsafe_code)]

pub mod cgroup;
pub mod counters;
pub mod cpus;
pub mod process;
pub mod read;
pub mod settings;
