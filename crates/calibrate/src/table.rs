//! The rows and comparisons for people.

use crate::{
    compare::Compared,
    row::{Figure, Row},
};
use comfy_table::{ContentArrangement, Table, presets::NOTHING};

/// Wide enough for the longest words; narrower terminals wrap.
const WIDTH: u16 = 120;

/// Expected beside measured.
pub fn table(rows: &[Row]) -> String {
    let mut table = new_table();
    table.set_header(["case", "what", "expected", "measured", "within", ""]);
    for row in rows {
        let unit = row.unit.unwrap_or_default();
        let tolerance = row.tolerance.map(|tolerance| number(tolerance, unit));
        table.add_row([
            row.case,
            &row.what,
            &figure(&row.expected, unit),
            &figure(&row.measured, unit),
            &tolerance.unwrap_or_default(),
            row.outcome.word(),
        ]);
    }
    format!("{table}\n{}", notes(rows))
}

/// Each case's notes, each once.
fn notes(rows: &[Row]) -> String {
    let mut seen = Vec::new();
    let mut lines = String::new();
    for row in rows {
        // What several rows of a case have in common is said of the first.
        let parts = row.note.iter().flat_map(|note| note.split("; "));
        for part in parts {
            if !seen.contains(&(row.case, part)) {
                seen.push((row.case, part));
                lines += &format!("{}, {}: {part}\n", row.case, row.what);
            }
        }
    }
    lines
}

/// One line for each figure of each comparison.
pub fn comparisons(done: &[Compared]) -> String {
    let mut table = new_table();
    table.set_header(["comparison", "figure", "ratio", "interval", "verdict"]);
    for Compared {
        pair,
        number,
        figure,
    } in done
    {
        let comparison = &figure.comparison;
        let interval = comparison.interval;
        let nothing = || "-".to_owned();
        table.add_row([
            format!("{number}: {pair}"),
            figure.label.clone(),
            format!("{:.3}", comparison.ratio),
            interval.map_or_else(nothing, |interval| {
                format!("{:.3} to {:.3}", interval.low, interval.high)
            }),
            comparison
                .difference
                .map_or_else(nothing, |difference| difference.word().to_owned()),
        ]);
    }
    table.to_string()
}

fn new_table() -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    if table.width().is_none_or(|width| width > WIDTH) {
        table.set_width(WIDTH);
    }
    table
}

fn figure(figure: &Figure, unit: &str) -> String {
    match figure {
        Figure::Number(value) => number(*value, unit),
        Figure::Words(words) => words.clone(),
    }
}

/// `12,345 us`
fn number(value: f64, unit: &str) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = if value < 0.0 { "-" } else { "" }.to_owned();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    match unit {
        "" => text,
        _ => format!("{text} {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_by_people() {
        assert_eq!(number(999.4, "us"), "999 us");
        assert_eq!(number(1_000.0, ""), "1,000");
        assert_eq!(number(-1_234_567.0, "1/s"), "-1,234,567 1/s");
    }

    #[test]
    fn a_row_shows_its_note_and_its_outcome() {
        let text = table(&[Row::exactly("replies", 1_300, 1_301).note("of many")]);
        for part in ["1,300", "1,301", ", replies: of many", "FAIL"] {
            assert!(text.contains(part), "{text}");
        }
    }
}
