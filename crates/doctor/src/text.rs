//! What the findings come to, for people and for programs.

use crate::{
    examine::Examination,
    finding::{Finding, Level},
    wanted::Wanted,
};
use comfy_table::{ColumnConstraint, ContentArrangement, LineStyle, Table, TableStyle, Width};

/// When no terminal says how wide it is.
const TABLE_WIDTH: u16 = 120;

/// On narrower terminals what was found stands above what it means.
const UNFOLDED_WIDTH: u16 = 100;

/// A long list of what was found leaves room for what it means.
const FOUND_WIDTH: u16 = 26;
const NEEDED_WIDTH: u16 = 17;
const ITEM_WIDTH: u16 = 20;

impl Examination {
    /// All of it: a table, the commands that mend, whether the connections fit, the sum. `columns` is
    /// how many a terminal has.
    pub fn text(&self, columns: Option<u16>) -> String {
        format!(
            "{}\n{}{}\n{}",
            table(&self.findings, columns.unwrap_or(TABLE_WIDTH)),
            commands(&self.findings, &self.wanted),
            fit(&self.findings, &self.wanted),
            sum(&self.findings)
        )
    }
}

fn table(findings: &[Finding], columns: u16) -> String {
    let line = LineStyle::none().fill('─').junction('─');
    let style = TableStyle::new()
        .top_border(line)
        .header_separator(line)
        .bottom_border(line);
    let mut table = Table::new();
    table.load_style(style);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(columns);
    let is_folded = columns < UNFOLDED_WIDTH;
    let widths: &[(usize, u16)] = if is_folded {
        table.set_header(["", "item", "what was found, what it means"]);
        &[(1, ITEM_WIDTH)]
    } else {
        table.set_header(["", "item", "found", "needed", "what it means"]);
        &[(2, FOUND_WIDTH), (3, NEEDED_WIDTH)]
    };
    for finding in findings {
        let (level, item) = (finding.level.word(), finding.item);
        let (found, means) = (&*finding.found, &*finding.means);
        let needed = finding.needed.as_deref().unwrap_or_default();
        if is_folded {
            let needs = if needed.is_empty() { "" } else { ", needed: " };
            table.add_row([level, item, &format!("{found}{needs}{needed}\n{means}")]);
        } else {
            table.add_row([level, item, found, needed, means]);
        }
    }
    for &(index, width) in widths {
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
            "'runner doctor --connections {0} --apply', as scripts/tune {0} does,\n\
             raises all that connections meet; --undo, as scripts/untune does, puts it back.\n",
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
            "{connections} connections fit: {} server and {} generator process(es),\n{} source \
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
    use crate::{finding::item, net::PORTS};
    use std::slice::from_ref;

    #[test]
    fn the_last_line_names_what_prevents() {
        let fine = item("a", "1").ok("fine");
        let bad = item("b", "2").problem("bad").mend("true");
        assert_eq!(sum(from_ref(&fine)), "nothing stands in the way");
        assert_eq!(sum(&[fine, bad.clone()]), "1 problem(s), 0 note(s)");
        let worse = bad.preventing();
        assert!(sum(from_ref(&worse)).contains("impossible here: b"));
        for columns in [80, 120] {
            let shown = table(from_ref(&worse), columns);
            assert!(
                shown.contains("problem") && shown.contains("bad"),
                "{shown}"
            );
            let fits = |line: &str| line.chars().count() <= columns.into();
            assert!(shown.lines().all(fits), "{shown}");
        }
    }

    #[test]
    fn commands_can_be_copied_and_those_of_the_script_are_told() {
        let wanted = Wanted::new(2_000_000, None);
        let fine = item("a", "1").ok("fine");
        assert_eq!(commands(from_ref(&fine), &wanted), "");
        let bad = fine.clone().mend("true");
        assert!(commands(from_ref(&bad), &wanted).ends_with(" true\n\n"));
        let tuned = fine.mend_sysctl(&PORTS, &wanted);
        assert!(commands(&[bad, tuned], &wanted).contains("scripts/tune 2000000 "));
    }

    #[test]
    fn what_is_short_is_named() {
        let wanted = Wanted::new(1_000_000, Some(20_000));
        let fine = item("a", "1").ok("fine");
        let said = fit(from_ref(&fine), &wanted);
        assert!(said.contains("fit: 53 server and 51 generator"), "{said}");
        let short = item("memory", "1").note("little").short();
        assert!(fit(&[fine, short.clone()], &wanted).ends_with("don't fit: memory"));
        assert_eq!(short.wanted().level, Level::Problem);
    }
}
