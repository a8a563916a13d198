//! One examination of the machine.

use crate::{
    around, files, finding::Finding, limits, look::Machine, net, now, room, trust, wanted::Wanted,
};
use machine::host::ephemeral_ports;
use rustix::process::{Resource, getrlimit};
use serde::Serialize;

/// What was found.
#[derive(Clone, Debug)]
pub struct Examination {
    pub(crate) wanted: Wanted,
    pub(crate) findings: Vec<Finding>,
}

/// The same as JSON has it.
#[derive(Serialize)]
struct Saved<'a> {
    schema: &'static str,
    connections: u64,
    server_processes: u64,
    generator_processes: u64,
    fits: bool,
    findings: &'a [Finding],
}

impl Examination {
    /// Looks at the machine for two seconds. Where the connections `must_fit`, what is too little for
    /// them is a problem.
    pub fn make(connections: u32, must_fit: bool) -> Self {
        let wanted = Wanted::new(connections, getrlimit(Resource::Nofile).maximum)
            .with_ports(ephemeral_ports());
        let machine = Machine::look(wanted.sources(), &limits::settings());
        let wanted = wanted.beside(machine.tasks_used);
        let mut findings = trust::findings(&machine);
        findings.extend(around::findings(&machine));
        findings.extend(now::findings(&machine));
        findings.extend(files::findings(&machine, &wanted));
        findings.extend(net::findings(&machine, &wanted));
        findings.extend(room::findings(&machine, &wanted));
        findings.extend(limits::findings(&machine, &wanted));
        if must_fit {
            findings = findings.into_iter().map(Finding::wanted).collect();
        }
        Self { wanted, findings }
    }

    /// Whether the connections fit.
    pub fn fits(&self) -> bool {
        !self.findings.iter().any(|finding| finding.is_short)
    }

    /// Whether nothing can be measured as it is.
    pub fn is_prevented(&self) -> bool {
        self.findings.iter().any(|finding| finding.prevents)
    }

    /// The findings for programs.
    ///
    /// # Errors
    /// They can't be put into JSON, which would be a bug.
    pub fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(&Saved {
            schema: "millionfold/doctor/1",
            connections: self.wanted.connections,
            server_processes: self.wanted.server_processes,
            generator_processes: self.wanted.generator_processes,
            fits: self.fits(),
            findings: &self.findings,
        })
    }
}
