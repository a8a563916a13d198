//! How many connections open files allow: every end of a connection is one.

use super::{finding::Finding, look::Machine};
use crate::plan::{IDLE_CONNECTIONS, LOADED_CONNECTIONS, OTHER_DESCRIPTORS};

/// What a machine has open besides connections, generously.
const OTHER_FILES: u64 = 100_000;

pub(super) fn findings(machine: &Machine, wanted: u64) -> Vec<Finding> {
    let number = |name| machine.sysctl(name).and_then(|text| text.parse().ok());
    vec![
        open_files(machine.open_files_max, machine.may_raise_limits, wanted),
        nr_open(number("fs.nr_open"), wanted),
        file_max(number("fs.file-max"), wanted),
    ]
}

fn open_files(hard: Option<u64>, may_raise: bool, wanted: u64) -> Finding {
    const ITEM: &str = "open files";
    let Some(hard) = hard else {
        return Finding::ok(ITEM, "no limit", "one process can hold all connections");
    };
    let per_process = hard.saturating_sub(OTHER_DESCRIPTORS);
    let found = format!("at most {hard} in a process");
    if per_process < u64::from(LOADED_CONNECTIONS) {
        let means = "too few for any load";
        raise(may_raise, IDLE_CONNECTIONS.into(), |more| {
            Finding::problem(ITEM, found, &format!("{means}{more}")).preventing()
        })
    } else if per_process < u64::from(IDLE_CONNECTIONS) {
        let means = format!(
            "a server holds {per_process} connections, and memory is measured with \
             {IDLE_CONNECTIONS} unless --connections says less"
        );
        raise(may_raise, wanted.max(IDLE_CONNECTIONS.into()), |more| {
            Finding::problem(ITEM, found, &format!("{means}{more}"))
        })
    } else if per_process < wanted {
        let processes = wanted.div_ceil(per_process);
        let means = format!(
            "{wanted} connections take {processes} server processes and {processes} generator \
             processes; the runner starts one server so far, which holds {per_process}"
        );
        raise(may_raise, wanted, |more| {
            Finding::note(ITEM, found, &format!("{means}{more}"))
        })
    } else {
        Finding::ok(ITEM, found, "one process can hold all connections")
    }
}

/// Adds the way to a higher limit; `finding` makes a finding of more words.
fn raise(may_raise: bool, connections: u64, finding: impl FnOnce(&str) -> Finding) -> Finding {
    let files = connections + OTHER_DESCRIPTORS;
    if may_raise {
        finding("; for good: nofile in /etc/security/limits.conf")
            .mend(format!("ulimit -Hn {files} && ulimit -n {files}"))
    } else {
        finding(&format!(
            "; root lacks CAP_SYS_RESOURCE, so the limit can only be raised where this machine \
             or container is started, as in 'docker run --ulimit nofile={files}'"
        ))
    }
}

fn nr_open(nr_open: Option<u64>, wanted: u64) -> Finding {
    const ITEM: &str = "fs.nr_open";
    let needed = wanted + OTHER_DESCRIPTORS;
    match nr_open {
        None => Finding::note(
            ITEM,
            "not shown",
            "how far the limit of open files can be raised",
        ),
        Some(most) if most < needed => Finding::note(
            ITEM,
            most.to_string(),
            "the limit of open files can't be raised beyond this: do this first",
        )
        .mend(format!("sysctl -w fs.nr_open={needed}")),
        Some(most) => Finding::ok(
            ITEM,
            most.to_string(),
            "the limit of open files can be raised far enough",
        ),
    }
}

fn file_max(file_max: Option<u64>, wanted: u64) -> Finding {
    const ITEM: &str = "fs.file-max";
    let needed = 2 * wanted + OTHER_FILES;
    match file_max {
        None => Finding::note(
            ITEM,
            "not shown",
            "how many files the machine may have open",
        ),
        Some(most) if most < needed => Finding::note(
            ITEM,
            most.to_string(),
            &format!("both ends are files: room for {} connections", most / 2),
        )
        .mend(format!("sysctl -w fs.file-max={needed}")),
        Some(most) => Finding::ok(
            ITEM,
            most.to_string(),
            "enough for both ends of all connections",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::finding::Level, *};

    const MILLION: u64 = 1_000_000;

    #[test]
    fn the_limit_of_open_files_says_how_many_processes_it_takes() {
        let few = open_files(Some(20_000), true, MILLION);
        assert_eq!(few.level, Level::Note);
        assert!(few.means.contains("51 server processes"), "{few:?}");
        assert!(few.mend.unwrap().contains("ulimit -Hn 1000100"));
        let shell = open_files(Some(1024), true, MILLION);
        assert_eq!((shell.level, shell.prevents), (Level::Problem, false));
        assert!(open_files(Some(150), true, MILLION).prevents);
        assert_eq!(open_files(Some(1_048_576), true, MILLION).level, Level::Ok);
        assert_eq!(open_files(None, true, MILLION).level, Level::Ok);
    }

    #[test]
    fn a_command_that_would_be_refused_is_not_given() {
        let contained = open_files(Some(1024), false, MILLION);
        assert_eq!(contained.mend, None);
        assert!(contained.means.contains("nofile=1000100"), "{contained:?}");
    }

    #[test]
    fn settings_of_the_machine_are_raised_as_far_as_it_takes() {
        let held = nr_open(Some(100_000), MILLION);
        assert_eq!(held.mend.as_deref(), Some("sysctl -w fs.nr_open=1000100"));
        assert_eq!(nr_open(Some(1_048_576), MILLION).level, Level::Ok);
        assert_eq!(nr_open(None, MILLION).level, Level::Note);
        assert_eq!(file_max(Some(2_466_183), MILLION).level, Level::Ok);
        let mend = file_max(Some(2_000_000), MILLION).mend;
        assert_eq!(mend.as_deref(), Some("sysctl -w fs.file-max=2100000"));
        assert_eq!(file_max(None, MILLION).level, Level::Note);
    }
}
