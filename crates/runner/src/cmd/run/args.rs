//! The arguments of a run.

use super::{baselines::BaselineArgs, hosts::HostArgs};
use crate::{gates::GateArgs, models::ModelArgs, values};
use catalog::select::ExternalOptions;
use clap::Args;
use protocol::{
    client::Workload,
    endpoint::Endpoint,
    http::{Expect, Field, HttpRequest, RequestLine},
    wire::Wire,
};
use report::{link::Link, slo::Slo, trial::Arrivals};
use request::{
    network::Network,
    options::{LoadKind, Options, Patience, Trials},
    rate::Rate,
    scenario::Seconds,
};
use server::external::resolve;
use std::{net::Ipv4Addr, path::PathBuf};

/// What is measured, and how.
#[derive(Args, Debug, Default)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) models: ModelArgs,

    /// A server that is running already
    ///
    /// Measure a server that is running already, such as localhost:7000, [::1]:7000 or, at a Unix
    /// socket, unix:/run/x.sock, and leave it running; takes part as the model 'target'
    #[arg(long, help_heading = "Which servers", value_name = "HOST:PORT", value_parser = resolve)]
    pub(crate) target: Option<Endpoint>,

    /// The process of --target; it and its children are measured [default: the one that listens
    /// there, if it can be told; else CPU and memory aren't measured]
    #[arg(
        long,
        help_heading = "Which servers",
        hide_short_help = true,
        requires = "target",
        value_name = "PID"
    )]
    pub(crate) pid: Option<u32>,

    /// What all servers speak [default: framed; raw as soon as a server that isn't ours speaks raw,
    /// as those of --external and --target do unless this says otherwise; http1 with --http]
    #[arg(long, help_heading = "Which servers", hide_short_help = true, value_parser = values::wire())]
    pub(crate) wire: Option<Wire>,

    /// A request in HTTP, for servers that aren't ours: 'GET /path'
    ///
    /// What is asked of servers that speak HTTP/1.1 and aren't ours, such as 'GET /path'; POST, PUT
    /// and PATCH have a body of --payload bytes. With --wire websocket it asks for the upgrade
    /// [default there and with --wire http1: 'GET /']
    #[arg(
        long,
        help_heading = "What load",
        hide_short_help = true,
        value_name = "REQUEST"
    )]
    pub(crate) http: Option<RequestLine>,

    /// A header field of each request in HTTP, such as 'Accept: text/plain'; as often as needed
    #[arg(
        short = 'H',
        long,
        help_heading = "What load",
        hide_short_help = true,
        value_name = "FIELD"
    )]
    pub(crate) http_header: Vec<Field>,

    /// Which replies in HTTP are right: status=204, body=echo, body=any, body-length=12, or a status
    /// and a body with a comma between them [default: a status from 200 to 299, and the body that
    /// came first]
    #[arg(
        long,
        help_heading = "What load",
        hide_short_help = true,
        value_name = "RULE"
    )]
    pub(crate) expect: Option<Expect>,

    /// How many connections
    ///
    /// [default: 10000 for idle load, 100 for closed and open load; churn: at most
    /// 1000 at a time]
    #[arg(long, help_heading = "What load", value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) connections: Option<u32>,

    /// Seconds of each window
    ///
    /// Seconds of each window in closed, open and churn load [default: 3, with several models 1.5], and in a
    /// search for the capacity [default: 1]
    #[arg(long, help_heading = "Where, and how long", value_name = "S")]
    pub(crate) duration: Option<Seconds>,

    /// Seconds after which the window opens even if the load isn't steady yet [default: 5]
    #[arg(
        long,
        help_heading = "Where, and how long",
        hide_short_help = true,
        value_name = "S"
    )]
    pub(crate) warm_up: Option<Seconds>,

    /// Bytes of a request's payload [default: 64]
    #[arg(long, help_heading = "What load", hide_short_help = true, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(..=i64::from(protocol::wire::MAX_PAYLOAD_BYTES)))]
    pub(crate) payload: Option<u32>,

    /// Trials of each model, or auto for as many as it takes
    ///
    /// Trials of each model and load, each with a fresh server; a comparison needs six. With auto it
    /// is seen after 6, 9 and 13 whether the figures that decide are told apart or equal, and there
    /// are 18 at most [default: 3, with several models 6]
    #[arg(long, help_heading = "Where, and how long", value_name = "N")]
    pub(crate) trials: Option<Trials>,

    /// Time for more blocks than are needed at least, such as 90s, 30m, 2h, or 0s
    ///
    /// How much longer than at least a run may take, such as 90s, 30m, 2h, or 0s for no longer: for disturbed
    /// blocks and turns, which are made again, for waiting until the host has moved a CPU back, and with
    /// --trials auto for the blocks after the first six. The look that finds it used up is the last [default:
    /// half of the planned time for making again, and with --trials auto as many looks as it takes]
    #[arg(
        long,
        help_heading = "Where, and how long",
        hide_short_help = true,
        value_name = "TIME"
    )]
    pub(crate) patience: Option<Patience>,

    /// What a request asks for: echo, cpu:1000, wait:5ms
    ///
    /// What a request asks the server to do: echo, discard, cpu:1000 (chained SHA-256 hashes),
    /// wait:5ms (as for a slow backend), block:10ms (as in a blocking driver), a mix such as
    /// echo:99%,cpu:1000:1%, or relay (each client's bytes are passed on to a backend, the null
    /// server, which echoes them, over a connection of its own) [default: echo]
    #[arg(long, help_heading = "What load", value_name = "WORK")]
    pub(crate) workload: Option<Workload>,

    /// How requests arrive [default: idle,closed,open]
    #[arg(long, help_heading = "What load", value_parser = values::load(), value_name = "LOADS", value_delimiter = ',')]
    pub(crate) load: Vec<LoadKind>,

    /// Requests/s in open load, or a share such as 70%
    ///
    /// In open load: requests/s such as 50000, or a share of what the slowest model holds, such
    /// as 70%, which a ramp finds (the same rate for all models) [default: 70%]. In churn load:
    /// connections/s
    #[arg(long, help_heading = "What load", value_name = "RATE")]
    pub(crate) rate: Option<Rate>,

    /// How the requests of open and churn load, and of a search, lie in time [default: poisson]
    #[arg(long, help_heading = "What load", hide_short_help = true, value_parser = values::arrivals())]
    pub(crate) arrivals: Option<Arrivals>,

    /// Seconds after which a reply in open and churn load is late [default: 5]
    #[arg(
        long,
        help_heading = "What load",
        hide_short_help = true,
        value_name = "S"
    )]
    pub(crate) deadline: Option<Seconds>,

    /// Loads from a file: see 'runner list'
    ///
    /// Loads from a file, instead of --load: one of scenarios/ by its name, such as million-idle,
    /// or a path. Other options go before what it says; --connections scales its ladders
    #[arg(
        long,
        help_heading = "What load",
        value_name = "NAME",
        conflicts_with = "load"
    )]
    pub(crate) scenario: Option<String>,

    /// Seconds for which an idle load's connections are held
    ///
    /// Seconds for which an idle load's connections are held at the top of the ladder, in rounds in which
    /// each has its turn: whether memory and descriptors stay as they are
    #[arg(
        long,
        help_heading = "What load",
        hide_short_help = true,
        value_name = "S"
    )]
    pub(crate) hold: Option<Seconds>,

    /// The target of a search for the capacity, such as 'p99<=2ms'
    #[arg(
        long,
        help_heading = "What load",
        hide_short_help = true,
        value_name = "TARGET"
    )]
    pub(crate) slo: Option<Slo>,

    /// Run the first model twice, under two names: what differs then is noise
    #[arg(long, help_heading = "Trust", hide_short_help = true)]
    pub(crate) aa: bool,

    /// Requests outstanding on each connection, in closed load [default: 1]
    #[arg(long, help_heading = "What load", hide_short_help = true, value_name = "K", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) outstanding: Option<u32>,

    /// I/O threads of each server process, or a ladder such as 1,2,4 [default: one for each of its CPUs]
    #[arg(
        long,
        help_heading = "Where, and how long",
        hide_short_help = true,
        value_name = "N",
        value_delimiter = ','
    )]
    pub(crate) threads: Vec<u32>,

    /// Threads of each generator process [default: one for each of its CPUs]
    #[arg(long, help_heading = "Where, and how long", hide_short_help = true, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) client_threads: Option<u32>,

    /// Generator processes [default: as many as the limit of open files asks for]
    #[arg(long, help_heading = "Where, and how long", hide_short_help = true, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) client_processes: Option<u32>,

    /// Processes of each server, which share its port [default: as many as the limit of open files
    /// asks for]
    #[arg(long, help_heading = "Where, and how long", hide_short_help = true, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) server_processes: Option<u32>,

    /// Network whose addresses connections come from, 10000 from each [default: 127.0.0.0/8]
    #[arg(
        long,
        help_heading = "What load",
        hide_short_help = true,
        value_name = "NETWORK"
    )]
    pub(crate) source: Option<Network>,

    /// A link instead of loopback: 'delay=1ms,loss=0.01%,rate=10gbit,mtu=1500'
    ///
    /// A link instead of loopback, such as 'delay=1ms,loss=0.01%,rate=10gbit,mtu=1500', each way:
    /// servers and generators are in network namespaces of their own, which takes root, iproute2 and,
    /// for delay and loss, a kernel with netem
    #[arg(long, help_heading = "What load", hide_short_help = true, value_name = "LINK", conflicts_with_all = ["source", "target"])]
    pub(crate) network: Option<Link>,

    /// Address that servers listen at, and no other
    ///
    /// Address that servers listen at, and no other: beyond loopback only with --allow-remote
    /// [default: 127.0.0.1]
    #[arg(
        long,
        help_heading = "What load",
        hide_short_help = true,
        value_name = "ADDRESS",
        conflicts_with_all = ["network", "target"]
    )]
    pub(crate) listen: Option<Ipv4Addr>,

    /// CPUs for servers, such as 0,1 [default: the first half]
    #[arg(
        long,
        help_heading = "Where, and how long",
        hide_short_help = true,
        value_name = "LIST",
        value_delimiter = ','
    )]
    pub(crate) server_cpus: Vec<usize>,

    /// CPUs for generators [default: the other half]
    #[arg(
        long,
        help_heading = "Where, and how long",
        hide_short_help = true,
        value_name = "LIST",
        value_delimiter = ','
    )]
    pub(crate) client_cpus: Vec<usize>,

    /// Directory for the run's own [default: bench-results]
    ///
    /// Directory in which the run's own directory is made [default: bench-results of this repository]
    #[arg(long, help_heading = "Output", value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,

    /// Seed of the order of models [default: another one each time]
    #[arg(
        long,
        help_heading = "Where, and how long",
        hide_short_help = true,
        value_name = "N"
    )]
    pub(crate) seed: Option<u64>,

    /// What the server's CPU time goes to, as a flame graph
    ///
    /// Record once for each model, after a measured window, what the server's CPU time goes to: a
    /// flame graph beside the report, and the top functions in it. Takes perf
    #[arg(long, help_heading = "Output", hide_short_help = true)]
    pub(crate) profile: bool,

    /// Run although memory won't do for so many connections
    #[arg(long, help_heading = "Where, and how long", hide_short_help = true)]
    pub(crate) force: bool,

    /// Print the plan and the command lines, and do nothing
    #[arg(long, help_heading = "Output")]
    pub(crate) dry_run: bool,

    /// Show the run's page in a browser, from the beginning on
    ///
    /// The page is written after each block, and reloads itself as long as the run goes on. A browser on
    /// this machine takes CPU time, which may disturb a window: checks would say so
    #[arg(long, help_heading = "Output")]
    pub(crate) open: bool,

    /// Show nothing but what came of the run, and errors
    #[arg(long, help_heading = "Output")]
    pub(crate) quiet: bool,

    /// Write the reports' text, not their paths, to standard output
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,

    /// Show every check with what was measured, not only the worst
    #[arg(long, help_heading = "Trust", hide_short_help = true)]
    pub(crate) explain: bool,

    #[command(flatten)]
    pub(crate) hosts: HostArgs,

    #[command(flatten)]
    pub(crate) gates: GateArgs,

    #[command(flatten)]
    pub(crate) baselines: BaselineArgs,

    /// Allow a server whose address is not on loopback
    #[arg(long, help_heading = "Which servers", hide_short_help = true)]
    pub(crate) allow_remote: bool,
}

impl RunArgs {
    /// What is said of servers that aren't ours.
    pub(crate) fn external(&self) -> ExternalOptions {
        ExternalOptions {
            wire: self.wire.or(self.http.as_ref().map(|_| Wire::Http1)),
            allow_remote: self.allow_remote,
            target: self.target.clone(),
            pid: self.pid,
        }
    }

    /// What is said of requests in HTTP, if anything is.
    fn http(&self) -> Option<HttpRequest> {
        let says = self.http.is_some() || !self.http_header.is_empty() || self.expect.is_some();
        says.then(|| HttpRequest {
            line: self.http.clone().unwrap_or_default(),
            fields: self.http_header.clone(),
            expect: self.expect.unwrap_or_default(),
        })
    }

    /// What is said of the run, beside its scenario.
    pub(crate) fn options(&self) -> Options {
        Options {
            connections: self.connections,
            window: self.duration,
            warm_up_max: self.warm_up,
            hold: self.hold,
            payload_bytes: self.payload,
            http: self.http(),
            trials: self.trials,
            patience: self.patience,
            workload: self.workload.clone(),
            loads: self.load.clone(),
            rate: self.rate,
            arrivals: self.arrivals,
            deadline: self.deadline,
            slo: self.slo,
            outstanding: self.outstanding,
            server_threads: self.threads.clone(),
            client_threads: self.client_threads,
            server_processes: self.server_processes,
            client_processes: self.client_processes,
            network: self.network,
            listen: self.listen,
            source: self.source,
            server_cpus: self.server_cpus.clone(),
            client_cpus: self.client_cpus.clone(),
            allow_remote: self.allow_remote,
        }
    }
}
