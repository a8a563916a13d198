//! `runner ceiling`: what this machine's loopback can do at all.

use crate::{
    exit::Exit,
    host::{guard, host},
    output,
    progress::ProgressLine,
};
use catalog::workspace::Workspace;
use clap::Args;
use generators::here::Here;
use measure::{
    null::best_windows,
    progress::Progress as _,
    trial::{Bench, Deviation},
};
use plan::{
    Plan, ceiling::NULL_ENGINES, descriptors::check_descriptors, host::Host, memory::check_memory,
};
use process::interrupt;
use protocol::wire::Wire;
use render::ceilings::{Ceiling, table};
use request::{
    Contestants, Request,
    options::{LoadKind, Options},
    refusal::Refusal,
    scenario::Seconds,
};
use toolchain::build::{self, Purpose};

#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
        runner ceiling\n  \
        runner ceiling --connections 100,30000 --json\n\n\
        Exit codes: 0 measured, 3 the null server failed.")]
pub(crate) struct CeilingArgs {
    /// Connections, all busy: each count is measured by itself
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_values_t = [50, 1_000, 10_000], value_parser = clap::value_parser!(u32).range(1..))]
    connections: Vec<u32>,

    /// Seconds of each window
    #[arg(long, value_name = "S")]
    duration: Option<Seconds>,

    /// The best of so many trials counts, for each way that the null server is built
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=100))]
    trials: u32,

    /// Payload of a request, in bytes [default: 64]
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(..=i64::from(protocol::wire::MAX_PAYLOAD_BYTES)))]
    payload: Option<u32>,

    /// Use what has been built before
    #[arg(long)]
    no_build: bool,

    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn ceiling(args: &CeilingArgs) -> anyhow::Result<Exit> {
    let workspace = Workspace::find()?;
    let packages = ["null", "loadgen"];
    let programs = build::programs(&workspace.tree, &packages, Purpose::Measured, args.no_build);
    if interrupt::asked() {
        return Ok(Exit::Interrupted);
    }
    let mut programs = programs?;
    let [null, loadgen] = packages.map(|package| build::take(&mut programs, package));
    let (null, loadgen) = (null?, loadgen?);
    let (host, guard) = (host(), guard());
    let generators = Here {
        program: loadgen,
        guard: guard.clone(),
    };
    let trials = args.connections.len() * NULL_ENGINES.len();
    let progress = ProgressLine::new(false);
    progress.expect(trials as u64 * u64::from(args.trials));
    let mut ceilings = Vec::new();
    for &connections in &args.connections {
        let plan = args.plan(connections, &host)?;
        let bench = Bench {
            plan: &plan,
            generators: &generators,
            guard: &guard,
            backend: None,
            allow_remote: false,
            progress: &progress,
            samples: true,
            counts_syscalls: true,
            deviation: Deviation::None,
        };
        match best_windows(&bench, &null, args.trials) {
            Ok(best) => {
                ceilings.extend(best.iter().map(|(engine, step)| Ceiling::of(engine, step)));
            }
            Err(error) if error.is_interrupt() => return Ok(Exit::Interrupted),
            Err(error) => {
                progress.finish();
                output::say(format_args!("the null server failed: {error}"));
                return Ok(Exit::Failed);
            }
        }
    }
    progress.finish();
    if args.json {
        output::line(serde_json::to_string_pretty(&ceilings)?);
    } else {
        output::line(table(&ceilings));
    }
    Ok(Exit::Fine)
}

impl CeilingArgs {
    /// As a run over so many connections would do it.
    fn plan(&self, connections: u32, host: &Host) -> Result<Plan, Refusal> {
        let options = Options {
            connections: Some(connections),
            window: self.duration,
            payload_bytes: self.payload,
            loads: vec![LoadKind::Closed],
            ..Options::default()
        };
        let nobody = Contestants {
            names: Vec::new(),
            addresses: Vec::new(),
            wire: Wire::Framed,
            message_bytes: None,
        };
        let plan = plan::decide(Request::resolve(&options, None, nobody, 0)?, host)?;
        check_memory(&plan, host, None)?;
        check_descriptors(&plan, host)?;
        Ok(plan)
    }
}
