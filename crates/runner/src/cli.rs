//! The command line.

use crate::{cmd, select::ModelArgs};
use clap::{Args, Parser, Subcommand, ValueEnum};
use protocol::client::Workload;
use std::path::PathBuf;

/// Compares ways of building a TCP server, in numbers that can be believed.
///
/// With --model it builds, starts, loads and measures each model and writes JSON reports. The
/// table goes to standard error, the paths of the reports to standard output.
#[derive(Debug, Parser)]
#[command(
    name = "runner",
    args_conflicts_with_subcommands = true,
    arg_required_else_help = true,
    after_help = "Examples:\n  \
        runner --model epoll                     memory, peak rate and CPU of one model\n  \
        runner --model 'tok*,epoll' --trials 6   a comparison\n  \
        runner --model all --dry-run             what would be done\n  \
        runner list                              which models there are\n\n\
        Exit codes: 0 fine, 1 a bug of ours, 2 wrong use, 3 a model failed or a verdict is invalid,\n\
        130 interrupted."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Subcommands>,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Subcommands {
    /// Show the models, and whether they can run here
    List(cmd::list::ListArgs),
    /// Hold models to the conformance suite
    Check(cmd::check::CheckArgs),
    /// Show saved reports again
    Report(cmd::report::ReportArgs),
    /// Print the JSON Schema of the reports
    Schema,
    /// Become another program that can't outlive the runner
    #[command(hide = true)]
    Guard(cmd::guard::GuardArgs),
}

/// What is measured, and how.
#[derive(Args, Debug)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) models: ModelArgs,

    /// Connections [default: 10000 for idle load, 100 for closed load]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) connections: Option<u32>,

    /// Seconds of each closed-load window
    #[arg(long, value_name = "S", default_value_t = 3.0, value_parser = seconds)]
    pub(crate) duration: f64,

    /// Payload of a request, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = 64, value_parser = clap::value_parser!(u32).range(..=i64::from(protocol::wire::MAX_PAYLOAD_BYTES)))]
    pub(crate) payload: u32,

    /// Trials of each model and load, each with a fresh server; a comparison needs six
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) trials: u32,

    /// What one request asks the server to do
    #[arg(long, value_enum, default_value = "echo")]
    pub(crate) workload: WorkloadArg,

    /// Measure only under this load [default: both, one after the other]
    #[arg(long, value_enum)]
    pub(crate) load: Option<LoadArg>,

    /// Requests outstanding on each connection, in closed load
    #[arg(long, value_name = "K", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) outstanding: u32,

    /// The server's I/O threads [default: one for each of its CPUs]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) threads: Option<u32>,

    /// Threads of each generator process [default: one for each of its CPUs]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) client_threads: Option<u32>,

    /// Generator processes [default: as many as the limit of open files asks for]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) client_processes: Option<u32>,

    /// CPUs for servers, such as 0,1 [default: the first half]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub(crate) server_cpus: Vec<usize>,

    /// CPUs for generators [default: the other half]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub(crate) client_cpus: Vec<usize>,

    /// Directory in which the run's own directory is made [default: bench-results of this repository]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,

    /// Seed of the order of models [default: another one each time]
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,

    /// Print the plan and the command lines, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Write the reports' text, instead of their paths, to standard output
    #[arg(long)]
    pub(crate) json: bool,

    /// Allow a server whose address is not on loopback
    #[arg(long)]
    pub(crate) allow_remote: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum WorkloadArg {
    /// Answer with the request itself
    Echo,
    /// Read and drop; every batch is closed by an echo that proves it was read
    Discard,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LoadArg {
    /// The next request when a reply arrives: the highest rate
    Closed,
    /// Connections that are held open and hardly used: what one costs
    Idle,
}

impl From<WorkloadArg> for Workload {
    fn from(arg: WorkloadArg) -> Self {
        match arg {
            WorkloadArg::Echo => Self::Echo,
            WorkloadArg::Discard => Self::Discard,
        }
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.1..=3600.0).contains(&seconds) => Ok(seconds),
        _ => Err("a number of seconds from 0.1 to 3600".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
