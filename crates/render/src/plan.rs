//! The plan for people.

use report::{
    run::{Hold, HttpRequest, Plan, PlannedLoad},
    trial::Load,
};

/// A request in HTTP, and what replies have to be.
fn asked(wire: &str, http: &HttpRequest) -> String {
    let HttpRequest {
        line,
        fields,
        expect,
    } = http;
    let fields = match fields.as_slice() {
        [] => String::new(),
        some => format!(" with {}", some.join(", ")),
    };
    match wire {
        "websocket" => {
            format!("websocket   after {line}{fields}: each message comes back as it is")
        }
        _ => format!("{wire:11} {line}{fields}; a reply is right with {expect}"),
    }
}

/// Some lines, each with a word in front.
pub fn describe(plan: &Plan) -> String {
    let mut lines = vec![
        format!("models      {}", plan.models.join(", ")),
        format!(
            "blocks      {} ({} server for each trial; order shuffled with --seed {})",
            blocks(plan),
            if plan.is_target {
                "the same"
            } else {
                "a fresh"
            },
            plan.seed
        ),
    ];
    if plan.wire != "http1" {
        lines.push(format!(
            "workload    {}, {} bytes of payload",
            plan.workload, plan.payload_bytes
        ));
    }
    if plan.wire == "raw" {
        lines.push(
            "wire        raw: messages of that size, without frames. All models of the run speak it, \
             so that they compare"
                .to_owned(),
        );
    }
    lines.extend(plan.http.as_ref().map(|http| asked(&plan.wire, http)));
    for load in &plan.loads {
        lines.push(format!("{:11} {}", load.load.word(), what(load)));
    }
    lines.push(server(plan));
    lines.push(format!(
        "generator   {} process(es) of {} thread(s) on {}, {} source address(es) of {}",
        plan.client_processes,
        plan.client_threads,
        cpus(&plan.client_cpus),
        plan.source_addresses,
        plan.source_network
    ));
    if let Some(link) = &plan.network {
        lines.push(format!(
            "network     {link}, each way, between network namespaces of this machine"
        ));
    }
    lines.extend(why_so_many(plan));
    lines.extend(plan.backend_cpus.as_ref().map(|cpus| backend(plan, cpus)));
    for (number, host) in plan.hosts.iter().enumerate() {
        lines.push(format!(
            "host {number:<7}{host}{}",
            if number == 0 {
                ": servers"
            } else {
                ": generators"
            }
        ));
    }
    lines.extend(compared(plan));
    lines.push(format!(
        "takes       {} {} after the builds",
        if plan.looks.is_empty() {
            "about"
        } else {
            "at most about"
        },
        about(plan.expected_s)
    ));
    lines.join("\n")
}

/// How many of it, and where.
fn server(plan: &Plan) -> String {
    if plan.is_target {
        return "server      runs already: the runner neither starts nor places it".to_owned();
    }
    let threads = match plan.server_threads_ladder.as_slice() {
        [] => plan.server_threads.to_string(),
        [below @ .., top] => {
            let below: Vec<String> = below.iter().map(u32::to_string).collect();
            format!("{} or {top}", below.join(", "))
        }
    };
    format!(
        "server      {} process(es) of {threads} thread(s) on {}{}",
        plan.server_processes,
        cpus(&plan.server_cpus),
        if plan.server_processes > 1 {
            ", sharing a port"
        } else {
            ""
        }
    )
}

/// Where the backend of relays runs, and what that means.
fn backend(plan: &Plan, own: &[usize]) -> String {
    let is_on = |cpus: &[usize]| {
        let shared = |cpu| cpus.is_empty() || cpus.contains(cpu);
        own.is_empty() || own.iter().any(shared)
    };
    let means = if is_on(&plan.server_cpus) {
        "beside the server: CPU is that of the server's processes alone, and not of its CPUs, because \
         the backend runs there, too"
    } else if is_on(&plan.client_cpus) {
        "beside the generator, for want of a third core: it takes nothing from the server, and is part \
         of what limits the rate"
    } else {
        "which nobody else was given"
    };
    format!(
        "backend     the null server, a fresh one for each trial, on {}, {means}",
        cpus(own)
    )
}

fn cpus(cpus: &[usize]) -> String {
    match cpus {
        [] => "any CPU".to_owned(),
        [one] => format!("CPU {one}"),
        more => format!("CPUs {}", join(more)),
    }
}

/// Their number, or at which of them it is seen whether more are needed.
fn blocks(plan: &Plan) -> String {
    let looks: Vec<String> = plan.looks.iter().map(u32::to_string).collect();
    match (looks.split_last(), plan.patience_s) {
        (None, _) => plan.blocks.to_string(),
        (Some((last, earlier)), patience) => format!(
            "{} or {last}, until the figures that decide are told apart or equal{}",
            earlier.join(", "),
            patience.map_or_else(String::new, |s| format!(
                ", or more blocks than {} have taken {}",
                plan.looks[0],
                about(s)
            ))
        ),
    }
}

/// What decides, where several models are compared.
fn compared(plan: &Plan) -> Option<String> {
    (plan.models.len() > 1 && !plan.primary_figures.is_empty()).then(|| {
        format!(
            "decided by  {}",
            plan.primary_figures.join("\n            ")
        )
    })
}

/// Numbers with commas between them.
fn join(numbers: &[usize]) -> String {
    let numbers: Vec<String> = numbers.iter().map(usize::to_string).collect();
    numbers.join(",")
}

fn about(time_s: f64) -> String {
    if time_s < 100.0 {
        format!("{time_s:.0} s")
    } else {
        format!("{:.0} min", time_s / 60.0)
    }
}

/// The reason for more than one process or address.
fn why_so_many(plan: &Plan) -> Option<String> {
    let limit = plan.open_files_max?;
    (plan.server_processes.max(plan.client_processes) > 1).then(|| {
        format!(
            "            because a process may have {limit} files open (hard limit, 'ulimit -Hn'), \
             the kernel spreads\n            connections over servers unevenly, and an address \
             has cheap ports for {} of them",
            plan.connections_per_source
        )
    })
}

fn held(hold: Hold) -> String {
    let length_s = hold.length_us as f64 / 1e6;
    let replaced = match hold.replaced_share > 0.0 {
        true => format!(", {} % replaced each round", hold.replaced_share * 100.0),
        false => String::new(),
    };
    format!("; then held for {length_s} s{replaced}")
}

fn what(planned: &PlannedLoad) -> String {
    let counts: Vec<String> = planned.connections.iter().map(u32::to_string).collect();
    let connections = counts.join(", ");
    let window_s = planned.window_us as f64 / 1e6;
    match planned.load {
        Load::Idle { interval_us } => format!(
            "{connections} connections, a message on each every {} s{}: memory",
            interval_us as f64 / 1e6,
            planned.hold.map_or_else(String::new, held)
        ),
        Load::Closed { outstanding } => format!(
            "{connections} connections, {outstanding} outstanding on each, {window_s} s: peak \
             rate, service time, CPU"
        ),
        Load::Open { arrivals, .. } => format!(
            "{connections} connections, {}, {arrivals:?} arrivals, {window_s} s: response time",
            rates(planned)
        ),
        Load::Capacity { slo, arrivals, .. } => format!(
            "{connections} connections, {arrivals:?} arrivals, windows of {window_s} s: the highest \
             rate with {slo}"
        ),
        Load::Churn { arrivals, .. } => format!(
            "{}, {arrivals:?} arrivals, at most {connections} connections at a time, {window_s} \
             s: response time",
            rates(planned)
        ),
    }
}

fn rates(planned: &PlannedLoad) -> String {
    match planned.rate_share_of_peak {
        Some(share) if planned.rates_per_s.is_empty() => format!(
            "{:.0} % of what the slowest model holds, the same for all",
            share * 100.0
        ),
        _ => {
            let rates: Vec<String> = planned.rates_per_s.iter().map(f64::to_string).collect();
            format!("{}/s", rates.join(", "))
        }
    }
}
