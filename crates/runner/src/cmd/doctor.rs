//! `runner doctor`: whether figures from this machine can be trusted, and what would stop many
//! connections.

mod cgroup;
mod files;
mod finding;
mod look;
mod net;
mod room;
mod tasks;
mod trust;
mod wanted;

use crate::{interrupt, output};
use clap::Args;
use comfy_table::{ColumnConstraint, ContentArrangement, LineStyle, Table, TableStyle, Width};
use finding::{Finding, Level};
use look::Machine;
use rustix::process::{Resource, getrlimit};
use serde::Serialize;
use std::process::ExitCode;
use wanted::Wanted;

/// Something makes measurements impossible, or as many connections as asked for.
const EXIT_PREVENTED: u8 = 3;
const EXIT_INTERRUPTED: u8 = 130;

/// When no terminal says how wide it is.
const TABLE_WIDTH: u16 = 120;

/// A long list of what was found leaves room for what it means.
const FOUND_WIDTH: u16 = 26;
const NEEDED_WIDTH: u16 = 17;

/// Connections to judge by, when nobody says how many.
const CONNECTIONS: u32 = 1_000_000;
/// The same as in scripts/tune.
const CONNECTIONS_MAX: i64 = 100_000_000;

#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
        runner doctor                        before the first run on a machine\n  \
        runner doctor --connections 100000   do so many fit?\n  \
        runner doctor --json | jq '.findings[] | select(.level == \"problem\")'\n\n\
        Exit codes: 0 measuring is possible and the connections asked for fit, 3 otherwise. A limit \
        of open files that only makes several processes necessary is met.")]
pub(crate) struct DoctorArgs {
    /// Connections that have to fit [default: 1000000, and they need not]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=CONNECTIONS_MAX))]
    connections: Option<u32>,

    /// Print the findings as JSON
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Findings {
    schema: &'static str,
    connections: u32,
    server_processes: u64,
    generator_processes: u64,
    fits: bool,
    findings: Vec<Finding>,
}

pub(crate) fn doctor(args: &DoctorArgs) -> anyhow::Result<ExitCode> {
    if !args.json {
        output::say("looking at the machine for a second ...");
    }
    let connections = args.connections.unwrap_or(CONNECTIONS);
    let wanted = Wanted::new(connections, getrlimit(Resource::Nofile).maximum);
    let machine = Machine::look(wanted.sources());
    if interrupt::asked() {
        return Ok(ExitCode::from(EXIT_INTERRUPTED));
    }
    let mut findings = trust::findings(&machine);
    findings.extend(files::findings(&machine, &wanted));
    findings.extend(net::findings(&machine, &wanted));
    findings.extend(room::findings(&machine, &wanted));
    findings.extend(tasks::findings(&machine, &wanted));
    if args.connections.is_some() {
        findings = findings.into_iter().map(Finding::wanted).collect();
    }
    let fits = !findings.iter().any(|finding| finding.is_short);
    let is_prevented = findings.iter().any(|finding| finding.prevents);
    if args.json {
        let text = serde_json::to_string_pretty(&Findings {
            schema: "millionfold/doctor/1",
            connections,
            server_processes: wanted.server_processes,
            generator_processes: wanted.generator_processes,
            fits,
            findings,
        })?;
        output::line(text);
    } else {
        output::line(format_args!(
            "{}\n{}{}\n{}",
            table(&findings),
            commands(&findings, &wanted),
            fit(&findings, &wanted),
            sum(&findings)
        ));
    }
    Ok(if is_prevented || (args.connections.is_some() && !fits) {
        ExitCode::from(EXIT_PREVENTED)
    } else {
        ExitCode::SUCCESS
    })
}

fn table(findings: &[Finding]) -> String {
    let line = LineStyle::none().fill('─').junction('─');
    let style = TableStyle::new()
        .top_border(line)
        .header_separator(line)
        .bottom_border(line);
    let mut table = Table::new();
    table.load_style(style);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    if !table.is_tty() {
        table.set_width(TABLE_WIDTH);
    }
    table.set_header(["", "item", "found", "needed", "what it means"]);
    for finding in findings {
        table.add_row([
            finding.level.word(),
            finding.item,
            &finding.found,
            finding.needed.as_deref().unwrap_or_default(),
            &finding.means,
        ]);
    }
    for (index, width) in [(2, FOUND_WIDTH), (3, NEEDED_WIDTH)] {
        if let Some(column) = table.column_mut(index) {
            column.set_constraint(ColumnConstraint::UpperBoundary(Width::Fixed(width)));
        }
    }
    table.to_string()
}

/// The commands, each on a line of its own, so that it can be copied as it is.
fn commands(findings: &[Finding], wanted: &Wanted) -> String {
    let commands: Vec<String> = findings
        .iter()
        .filter_map(|finding| {
            Some(format!(
                "  {:<28} {}\n",
                finding.item,
                finding.mend.as_ref()?
            ))
        })
        .collect();
    let tune = if findings.iter().any(|finding| finding.is_tuned) {
        format!(
            "scripts/tune {} does every sysctl among them at once, and scripts/untune undoes it.\n",
            wanted.connections
        )
    } else {
        String::new()
    };
    match commands[..] {
        [] => String::new(),
        _ => format!("what mends it, as root:\n{}{tune}\n", commands.concat()),
    }
}

/// Whether the connections fit, and how they are shared out.
fn fit(findings: &[Finding], wanted: &Wanted) -> String {
    let short: Vec<&str> = findings
        .iter()
        .filter(|finding| finding.is_short)
        .map(|finding| finding.item)
        .collect();
    let connections = wanted.connections;
    match short[..] {
        [] => format!(
            "{connections} connections fit: {} server and {} generator process(es), {} source \
             address(es)",
            wanted.server_processes,
            wanted.generator_processes,
            wanted.sources()
        ),
        _ => format!("{connections} connections don't fit: {}", short.join(", ")),
    }
}

/// The last line: what a person came for.
fn sum(findings: &[Finding]) -> String {
    let count = |level| findings.iter().filter(|f| f.level == level).count();
    let prevented: Vec<&str> = findings
        .iter()
        .filter(|finding| finding.prevents)
        .map(|finding| finding.item)
        .collect();
    if !prevented.is_empty() {
        return format!("measuring is impossible here: {}", prevented.join(", "));
    }
    match (count(Level::Problem), count(Level::Note)) {
        (0, 0) => "nothing stands in the way".to_owned(),
        (0, notes) => format!("no problem, {notes} note(s)"),
        (problems, notes) => format!("{problems} problem(s), {notes} note(s)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::slice::from_ref;

    #[test]
    fn the_last_line_names_what_prevents() {
        let fine = Finding::ok("a", "1", "fine");
        let bad = Finding::problem("b", "2", "bad").mend("true");
        assert_eq!(sum(from_ref(&fine)), "nothing stands in the way");
        assert_eq!(sum(&[fine, bad.clone()]), "1 problem(s), 0 note(s)");
        let worse = bad.preventing();
        assert!(sum(from_ref(&worse)).contains("impossible here: b"));
        assert!(table(from_ref(&worse)).contains("problem"));
    }

    #[test]
    fn commands_can_be_copied_and_those_of_the_script_are_told() {
        let wanted = Wanted::new(2_000_000, None);
        let fine = Finding::ok("a", "1", "fine");
        assert_eq!(commands(from_ref(&fine), &wanted), "");
        let bad = fine.clone().mend("true");
        assert!(commands(from_ref(&bad), &wanted).ends_with(" true\n\n"));
        let tuned = fine.mend_sysctl("b", 2);
        assert!(commands(&[bad, tuned], &wanted).contains("scripts/tune 2000000 "));
    }

    #[test]
    fn what_is_short_is_named() {
        let wanted = Wanted::new(1_000_000, Some(20_000));
        let fine = Finding::ok("a", "1", "fine");
        let said = fit(from_ref(&fine), &wanted);
        assert!(said.contains("fit: 53 server and 51 generator"), "{said}");
        let short = Finding::note("memory", "1", "little").short();
        assert!(fit(&[fine, short.clone()], &wanted).ends_with("don't fit: memory"));
        assert_eq!(short.wanted().level, Level::Problem);
    }
}
