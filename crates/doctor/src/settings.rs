//! The kernel's settings that many connections meet, and what each has to be: the one place that
//! says so. A finding's command and `--apply` both read it.
//!
//! Not among them is net.ipv4.tcp_tw_recycle, which older guides to many connections name: it
//! refused connections of clients that share an address behind NAT, and Linux 4.12 took it out.
//! Nor is it needed here, because the generator resets its connections and leaves no TIME_WAIT.

use Bound::{AtLeast, AtMost};

/// What a machine has open besides connections, generously.
const OTHER_FILES: u64 = 100_000;
/// Mappings of a program and its libraries, generously.
const OTHER_MAPPINGS: u64 = 10_000;
/// What runs besides a thread for each connection, generously.
const OTHER_TASKS: u64 = 100_000;
/// 2^22: the kernel takes no more.
const PIDS: u64 = 4_194_304;
/// Connections that wait to be accepted.
const QUEUE: u64 = 65_535;

/// What one number of a setting has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bound {
    AtLeast(u64),
    AtMost(u64),
}

impl Bound {
    pub(super) fn number(self) -> u64 {
        match self {
            AtLeast(number) | AtMost(number) => number,
        }
    }
}

/// Whose a setting is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// The network namespace's: a container has its own.
    Namespace,
    Machine,
    /// The machine's, and only there while a module is loaded.
    Module,
}

/// One setting.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting {
    /// With dots, as sysctl(8) has it.
    pub(super) name: &'static str,
    pub(super) scope: Scope,
    /// What so many connections take, number by number, with both ends on this machine.
    pub(super) bounds: fn(u64) -> Vec<Bound>,
}

impl Setting {
    /// Its first number.
    pub(super) fn first(&self, connections: u64) -> u64 {
        let bounds = (self.bounds)(connections);
        bounds.first().map_or(0, |bound| bound.number())
    }

    /// All its numbers, apart by one space.
    pub(super) fn value(&self, connections: u64) -> String {
        let numbers = (self.bounds)(connections).into_iter();
        join(numbers.map(Bound::number))
    }

    /// The present value made as high as it has to be, number by number: none is lowered that may
    /// be high.
    pub(super) fn raised(&self, present: &str, connections: u64) -> String {
        let mut present = present.split_whitespace().map(str::parse::<u64>);
        join(
            (self.bounds)(connections)
                .into_iter()
                .map(|bound| match (present.next(), bound) {
                    (Some(Ok(present)), AtLeast(least)) => present.max(least),
                    (Some(Ok(present)), AtMost(most)) => present.min(most),
                    (_, bound) => bound.number(),
                }),
        )
    }
}

fn join(numbers: impl Iterator<Item = u64>) -> String {
    let numbers: Vec<String> = numbers.map(|number| number.to_string()).collect();
    numbers.join(" ")
}

pub(super) const SOMAXCONN: Setting = Setting {
    name: "net.core.somaxconn",
    scope: Scope::Namespace,
    bounds: |_| vec![AtLeast(QUEUE)],
};

/// Connections that are half made.
pub(super) const SYN_BACKLOG: Setting = Setting {
    name: "net.ipv4.tcp_max_syn_backlog",
    scope: Scope::Namespace,
    bounds: |_| vec![AtLeast(QUEUE)],
};

/// First and last port of a source address.
pub(super) const PORT_RANGE: Setting = Setting {
    name: "net.ipv4.ip_local_port_range",
    scope: Scope::Namespace,
    bounds: |_| vec![AtMost(1_024), AtLeast(65_535)],
};

/// Both ends are files, and the machine has others.
pub(super) const FILE_MAX: Setting = Setting {
    name: "fs.file-max",
    scope: Scope::Machine,
    bounds: |n| vec![AtLeast(2 * n + OTHER_FILES)],
};

/// How far a process' own limit may be raised: so that one process can hold all of them.
pub(super) const NR_OPEN: Setting = Setting {
    name: "fs.nr_open",
    scope: Scope::Machine,
    bounds: |n| vec![AtLeast(n + plan::shards::OTHER_DESCRIPTORS)],
};

/// Pages: data on its way takes one on each active connection. Low, pressure, high.
pub(super) const TCP_MEM: Setting = Setting {
    name: "net.ipv4.tcp_mem",
    scope: Scope::Machine,
    bounds: |n| vec![AtLeast(n / 2), AtLeast(n), AtLeast(2 * n)],
};

/// Two for each stack, itself and the page that guards it, in models that give each connection one.
pub(super) const MAP_COUNT: Setting = Setting {
    name: "vm.max_map_count",
    scope: Scope::Machine,
    bounds: |n| vec![AtLeast(2 * n + OTHER_MAPPINGS)],
};

/// A thread for each connection, in models that are built so, and what else runs.
pub(super) const PID_MAX: Setting = Setting {
    name: "kernel.pid_max",
    scope: Scope::Machine,
    bounds: |n| vec![AtLeast((n + OTHER_TASKS).min(PIDS))],
};

pub(super) const THREADS_MAX: Setting = Setting {
    name: "kernel.threads-max",
    scope: Scope::Machine,
    bounds: |n| vec![AtLeast(n + OTHER_TASKS)],
};

/// Where connections are tracked, each takes an entry.
pub(super) const CONNTRACK_MAX: Setting = Setting {
    name: "net.netfilter.nf_conntrack_max",
    scope: Scope::Module,
    bounds: |n| vec![AtLeast(2 * n)],
};

/// All of them, in the order in which they are raised.
pub(super) const ALL: [Setting; 10] = [
    SOMAXCONN,
    SYN_BACKLOG,
    PORT_RANGE,
    FILE_MAX,
    NR_OPEN,
    TCP_MEM,
    MAP_COUNT,
    PID_MAX,
    THREADS_MAX,
    CONNTRACK_MAX,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_raised_number_by_number() {
        let million = 1_000_000;
        assert_eq!(
            TCP_MEM.raised("700000\t800000\t5000000", million),
            "700000 1000000 5000000"
        );
        assert_eq!(PORT_RANGE.raised("32768 60999", million), "1024 65535");
        assert_eq!(PORT_RANGE.raised("1000 65535", million), "1000 65535");
        assert_eq!(TCP_MEM.raised("", million), "500000 1000000 2000000");
        assert_eq!(PID_MAX.value(100_000_000), "4194304");
        assert_eq!(FILE_MAX.first(million), 2_100_000);
    }
}
