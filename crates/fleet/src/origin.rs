//! Rank 0: sees who is there, and is the runner.

use crate::{
    beside::{facts, hostname},
    messages::{Facts, Hello, ToRank},
    post::Post,
    ranks::{Neighbour, Ranks},
};
use anyhow::{Context as _, bail};
use measure::fleet::{Fleet, Machine};
use mpi::topology::Rank;
use plan::others::OwnAddress;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    ffi::OsString,
    process::ExitCode,
    rc::Rc,
    time::{Duration, Instant},
};

/// All ranks are there when MPI is: what they say of themselves follows at once.
const HELLO_LIMIT: Duration = Duration::from_secs(30);

/// What the runner takes for wrong use, too.
const WRONG_USE: u8 = 2;

pub(crate) fn run(post: &Rc<Post>, size: Rank, args: Vec<OsString>) -> ExitCode {
    let code = match meet(post, size) {
        Ok(there) => runner::main_with(args, Some(fleet(post, there))),
        Err(error) => {
            eprintln!("error: {error:#}");
            WRONG_USE.into()
        }
    };
    for rank in 1..size {
        // Who doesn't hear it is ended by the launcher.
        let _ = post.send(rank, &ToRank::Leave);
    }
    code
}

/// Waits for all ranks, and sees that they are of one make.
fn meet(post: &Post, size: Rank) -> anyhow::Result<Vec<(Rank, Facts)>> {
    let own = Hello::of_this(hostname());
    let mut names = BTreeMap::new();
    let mut there = BTreeMap::new();
    let deadline = Instant::now() + HELLO_LIMIT;
    while there.len() + 1 < size as usize {
        let Some((rank, said)) = post.receive_until::<Value>(deadline)? else {
            let silent: Vec<String> = (1..size)
                .filter(|rank| !there.contains_key(rank))
                .map(|rank| named(rank, &names))
                .collect();
            // They may hang, and MPI would wait for them.
            post.abort(&format!(
                "nothing is heard of {} after {} s",
                silent.join(", "),
                HELLO_LIMIT.as_secs()
            ));
        };
        if names.contains_key(&rank) {
            let facts = serde_json::from_value(said);
            let facts = facts.with_context(|| format!("{} says it wrong", named(rank, &names)))?;
            there.insert(rank, facts);
            continue;
        }
        let hello: Hello = serde_json::from_value(said)
            .with_context(|| format!("host {rank} has another version of fleet"))?;
        names.insert(rank, hello.hostname.clone());
        if let Err(reason) = own.agrees_with(&hello) {
            bail!(
                "{} {reason}: all machines need the programs of one build",
                named(rank, &names)
            );
        }
    }
    for rank in 1..size {
        eprintln!("{}", named(rank, &names));
    }
    Ok(there.into_iter().collect())
}

/// For the terminal: reports have the number alone.
fn named(rank: Rank, names: &BTreeMap<Rank, String>) -> String {
    match names.get(&rank) {
        Some(hostname) => format!("host {rank} ({hostname})"),
        None => format!("host {rank}"),
    }
}

fn fleet(post: &Rc<Post>, there: Vec<(Rank, Facts)>) -> Fleet {
    let own = facts();
    let of_boot = |boot: &str| {
        let all = there.iter().map(|(_, facts)| facts).chain([&own]);
        all.filter(|facts| facts.boot == boot).count()
    };
    let neighbours = there.iter().map(|(rank, facts)| Neighbour {
        rank: *rank,
        name: format!("host {rank}"),
        is_here: facts.boot == own.boot && facts.process_namespace == own.process_namespace,
        shares_machine: of_boot(&facts.boot) > 1,
    });
    let neighbours: Vec<Neighbour> = neighbours.collect();
    let own_address = |(address, prefix)| OwnAddress { address, prefix };
    let machines = there.into_iter().map(|(rank, facts)| Machine {
        name: format!("host {rank}"),
        cpus: facts.cpus,
        open_files_max: facts.open_files_max,
        ports: facts.ports,
        shares_cpus: facts.boot == own.boot,
        addresses: facts.addresses.into_iter().map(own_address).collect(),
        environment: facts.environment,
    });
    let machines = machines.collect();
    let post = Rc::clone(post);
    Fleet {
        hostname: hostname(),
        machines,
        generators: Box::new(move |program| {
            Ok(Rc::new(Ranks::new(&post, neighbours.clone(), program)?))
        }),
    }
}
