//! Processes and threads: tasks, as the kernel counts both.

use crate::{
    finding::Finding,
    look::Machine,
    settings::{PID_MAX, Setting, THREADS_MAX},
    wanted::Wanted,
};

pub(super) fn findings(machine: &Machine, wanted: &Wanted) -> Vec<Finding> {
    let tasks = &machine.tasks;
    let group = tasks.group;
    vec![
        sysctl(&PID_MAX, tasks.pid_max, tasks.used, wanted),
        sysctl(&THREADS_MAX, tasks.threads_max, tasks.used, wanted),
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

fn sysctl(setting: &Setting, most: Option<u64>, used: u64, wanted: &Wanted) -> Finding {
    let finding = limit(setting.name, most, used, wanted, "");
    // What is raised as far as the kernel takes it, and too low even so, has no way out.
    let is_enough = setting.first(wanted.connections) >= used + wanted.threads();
    if finding.is_short && is_enough {
        finding.mend_sysctl(setting, wanted.connections)
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
        let fine = sysctl(&PID_MAX, Some(32_768), 300, &million);
        assert!(!fine.is_short, "{fine:?}");
        let few = sysctl(&PID_MAX, Some(1_000), 300, &million);
        assert!(few.is_short && few.is_tuned, "{few:?}");
        assert_eq!(few.needed.as_deref(), Some("1964"));
        assert_eq!(
            few.mend.as_deref(),
            Some("sysctl -w kernel.pid_max=1100000")
        );
        let group = limit("pids of the cgroup", Some(512), 10, &million, "TasksMax");
        assert!(group.is_short && group.means.ends_with("TasksMax"));
        assert!(!limit("user processes", None, 300, &million, "").is_short);
    }
}
