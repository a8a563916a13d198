//! Comparisons as people read them: of two models a table, what it comes to, and notes; of all models
//! of a run, between which ranks each lies.

use crate::{fold::fold, inert::inert, numbers::whole};
use comfy_table::{CellAlignment, Table, presets};
use report::comparison::{
    BLOCKS_MIN, Better, ComparedFigure, Comparison, ComparisonReport, Difference, ERROR_MAX,
    FigureRanking, Ranks, Side,
};
use std::collections::BTreeSet;

const HEADER: [&str; 6] = [
    "figure",
    "baseline",
    "candidate",
    "ratio (interval)",
    "p",
    "difference",
];

/// Why the columns' quotient is another one, and what is between the brackets.
const RATIO: &str = "ratio: the geometric mean of the blocks' own ratios; intervals of 95 % where no \
                     other share is named, of primary figures those that the words are drawn from";

/// Columns of numbers.
const NUMBERS: std::ops::RangeInclusive<usize> = 1..=4;

/// For a terminal of so many columns, or of as many as it takes.
pub fn text(report: &ComparisonReport, columns: Option<u16>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(HEADER);
    for figure in &report.figures {
        table.add_row(row(figure));
    }
    for index in NUMBERS {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    fold(&mut table, columns);
    let notes = remarks(report);
    let notes = notes.iter().map(|note| format!("\n  note: {note}"));
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
    let notes = remarks(report);
    if !notes.is_empty() {
        text.push('\n');
    }
    for note in notes {
        text.push_str(&format!("- {note}\n"));
    }
    inert(&text)
}

/// Notes, what the machine says against figures, and how runs differ.
fn remarks(report: &ComparisonReport) -> Vec<String> {
    let mut remarks = report.notes.clone();
    remarks.extend(report.figures.iter().filter_map(suspicion));
    remarks.extend(report.differences.iter().map(|difference| {
        format!(
            "{} is {} in the baseline's run, {} in the candidate's",
            difference.setting, difference.baseline, difference.candidate
        )
    }));
    remarks
}

fn suspicion(figure: &ComparedFigure) -> Option<String> {
    let reason = figure.suspect.as_ref()?;
    Some(format!("{} is suspect: {reason}", figure.label))
}

fn side(side: &Side) -> String {
    format!("{} of run {}", side.model, side.run)
}

fn row(figure: &ComparedFigure) -> [String; 6] {
    let comparison = &figure.comparison;
    [
        format!("{}, {}", figure.label, figure.unit),
        number(figure.baseline),
        number(figure.candidate),
        ratio(comparison),
        p(comparison),
        difference(figure),
    ]
}

fn ratio(comparison: &Comparison) -> String {
    let ratio = format!("{:.3}", comparison.ratio);
    match (comparison.interval, comparison.confidence) {
        (Some(interval), confidence) => {
            let share = confidence
                .filter(|confidence| (confidence - 0.95).abs() > 1e-6)
                .map_or_else(String::new, |confidence| {
                    format!("; {} %", percent(confidence))
                });
            format!(
                "{ratio} ({:.3} to {:.3}{share})",
                interval.low, interval.high
            )
        }
        (None, _) => ratio,
    }
}

/// Two where the exact test says otherwise.
fn p(comparison: &Comparison) -> String {
    let Some(p) = comparison.p else {
        return "-".to_owned();
    };
    let exact = comparison.p_sign_flip;
    let exact = exact.filter(|exact| (*exact <= ERROR_MAX) != (p <= ERROR_MAX));
    let p = match p {
        small if small < 0.001 => "< 0.001".to_owned(),
        p => format!("{p:.3}"),
    };
    exact.map_or(p.clone(), |exact| format!("{p} (sign-flips: {exact:.3})"))
}

fn difference(figure: &ComparedFigure) -> String {
    let comparison = &figure.comparison;
    let Some(difference) = comparison.difference else {
        return "-".to_owned();
    };
    let judgement = match (difference, figure.better) {
        _ if figure.regression => ", worse: a regression".to_owned(),
        (Difference::CantTell, _) if comparison.blocks < BLOCKS_MIN => {
            format!(" ({} of {BLOCKS_MIN} blocks)", comparison.blocks)
        }
        (Difference::CantTell | Difference::Equal, _) => String::new(),
        (Difference::Higher, Better::Higher) | (Difference::Lower, Better::Lower) => {
            ", better".to_owned()
        }
        (Difference::Higher, Better::Lower) | (Difference::Lower, Better::Higher) => {
            ", worse".to_owned()
        }
    };
    format!("{}{judgement}", difference.word())
}

/// What it comes to. That no regression was found means something only where one could be.
fn conclusion(report: &ComparisonReport) -> String {
    let labels = |which: &dyn Fn(&ComparedFigure) -> bool| -> Vec<&str> {
        let figures = report.figures.iter().filter(|figure| which(figure));
        figures.map(|figure| figure.label.as_str()).collect()
    };
    let is_told = |figure: &ComparedFigure| {
        let difference = figure.comparison.difference;
        difference.is_some_and(|difference| difference != Difference::CantTell)
    };
    let told = labels(&|figure| is_told(figure) && figure.suspect.is_none());
    let suspect = labels(&|figure| is_told(figure) && figure.suspect.is_some());
    let unknown = labels(&|figure| figure.comparison.difference == Some(Difference::CantTell));
    let within = format!("equal: within {} %", percent(report.margin));
    let regressions = labels(&|figure| figure.regression);
    let found = match (report.threshold, regressions.as_slice()) {
        _ if told.is_empty() && regressions.is_empty() => "nothing can be told".to_owned(),
        (None, _) => within,
        (Some(threshold), []) => format!("no regression beyond {} %; {within}", percent(threshold)),
        (Some(threshold), labels) => format!(
            "regression beyond {} %: {}; {within}",
            percent(threshold),
            labels.join(", ")
        ),
    };
    let unknown = if told.is_empty() { Vec::new() } else { unknown };
    let others = [("can't tell", unknown), ("suspect, not judged", suspect)];
    let others = others.into_iter().filter(|(_, labels)| !labels.is_empty());
    let others = others.map(|(what, labels)| format!("; {what}: {}", labels.join(", ")));
    found + &others.collect::<String>()
}

fn percent(share: f64) -> f64 {
    (share * 1e4).round() / 100.0
}

/// Figures side by side in one table of ranks.
const SIDE_BY_SIDE: usize = 4;

/// Columns of a terminal for the models' names, and for a figure.
const NAME_COLUMNS: usize = 18;
const FIGURE_COLUMNS: usize = 20;

/// The models of a run in its primary figures, each with its ranks; with `all` in every figure. A
/// terminal of few columns has fewer figures side by side.
pub fn rankings(rankings: &[FigureRanking], all: bool, columns: Option<u16>) -> String {
    let side_by_side = columns.map_or(SIDE_BY_SIDE, |columns| {
        let for_figures = usize::from(columns).saturating_sub(NAME_COLUMNS);
        (for_figures / FIGURE_COLUMNS).clamp(1, SIDE_BY_SIDE)
    });
    let shown = rankings.iter().filter(|ranking| all || ranking.primary);
    // Those that decide come first.
    let (primary, others): (Vec<_>, Vec<_>) = shown.partition(|ranking| ranking.primary);
    let tables = primary
        .chunks(side_by_side)
        .chain(others.chunks(side_by_side))
        .map(ranks_table);
    tables.collect::<Vec<String>>().join("\n\n")
}

/// All pairs of a run for a pull request: ranks in the primary figures, and folded below them their
/// pairs.
pub fn markdown_of_run(rankings: &[FigureRanking], pairs: &[ComparisonReport]) -> String {
    let primary: Vec<_> = rankings.iter().filter(|ranking| ranking.primary).collect();
    let header = primary
        .iter()
        .map(|figure| format!(" {}, {} (rank) |", figure.label, figure.unit));
    let mut text = format!(
        "| model |{}\n|---|{}\n",
        header.collect::<String>(),
        "---:|".repeat(primary.len())
    );
    for model in models(&primary) {
        let cells = primary
            .iter()
            .map(|figure| format!(" {} |", place(figure, model)));
        text.push_str(&format!("| {model} |{}\n", cells.collect::<String>()));
    }
    text.push('\n');
    for figure in &primary {
        text.push_str(&format!("- {}\n", told(figure)));
    }
    text.push_str(&format!(
        "\n<details>\n<summary>{} pairs in the primary figures</summary>\n\n\
         | pair (candidate / baseline) | {} |\n|---|---|---:|---:|---:|---:|---|\n",
        pairs.len(),
        HEADER.join(" | ")
    ));
    for pair in pairs {
        let names = format!("{} / {}", pair.candidate.model, pair.baseline.model);
        for figure in pair.figures.iter().filter(|figure| figure.primary) {
            text.push_str(&format!("| {names} | {} |\n", row(figure).join(" | ")));
        }
    }
    text.push_str(&format!("\n{RATIO}.\n\n"));
    // Most are about a model, and so the same in each of its pairs.
    let remarks: BTreeSet<String> = pairs.iter().flat_map(remarks).collect();
    for remark in remarks {
        text.push_str(&format!("- {remark}\n"));
    }
    inert(&text) + "\n</details>\n\nEvery other figure: `--against MODEL`, or `--format json`.\n"
}

/// In the order of the first figure; those without it at the end.
fn models<'a>(figures: &[&'a FigureRanking]) -> Vec<&'a str> {
    let mut models: Vec<&str> = Vec::new();
    for one in figures.iter().flat_map(|figure| &figure.contestants) {
        if !models.contains(&one.model.as_str()) {
            models.push(&one.model);
        }
    }
    models
}

fn ranks_table(figures: &[&FigureRanking]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let header = figures
        .iter()
        .map(|figure| format!("{}\n{} (rank)", narrow(&figure.label), figure.unit));
    table.set_header(std::iter::once("model".to_owned()).chain(header));
    for model in models(figures) {
        let cells = figures.iter().map(|figure| place(figure, model));
        table.add_row(std::iter::once(model.to_owned()).chain(cells));
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let summaries = figures.iter().map(|figure| format!("\n{}", told(figure)));
    format!("{table}{}", summaries.collect::<String>())
}

/// A label in short lines: where it holds is below what it is.
fn narrow(label: &str) -> String {
    let label = label.replace(", ", ",\n");
    label.replace(" at ", "\nat ").replace(" over ", "\nover ")
}

fn place(figure: &FigureRanking, model: &str) -> String {
    let mut contestants = figure.contestants.iter();
    let Some(one) = contestants.find(|one| one.model == model) else {
        return "-".to_owned();
    };
    let Ranks { best, worst } = one.ranks;
    let ranks = if best == worst {
        best.to_string()
    } else {
        format!("{best}-{worst}")
    };
    // Ranks below each other, whatever their width.
    format!("{} {:>7}", number(one.median), format!("({ranks})"))
}

/// How much of a figure is decided.
fn told(figure: &FigureRanking) -> String {
    let words = if figure.primary { "" } else { ", exploratory" };
    let suspect = figure.suspect.as_ref();
    format!(
        "{}{words}: {} of {} pairs differ, {} are equal within the margin; ranks hold together in {} %{}",
        figure.label,
        figure.pairs_decided,
        figure.pairs,
        figure.pairs_equal,
        percent(figure.confidence),
        suspect.map_or_else(String::new, |reason| format!("\n  suspect: {reason}"))
    )
}

/// With thousands set apart, and decimals where they matter.
fn number(value: f64) -> String {
    if value.abs() < 100.0 {
        format!("{value:.2}")
    } else {
        whole(value)
    }
}
