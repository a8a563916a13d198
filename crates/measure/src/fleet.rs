//! Other machines that generate the load, for a program that can reach them.

use generators::host::GeneratorHost;
use plan::others::{Others, OwnAddress};
use report::{environment::Environment, hosts::RunHost};
use std::{fmt, io, path::Path, rc::Rc};

/// A machine that generates.
#[derive(Clone, Debug)]
pub struct Machine {
    /// In reports: never what it calls itself.
    pub name: String,
    /// CPUs that generators may use.
    pub cpus: u32,
    /// The hard limit of open files of a process; `None`: there is no limit.
    pub open_files_max: Option<u64>,
    /// Ephemeral ports of one address; `None`: not known.
    pub ports: Option<u32>,
    /// It is this machine, in another network namespace perhaps.
    pub shares_cpus: bool,
    /// Its own, but for loopback's.
    pub addresses: Vec<OwnAddress>,
    /// How it is set.
    pub environment: Environment,
}

/// How generators of a program are reached on all of them.
type Reach = dyn Fn(&Path) -> io::Result<Rc<dyn GeneratorHost>>;

/// All machines that generate.
pub struct Fleet {
    /// What this machine calls itself: for the terminal, never for reports.
    pub hostname: String,
    /// At least one.
    pub machines: Vec<Machine>,
    /// How they are reached.
    pub generators: Box<Reach>,
}

impl fmt::Debug for Fleet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.machines).finish()
    }
}

impl Fleet {
    /// As far as plans depend on them: what the least of them has.
    pub fn others(&self) -> Others {
        let machines = || self.machines.iter();
        Others {
            machines: machines().count().try_into().unwrap_or(u32::MAX),
            cpus: machines().map(|one| one.cpus).min().unwrap_or(1).max(1),
            open_files_max: machines().filter_map(|one| one.open_files_max).min(),
            ports: machines().filter_map(|one| one.ports).min(),
            shares_cpus: machines().any(|one| one.shares_cpus),
            addresses: machines().map(|one| one.addresses.clone()).collect(),
        }
    }

    /// What the machines are, that of the servers first: runs on other kinds don't compare.
    pub fn kinds(&self, of_servers: &Environment) -> Vec<String> {
        let others = self.machines.iter().map(|one| &one.environment);
        std::iter::once(of_servers)
            .chain(others)
            .map(kind)
            .collect()
    }

    /// For a person who typed the command on another machine.
    pub fn place_of_reports(&self, directory: &Path) -> String {
        format!(
            "\nthe reports are on {}, which had the servers, in {}; nothing of them is sent elsewhere",
            self.hostname,
            directory.display()
        )
    }

    /// As the run's report has them.
    pub fn hosts(&self) -> Vec<RunHost> {
        let machines = self.machines.iter().cloned();
        let host = |Machine {
                        name, environment, ..
                    }| RunHost { name, environment };
        machines.map(host).collect()
    }
}

/// `2 x Intel(R) Xeon(R), Linux 6.1.0`
fn kind(of: &Environment) -> String {
    let unknown = || "unknown".to_owned();
    let cpus = of.cpus.map_or_else(unknown, |cpus| cpus.to_string());
    let cpu = of.cpu.clone().unwrap_or_else(unknown);
    let kernel = of.kernel.clone().unwrap_or_else(unknown);
    format!("{cpus} x {cpu}, Linux {kernel}")
}
