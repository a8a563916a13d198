//! Limits that connections meet, as data: a row says what there is, what it takes, what that means
//! and which setting mends it. What doesn't share the shape is in `files`, `net` and `room`.

use crate::{
    finding::{Finding, item},
    look::Machine,
    net::{CONNTRACK, PORTS},
    setting::{
        Bound::{self, AtLeast},
        Place, Setting, dotted,
    },
    wanted::Wanted,
};
use plan::shards::OTHER_DESCRIPTORS;

/// A ramp has some hundred connections waiting to be accepted; this leaves room for several.
const QUEUE_MIN: u64 = 1_024;
/// What to set, once something is set at all.
const QUEUE: u64 = 65_535;

/// What a machine has open besides connections, generously.
const OTHER_FILES: u64 = 100_000;

/// Mappings of a program and its libraries, generously.
const OTHER_MAPPINGS: u64 = 10_000;

/// The most that the kernel takes.
const PID_MAX: u64 = 1 << 22;

/// A row. In its texts `{name}` stands for what [`words`] knows.
struct Limit {
    item: &'static str,
    found: Found,
    /// What it is that isn't shown; nothing where that means that there is no limit.
    not_shown: Option<&'static str>,
    needed: fn(&Machine, &Wanted) -> u64,
    /// Behind the number: when it is needed.
    needed_for: &'static str,
    enough: &'static str,
    too_few: &'static str,
    severity: Severity,
}

enum Found {
    /// Its last number counts, and what is too few can be raised.
    Setting(Setting),
    Elsewhere(fn(&Machine) -> Option<u64>),
}

/// What too few are.
enum Severity {
    Note,
    Problem,
    /// The connections don't fit.
    Short,
}

const fn of_machine(name: &'static str, value: fn(&Wanted) -> Vec<Bound>) -> Found {
    let place = Place::Machine;
    Found::Setting(Setting { name, place, value })
}

const fn of_namespace(name: &'static str, value: fn(&Wanted) -> Vec<Bound>) -> Found {
    let place = Place::Namespace;
    Found::Setting(Setting { name, place, value })
}

const LIMITS: [Limit; 10] = [
    Limit {
        item: "fs.nr_open",
        found: of_machine("fs/nr_open", |wanted| vec![AtLeast(one_process(wanted))]),
        not_shown: Some("how far the limit of open files can be raised"),
        needed: |_, wanted| one_process(wanted),
        needed_for: " for one process",
        enough: "the limit of open files can be raised far enough",
        too_few: "the limit of open files can't be raised beyond this: for one process, do this \
                  first",
        severity: Severity::Note,
    },
    Limit {
        item: "fs.file-max",
        found: of_machine("fs/file-max", |wanted| vec![AtLeast(both_ends(wanted))]),
        not_shown: Some("how many files the machine may have open"),
        needed: |_, wanted| both_ends(wanted),
        needed_for: "",
        enough: "enough for both ends of all connections",
        too_few: "both ends are files: room for {pairs} connections, but where programs have \
                  CAP_SYS_ADMIN, as root mostly has: those aren't held to it",
        severity: Severity::Short,
    },
    Limit {
        item: "somaxconn",
        found: of_namespace("net/core/somaxconn", |_| vec![AtLeast(QUEUE)]),
        not_shown: Some("how many connections may wait to be accepted"),
        needed: |_, _| QUEUE_MIN,
        needed_for: "",
        enough: "room enough while connecting",
        too_few: "connections that find no room are tried again a second later: a ramp takes \
                  long, and reports are suspect (accept_queue)",
        severity: Severity::Problem,
    },
    Limit {
        item: "tcp_max_syn_backlog",
        found: of_namespace("net/ipv4/tcp_max_syn_backlog", |_| vec![AtLeast(QUEUE)]),
        not_shown: Some("how many connections may be half made: on loopback hardly any are"),
        needed: |_, _| QUEUE_MIN,
        needed_for: "",
        enough: "room enough while connecting",
        too_few: "half-made connections beyond it get SYN cookies or none: on loopback they are \
                  rare",
        severity: Severity::Note,
    },
    Limit {
        item: "tcp_mem",
        // From where TCP saves, from where it is short, the most there is.
        found: of_machine("net/ipv4/tcp_mem", |&Wanted { connections: n, .. }| {
            vec![AtLeast(n / 2), AtLeast(n), AtLeast(2 * n)]
        }),
        not_shown: Some("how much memory TCP may use for data on its way"),
        // Data that waits takes a page at the least, at one end of a connection or at the other.
        needed: |_, wanted| wanted.connections,
        needed_for: " pages, if all are active",
        enough: "all connections may have data on its way at once",
        too_few: "idle connections take none, but only {most} may have data on its way at once; \
                  beyond that TCP drops it",
        severity: Severity::Note,
    },
    Limit {
        item: "vm.max_map_count",
        found: of_machine("vm/max_map_count", |wanted| vec![AtLeast(mappings(wanted))]),
        not_shown: Some(MAPPINGS),
        needed: |_, wanted| mappings(wanted),
        needed_for: " with a stack each",
        enough: MAPPINGS,
        too_few: MAPPINGS,
        severity: Severity::Note,
    },
    Limit {
        item: "kernel.pid_max",
        found: of_machine("kernel/pid_max", |wanted| {
            vec![AtLeast(wanted.tasks().min(PID_MAX))]
        }),
        not_shown: None,
        needed: |_, wanted| wanted.tasks(),
        needed_for: "",
        enough: TASKS,
        too_few: TASKS,
        severity: Severity::Short,
    },
    Limit {
        item: "kernel.threads-max",
        found: of_machine("kernel/threads-max", |wanted| vec![AtLeast(wanted.tasks())]),
        not_shown: None,
        needed: |_, wanted| wanted.tasks(),
        needed_for: "",
        enough: TASKS,
        too_few: TASKS,
        severity: Severity::Short,
    },
    Limit {
        item: "pids of the cgroup",
        found: Found::Elsewhere(|machine| Some(machine.tasks_group?.max)),
        not_shown: None,
        needed: |machine, wanted| machine.tasks_group.map_or(0, |g| g.used) + wanted.threads,
        needed_for: "",
        enough: TASKS,
        too_few: "{tasks}; it is set where this container or service is started (docker run \
                  --pids-limit, TasksMax)",
        severity: Severity::Short,
    },
    Limit {
        item: "user processes",
        found: Found::Elsewhere(|machine| machine.user_tasks_max),
        not_shown: None,
        needed: |_, wanted| wanted.tasks(),
        needed_for: "",
        enough: TASKS,
        too_few: "{tasks}; nproc in /etc/security/limits.conf raises it",
        severity: Severity::Short,
    },
];

const MAPPINGS: &str = "no model takes a mapping for each connection but those that give it a \
                        stack (a thread, a coroutine): two";

/// Processes and threads: tasks, as the kernel counts both.
const TASKS: &str = "{processes} processes with their threads; a thread for each connection would \
                     be {connections} more";

/// How far a process' own limit has to go, so that one process can hold all connections.
fn one_process(wanted: &Wanted) -> u64 {
    wanted.connections + OTHER_DESCRIPTORS
}

/// Both ends are files, and the machine has others.
fn both_ends(wanted: &Wanted) -> u64 {
    2 * wanted.connections + OTHER_FILES
}

/// Two for each stack: itself, and the page that guards it.
fn mappings(wanted: &Wanted) -> u64 {
    2 * wanted.connections.div_ceil(wanted.server_processes) + OTHER_MAPPINGS
}

/// A row's text; `most` is what was found.
fn words(text: &str, most: u64, wanted: &Wanted) -> String {
    text.replace("{tasks}", TASKS)
        .replace("{most}", &most.to_string())
        .replace(
            "{pairs}",
            &(most.saturating_sub(OTHER_FILES) / 2).to_string(),
        )
        .replace("{processes}", &wanted.processes().to_string())
        .replace("{connections}", &wanted.connections.to_string())
}

impl Limit {
    fn finding(&self, machine: &Machine, wanted: &Wanted) -> Finding {
        let needed = (self.needed)(machine, wanted);
        let found = match &self.found {
            Found::Setting(setting) => machine
                .sysctl(&dotted(setting.name))
                .and_then(|value| value.split(' ').next_back()?.parse().ok()),
            Found::Elsewhere(of) => of(machine),
        };
        let shown = found.map_or_else(|| "no limit".to_owned(), |most| most.to_string());
        let finding = match (found, self.not_shown) {
            (None, Some(what)) => item(self.item, "not shown").note(what),
            (Some(most), _) if most < needed => self.too_few(shown, most, wanted),
            _ => item(self.item, shown).ok(words(self.enough, needed, wanted)),
        };
        finding.needing(format!("{needed}{}", self.needed_for))
    }

    fn too_few(&self, shown: String, most: u64, wanted: &Wanted) -> Finding {
        let means = words(self.too_few, most, wanted);
        let finding = match self.severity {
            Severity::Note => item(self.item, shown).note(means),
            Severity::Problem => item(self.item, shown).problem(means),
            Severity::Short => item(self.item, shown).note(means).short(),
        };
        match &self.found {
            Found::Setting(setting) => finding.mend_sysctl(setting, wanted),
            Found::Elsewhere(_) => finding,
        }
    }
}

pub(super) fn findings(machine: &Machine, wanted: &Wanted) -> Vec<Finding> {
    let of = |limit: &Limit| limit.finding(machine, wanted);
    LIMITS.iter().map(of).collect()
}

/// All settings that can be raised, those of the network namespace first.
pub(super) fn settings() -> Vec<Setting> {
    let of_rows = LIMITS.into_iter().filter_map(|limit| match limit.found {
        Found::Setting(setting) => Some(setting),
        Found::Elsewhere(_) => None,
    });
    let mut settings: Vec<Setting> = of_rows.chain([PORTS, CONNTRACK]).collect();
    settings.sort_by_key(|setting| setting.place != Place::Namespace);
    settings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Level;
    use probe::cgroup;

    fn of(item: &str, machine: &Machine, wanted: &Wanted) -> Finding {
        let limit = LIMITS.iter().find(|limit| limit.item == item).unwrap();
        limit.finding(machine, wanted)
    }

    /// Of a limit that is a setting with this value.
    fn with(item: &str, value: Option<&str>, wanted: &Wanted) -> Finding {
        let mut machine = Machine::default();
        for setting in settings() {
            let values = value.map(|value| (dotted(setting.name), value.to_owned()));
            machine.environment.sysctls.extend(values);
        }
        of(item, &machine, wanted)
    }

    fn wanted(connections: u32) -> Wanted {
        Wanted::new(connections, None)
    }

    #[test]
    fn a_short_accept_queue_is_a_problem() {
        let level = |item, value| with(item, value, &wanted(1_000_000)).level;
        assert_eq!(level("somaxconn", Some("128")), Level::Problem);
        assert_eq!(level("somaxconn", Some("4096")), Level::Ok);
        assert_eq!(level("somaxconn", None), Level::Note);
        assert_eq!(level("tcp_max_syn_backlog", Some("128")), Level::Note);
        assert_eq!(level("tcp_max_syn_backlog", Some("4096")), Level::Ok);
    }

    #[test]
    fn settings_of_the_machine_are_raised_as_far_as_it_takes() {
        let million = wanted(1_000_000);
        let held = with("fs.nr_open", Some("100000"), &million);
        assert_eq!(held.mend.as_deref(), Some("sysctl -w fs.nr_open=1000100"));
        assert!(!held.is_short, "several processes hold them");
        let level = |item, value| with(item, value, &million).level;
        assert_eq!(level("fs.nr_open", Some("1048576")), Level::Ok);
        assert_eq!(level("fs.nr_open", None), Level::Note);
        assert_eq!(level("fs.file-max", Some("2466183")), Level::Ok);
        let held = with("fs.file-max", Some("2000000"), &million);
        assert!(held.is_short && held.is_tuned);
        assert_eq!(held.mend.as_deref(), Some("sysctl -w fs.file-max=2100000"));
        assert_eq!(level("fs.file-max", None), Level::Note);
    }

    #[test]
    fn active_connections_have_data_on_its_way() {
        let level = |connections, value| with("tcp_mem", value, &wanted(connections)).level;
        assert_eq!(level(1_000_000, Some("1 2 575802")), Level::Note);
        assert_eq!(level(100_000, Some("1 2 575802")), Level::Ok);
        assert_eq!(level(100, None), Level::Note);
        let few = with("tcp_mem", Some("1 2 3"), &wanted(1_000));
        let command = "sysctl -w net.ipv4.tcp_mem='500 1000 2000'";
        assert_eq!(few.mend.as_deref(), Some(command));
    }

    #[test]
    fn a_stack_for_each_connection_takes_mappings() {
        let item = "vm.max_map_count";
        let usual = with(item, Some("65530"), &wanted(1_000_000));
        assert_eq!((usual.level, usual.is_short), (Level::Note, false));
        assert_eq!(
            usual.mend.as_deref(),
            Some("sysctl -w vm.max_map_count=2010000")
        );
        let spread = Wanted::new(1_000_000, Some(20_000));
        assert_eq!(with(item, Some("65530"), &spread).level, Level::Ok);
        assert_eq!(with(item, None, &spread).level, Level::Note);
    }

    #[test]
    fn many_processes_take_many_tasks() {
        let million = Wanted::new(1_000_000, Some(20_000)).beside(300);
        let fine = with("kernel.pid_max", Some("32768"), &million);
        assert!(!fine.is_short, "{fine:?}");
        let few = with("kernel.pid_max", Some("1000"), &million);
        assert!(few.is_short && few.is_tuned, "{few:?}");
        assert_eq!(few.needed.as_deref(), Some("1964"));
        assert_eq!(few.mend.as_deref(), Some("sysctl -w kernel.pid_max=1964"));
        let machine = Machine {
            tasks_group: Some(cgroup::Limit { max: 512, used: 10 }),
            ..Machine::default()
        };
        let group = of("pids of the cgroup", &machine, &million);
        assert!(group.is_short && group.means.ends_with("TasksMax)"));
        assert!(!of("user processes", &machine, &million).is_short);
    }
}
