//! The machine, the plan, the commands that make the run again, the method in short, its biases.

use chart::{Table, text::bytes};
use hosts::launcher::quoted;
use maud::{Markup, html};
use report::{
    environment::Environment,
    run::{Plan, PlannedLoad},
    trial::{Arrivals, Load},
};
use std::ffi::OsStr;
use view::View;

/// Where the documents are, seen from anywhere: they are named, and not linked.
const METHOD: &str = "bench-results/METHOD.md";

/// All of it.
pub(crate) fn method(view: &View<'_>) -> Markup {
    let run = view.run;
    html! {
        div.columns {
            div {
                h3 { "The machine" }
                (machine(&run.environment).draw())
            }
            div {
                h3 { "The models" }
                (models(view).draw())
            }
        }
        @if let Some(hosts) = generating(view) {
            h3 { "Hosts that generate" }
            p.note { "The most of any window, sampled on each." }
            (hosts.draw())
        }
        h3 { "The plan" }
        pre { (render::plan::describe(&run.plan)) }
        h3 { "To make it again" }
        pre { (command(&run.plan)) }
        p.note { "It needs besides: the commands of servers that aren't ours (" code { "--external" } ", " code { "--bin" } ", " code { "--target" } "), and the CPUs, where they were chosen. Both are in the report." }
        @if let Some(revision) = &run.environment.git_revision {
            p.note { "At revision " code { (revision) } @if run.environment.git_dirty == Some(true) { ", with changes that were not committed" } "." }
        }
        h3 { "The method in short" }
        ul {
            li { "A trial is a fresh server under one load. A block has one trial of each model, in shuffled order, so that what drifts on the machine hits all alike. A figure is the median of its blocks." }
            li { "A window opens when the load has become steady, and nothing else runs on the CPUs under test until it closes. Latency is measured by the load generator alone; its own lag, in sending and in reading, is measured too." }
            li { "Each trial is checked, and each check touches certain figures: a verdict belongs to a figure. " code { (METHOD) } " has all of them." }
            li { "Comparisons are of logarithms, block by block; intervals of all pairs hold together, and the error is split over the figures that were declared beforehand. Everything else is exploratory." }
        }
        h3 { "Biases that remain" }
        ul {
            @if !run.plan.hosts.is_empty() {
                li { "Servers are on host 0, the generators on " (run.plan.hosts.len() - 1) " other host(s): a time has the network between them in it, and windows open at the same moment as far as clocks are known (check " code { "start_skew" } ")." }
            } @else if let Some(link) = &run.plan.network {
                li { "Server and generator share a machine and speak over a link of two of its interfaces (" code { (link) } ", each way): no network card, and what the link takes of the CPUs is counted." }
            } @else {
                li { "Server and generator share a machine and speak over loopback: no network card, no distance. On loopback a " code { "send" } " runs the receiver's TCP input, so the generator pays for a part of the server's work and the other way round." }
            }
            @if run.plan.hosts.is_empty() {
                li { "The kernel's memory is counted for both ends of each connection, and split by what each end is known to hold." }
            } @else {
                li { "The kernel's memory is that of the servers' host: of connections the ends that it has." }
            }
            li { "Models differ in what their runtimes advise, not only in what they can do; each does what its users would." }
        }
        @if !run.environment.not_measured.is_empty() {
            details.numbers {
                summary { "What isn't known of the machine" }
                (reasons(&run.environment).draw())
            }
        }
    }
}

/// `None` on one machine.
fn generating(view: &View<'_>) -> Option<Table> {
    let rows = render::hosts::rows(view.models.iter().map(|model| model.report));
    Table::of(render::hosts::HEADER, rows)
}

fn machine(of: &Environment) -> Table {
    let mut table = Table::new(["setting", "value"]);
    let mut add = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            table.row([name.to_owned(), value]);
        }
    };
    let yes = |is: bool| if is { "yes" } else { "no" }.to_owned();
    add("CPU", of.cpu.clone());
    add("CPUs online", of.cpus.map(|cpus| cpus.to_string()));
    add("memory", of.memory_bytes.map(|memory| bytes(memory as f64)));
    add("kernel", of.kernel.clone());
    add("virtual machine", of.hypervisor.map(yes));
    add("clock", of.clock_source.clone());
    add("governor", of.governor.clone());
    add("turbo", of.turbo.map(yes));
    add(
        "CPU quota",
        of.cgroup_cpus_max.map(|cpus| format!("{cpus} CPUs")),
    );
    add(
        "memory limit",
        of.cgroup_memory_max_bytes
            .map(|memory| bytes(memory as f64)),
    );
    add(
        "open files per process",
        of.open_files_max.map(|files| files.to_string()),
    );
    add(
        "firewall rules",
        of.netfilter_rules.map(|rules| rules.to_string()),
    );
    add("seccomp", of.seccomp.clone());
    add("compiler", of.rustc.clone());
    add("profile", Some(of.profile.clone()));
    for (name, value) in &of.sysctls {
        add(name, Some(value.clone()));
    }
    table
}

fn models(view: &View<'_>) -> Table {
    let mut table = Table::new([
        "model",
        "what it is",
        "built on",
        "accepts",
        "program (SHA-256)",
    ]);
    for model in &view.models {
        let of = &model.report.model;
        let known = |text: &Option<String>| text.clone().unwrap_or_else(|| "–".to_owned());
        let runtime = [of.runtime.clone(), of.runtime_version.clone()];
        let runtime: Vec<String> = runtime.into_iter().flatten().collect();
        let external = of.external.as_ref().map(|external| {
            let what = external.command.as_ref().or(external.target.as_ref());
            format!("external: {}", known(&what.cloned()))
        });
        let digest = known(&of.binary_sha256).chars().take(12).collect();
        table.row([
            of.name.clone(),
            of.title.clone(),
            external.unwrap_or_else(|| runtime.join(" ")),
            known(&of.accept),
            digest,
        ]);
    }
    table
}

fn reasons(of: &Environment) -> Table {
    let mut table = Table::new(["what", "why"]);
    for (name, why) in &of.not_measured {
        table.row([name.clone(), why.clone()]);
    }
    table
}

/// A word of a command line. A report may be anybody's, and this is copied into a shell.
fn word(text: &str) -> String {
    quoted(OsStr::new(text))
}

/// The command line that asks for the same. What it says of a scenario goes before what the scenario says,
/// so it is right also where the options of the run went before that.
fn command(plan: &Plan) -> String {
    let ladder = &plan.server_threads_ladder;
    let names = plan.models.iter().filter_map(|name| name.split('@').next());
    let mut models: Vec<&str> = names.collect();
    models.dedup();
    let mut words = vec![
        "cargo run -p runner --".to_owned(),
        format!("--model {}", word(&models.join(","))),
    ];
    if !ladder.is_empty() {
        let threads: Vec<String> = ladder.iter().map(u32::to_string).collect();
        words.push(format!("--threads {}", threads.join(",")));
    } else if !plan.is_target && plan.server_threads != usual_threads(plan) {
        words.push(format!("--threads {}", plan.server_threads));
    }
    match &plan.scenario {
        Some(scenario) => {
            words.push(format!("--scenario {}", word(scenario)));
            words.extend(of_scenario(plan));
        }
        None => words.extend(of_loads(plan)),
    }
    match plan.looks.is_empty() {
        true => words.push(format!("--trials {}", plan.blocks)),
        false => words.push("--trials auto".to_owned()),
    }
    if plan.workload != "echo" {
        words.push(format!("--workload {}", word(&plan.workload)));
    }
    let has_no_body = plan.http.is_some() && plan.payload_bytes == 0;
    if plan.payload_bytes != 64 && !has_no_body {
        words.push(format!("--payload {}", plan.payload_bytes));
    }
    if plan.wire != "framed" {
        words.push(format!("--wire {}", word(&plan.wire)));
    }
    if let Some(http) = &plan.http {
        words.push(format!("--http {}", word(&http.line)));
        // Their values aren't known.
        let fields = http.fields.iter();
        words.extend(fields.map(|name| format!("--http-header {}", word(&format!("{name}: ...")))));
        if plan.wire == "http1" {
            words.push(format!("--expect {}", word(&http.expect)));
        }
    }
    words.extend(plan.network.map(|link| format!("--network {link}")));
    words.push(format!("--seed {}", plan.seed));
    words.join(" \\\n    ")
}

/// One for each of the server's CPUs, dealt to its processes.
fn usual_threads(plan: &Plan) -> u32 {
    (plan.server_cpus.len().max(1) as u32).div_ceil(plan.server_processes.max(1))
}

/// What scales a scenario, and what it may leave open.
fn of_scenario(plan: &Plan) -> Vec<String> {
    let tops = plan.loads.iter().map(PlannedLoad::connections_max);
    let top = tops.max().map(|top| format!("--connections {top}"));
    top.into_iter().chain(held_or_searched(plan)).collect()
}

fn held_or_searched(plan: &Plan) -> impl Iterator<Item = String> {
    plan.loads.iter().filter_map(|planned| match planned.load {
        Load::Capacity { slo, .. } => Some(format!("--slo '{slo}'")),
        _ => {
            let hold = planned.hold?;
            Some(format!("--hold {}", hold.length_us as f64 / 1e6))
        }
    })
}

fn of_loads(plan: &Plan) -> Vec<String> {
    let mut kinds: Vec<&str> = plan
        .loads
        .iter()
        .map(|planned| planned.load.word())
        .collect();
    kinds.dedup();
    let mut words = vec![format!("--load {}", kinds.join(","))];
    let active = plan
        .loads
        .iter()
        .find(|planned| !matches!(planned.load, Load::Idle { .. }));
    let counted = active.or(plan.loads.first());
    if let Some(connections) = counted.map(|planned| planned.connections_max()) {
        let is_default = |planned: &PlannedLoad| match planned.load {
            Load::Idle { .. } => planned.connections_max() == 10_000,
            Load::Churn { .. } => planned.connections_max() == 1_000,
            _ => planned.connections_max() == 100,
        };
        if !plan.loads.iter().all(is_default) {
            words.push(format!("--connections {connections}"));
        }
    }
    words.extend(rate(plan));
    words.extend(duration(plan));
    for planned in &plan.loads {
        match planned.load {
            Load::Closed { outstanding } if outstanding != 1 => {
                words.push(format!("--outstanding {outstanding}"))
            }
            Load::Open {
                arrivals: Arrivals::Uniform,
                ..
            } => words.push("--arrivals uniform".to_owned()),
            _ => {}
        }
    }
    words.extend(held_or_searched(plan));
    words
}

/// Rates as they were asked for; nothing where that is the default.
fn rate(plan: &Plan) -> Option<String> {
    let mut scheduled = plan
        .loads
        .iter()
        .filter(|planned| matches!(planned.load, Load::Open { .. } | Load::Churn { .. }));
    let first = scheduled.next()?;
    match (first.rate_share_of_peak, first.rates_per_s.first()) {
        (Some(share), _) if (share - RATE_SHARE).abs() < 1e-9 => None,
        (Some(share), _) => Some(format!("--rate {}%", (share * 1000.0).round() / 10.0)),
        (None, Some(rate)) => Some(format!("--rate {rate}")),
        (None, None) => None,
    }
}

/// Defaults of the command line.
const RATE_SHARE: f64 = 0.7;
const WINDOW_US: u64 = 3_000_000;
const WINDOW_OF_SEVERAL_US: u64 = 1_500_000;

/// The shortest window under load, which others may be longer than.
fn duration(plan: &Plan) -> Option<String> {
    let loaded = plan
        .loads
        .iter()
        .filter(|planned| !matches!(planned.load, Load::Idle { .. }));
    let shortest = loaded.map(|planned| planned.window_us).min()?;
    let default = match plan.models.len() {
        0 | 1 => WINDOW_US,
        _ => WINDOW_OF_SEVERAL_US,
    };
    (shortest != default).then(|| format!("--duration {}", shortest as f64 / 1e6))
}
