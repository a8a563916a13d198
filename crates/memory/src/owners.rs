//! Who holds which memory, and whether the parts make up what the machine lost.
//!
//! The kernel keeps no account by process. But both ends of a connection have the same objects, one
//! each: the socket, its inode and dentry, the file. So half of these caches is the generator's,
//! which besides has one entry in an epoll set for each connection, and its page tables, which are
//! told by process. Everything else is the server's.
//!
//! Where generators are on other machines, all that the servers' machine holds is the server's. Where servers
//! relay, a connection has four ends, of which one is the backend's: whose the kernel's memory is isn't told
//! there.

use crate::ladder::{kernel_bytes, over_all};
use report::{
    model::{MachineMemoryUse, MemoryByOwner},
    trial::{Step, Trial},
};
use stats::median;
use std::collections::BTreeMap;

/// What each end of a connection has one of.
const OF_BOTH_ENDS: [&str; 5] = ["TCP", "TCPv6", "sock_inode_cache", "dentry", "filp"];

/// The least that a connection's sockets take of the first two. Those of Unix sockets are mostly hidden in
/// a cache of another name: then the halves aren't known.
const SOCKETS_BYTES_MIN: f64 = 1_000.0;

/// An entry of an epoll set, which the generator has for each connection: `struct epitem`, 128 bytes
/// with its cache line's padding, and `struct eppoll_entry`, 64. Source: fs/eventpoll.c.
const EPOLL_ENTRY_BYTES: f64 = 192.0;

/// `caches`: bytes per connection of each slab cache; `server_user`: of the server, as published.
pub(crate) fn by_owner(
    ladders: &[&Trial],
    caches: &BTreeMap<String, f64>,
    server_user: Option<f64>,
) -> Option<MemoryByOwner> {
    let growth = |bytes: fn(&Step) -> Option<f64>| {
        let of_trials = ladders.iter().filter_map(|t| over_all(t, None, bytes));
        median(&of_trials.collect::<Vec<_>>())
    };
    let generator_user = growth(|step| Some(step.generator.pss_bytes? as f64));
    let slab = growth(kernel_bytes);
    let server_tables = growth(|step| Some(step.server.page_tables_bytes? as f64));
    let generator_tables = growth(|step| Some(step.generator.page_tables_bytes? as f64));
    let stacks = growth(|step| Some(step.memory?.kernel_stacks_bytes as f64));
    let of = |names: &[&str]| -> f64 { names.iter().filter_map(|name| caches.get(*name)).sum() };
    let of_both_ends = of(&OF_BOTH_ENDS);
    let shows_sockets = of(&OF_BOTH_ENDS[..2]) >= SOCKETS_BYTES_MIN;
    let generator_slab = shows_sockets.then_some(of_both_ends / 2.0 + EPOLL_ENTRY_BYTES);
    let is_elsewhere = ladders.iter().any(|trial| !trial.hosts.is_empty());
    let relays = ladders.iter().any(|trial| trial.backend_counts.is_some());
    let (generator_slab, generator_slab_here) = match (relays, is_elsewhere) {
        (true, _) => (None, None),
        (false, true) => (None, Some(0.0)),
        (false, false) => (generator_slab, generator_slab),
    };
    let empty = ladders
        .iter()
        .filter_map(|trial| trial.generator_empty_bytes);
    let empty: Vec<f64> = empty.map(|bytes| bytes as f64).collect();
    generator_user.is_some().then(|| MemoryByOwner {
        server_user_bytes_per_connection: server_user,
        server_kernel_bytes_per_connection: (|| {
            Some(slab? - generator_slab_here? + server_tables? + stacks.unwrap_or(0.0))
        })(),
        generator_user_bytes_per_connection: generator_user,
        generator_user_empty_bytes: median(&empty),
        generator_kernel_bytes_per_connection: (|| Some(generator_slab? + generator_tables?))(),
    })
}

/// What the machine lost to the top of the ladder; `None` where its memory wasn't read.
pub(crate) fn machine_use(ladders: &[&Trial]) -> Option<MachineMemoryUse> {
    let all: Vec<MachineMemoryUse> = ladders
        .iter()
        .filter_map(|trial| machine_of(trial))
        .collect();
    let middle = |of: fn(&MachineMemoryUse) -> f64| median(&all.iter().map(of).collect::<Vec<_>>());
    Some(MachineMemoryUse {
        lost_bytes: middle(|one| one.lost_bytes)?,
        accounted_bytes: middle(|one| one.accounted_bytes)?,
        unaccounted_share: middle(|one| one.unaccounted_share)?,
        used_bytes: middle(|one| one.used_bytes)?,
    })
}

pub(crate) fn machine_of(trial: &Trial) -> Option<MachineMemoryUse> {
    let before = trial.memory_before?;
    let top = trial
        .steps
        .iter()
        .max_by_key(|step| step.connections_open)?;
    let now = top.memory?;
    let lost_bytes = now.lost_since(&before) as f64;
    let generator_bytes = match trial.hosts.is_empty() {
        true => top.generator.pss_bytes?,
        false => 0,
    };
    let user_bytes = top.server.pss_bytes? + generator_bytes;
    let accounted_bytes = user_bytes as f64 + now.kernel_growth_since(&before) as f64;
    Some(MachineMemoryUse {
        lost_bytes,
        accounted_bytes,
        unaccounted_share: (lost_bytes - accounted_bytes) / lost_bytes.abs().max(1.0),
        used_bytes: now.used_bytes as f64 - before.used_bytes as f64,
    })
}
