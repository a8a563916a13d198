//! A comparison as people read it: a table, what it comes to, and notes.

use crate::numbers::whole;
use comfy_table::{CellAlignment, Table, presets};
use report::comparison::Difference;
use report::comparison::{Better, ComparedFigure, ComparisonReport, Side};

const HEADER: [&str; 6] = [
    "figure",
    "baseline",
    "candidate",
    "ratio (95 % interval)",
    "p",
    "difference",
];

/// Why the columns' quotient is another one.
const RATIO: &str =
    "ratio: the median of the blocks' own ratios, not the quotient of the two medians";

/// Columns of numbers.
const NUMBERS: std::ops::RangeInclusive<usize> = 1..=4;

/// For a terminal.
pub fn text(report: &ComparisonReport) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    table.set_header(HEADER);
    for figure in &report.figures {
        table.add_row(row(figure));
    }
    for index in NUMBERS {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let notes = report.notes.iter().map(|note| format!("\n  note: {note}"));
    format!(
        "baseline:  {}\ncandidate: {}\n{table}\n{RATIO}\n{}{}",
        side(&report.baseline),
        side(&report.candidate),
        conclusion(report),
        notes.collect::<String>()
    )
}

/// For a pull request.
pub fn markdown(report: &ComparisonReport) -> String {
    let mut text = format!(
        "Baseline: {}; candidate: {}.\n\n| {} |\n|---|---:|---:|---:|---:|---|\n",
        side(&report.baseline),
        side(&report.candidate),
        HEADER.join(" | ")
    );
    for figure in &report.figures {
        text.push_str(&format!("| {} |\n", row(figure).join(" | ")));
    }
    text.push_str(&format!("\n{}.\n", conclusion(report)));
    if !report.notes.is_empty() {
        text.push('\n');
    }
    for note in &report.notes {
        text.push_str(&format!("- {note}\n"));
    }
    text
}

fn side(side: &Side) -> String {
    format!("{} of run {}", side.model, side.run)
}

fn row(figure: &ComparedFigure) -> [String; 6] {
    let comparison = &figure.comparison;
    let interval = comparison.interval;
    // Where there is no interval of 95 % the numbers in brackets mustn't pass for one.
    let brackets = match comparison.difference {
        Difference::TooFewBlocks => "range ",
        _ => "",
    };
    [
        format!("{}, {}", figure.label, figure.unit),
        number(figure.baseline),
        number(figure.candidate),
        format!(
            "{:.3} ({brackets}{:.3} to {:.3})",
            comparison.ratio, interval.low, interval.high
        ),
        format!("{:.3}", comparison.p_adjusted),
        difference(figure),
    ]
}

fn difference(figure: &ComparedFigure) -> String {
    let comparison = &figure.comparison;
    let word = comparison.difference.word();
    let judgement = match (comparison.difference, figure.better) {
        _ if figure.regression => ", worse: a regression".to_owned(),
        (Difference::TooFewBlocks, _) => {
            format!(" ({} of {})", comparison.blocks, comparison.blocks_needed)
        }
        (Difference::NotDetectable, _) => String::new(),
        (Difference::Higher, Better::Higher) | (Difference::Lower, Better::Lower) => {
            ", better".to_owned()
        }
        (Difference::Higher, Better::Lower) | (Difference::Lower, Better::Higher) => {
            ", worse".to_owned()
        }
    };
    format!("{word}{judgement}")
}

/// What it comes to. That no regression was found means something only where one could be.
fn conclusion(report: &ComparisonReport) -> String {
    let beyond = format!("beyond {} %", (report.threshold * 1e4).round() / 100.0);
    let labels = |which: &dyn Fn(&ComparedFigure) -> bool| -> Vec<&str> {
        let figures = report.figures.iter().filter(|figure| which(figure));
        figures.map(|figure| figure.label.as_str()).collect()
    };
    let regressions = labels(&|figure| figure.regression);
    let unknown = labels(&|figure| figure.comparison.difference == Difference::TooFewBlocks);
    let found = match regressions.as_slice() {
        [] if unknown.len() == report.figures.len() => {
            return format!("too few blocks to tell whether anything regressed {beyond}");
        }
        [] => format!("no regression {beyond}"),
        labels => format!("regression {beyond}: {}", labels.join(", ")),
    };
    match unknown.as_slice() {
        [] => found,
        labels => format!("{found}; too few blocks to tell: {}", labels.join(", ")),
    }
}

/// With thousands set apart, and decimals where they matter.
fn number(value: f64) -> String {
    if value.abs() < 100.0 {
        format!("{value:.2}")
    } else {
        whole(value)
    }
}
