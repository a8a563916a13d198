//! Other machines, which generate the load while this one has the servers.

use crate::refusal::Refusal;

/// Machines that generate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Others {
    /// How many; at least 1.
    pub machines: u32,
    /// CPUs of the one that has fewest; at least 1.
    pub cpus: u32,
    /// The lowest hard limit of open files of a process; `None`: there is no limit.
    pub open_files_max: Option<u64>,
    /// The fewest ephemeral ports of one address; `None`: not known.
    pub ports: Option<u32>,
    /// Some are this machine, in another network namespace: CPUs are divided as on one machine.
    pub shares_cpus: bool,
}

impl Others {
    /// Generator processes on each of them.
    pub(crate) fn processes_each(&self, processes: u32) -> u32 {
        processes.div_ceil(self.machines.max(1)).max(1)
    }

    /// As many processes as are asked for on all together, or as many as it takes at the least.
    ///
    /// # Errors
    /// Machines would have different numbers of them, and so different shares of the load.
    pub(crate) fn processes(&self, asked: Option<u32>, needed: u32) -> Result<u32, Refusal> {
        match asked {
            Some(asked) if asked % self.machines != 0 => Err(Refusal::new(format!(
                "--client-processes {asked}: {} machines generate, each with as many processes: take a \
                 multiple",
                self.machines
            ))),
            Some(asked) => Ok(asked),
            None => Ok(self.processes_each(needed) * self.machines),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_machine_has_as_many_processes() {
        let three = Others {
            machines: 3,
            cpus: 2,
            open_files_max: None,
            ports: None,
            shares_cpus: false,
        };
        let counts = [1, 3, 4, 51].map(|needed| three.processes(None, needed).unwrap());
        assert_eq!(counts, [3, 3, 6, 51]);
        assert_eq!(three.processes(Some(6), 1).unwrap(), 6);
        let refused = three.processes(Some(4), 1).unwrap_err().to_string();
        assert!(refused.contains("3 machines"), "{refused}");
    }
}
