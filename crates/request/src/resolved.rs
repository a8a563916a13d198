//! What a person asked for: scenario, options and defaults resolved, complete.

use crate::{
    http, loads,
    network::{Network, Source},
    options::{Options, Trials},
    refusal::Refusal,
    scenario::Scenario,
};
use protocol::{
    client::Workload,
    http::HttpRequest,
    wire::{RAW_PREFIX_BYTES, Wire},
};
use report::{
    link::Link,
    run::{MODELS_MAX, PlannedLoad},
};
use std::net::{IpAddr, Ipv4Addr};

/// Of a request, if nobody says otherwise.
const PAYLOAD_BYTES: u32 = 64;

/// Trials of each model: enough to see how a figure varies; enough to tell models apart.
const TRIALS_OF_ONE: u32 = 3;
const TRIALS_OF_SEVERAL: u32 = 6;

/// After so many blocks it is seen whether models are told apart, where their number isn't fixed: the
/// least that a comparison takes, then half as many again each time.
const LOOKS: [u32; 4] = [6, 9, 13, 18];

/// Who takes part, and what they have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contestants {
    /// Their names.
    pub names: Vec<String>,
    /// Where they listen, each: loopback, unless it is known to be elsewhere. `None`: at a Unix socket.
    pub addresses: Vec<Option<IpAddr>>,
    /// The wire that all of them speak.
    pub wire: Wire,
    /// The size of every message, where one of them has only one.
    pub message_bytes: Option<u32>,
}

/// A request. What is `None` or empty in it depends on the host.
#[derive(Clone, Debug)]
pub struct Request {
    /// Names of the models.
    pub models: Vec<String>,
    /// The scenario's name, where there is one.
    pub scenario: Option<String>,
    /// One trial of each model and load in each; with `looks`, at most so many.
    pub blocks: u32,
    /// After so many of them it is seen whether models are told apart; empty: after none.
    pub looks: Vec<u32>,
    /// For blocks that are made again, and for those after the first look.
    pub patience_s: Option<f64>,
    /// Of the order of trials and of schedules.
    pub seed: u64,
    /// What all servers speak.
    pub wire: Wire,
    /// What requests ask for.
    pub workload: Workload,
    /// The size that every payload has; on the raw wire every message.
    pub payload_bytes: u32,
    /// What is asked in HTTP.
    pub http: Option<HttpRequest>,
    /// What is measured in each block.
    pub loads: Vec<PlannedLoad>,
    /// Of each server.
    pub server_processes: Option<u32>,
    /// I/O threads of each server process: a number, or a ladder, ascending.
    pub server_threads: Vec<u32>,
    /// CPUs for servers.
    pub server_cpus: Vec<usize>,
    /// Of the generator.
    pub client_processes: Option<u32>,
    /// Threads of each generator process.
    pub client_threads: Option<u32>,
    /// CPUs for generators.
    pub client_cpus: Vec<usize>,
    /// The link between servers and generators; `None`: loopback.
    pub network: Option<Link>,
    /// Where servers listen, if not on loopback.
    pub listen: Option<Ipv4Addr>,
    /// Where connections come from.
    pub source: Source,
    /// A server of the run is reached from one address only.
    pub one_address: bool,
}

impl Request {
    /// Resolves what was asked for. `scenario` has its name beside it; without one, options alone
    /// say which loads there are.
    ///
    /// # Errors
    /// Options that don't fit each other, with the way out.
    pub fn resolve(
        options: &Options,
        scenario: Option<(String, Scenario)>,
        contestants: Contestants,
        seed: u64,
    ) -> Result<Self, Refusal> {
        let (name, scenario) = match scenario {
            Some((name, scenario)) => (Some(name), scenario),
            None => (None, loads::of_options(options)),
        };
        check_listen(options)?;
        let listens = |address: &IpAddr| match options.listen {
            Some(listen) if address.is_loopback() => listen.into(),
            _ => *address,
        };
        let of_tcp = contestants.addresses.iter().flatten();
        let addresses: Vec<IpAddr> = of_tcp.map(listens).collect();
        let has_tcp = contestants.addresses.is_empty() || !addresses.is_empty();
        let (source, one_address) = match has_tcp {
            true => source_of(options, &addresses)?,
            false => (Source::Nowhere, false),
        };
        let Contestants {
            names,
            addresses: _,
            wire,
            message_bytes,
        } = contestants;
        let server_threads = threads(options, &scenario)?;
        let names = each_with(names, &server_threads);
        if names.len() > MODELS_MAX {
            return Err(Refusal::new(format!(
                "{} models, each with its number of threads: a run has up to {MODELS_MAX}, which are compared \
                 pair by pair",
                names.len()
            )));
        }
        let workload = options.workload.as_ref().or(scenario.workload.as_ref());
        let workload = workload.cloned().unwrap_or(Workload::Echo);
        let payload_bytes = options.payload_bytes.or(scenario.payload_bytes);
        let http = http::request_on(wire, options.http.clone(), &workload, payload_bytes)?;
        let payload_bytes = match &http {
            Some(http) if wire == Wire::Http1 && !http.line.has_body() => 0,
            _ => payload_bytes_on(wire, payload_bytes, message_bytes, &workload)?,
        };
        let trials = match names.len() {
            1 => TRIALS_OF_ONE,
            _ => TRIALS_OF_SEVERAL,
        };
        let asked = options.trials.or(scenario.trials.map(Trials::Fixed));
        let (blocks, looks) = match asked.unwrap_or(Trials::Fixed(trials)) {
            Trials::Fixed(blocks) => (blocks, Vec::new()),
            Trials::Auto => (LOOKS[LOOKS.len() - 1], LOOKS.to_vec()),
        };
        Ok(Self {
            loads: loads::loads(options, &scenario, names.len())?,
            models: names,
            scenario: name,
            blocks,
            looks,
            patience_s: options.patience.map(|patience| patience.s),
            seed,
            wire,
            workload,
            payload_bytes,
            http,
            server_processes: options.server_processes,
            server_threads,
            server_cpus: options.server_cpus.clone(),
            client_processes: options.client_processes,
            client_threads: options.client_threads,
            client_cpus: options.client_cpus.clone(),
            network: options.network,
            listen: options.listen,
            source,
            one_address,
        })
    }
}

/// Threads of a process, at most.
pub const THREADS_MAX: u32 = 1024;

/// I/O threads of each server process.
fn threads(options: &Options, scenario: &Scenario) -> Result<Vec<u32>, Refusal> {
    let asked = match options.server_threads.is_empty() {
        true => scenario.threads.as_ref().map(|ladder| ladder.0.clone()),
        false => Some(options.server_threads.clone()),
    };
    let asked = asked.unwrap_or_default();
    let ascends = asked.windows(2).all(|pair| pair[0] < pair[1]);
    match asked
        .iter()
        .all(|threads| (1..=THREADS_MAX).contains(threads))
        && ascends
    {
        true => Ok(asked),
        false => Err(Refusal::new(format!(
            "threads are a number from 1 to {THREADS_MAX}, or several that ascend"
        ))),
    }
}

/// What a model is called at one step of a ladder of threads.
pub fn name_at(name: &str, threads: u32) -> String {
    format!("{name}@{threads}")
}

/// Each of them at each step of the ladder, if it is one.
fn each_with(names: Vec<String>, threads: &[u32]) -> Vec<String> {
    if threads.len() < 2 {
        return names;
    }
    let each = |name: &String| -> Vec<String> {
        threads
            .iter()
            .map(|&threads| name_at(name, threads))
            .collect()
    };
    names.iter().flat_map(each).collect()
}

/// A listener binds this address and no other, so it has to be one, and nobody shall find themselves
/// on a network without having said so.
fn check_listen(options: &Options) -> Result<(), Refusal> {
    let Some(listen) = options.listen else {
        return Ok(());
    };
    if listen.is_unspecified() || listen.is_multicast() || listen.is_broadcast() {
        return Err(Refusal::new(format!(
            "--listen {listen}: one address of this machine, which generators can connect to"
        )));
    }
    if !listen.is_loopback() && !options.allow_remote {
        return Err(Refusal::new(format!(
            "--listen {listen}: that is beyond loopback, where others may reach the servers; \
             --allow-remote lets them listen there all the same"
        )));
    }
    Ok(())
}

/// Where connections come from, and whether a server is reached from one address only.
fn source_of(options: &Options, servers: &[IpAddr]) -> Result<(Source, bool), Refusal> {
    if options.network.is_some() {
        return Ok((Source::Of(Network::OF_GENERATORS), false));
    }
    let source = options.source.map_or(Source::LOOPBACK, Source::Of);
    if let Some(network) = options.source {
        if !network.first().is_loopback() && !options.allow_remote {
            return Err(Refusal::new(format!(
                "--source {network}: servers listen on loopback, which only 127.0.0.0/8 reaches"
            )));
        }
        if let Some(server) = servers.iter().find(|&&server| !source.reaches(server)) {
            return Err(Refusal::new(format!(
                "--source {network}: from there nobody reaches {server}; without it the kernel \
                 takes an address that does"
            )));
        }
    }
    let mut unreached = servers.iter().filter(|&&server| !source.reaches(server));
    let Some(&first) = unreached.next() else {
        return Ok((source, false));
    };
    let is_all = unreached.count() + 1 == servers.len();
    let source = if is_all {
        Source::Towards(first)
    } else {
        source
    };
    Ok((source, true))
}

/// The size that every message will have.
fn payload_bytes_on(
    wire: Wire,
    asked: Option<u32>,
    of_server: Option<u32>,
    workload: &Workload,
) -> Result<u32, Refusal> {
    let bytes = match (asked, of_server) {
        (Some(asked), Some(only)) if asked != only => {
            return Err(Refusal::new(format!(
                "messages of a server that takes part have {only} bytes: --payload {only}"
            )));
        }
        (asked, of_server) => of_server.or(asked).unwrap_or(PAYLOAD_BYTES),
    };
    if wire == Wire::Framed {
        return Ok(bytes);
    }
    if wire == Wire::Raw && !matches!(workload, Workload::Echo | Workload::Relay) {
        return Err(Refusal::new(format!(
            "the raw wire, which all servers of this run speak, has echoes only, and no {workload}"
        )));
    }
    if matches!(wire, Wire::Raw | Wire::Websocket) && (bytes as usize) < RAW_PREFIX_BYTES {
        return Err(Refusal::new(format!(
            "--payload {bytes}: a message of the {} wire has {RAW_PREFIX_BYTES} bytes at least",
            wire.word()
        )));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Patience;

    fn of_two(options: &Options) -> Result<Request, Refusal> {
        let contestants = Contestants {
            names: vec!["a".to_owned(), "b".to_owned()],
            addresses: Vec::new(),
            wire: Wire::Framed,
            message_bytes: None,
        };
        Request::resolve(options, None, contestants, 1)
    }

    #[test]
    fn where_trials_go_on_the_looks_are_fixed_beforehand() {
        let auto = Options {
            trials: Some(Trials::Auto),
            patience: Some(Patience { s: 60.0 }),
            ..Options::default()
        };
        let request = of_two(&auto).unwrap();
        assert_eq!((request.looks, request.blocks), (vec![6, 9, 13, 18], 18));
        assert_eq!(request.patience_s, Some(60.0));
        let request = of_two(&Options::default()).unwrap();
        assert_eq!((request.looks, request.blocks), (vec![], 6));
    }

    #[test]
    fn each_model_takes_part_with_each_number_of_threads() {
        let asked = |threads: &[u32]| {
            of_two(&Options {
                server_threads: threads.to_vec(),
                ..Options::default()
            })
        };
        let ladder = asked(&[1, 2, 4]).unwrap();
        assert_eq!(ladder.models, ["a@1", "a@2", "a@4", "b@1", "b@2", "b@4"]);
        assert_eq!(asked(&[2]).unwrap().models, ["a", "b"]);
        for wrong in [&[2, 1][..], &[1, 1], &[0], &[1025]] {
            assert!(asked(wrong).is_err(), "{wrong:?}");
        }
    }

    /// A run that nobody could read again.
    #[test]
    fn more_models_than_a_run_has_are_refused() {
        let refusal = of_two(&Options {
            server_threads: (1..=101).collect(),
            ..Options::default()
        });
        let said = refusal.unwrap_err().to_string();
        assert!(said.starts_with("202 models"), "{said}");
    }

    #[test]
    fn nobody_listens_on_a_network_without_having_said_so() {
        let asked = |allow_remote| {
            of_two(&Options {
                listen: Some(Ipv4Addr::new(192, 0, 2, 1)),
                allow_remote,
                ..Options::default()
            })
        };
        let said = asked(false).unwrap_err().to_string();
        assert!(said.contains("servers; --allow-remote"), "{said}");
        assert!(asked(true).is_ok());
    }
}
