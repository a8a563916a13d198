//! Processes and threads: tasks, as the kernel counts both.

use crate::{finding::Finding, look::Machine, wanted::Wanted};

pub(super) fn findings(machine: &Machine, wanted: &Wanted) -> Vec<Finding> {
    let tasks = &machine.tasks;
    let group = tasks.group;
    vec![
        sysctl("kernel.pid_max", tasks.pid_max, tasks.used, wanted),
        sysctl("kernel.threads-max", tasks.threads_max, tasks.used, wanted),
        limit(
            "pids of the cgroup",
            group.map(|group| group.max),
            group.map_or(0, |group| group.used),
            wanted,
            "it is set where this container or service is started (docker run --pids-limit, \
             TasksMax)",
        ),
        // The kernel doesn't hold root to it.
        limit(
            "user processes",
            tasks.user_max.filter(|_| !tasks.is_root),
            tasks.used,
            wanted,
            "nproc in /etc/security/limits.conf raises it",
        ),
    ]
}

fn sysctl(name: &'static str, most: Option<u64>, used: u64, wanted: &Wanted) -> Finding {
    let finding = limit(name, most, used, wanted, "");
    if finding.is_short {
        finding.mend_sysctl(name, used + wanted.threads())
    } else {
        finding
    }
}

fn limit(
    item: &'static str,
    most: Option<u64>,
    used: u64,
    wanted: &Wanted,
    way_out: &str,
) -> Finding {
    let needed = used + wanted.threads();
    let means = format!(
        "{} processes with their threads; a thread for each connection would be {} more",
        wanted.processes(),
        wanted.connections
    );
    let finding = match most {
        None => Finding::ok(item, "no limit", &means),
        Some(most) if most < needed => {
            let means = match way_out {
                "" => means,
                way_out => format!("{means}; {way_out}"),
            };
            Finding::note(item, most.to_string(), &means).short()
        }
        Some(most) => Finding::ok(item, most.to_string(), &means),
    };
    finding.needing(needed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_processes_take_many_tasks() {
        let million = Wanted::new(1_000_000, Some(20_000));
        let fine = sysctl("kernel.pid_max", Some(32_768), 300, &million);
        assert!(!fine.is_short, "{fine:?}");
        let few = sysctl("kernel.pid_max", Some(1_000), 300, &million);
        assert!(few.is_short && few.is_tuned, "{few:?}");
        assert_eq!(few.needed.as_deref(), Some("1964"));
        assert_eq!(few.mend.as_deref(), Some("sysctl -w kernel.pid_max=1964"));
        let group = limit("pids of the cgroup", Some(512), 10, &million, "TasksMax");
        assert!(group.is_short && group.means.ends_with("TasksMax"));
        assert!(!limit("user processes", None, 300, &million, "").is_short);
    }
}
