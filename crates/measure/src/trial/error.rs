//! Why there is no trial.

use generators::error::GeneratorError;
use process::interrupt;
use protocol::endpoint::Endpoint;
use report::model::{Failure, Phase};
use server::{
    contract::ServerError,
    error::{OPEN_FILES, TOO_MANY_FILES, is_out_of_files},
};
use stats::HistogramError;
use thiserror::Error;

/// Why there is no trial.
#[derive(Debug, Error)]
pub enum TrialError {
    /// The server's fault.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// That of the backend which the server relays to.
    #[error("the backend (the null server) {0}")]
    Backend(#[source] ServerError),
    /// There is nothing to relay to.
    #[error("there is no backend, because the null server could not be built")]
    NoBackend,
    /// The generator's.
    #[error(transparent)]
    Generator(#[from] GeneratorError),
    /// What was measured can't be read.
    #[error(transparent)]
    Histogram(#[from] HistogramError),
    /// The server is somewhere else.
    #[error(
        "the server listens on {0}, which is not loopback; --allow-remote lets it be loaded all \
         the same"
    )]
    Remote(Endpoint),
    /// It is somewhere else than was planned, and has too few ports to be reached from there.
    #[error(
        "it listens on {endpoint}, which one address reaches, with {ports} ports \
         (net.ipv4.ip_local_port_range), and {connections} connections were planned from {planned}"
    )]
    TooFewPorts {
        /// Where it was found.
        endpoint: Endpoint,
        /// Where they were to come from.
        planned: String,
        /// How many.
        connections: u32,
        /// Of one address.
        ports: u32,
    },
    /// Memory was the reason.
    #[error("{error}; {}, and the kernel killed a process (dmesg names it)", ran_out(group.as_deref()))]
    OutOfMemory {
        /// What became of it.
        error: Box<TrialError>,
        /// The cgroup whose limit was met; `None`: it was the machine's memory.
        group: Option<String>,
    },
}

fn ran_out(group: Option<&str>) -> String {
    match group {
        Some(name) => format!("the memory limit of the cgroup {name} was met"),
        None => "the machine ran out of memory".to_owned(),
    }
}

impl TrialError {
    /// Whether the user asked for the end.
    pub fn is_interrupt(&self) -> bool {
        matches!(
            self,
            Self::Server(ServerError::Interrupted)
                | Self::Backend(ServerError::Interrupted)
                | Self::Generator(GeneratorError::Interrupted)
        ) || interrupt::asked()
    }

    /// The row in the table and in the report.
    pub fn failure(&self) -> Failure {
        let (phase, stderr_tail) = match self {
            Self::Server(error) | Self::Backend(error) => (error.phase(), error.stderr_tail()),
            Self::Remote(_) | Self::TooFewPorts { .. } | Self::NoBackend => (Phase::Start, ""),
            Self::OutOfMemory { error, .. } => {
                let failure = error.failure();
                return Failure {
                    reason: self.to_string(),
                    way_out: Some(self.way_out().to_owned()),
                    ..failure
                };
            }
            Self::Generator(_) | Self::Histogram(_) => (Phase::Generator, ""),
        };
        Failure {
            phase,
            reason: self.to_string(),
            stderr_tail: stderr_tail.to_owned(),
            way_out: Some(self.way_out().to_owned()),
        }
    }

    /// What to do about it.
    fn way_out(&self) -> &'static str {
        const GENERATOR: &str = "it was the generator and not the server: 'runner doctor' tells what \
                                 this machine lacks";
        match self {
            Self::Server(error) | Self::Backend(error) => error.way_out(),
            Self::NoBackend => "see why its build failed: cargo build --release -p null",
            Self::Remote(_) => "give it an address on loopback, or allow this one: --allow-remote",
            Self::TooFewPorts { .. } => {
                "have it listen where {addr} or {host} in its command says, or say in its description \
                 where it does (address = \"[::1]:0\"), so that it is planned for"
            }
            Self::OutOfMemory { group: None, .. } => {
                "take fewer --connections, or a machine with more memory: 'runner doctor \
                 --connections N' has the arithmetic"
            }
            Self::OutOfMemory { group: Some(_), .. } => {
                "take fewer --connections, or raise the limit where this container or service is \
                 started (docker run --memory, MemoryMax=)"
            }
            Self::Generator(GeneratorError::Start(error)) if is_out_of_files(error) => OPEN_FILES,
            Self::Generator(error) if error.to_string().contains(TOO_MANY_FILES) => OPEN_FILES,
            Self::Generator(_) | Self::Histogram(_) => GENERATOR,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_a_group_lacked_is_not_the_machines() {
        let of = |group: Option<&str>| {
            let error = TrialError::OutOfMemory {
                error: Box::new(TrialError::Remote(Endpoint::Tcp(
                    ([192, 0, 2, 1], 1).into(),
                ))),
                group: group.map(str::to_owned),
            };
            error.failure()
        };
        let machine = of(None);
        assert!(machine.reason.contains("the machine ran out of memory"));
        let group = of(Some("pod"));
        assert!(group.reason.contains("limit of the cgroup pod was met"));
        assert!(!group.reason.contains("the machine"), "{}", group.reason);
        assert_ne!(machine.way_out, group.way_out);
    }

    #[test]
    fn too_few_descriptors_are_not_the_models_fault() {
        let error = GeneratorError::Failed("connect: Too many open files (os error 24)".to_owned());
        let failure = TrialError::from(error).failure();
        assert!(failure.way_out.is_some_and(|way| way.contains("ulimit -n")));
    }
}
