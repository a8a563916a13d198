//! What processes used on which machine.
//!
//! | module | |
//! |---|---|
//! | [`snapshot`] | counters at the edges of a window, what was used between them |
//! | [`usage`] | CPU time, context switches, memory of processes |
//! | `clocks`, `cpus` | CPU clocks of processes and of CPUs, from open descriptors |
//! | `programs` | what other programs and the kernel's threads used |
//! | `machine` | what bears on a window from outside: steal, pressure, swap, throttling |
//! | [`cgroup`] | limits of this process' groups, and what they throttled |
//! | [`kernel`] | memory that the kernel holds, by slab cache |
//! | [`net`] | events of the network stack |
//! | [`syscalls`] | system calls, which take a window of their own |
//! | [`profile`], `perf` | what CPU time goes to, by samples of stacks; whether they can be had |
//!
//! What machine that is, `machine` says. What can't be read is `None`, and its reason stands under the
//! field's name in the `not_measured` beside it.

#![forbid(unsafe_code)]

pub mod cgroup;
mod clocks;
mod cpus;
pub mod kernel;
mod machine;
pub mod net;
mod perf;
pub mod profile;
mod programs;
pub mod snapshot;
pub mod syscalls;
pub mod usage;
