//! How many connections open files allow: every end of a connection is one.

use crate::{
    finding::{Finding, item},
    look::Machine,
    wanted::Wanted,
};
use plan::shards::OTHER_DESCRIPTORS;
use request::{IDLE_CONNECTIONS, LOADED_CONNECTIONS};

pub(super) fn findings(machine: &Machine, wanted: &Wanted) -> Vec<Finding> {
    let (soft, hard) = (machine.open_files_soft, machine.open_files_max);
    vec![
        open_files(hard, machine.may_raise_limits, wanted),
        of_runner(hard, wanted),
        soft_limit(soft, hard),
    ]
}

fn open_files(hard: Option<u64>, may_raise: bool, wanted: &Wanted) -> Finding {
    const ITEM: &str = "open files";
    const ENOUGH: &str = "one process can hold all connections";
    let (connections, idle) = (wanted.connections, u64::from(IDLE_CONNECTIONS));
    let needed = format!("{} for one process", connections + OTHER_DESCRIPTORS);
    let Some(hard) = hard else {
        return item(ITEM, "no limit").ok(ENOUGH).needing(needed);
    };
    let found = item(ITEM, format!("at most {hard} in a process"));
    let per_process = hard.saturating_sub(OTHER_DESCRIPTORS);
    if per_process >= connections.max(idle) {
        return found.ok(ENOUGH).needing(needed);
    }
    let is_none = per_process < u64::from(LOADED_CONNECTIONS);
    let (means, room_for) = if is_none {
        ("too few for any load".to_owned(), idle)
    } else if per_process < idle {
        let means = format!(
            "memory is measured with {idle} connections unless --connections says less, and a \
             process holds {per_process}"
        );
        (means, connections.max(idle))
    } else {
        let means = format!(
            "{connections} connections take {} server processes, because the kernel spreads them \
             unevenly, and {} generator processes",
            wanted.server_processes, wanted.generator_processes
        );
        (means, connections)
    };
    let files = room_for + OTHER_DESCRIPTORS;
    let way_out = if may_raise {
        "for good: nofile in /etc/security/limits.conf".to_owned()
    } else {
        format!(
            "root lacks CAP_SYS_RESOURCE, so the limit can only be raised where this machine or \
             container is started, as in 'docker run --ulimit nofile={files}'"
        )
    };
    let means = format!("{means}; {way_out}");
    let mut finding = if per_process < idle {
        found.problem(means)
    } else {
        found.note(means)
    };
    finding.mend = may_raise.then(|| format!("ulimit -Hn {files} && ulimit -n {files}"));
    (finding.is_short, finding.prevents) = (is_none, is_none);
    finding.needing(needed)
}

/// The runner is one process, however many there are of server and generator.
fn of_runner(hard: Option<u64>, wanted: &Wanted) -> Finding {
    const ITEM: &str = "open files of the runner";
    let needed = wanted.runner_descriptors();
    let Some(hard) = hard else {
        let means = "it can have pipes to all processes";
        return item(ITEM, "no limit").ok(means).needing(needed);
    };
    let found = item(ITEM, format!("at most {hard}"));
    let finding = if needed <= hard {
        found.ok("pipes to all processes of server and generator")
    } else {
        let means = format!(
            "it has pipes to {} processes, which a higher limit of open files makes fewer",
            wanted.processes()
        );
        found.note(means).short()
    };
    finding.needing(needed)
}

fn soft_limit(soft: Option<u64>, hard: Option<u64>) -> Finding {
    const ITEM: &str = "open files, soft";
    let found = soft.map_or_else(|| "no limit".to_owned(), |soft| soft.to_string());
    let means = if soft == hard {
        "the same as the hard limit"
    } else {
        "only a default: runner, models and generator raise it to the hard limit"
    };
    item(ITEM, found).ok(means)
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    fn million(hard: Option<u64>, may_raise: bool) -> Finding {
        open_files(hard, may_raise, &Wanted::new(1_000_000, hard))
    }

    #[test]
    fn the_limit_of_open_files_says_how_many_processes_it_takes() {
        let few = million(Some(20_000), true);
        assert_eq!((few.level, few.is_short), (Level::Note, false));
        assert!(few.means.contains("53 server processes"), "{few:?}");
        assert!(few.means.contains("51 generator processes"), "{few:?}");
        assert!(few.mend.unwrap().contains("ulimit -Hn 1000100"));
        let shell = million(Some(1024), true);
        assert_eq!((shell.level, shell.prevents), (Level::Problem, false));
        assert!(million(Some(150), true).prevents);
        assert_eq!(million(Some(1_048_576), true).level, Level::Ok);
        assert_eq!(million(None, true).level, Level::Ok);
    }

    #[test]
    fn a_command_that_would_be_refused_is_not_given() {
        let contained = million(Some(1024), false);
        assert_eq!(contained.mend, None);
        assert!(contained.means.contains("nofile=1000100"), "{contained:?}");
    }

    #[test]
    fn the_runner_has_pipes_to_all_processes() {
        let of = |connections| {
            let hard = Some(1024);
            of_runner(hard, &Wanted::new(connections, hard))
        };
        assert!(!of(50_000).is_short);
        let few = of(100_000);
        assert!(few.is_short && few.means.contains("processes"), "{few:?}");
        assert!(!of_runner(None, &Wanted::new(1, None)).is_short);
    }

    #[test]
    fn a_soft_limit_stops_nobody() {
        assert_eq!(soft_limit(Some(1024), Some(20_000)).level, Level::Ok);
        assert_eq!(soft_limit(None, None).found, "no limit");
    }
}
