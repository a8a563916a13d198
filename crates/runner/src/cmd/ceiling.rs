//! `runner ceiling`: what this machine's loopback can do at all.

use crate::{
    build, ceiling,
    cli::{LoadArg, RunArgs},
    discover::Workspace,
    interrupt, output,
    plan::{self, Seconds},
    progress::Progress,
    trial::Bench,
    usage::usage,
};
use clap::Args;
use comfy_table::{CellAlignment, Table, presets};
use protocol::wire::Wire;
use report::{rules, summary::rate_per_s, trial::Step};
use serde::Serialize;
use std::process::ExitCode;

const EXIT_FAILED: u8 = 3;
const EXIT_INTERRUPTED: u8 = 130;

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

/// What `--json` prints of each count.
#[derive(Serialize)]
struct Ceiling {
    connections: u32,
    engine: &'static str,
    rate_per_s: f64,
    service_time_p50_us: f64,
    service_time_p99_us: f64,
    server_cpu_us_per_request: f64,
    generator_cpu_us_per_request: f64,
    generator_bound: bool,
}

pub(crate) fn ceiling(args: &CeilingArgs) -> anyhow::Result<ExitCode> {
    let workspace = Workspace::find()?;
    let build = |package| {
        build::executable(&workspace, package, args.no_build).map_err(|failure| {
            if args.no_build {
                usage(failure.reason)
            } else {
                anyhow::anyhow!("{}\n{}", failure.reason, failure.stderr_tail)
            }
        })
    };
    let programs = build("null").and_then(|null| Ok((null, build("loadgen")?)));
    if interrupt::asked() {
        return Ok(ExitCode::from(EXIT_INTERRUPTED));
    }
    let (null, loadgen) = programs?;
    let engines = ceiling::NULL_ENGINES.len() as u64;
    let trials = args.connections.len() as u64 * engines * u64::from(args.trials);
    let progress = Progress::new(trials);
    let mut ceilings = Vec::new();
    for &connections in &args.connections {
        // As a run over so many connections would do it.
        let run = RunArgs {
            connections: Some(connections),
            duration: args.duration,
            payload: args.payload,
            load: vec![LoadArg::Closed],
            ..RunArgs::default()
        };
        let plan = plan::decide(&run, None, Vec::new(), (Wire::Framed, None))?;
        plan::check_memory(&plan, crate::sample::available_bytes())?;
        let bench = Bench {
            plan: &plan,
            loadgen: &loadgen,
            allow_remote: false,
            progress: &progress,
        };
        let (load, engines) = (&plan.loads[0], &ceiling::NULL_ENGINES);
        match ceiling::null_steps(&bench, &null, load, engines, args.trials) {
            Ok(steps) => {
                let of_engine = |engine| steps.iter().filter(move |(its, _)| *its == engine);
                let best = engines.iter().filter_map(|&engine| best(of_engine(engine)));
                ceilings.extend(best.map(|(engine, step)| Ceiling::of(engine, step)));
            }
            Err(error) if error.is_interrupt() => return Ok(ExitCode::from(EXIT_INTERRUPTED)),
            Err(error) => {
                progress.finish();
                output::say(format_args!("the null server failed: {error}"));
                return Ok(ExitCode::from(EXIT_FAILED));
            }
        }
    }
    progress.finish();
    if args.json {
        output::line(serde_json::to_string_pretty(&ceilings)?);
    } else {
        output::line(table(&ceilings));
    }
    Ok(ExitCode::SUCCESS)
}

type Window = (&'static str, Step);

fn best<'a>(windows: impl Iterator<Item = &'a Window>) -> Option<&'a Window> {
    let rate = |(_, step): &&Window| rate_per_s(step);
    windows.max_by(|a, b| rate(a).total_cmp(&rate(b)))
}

impl Ceiling {
    fn of(engine: &'static str, step: &Step) -> Self {
        // Both are ours, and known.
        let per_request = |cpu_s: Option<f64>| {
            cpu_s.unwrap_or(f64::NAN) * 1e6 / step.window.requests.max(1) as f64
        };
        Self {
            connections: step.connections,
            engine,
            rate_per_s: rate_per_s(step),
            service_time_p50_us: step.window.service_time_us.p50,
            service_time_p99_us: step.window.service_time_us.p99,
            server_cpu_us_per_request: per_request(step.server.cpu_total_s()),
            generator_cpu_us_per_request: per_request(step.generator.cpu_total_s()),
            generator_bound: rules::is_generator_bound(step),
        }
    }
}

fn table(ceilings: &[Ceiling]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    table.set_header([
        "connections",
        "null server on",
        "echoes, 1/s",
        "service time, us\np50 / p99",
        "server CPU\nus/request",
        "generator CPU\nus/request",
        "limited by",
    ]);
    for one in ceilings {
        table.add_row([
            one.connections.to_string(),
            one.engine.to_owned(),
            format!("{:.0}", one.rate_per_s),
            format!(
                "{:.0} / {:.0}",
                one.service_time_p50_us, one.service_time_p99_us
            ),
            format!("{:.2}", one.server_cpu_us_per_request),
            format!("{:.2}", one.generator_cpu_us_per_request),
            if one.generator_bound {
                "the generator"
            } else {
                "the server"
            }
            .to_owned(),
        ]);
    }
    for column in table.column_iter_mut() {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
