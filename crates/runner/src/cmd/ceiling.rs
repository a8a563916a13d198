//! `runner ceiling`: what this machine's loopback can do at all.

use crate::{
    exit::Exit,
    host::{guard, host},
    output,
    progress::ProgressLine,
};
use analysis::{
    rules,
    step::{cpu_us_per_request, generator_cpu_us_per_request, rate_per_s},
};
use catalog::workspace::Workspace;
use clap::Args;
use comfy_table::{CellAlignment, Table, presets};
use generators::here::Here;
use measure::{
    null::Null,
    progress::Progress as _,
    trial::{Bench, Deviation, TrialError},
};
use plan::{
    Plan, ceiling::NULL_ENGINES, descriptors::check_descriptors, host::Host, memory::check_memory,
};
use process::interrupt;
use protocol::wire::Wire;
use render::numbers::whole;
use report::trial::Step;
use request::{
    Contestants, Request,
    options::{LoadKind, Options},
    refusal::Refusal,
    scenario::Seconds,
};
use serde::Serialize;
use std::path::Path;
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

/// What `--json` prints of each count.
#[derive(Serialize)]
struct Ceiling {
    connections: u32,
    engine: &'static str,
    rate_per_s: f64,
    service_time_p50_us: f64,
    service_time_p99_us: f64,
    server_cpu_us_per_request: Option<f64>,
    generator_cpu_us_per_request: Option<f64>,
    generator_bound: bool,
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

/// The best window of the null server on each engine that can be had here.
fn best_windows(
    bench: &Bench<'_>,
    program: &Path,
    trials: u32,
) -> Result<Vec<(&'static str, Step)>, TrialError> {
    let mut nulls = NULL_ENGINES.map(|engine| (engine, Null::on(engine, bench, program)));
    // In turn: the machine's mood shall not choose between them.
    for block in 1..=trials {
        for (_, null) in &mut nulls {
            null.take_turn(bench, block, &bench.plan.loads[0])?;
        }
    }
    let best = nulls.into_iter().filter_map(|(engine, null)| {
        let steps = null.report.trials.into_iter().flat_map(|trial| trial.steps);
        let best = steps.max_by(|a, b| rate_per_s(a).total_cmp(&rate_per_s(b)));
        Some((engine, best?))
    });
    Ok(best.collect())
}

impl Ceiling {
    fn of(engine: &'static str, step: &Step) -> Self {
        Self {
            connections: step.connections,
            engine,
            rate_per_s: rate_per_s(step),
            service_time_p50_us: step.window.service_time_us.p50,
            service_time_p99_us: step.window.service_time_us.p99,
            server_cpu_us_per_request: cpu_us_per_request(step),
            generator_cpu_us_per_request: generator_cpu_us_per_request(step),
            generator_bound: rules::is_generator_bound(step),
        }
    }
}

/// Fits into 80 columns.
fn table(ceilings: &[Ceiling]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    table.set_header([
        "connec-\ntions",
        "null\nserver\non",
        "echoes\n1/s",
        "service time\nus, p50/p99",
        "server\nCPU us\n/echo",
        "genera-\ntor's",
        "limited\nby the",
    ]);
    for one in ceilings {
        table.add_row([
            whole(one.connections.into()),
            one.engine.to_owned(),
            whole(one.rate_per_s),
            format!(
                "{}/{}",
                whole(one.service_time_p50_us),
                whole(one.service_time_p99_us)
            ),
            cpu(one.server_cpu_us_per_request),
            cpu(one.generator_cpu_us_per_request),
            if one.generator_bound {
                "generator"
            } else {
                "server"
            }
            .to_owned(),
        ]);
    }
    for column in table.column_iter_mut() {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn cpu(us_per_request: Option<f64>) -> String {
    us_per_request.map_or_else(|| "-".to_owned(), |us| format!("{us:.2}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn great_figures_fit_into_80_columns() {
        let one = Ceiling {
            connections: 100_000,
            engine: "io_uring",
            rate_per_s: 1_234_567.0,
            service_time_p50_us: 12_345.0,
            service_time_p99_us: 123_456.0,
            server_cpu_us_per_request: Some(12.34),
            generator_cpu_us_per_request: Some(12.34),
            generator_bound: true,
        };
        let text = table(&[one]).to_string();
        let widest = text.lines().map(|line| line.chars().count()).max();
        assert!(widest <= Some(80), "{text}");
        assert!(text.contains("1,234,567"), "{text}");
    }
}
