//! What the run says: in words, in one table, and what must not be concluded from it.

use super::scoreboard::{Column, columns, scoreboard};
use chart::text::{capital, figure, listed, ratio};
use maud::{Markup, html};
use render::{blocks::too_few, numbers::whole};
use report::{
    check::Status,
    comparison::{BLOCKS_MIN, FigureRanking, RankedContestant},
    trial::Load,
};
use view::{Seen, View};

/// Names in a sentence; of more their number is told.
const NAMES_MAX: usize = 4;

/// The sentences, the table, the warnings.
pub(crate) fn answer(view: &View<'_>) -> Markup {
    let columns = columns(view);
    html! {
        div.first {
            ul.answer { @for sentence in sentences(view, &columns) { li { (sentence) } } }
            div.beware {
                h3 { "What not to conclude" }
                ul { @for warning in warnings(view, &columns) { li { (warning) } } }
            }
        }
        (scoreboard(view, &columns))
    }
}

/// The sentences alone.
pub(crate) fn answers(view: &View<'_>) -> Vec<Markup> {
    sentences(view, &columns(view))
}

fn sentences(view: &View<'_>, columns: &[Column]) -> Vec<Markup> {
    let failed: Vec<&str> = view
        .models
        .iter()
        .filter(|model| model.report.failure.is_some())
        .map(Seen::name)
        .collect();
    let nothing_decides = !columns.iter().any(|column| column.is_primary);
    let mut sentences = Vec::new();
    match view.models.as_slice() {
        [] => sentences.push(html! { "The run has no model." }),
        [one] => sentences.extend(columns.iter().filter_map(|column| of_one(one, column))),
        _ => sentences.extend(
            columns
                .iter()
                .filter(|column| column.is_primary || nothing_decides)
                .filter_map(|column| of_all(view, column)),
        ),
    }
    if !failed.is_empty() {
        sentences.push(html! { strong { (listed(&failed)) } " could not be measured, or not to the end: “What to believe” has the reason." });
    }
    if sentences.is_empty() {
        sentences.push(html! { "No figure was measured." });
    }
    sentences
}

fn of_one(model: &Seen<'_>, column: &Column) -> Option<Markup> {
    let value = model.value(&column.id)?;
    let mark = model.mark(&column.id);
    let as_text = |value: f64| figure(value, column.unit);
    Some(html! {
        span.what { (capital(&column.label)) } strong { (mark.sign()) (as_text(value.middle)) }
        @if let Some(span) = value.span { " (blocks: " (as_text(span.low)) " to " (as_text(span.high)) ")" }
        @if mark.is_doubtful() { ", " (mark.status.word()) }
    })
}

/// Who leads, by how much, and who is last.
fn of_all(view: &View<'_>, column: &Column) -> Option<Markup> {
    let title = capital(&column.label);
    let ranking = view
        .ranking(&column.id)
        .filter(|ranking| ranking.pairs_decided + ranking.pairs_equal > 0);
    let Some(ranking) = ranking else {
        return undecided(view, column, &title);
    };
    let (leaders, others): (Vec<_>, Vec<_>) = ranking
        .contestants
        .iter()
        .partition(|one| one.ranks.best == 1);
    let first = leaders.first()?;
    let sure = leaders.len() == 1;
    let better = if column.is_higher_better {
        "highest"
    } else {
        "lowest"
    };
    Some(html! {
        span.what { (title) }
        @if sure {
            strong { (first.model) } " is " (better) ", " (value(view, first, column)) ". "
        } @else {
            (leading(&leaders, ranking)) ", from " (range_of(view, &leaders, column)) ". "
        }
        @if others.is_empty() {
            "The order is open: " (ranking.pairs_decided) " of " (ranking.pairs) " pairs differ."
        } @else {
            (behind(view, column, first, &others))
        }
        @if let Some(why) = &ranking.suspect { " Suspect: " (why) "." }
    })
}

/// Too few blocks, or no pair that differs: the range, and no order. Invalid figures aren't in it.
fn undecided(view: &View<'_>, column: &Column, title: &str) -> Option<Markup> {
    let models = view.by(&column.id, column.is_higher_better);
    let measured = models
        .iter()
        .filter_map(|model| Some((*model, model.value(&column.id)?.middle)));
    let (invalid, with): (Vec<_>, Vec<_>) =
        measured.partition(|(model, _)| is_invalid(model, column));
    let as_text = |(model, value): &(&Seen<'_>, f64)| {
        format!(
            "{}{}",
            model.mark(&column.id).sign(),
            figure(*value, column.unit)
        )
    };
    if invalid.is_empty() && with.is_empty() {
        return None;
    }
    let left_out: Vec<&str> = invalid.iter().map(|(model, _)| model.name()).collect();
    Some(html! {
        span.what { (title) }
        @match with.as_slice() {
            [] => { "no valid figure." }
            [one] => { (one.0.name()) ", " strong { (as_text(one)) } "." }
            [first, .., last] => {
                "from " (as_text(first)) " (" (first.0.name()) ") to " (as_text(last)) " (" (last.0.name()) "); "
                (no_order(view, column, first.0.name(), last.0.name()))
            }
        }
        @if !left_out.is_empty() { " Invalid, and left out: " (some(usize::MAX, &left_out)) "." }
    })
}

fn no_order(view: &View<'_>, column: &Column, first: &str, last: &str) -> Markup {
    let pairs = view.ranking(&column.id).map_or(0, |ranking| ranking.pairs);
    html! {
        @match (against(view, column, first, last), pairs) {
            (Some(ratio), 1) => { "they can't be told apart: " (ratio) " that of " (first) "." }
            (Some(ratio), pairs) => { "none of " (pairs) " pairs can be told apart. At the ends it is, block by block, " (ratio) " that of " (first) "." }
            (None, _) => { "no order can be told from it." }
        }
    }
}

fn is_invalid(model: &Seen<'_>, column: &Column) -> bool {
    model.mark(&column.id).status == Status::Invalid
}

/// Those who may be best: by their names, or how many they are.
fn leading(leaders: &[&RankedContestant], ranking: &FigureRanking) -> Markup {
    let names: Vec<&str> = leaders.iter().map(|one| one.model.as_str()).collect();
    let (count, all) = (leaders.len(), ranking.contestants.len());
    html! {
        @if ranking.pairs_equal == ranking.pairs {
            strong { (some(all, &names)) } " are equal within the margin"
        } @else if count > NAMES_MAX && count * 2 > all {
            strong { (count) " of " (all) " models" } " may each be best, first of them " (listed(&names[..2]))
        } @else {
            strong { (some(all, &names)) } " may each be best"
        }
    }
}

fn value(view: &View<'_>, one: &RankedContestant, column: &Column) -> String {
    let model = view.models.iter().find(|model| model.name() == one.model);
    let sign = model.map_or("", |model| model.mark(&column.id).sign());
    format!("{sign}{}", figure(one.median, column.unit))
}

fn range_of(view: &View<'_>, leaders: &[&RankedContestant], column: &Column) -> String {
    let by_median = |a: &&&RankedContestant, b: &&&RankedContestant| a.median.total_cmp(&b.median);
    let is_invalid = |one: &RankedContestant| {
        let mut models = view.models.iter();
        models.any(|model| model.name() == one.model && is_invalid(model, column))
    };
    let valid = || leaders.iter().filter(|one| !is_invalid(one));
    let (low, high) = (valid().min_by(by_median), valid().max_by(by_median));
    let text = |one: Option<&&RankedContestant>| {
        one.map_or_else(String::new, |one| value(view, one, column))
    };
    format!("{} to {}", text(low), text(high))
}

/// Those that are surely worse than some, and the last of them against the best.
fn behind(
    view: &View<'_>,
    column: &Column,
    first: &RankedContestant,
    others: &[&RankedContestant],
) -> Markup {
    let last = others
        .iter()
        .max_by_key(|one| one.ranks.worst + one.ranks.best);
    let names: Vec<&str> = others.iter().map(|one| one.model.as_str()).collect();
    let detail = |one: &RankedContestant| {
        let ratio = against(view, column, &first.model, &one.model);
        let ratio = ratio.map_or_else(String::new, |ratio| {
            format!(", {ratio} that of {}", first.model)
        });
        format!("{}{ratio}", value(view, one, column))
    };
    html! {
        "Surely behind: "
        @match (names.as_slice(), last) {
            ([one], Some(last)) => { strong { (one) } ", " (detail(last)) "." }
            (names, Some(last)) => { (some(usize::MAX, names)) "; last is " strong { (last.model) } ", " (detail(last)) "." }
            _ => {}
        }
    }
}

/// The ratio of the last to the first with its interval.
fn against(view: &View<'_>, column: &Column, first: &str, last: &str) -> Option<String> {
    let between = |one: &str, other: &str| {
        let mut pairs = view.compared.pairs.iter();
        let pair =
            pairs.find(|pair| pair.baseline.model == one && pair.candidate.model == other)?;
        let figure = pair.figures.iter().find(|figure| figure.id == column.id)?;
        Some((figure.comparison.ratio, figure.comparison.interval?))
    };
    let (middle, low, high) = match between(first, last) {
        Some((middle, range)) => (middle, range.low, range.high),
        None => {
            let (middle, range) = between(last, first)?;
            (1.0 / middle, 1.0 / range.high, 1.0 / range.low)
        }
    };
    Some(format!(
        "{} times ({} to {})",
        ratio(middle),
        ratio(low),
        ratio(high)
    ))
}

fn warnings(view: &View<'_>, columns: &[Column]) -> Vec<Markup> {
    let mut warnings = Vec::new();
    let run = view.run;
    // A run is noted as interrupted until its last block is done.
    if run.interrupted && !view.goes_on {
        warnings
            .push(html! { "The run was interrupted: these are the trials that were finished." });
    }
    let reports = view.models.iter().map(|model| model.report);
    if let Some(few) = too_few(run, reports) {
        warnings.push(html! { (few) " cannot tell models apart, whatever the medians: a comparison takes " (BLOCKS_MIN) "." });
    }
    warnings.extend(columns.iter().filter_map(|column| bounded(view, column)));
    warnings.extend(doubtful(view, columns));
    warnings.extend(
        run.verdict
            .checks
            .iter()
            .filter(|check| !check.passed)
            .map(|check| html! { (capital(&check.detail)) " (" (check.id) ")." }),
    );
    warnings.extend(
        view.compared
            .notes
            .iter()
            .map(|note| html! { (capital(note)) "." }),
    );
    let loads = &run.plan.loads;
    let is = |wanted: fn(&Load) -> bool| loads.iter().any(|planned| wanted(&planned.load));
    if is(|load| matches!(load, Load::Closed { .. })) && is(Load::is_scheduled) {
        warnings.push(html! { "Closed load and open load don't compare: service times at the peak are no response times." });
    }
    let has_any = |model: &&Seen<'_>| {
        columns
            .iter()
            .any(|column| model.value(&column.id).is_some())
    };
    let measured = view.models.iter().filter(has_any).count();
    warnings.push(html! {
        @if measured > 1 { "There is no overall winner here: which figure matters is for you to say. " }
        "Figures are of " (run.plan.workload)
        " with " (whole(run.plan.payload_bytes.into())) " bytes on this one machine; another work, or another machine, may "
        @if measured > 1 { "turn the order round." } @else { "give others." }
    });
    warnings
}

/// Models whose figure is so.
fn names<'a>(view: &'a View<'_>, column: &Column, is: fn(&chart::Mark) -> bool) -> Vec<&'a str> {
    let models = view.models.iter();
    let with = models.filter(|model| model.value(&column.id).is_some());
    with.filter(|model| is(&model.mark(&column.id)))
        .map(Seen::name)
        .collect()
}

fn bounded(view: &View<'_>, column: &Column) -> Option<Markup> {
    let bounds = names(view, column, chart::Mark::is_bound);
    let higher = match column.is_higher_better {
        true => "could do more",
        false => "may be better",
    };
    (!bounds.is_empty()).then(|| html! {
        strong { (capital(&column.label)) } " of " (some(view.models.len(), &bounds)) " is a bound: something else than the server was the limit, and it " (higher) " than is shown."
    })
}

/// All figures that are doubtful in one sentence: those of the same models together.
fn doubtful(view: &View<'_>, columns: &[Column]) -> Option<Markup> {
    let mut groups: Vec<(Vec<&str>, Vec<&str>)> = Vec::new();
    for column in columns {
        let models = names(view, column, chart::Mark::is_doubtful);
        match groups.iter_mut().find(|(known, _)| *known == models) {
            Some((_, figures)) => figures.push(&column.label),
            None if models.is_empty() => {}
            None => groups.push((models, vec![&column.label])),
        }
    }
    (!groups.is_empty()).then(|| {
        html! {
            "Suspect or invalid, see " a href={ "#" (view.prefix) "-verdicts" } { "why" } ": "
            @for (index, (models, figures)) in groups.iter().enumerate() {
                @if index > 0 { "; " }
                strong { (listed(figures)) } " of " (some(view.models.len(), models))
            }
            "."
        }
    })
}

/// Some of so many models: by their names, as far as a sentence has room.
fn some(all: usize, names: &[&str]) -> String {
    match names.len() {
        many if many == all && many > NAMES_MAX => "all models".to_owned(),
        many if many > NAMES_MAX => format!(
            "{} and {} more",
            names[..NAMES_MAX - 1].join(", "),
            many + 1 - NAMES_MAX
        ),
        _ => listed(names),
    }
}
