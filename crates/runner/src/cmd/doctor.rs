//! `runner doctor`: whether figures from this machine can be trusted, and what would stop many
//! connections.

mod files;
mod finding;
mod look;
mod room;
mod trust;

use crate::{interrupt, output};
use clap::Args;
use comfy_table::{ColumnConstraint, ContentArrangement, LineStyle, Table, TableStyle, Width};
use finding::{Finding, Level};
use look::Machine;
use serde::Serialize;
use std::process::ExitCode;

/// Something makes measurements impossible.
const EXIT_PREVENTED: u8 = 3;
const EXIT_INTERRUPTED: u8 = 130;

/// When no terminal says how wide it is.
const TABLE_WIDTH: u16 = 120;

/// A long list of what was found leaves room for what it means.
const FOUND_WIDTH: u16 = 36;

#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
        runner doctor                        before the first run on a machine\n  \
        runner doctor --connections 100000   is there room for so many?\n  \
        runner doctor --json | jq '.findings[] | select(.level == \"problem\")'\n\n\
        Exit codes: 0 measuring is possible, 3 it is not.")]
pub(crate) struct DoctorArgs {
    /// Connections that there should be room for
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1..))]
    connections: u32,

    /// Print the findings as JSON
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Findings {
    schema: &'static str,
    connections: u32,
    findings: Vec<Finding>,
}

pub(crate) fn doctor(args: &DoctorArgs) -> anyhow::Result<ExitCode> {
    if !args.json {
        output::say("looking at the machine for a second ...");
    }
    let machine = Machine::look();
    if interrupt::asked() {
        return Ok(ExitCode::from(EXIT_INTERRUPTED));
    }
    let mut findings = trust::findings(&machine);
    findings.extend(files::findings(&machine, args.connections.into()));
    findings.extend(room::findings(&machine, args.connections.into()));
    let is_prevented = findings.iter().any(|finding| finding.prevents);
    if args.json {
        let text = serde_json::to_string_pretty(&Findings {
            schema: "millionfold/doctor/1",
            connections: args.connections,
            findings,
        })?;
        output::line(text);
    } else {
        output::line(format_args!(
            "{}\n{}{}",
            table(&findings),
            commands(&findings),
            sum(&findings)
        ));
    }
    Ok(if is_prevented {
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
    table.set_header(["", "item", "found", "what it means"]);
    for finding in findings {
        table.add_row([
            finding.level.word(),
            finding.item,
            &finding.found,
            &finding.means,
        ]);
    }
    if let Some(found) = table.column_mut(2) {
        found.set_constraint(ColumnConstraint::UpperBoundary(Width::Fixed(FOUND_WIDTH)));
    }
    table.to_string()
}

/// The commands, each on a line of its own, so that it can be copied as it is.
fn commands(findings: &[Finding]) -> String {
    let commands: Vec<String> = findings
        .iter()
        .filter_map(|finding| {
            Some(format!(
                "  {:<22} {}\n",
                finding.item,
                finding.mend.as_ref()?
            ))
        })
        .collect();
    match commands[..] {
        [] => String::new(),
        _ => format!("what mends it, as root:\n{}\n", commands.concat()),
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
        assert_eq!(commands(from_ref(&fine)), "");
        assert_eq!(sum(&[fine, bad.clone()]), "1 problem(s), 0 note(s)");
        let worse = bad.preventing();
        assert!(sum(from_ref(&worse)).contains("impossible here: b"));
        assert!(table(from_ref(&worse)).contains("problem"));
        assert!(commands(from_ref(&worse)).ends_with(" true\n\n"));
    }
}
