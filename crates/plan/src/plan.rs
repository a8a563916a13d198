//! The plan of a run: all that is decided before it starts.

use crate::{others::Others, shards::CONNECTIONS_PER_SOURCE, window::longest_us};
use protocol::{client::Workload, http::HttpRequest, wire::Wire};
use report::{
    link::Link,
    primary::primary_figures,
    run::{self, PlannedLoad},
    trial::Load,
};
use request::network::{LINK_SERVER, Source};
use std::net::Ipv4Addr;

/// How finely the course of a load is seen.
const INTERVAL_US: u64 = 50_000;
/// In long windows, and of many generator processes, less finely: looking must not be work.
const INTERVAL_LONG_US: u64 = 1_000_000;
const WINDOW_LONG_US: u64 = 60_000_000;
const PROCESSES_FEW: u32 = 4;

/// But so many are looked at together, to tell whether a load is steady: a window has as many, and so has a
/// warm-up of many processes.
const INTERVALS_MIN: u64 = 20;

/// Intervals of an idle window, at most. Each generator process keeps 12 kB for each until the window
/// is over, which would be taken for the connections' memory.
const IDLE_INTERVALS_MAX: u64 = 60;

/// What a run will do.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Names of the models.
    pub models: Vec<String>,
    /// The scenario's name, where loads come from one.
    pub scenario: Option<String>,
    /// One trial of each model and load in each; with `looks`, at most so many.
    pub blocks: u32,
    /// After so many of them it is seen whether models are told apart, ascending, the last is
    /// `blocks`; empty: after none.
    pub looks: Vec<u32>,
    /// For blocks that are made again, and for those after the first look.
    pub patience_s: Option<f64>,
    /// Of the shuffling and of schedules.
    pub seed: u64,
    /// What all servers speak.
    pub wire: Wire,
    /// What requests ask for.
    pub workload: Workload,
    /// Payload of a request (framed), its size (raw, websocket), or that of its body (http1).
    pub payload_bytes: u32,
    /// What is asked in HTTP.
    pub http: Option<HttpRequest>,
    /// What is measured in each block.
    pub loads: Vec<PlannedLoad>,
    /// Processes of each server, which share its port.
    pub server_processes: u32,
    /// I/O threads of each server process; with a ladder its top.
    pub server_threads: u32,
    /// Each model takes part with each of these numbers of threads, ascending; empty: no ladder.
    pub server_threads_ladder: Vec<u32>,
    /// CPUs that servers run on; empty: any. With a ladder, in the order in which they are used.
    pub server_cpus: Vec<usize>,
    /// Generator processes.
    pub client_processes: u32,
    /// Threads of each generator process.
    pub client_threads: u32,
    /// CPUs that generators run on; empty: any.
    pub client_cpus: Vec<usize>,
    /// CPUs that the backend runs on, where servers relay; empty: any.
    pub backend_cpus: Vec<usize>,
    /// The most files that a process may have open; `None`: no limit.
    pub open_files_max: Option<u64>,
    /// The link between servers and generators; `None`: loopback.
    pub network: Option<Link>,
    /// Where servers listen; `None`: on loopback, or at their end of the link.
    pub listen: Option<Ipv4Addr>,
    /// Other machines, which generate the load; `None`: this one does.
    pub others: Option<Others>,
    /// What the machines of the run are, this one first; empty: there is only this one.
    pub hosts: Vec<String>,
    /// Where connections come from.
    pub source: Source,
    /// From how many addresses of it.
    pub source_addresses: u32,
    /// So many from one address, before the next has its turn.
    pub connections_per_source: u32,
    /// How long all blocks will take, without builds.
    pub expected_s: f64,
    /// All servers run already.
    pub is_target: bool,
}

impl Plan {
    /// The plan of an empty run: one process of one thread on each side, echoes of 64 bytes.
    pub fn of_one_thread(seed: u64) -> Self {
        Self {
            models: Vec::new(),
            scenario: None,
            blocks: 1,
            looks: Vec::new(),
            patience_s: None,
            seed,
            wire: Wire::Framed,
            workload: Workload::Echo,
            payload_bytes: 64,
            http: None,
            loads: Vec::new(),
            server_processes: 1,
            server_threads: 1,
            server_threads_ladder: Vec::new(),
            server_cpus: Vec::new(),
            client_processes: 1,
            client_threads: 1,
            client_cpus: Vec::new(),
            backend_cpus: Vec::new(),
            open_files_max: None,
            network: None,
            listen: None,
            others: None,
            hosts: Vec::new(),
            source: Source::LOOPBACK,
            source_addresses: 1,
            connections_per_source: CONNECTIONS_PER_SOURCE,
            expected_s: 0.0,
            is_target: false,
        }
    }

    /// The plan as it is for a step of the ladder: a server of so many threads, on as many CPUs, as
    /// far as there are. `None`, for who is on none: the plan as it is.
    pub fn at_threads(&self, threads: Option<u32>) -> Self {
        let mut plan = self.clone();
        if let Some(threads) = threads {
            plan.server_threads = threads;
            let cpus = threads.saturating_mul(self.server_processes);
            plan.server_cpus
                .truncate(cpus.try_into().unwrap_or(usize::MAX));
        }
        plan
    }

    /// The address that servers of this run are told to listen at.
    pub fn server_ip(&self) -> Ipv4Addr {
        match self.network {
            Some(_) => LINK_SERVER,
            None => self.listen.unwrap_or(Ipv4Addr::LOCALHOST),
        }
    }

    /// Whether servers pass requests on to a backend.
    pub fn relays(&self) -> bool {
        self.workload == Workload::Relay
    }

    /// Connections that one of a client takes, with the one that a relay has to the backend for it.
    pub(crate) fn connections_each(&self) -> u32 {
        1 + u32::from(self.relays())
    }

    /// Whether the backend, if there is one, may run on one of these CPUs.
    pub(crate) fn has_backend_on(&self, cpus: &[usize]) -> bool {
        let is_there = |cpu| self.backend_cpus.contains(cpu);
        self.relays() && (self.backend_cpus.is_empty() || cpus.iter().any(is_there))
    }

    /// The CPUs that the generator and a relay's backend keep off; none when somebody shares some.
    pub fn cpus_of_the_server_alone(&self) -> &[usize] {
        if self.has_backend_on(&self.server_cpus) {
            return &[];
        }
        if self.are_generators_apart() {
            return &self.server_cpus;
        }
        let is_shared = |cpu| self.client_cpus.contains(cpu);
        match self.client_cpus.is_empty() || self.server_cpus.iter().any(is_shared) {
            true => &[],
            false => &self.server_cpus,
        }
    }

    /// The server's first CPU and the generator's, where each has its own on this machine.
    pub fn first_cpus(&self) -> Option<[usize; 2]> {
        let here = !self.are_generators_apart();
        let server = self.cpus_of_the_server_alone().first().filter(|_| here);
        Some([*server?, *self.client_cpus.first()?])
    }

    /// Whether generators run on no CPU of this machine.
    pub(crate) fn are_generators_apart(&self) -> bool {
        let others = self.others.as_ref();
        others.is_some_and(|others| !others.shares_cpus)
    }

    /// The seed of a block's schedules: the same for all models in it.
    pub fn schedule_seed(&self, block: u32) -> u64 {
        self.seed.wrapping_mul(1000).wrapping_add(block.into())
    }

    /// The most connections of any load.
    pub fn connections_max(&self) -> u32 {
        let loads = self.loads.iter();
        loads.map(PlannedLoad::connections_max).max().unwrap_or(1)
    }

    /// How finely the course of this load is seen. Every generator process tells each interval.
    pub fn interval_us(&self, load: &PlannedLoad) -> u64 {
        let window_us = longest_us(load);
        let shortest_us = load.window_us.min(load.warm_up_max_us.unwrap_or(u64::MAX));
        let interval_us = if window_us > WINDOW_LONG_US {
            INTERVAL_LONG_US
        } else if self.client_processes > PROCESSES_FEW {
            (shortest_us / INTERVALS_MIN).clamp(INTERVAL_US, INTERVAL_LONG_US)
        } else {
            INTERVAL_US
        };
        match load.load {
            Load::Idle { .. } => interval_us.max(window_us / IDLE_INTERVALS_MAX),
            _ => interval_us,
        }
    }

    /// The plan as reports hold it.
    pub fn to_report(&self) -> run::Plan {
        run::Plan {
            models: self.models.clone(),
            scenario: self.scenario.clone(),
            blocks: self.blocks,
            looks: self.looks.clone(),
            patience_s: self.patience_s,
            primary_figures: primary_figures(&self.loads),
            seed: self.seed,
            wire: self.wire.word().to_owned(),
            workload: self.workload.to_string(),
            payload_bytes: self.payload_bytes,
            http: self.http.as_ref().map(http_of_report),
            loads: self.loads.clone(),
            server_processes: self.server_processes,
            server_threads: self.server_threads,
            server_threads_ladder: self.server_threads_ladder.clone(),
            server_cpus: self.server_cpus.clone(),
            client_processes: self.client_processes,
            client_threads: self.client_threads,
            client_cpus: self.client_cpus.clone(),
            backend_cpus: self.relays().then(|| self.backend_cpus.clone()),
            open_files_max: self.open_files_max,
            network: self.network,
            hosts: self.hosts.clone(),
            source_network: self.source_network(),
            source_addresses: self.source_addresses,
            connections_per_source: self.connections_per_source,
            expected_s: self.expected_s,
            is_target: self.is_target,
        }
    }

    /// In words, where it is no network of ours.
    fn source_network(&self) -> String {
        match (self.source, &self.others) {
            (Source::Towards(_), Some(_)) if self.source_addresses > 1 => {
                "each host, in the servers' network".to_owned()
            }
            (Source::Towards(_), Some(_)) => "each host, by the kernel's choice".to_owned(),
            (source, _) => source.to_string(),
        }
    }
}

/// Values of fields may be secrets, so reports have their names only.
fn http_of_report(request: &HttpRequest) -> run::HttpRequest {
    let fields = request.fields.iter();
    run::HttpRequest {
        line: request.line.to_string(),
        fields: fields.map(|field| field.name.clone()).collect(),
        expect: request.expect.to_string(),
    }
}
