//! The command line.

use crate::{
    cmd,
    plan::{Network, Seconds},
    select::{ModelArgs, Outside},
};
use clap::{Args, Parser, Subcommand, ValueEnum};
use protocol::{client::Workload, wire::Wire};
use report::{slo::Slo, trial::Arrivals};
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    str::FromStr,
};

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
        runner list                              which models there are\n  \
        runner doctor                            can figures from this machine be trusted?\n  \
        runner calibrate                         does the instrument measure what is true?\n\n\
        Exit codes: 0 fine, 1 a bug of ours, 2 wrong use, 3 a model failed or a verdict is invalid,\n\
        4 a comparison shows a regression, 130 interrupted."
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
    /// Make a new model crate, like one that is there
    ///
    /// Copies a model under another name: it builds, passes 'runner check' and is in 'runner list'
    /// at once. What is yours, you then change.
    New(cmd::new::NewArgs),
    /// Hold models to the conformance suite
    Check(cmd::check::CheckArgs),
    /// Hold the instrument itself to servers whose truth is known
    ///
    /// Takes about two minutes on a machine that has nothing else to do, and prints what had to be
    /// measured beside what was. Exit code 3 when a row fails.
    Calibrate(cmd::calibrate::CalibrateArgs),
    /// Measure what this machine's loopback can do at all, with the cheapest echo there is
    ///
    /// Rates of models are held against this. It takes about half a minute.
    Ceiling(cmd::ceiling::CeilingArgs),
    /// Look at this machine: what would spoil figures, what stops many connections
    ///
    /// It looks for one second, changes nothing, and names the command that mends each finding.
    /// "problem" bears on the figures or breaks a run with the default options, "note" is worth
    /// knowing. The commands are for root, and last until the next boot or the end of the shell.
    Doctor(cmd::doctor::DoctorArgs),
    /// Compare two models, or one before and after a change, figure by figure
    Compare(cmd::compare::CompareArgs),
    /// Show saved reports again
    Report(cmd::report::ReportArgs),
    /// Print the JSON Schema of the reports
    Schema,
    /// Become another program that can't outlive the runner
    #[command(hide = true)]
    Guard(cmd::guard::GuardArgs),
    /// Run another program, all of which ends with the runner
    #[command(hide = true)]
    Keep(cmd::keep::KeepArgs),
}

/// What is measured, and how.
#[derive(Args, Debug, Default)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) models: ModelArgs,

    /// Measure a server that is running already, such as 127.0.0.1:7000, and leave it running; takes
    /// part as the model 'target'
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) target: Option<SocketAddr>,

    /// The process of --target; it and its children are measured. Without it CPU and memory aren't
    #[arg(long, requires = "target", value_name = "PID")]
    pub(crate) pid: Option<u32>,

    /// What all servers speak [default: framed; raw as soon as a server that isn't ours speaks raw,
    /// as those of --external and --target do unless this says otherwise]
    #[arg(long, value_enum)]
    pub(crate) wire: Option<WireArg>,

    /// Connections [default: 10000 for idle load, 100 for closed and open load; churn: at most
    /// 1000 at a time]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) connections: Option<u32>,

    /// Seconds of each window in closed, open and churn load [default: 3, with several models 1.5]
    #[arg(long, value_name = "S")]
    pub(crate) duration: Option<Seconds>,

    /// Seconds after which the window opens even if the load isn't steady yet [default: 5]
    #[arg(long, value_name = "S")]
    pub(crate) warm_up: Option<Seconds>,

    /// Payload of a request, in bytes [default: 64]
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(..=i64::from(protocol::wire::MAX_PAYLOAD_BYTES)))]
    pub(crate) payload: Option<u32>,

    /// Trials of each model and load, each with a fresh server; a comparison of two models needs
    /// six, of three seven, of four eight [default: 3, with several models 6]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) trials: Option<u32>,

    /// What a request asks the server to do: echo, discard, cpu:1000 (chained SHA-256 hashes),
    /// wait:5ms (as for a slow backend), block:10ms (as in a blocking driver), or a mix such as
    /// echo:99%,cpu:1000:1% [default: echo]
    #[arg(long, value_name = "WORK")]
    pub(crate) workload: Option<Workload>,

    /// How requests arrive; one or more of these [default: idle,closed,open]
    #[arg(long, value_enum, value_name = "LOADS", value_delimiter = ',')]
    pub(crate) load: Vec<LoadArg>,

    /// In open and churn load: requests/s such as 50000, or a share of the slowest peak that
    /// this run measures, such as 70% (the same rate for all models) [default: 70%]
    #[arg(long, value_name = "RATE")]
    pub(crate) rate: Option<Rate>,

    /// How the requests of open and churn load lie in time [default: poisson]
    #[arg(long, value_enum)]
    pub(crate) arrivals: Option<ArrivalsArg>,

    /// Seconds after which a reply in open and churn load is late [default: 5]
    #[arg(long, value_name = "S")]
    pub(crate) deadline: Option<Seconds>,

    /// Loads from a file, instead of --load: one of scenarios/ by its name, such as million-idle,
    /// or a path. Other options go before what it says; --connections scales its ladders
    #[arg(long, value_name = "NAME", conflicts_with = "load")]
    pub(crate) scenario: Option<String>,

    /// The target of a search for the capacity, such as 'p99<=2ms'
    #[arg(long, value_name = "TARGET")]
    pub(crate) slo: Option<Slo>,

    /// Run the first model twice, under two names: what differs then is noise
    #[arg(long)]
    pub(crate) aa: bool,

    /// Requests outstanding on each connection, in closed load [default: 1]
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) outstanding: Option<u32>,

    /// I/O threads of each server process [default: one for each of its CPUs]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) threads: Option<u32>,

    /// Threads of each generator process [default: one for each of its CPUs]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) client_threads: Option<u32>,

    /// Generator processes [default: as many as the limit of open files asks for]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) client_processes: Option<u32>,

    /// Processes of each server, which share its port [default: as many as the limit of open files
    /// asks for]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) server_processes: Option<u32>,

    /// Network whose addresses connections come from, 10000 from each [default: 127.0.0.0/8]
    #[arg(long, value_name = "NETWORK")]
    pub(crate) source: Option<Network>,

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

    /// Record once for each model, after a measured window, what the server's CPU time goes to: a
    /// flame graph beside the report, and the top functions in it. Takes perf
    #[arg(long)]
    pub(crate) profile: bool,

    /// Run although memory won't do for so many connections
    #[arg(long)]
    pub(crate) force: bool,

    /// Print the plan and the command lines, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Write the reports' text, instead of their paths, to standard output
    #[arg(long)]
    pub(crate) json: bool,

    /// Show every check with what was measured, not only the worst
    #[arg(long)]
    pub(crate) explain: bool,

    /// Allow a server whose address is not on loopback
    #[arg(long)]
    pub(crate) allow_remote: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LoadArg {
    /// The next request when a reply arrives: the highest rate
    Closed,
    /// Connections that are held open and hardly used: what one costs
    Idle,
    /// Requests on a schedule that doesn't care how the server is doing: response times
    Open,
    /// Connections on a schedule, each for one request
    Churn,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum WireArg {
    /// A header, then a payload
    Framed,
    /// Bytes are echoed as they come
    Raw,
}

impl WireArg {
    pub(crate) fn wire(self) -> Wire {
        match self {
            Self::Framed => Wire::Framed,
            Self::Raw => Wire::Raw,
        }
    }
}

impl RunArgs {
    /// What is said of servers that aren't ours.
    pub(crate) fn outside(&self) -> Outside {
        Outside {
            wire: self.wire.map(WireArg::wire),
            allow_remote: self.allow_remote,
            target: self.target,
            pid: self.pid,
        }
    }

    pub(crate) fn arrivals(&self) -> Option<Arrivals> {
        self.arrivals.map(|arrivals| match arrivals {
            ArrivalsArg::Poisson => Arrivals::Poisson,
            ArrivalsArg::Uniform => Arrivals::Uniform,
        })
    }

    /// Without the path that leads to it: reports are made to be shared.
    pub(crate) fn scenario_name(&self) -> Option<String> {
        let path = Path::new(self.scenario.as_ref()?);
        Some(path.file_stem()?.to_string_lossy().into_owned())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ArrivalsArg {
    /// Independently of each other, as from many clients
    Poisson,
    /// At equal distances
    Uniform,
}

/// How much is offered in open and churn load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Rate {
    PerSecond(f64),
    /// Of the slowest model's peak, over a ladder of connections of its lowest rate; 0 to 1, mostly.
    ShareOfPeak(f64),
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, is_share) = match text.strip_suffix('%') {
            Some(number) => (number, true),
            None => (text, false),
        };
        match number.trim().parse::<f64>() {
            Ok(share) if is_share && (1.0..=1000.0).contains(&share) => {
                Ok(Self::ShareOfPeak(share / 100.0))
            }
            Ok(rate) if !is_share && (1.0..=1e9).contains(&rate) => Ok(Self::PerSecond(rate)),
            _ => Err(
                "a number of requests/s from 1 to 1e9, or a share of the peak such as 70%"
                    .to_owned(),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn a_rate_is_a_number_or_a_share() {
        assert_eq!("50000".parse(), Ok(Rate::PerSecond(50_000.0)));
        assert_eq!("5e4".parse(), Ok(Rate::PerSecond(50_000.0)));
        assert_eq!("70%".parse(), Ok(Rate::ShareOfPeak(0.7)));
        for wrong in ["0", "-5", "0%", "x", "NaN", "inf", "70 percent", ""] {
            assert!(wrong.parse::<Rate>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
