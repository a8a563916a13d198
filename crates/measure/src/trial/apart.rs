//! How far server and generator are apart in a window.

use super::Bench;
use machine::distance::round_trip_ns;
use report::{
    explain_missing,
    trial::{CpusApart, MachineUse},
};
use server::launch::Server;

const UNKNOWN: &str =
    "server and generator have no CPUs of their own on this machine, or can't be measured on";

impl Bench<'_> {
    /// Between windows only: it takes 20 ms of both CPUs.
    pub(super) fn distance_ns(&self, server: &Server) -> Option<f64> {
        let cpus = self.plan.first_cpus();
        cpus.filter(|_| server.keeps_to_its_cpus())
            .and_then(round_trip_ns)
    }

    /// Measures once more, after a window, and puts both beside it.
    pub(super) fn put_distance(
        &self,
        before_ns: Option<f64>,
        server: &Server,
        machine: &mut MachineUse,
    ) {
        let both = before_ns.zip(self.distance_ns(server));
        machine.cpus_apart = both.map(|(before_ns, after_ns)| CpusApart {
            before_ns,
            after_ns,
            usual_ns: None,
        });
        explain_missing!(machine, UNKNOWN, [cpus_apart]);
    }
}
