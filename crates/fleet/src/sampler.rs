//! What is used on a machine that generates, over a window: what `probe` reads on one machine, at the
//! same moments.

use generators::driven::EDGE_NS;
use probe::{
    kernel::{add_kernel_memory, machine_memory},
    net::NetEvents,
    snapshot::{Edge, Surroundings, Watch, Window},
    syscalls::no_syscalls,
    usage::add_memory,
};
use process::watch::now_ns;
use report::hosts::HostUse;
use std::time::{Duration, Instant};

/// Of one window, which is about to be announced.
#[derive(Debug)]
pub(crate) struct Sampler {
    pids: Vec<u32>,
    watch: Watch,
    before: Surroundings,
    /// Since when connections are told to be opened, or the last window was over.
    net_before: NetEvents,
    opened: Option<Edge>,
    closed: Option<(Edge, Window)>,
}

impl Sampler {
    /// Reads all that takes long. To probe these generators are what is measured: whatever else runs
    /// here is a stranger, and there are no servers.
    pub(crate) fn look(pids: Vec<u32>, net_before: NetEvents) -> Self {
        let watch = Watch::open(&pids, &[], &[], [&[], &[]]);
        Self {
            before: watch.surroundings(&pids),
            pids,
            watch,
            net_before,
            opened: None,
            closed: None,
        }
    }

    /// When the clocks are read for the first time.
    pub(crate) fn woken_at_ns(opens_at_ns: u64) -> u64 {
        opens_at_ns.saturating_sub(EDGE_NS)
    }

    /// Just before the window opens.
    pub(crate) fn opens(&mut self) {
        self.opened = Some(self.watch.edge());
    }

    /// As soon as it has closed.
    pub(crate) fn closes(&mut self, closes_at_ns: u64, length: Duration) {
        let late = Duration::from_nanos(now_ns().saturating_sub(closes_at_ns));
        let closed = Instant::now()
            .checked_sub(late)
            .unwrap_or_else(Instant::now);
        self.closed = Some((self.watch.edge(), Window { closed, length }));
    }

    /// What was used; `None` where the window had no two edges.
    pub(crate) fn sum(self) -> Option<HostUse> {
        let after = self.watch.surroundings(&self.pids);
        let (opened, (closed, window)) = (self.opened?, self.closed?);
        let used = (self.watch).between((&self.before, &opened), (&closed, &after), window);
        let (mut generator, mut machine) = (used.server, used.machine);
        add_memory(&mut generator, &self.pids);
        no_syscalls(&mut generator, "not counted on machines that only generate");
        add_kernel_memory(&mut machine);
        self.net_before.add_since(&mut machine);
        for field in ["server_cpus_s", "server_cpus_idle_share"] {
            let reason = "no server runs here".to_owned();
            machine.not_measured.insert(field.to_owned(), reason);
        }
        Some(HostUse {
            generator,
            machine,
            memory: machine_memory(),
            rank_cpu_s: used.runner_cpu_s,
        })
    }
}
