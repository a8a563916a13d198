//! Ranks, and each model held against each other.

use chart::{
    Kind, Mark, Row, Rule, Strip, Table, captioned,
    text::{capital, figure, ratio, short},
};
use maud::{Markup, html};
use report::{
    comparison::{BLOCKS_MIN, Better, ComparedFigure, ComparisonReport, Difference, FigureRanking},
    numbers::Range,
};
use view::names::label;
use view::{Seen, View};

/// Nothing where there is nothing to compare.
pub(crate) fn pairs(view: &View<'_>) -> Option<Markup> {
    let primary: Vec<&FigureRanking> = view
        .compared
        .rankings
        .iter()
        .filter(|ranking| ranking.primary)
        .collect();
    if view.models.len() < 2 || primary.is_empty() {
        return None;
    }
    let is_told = view
        .compared
        .pairs
        .iter()
        .flat_map(|pair| &pair.figures)
        .any(|f| f.comparison.interval.is_some());
    let baseline = best(view, &primary);
    let pairs = &view.compared.pairs;
    let is_compared = |model: &&Seen<'_>| pairs.iter().any(|pair| is_of(pair, model.name()));
    let baselines = view.models.iter().filter(is_compared);
    Some(html! {
        p {
            "Models are compared block by block, in the figures that the plan declared beforehand. "
            @if is_told {
                "The intervals of a figure hold for all pairs together: any model may be taken as the baseline \
                 after they were seen. Where two models' ranks overlap, nobody knows which is better."
            } @else {
                "Fewer than " (BLOCKS_MIN) " blocks tell nothing: there are ratios, and no intervals."
            }
        }
        @if is_told {
            h3 { "Between which ranks each model lies" }
            div.charts { @for ranking in &primary { (ranks(view, ranking)) } }
        }
        h3 { "Each model against a baseline of your choice" }
        div.chips {
            @for model in baselines {
                details.baseline name={ (view.prefix) "-baseline" } open[model.name() == baseline] {
                    summary { (model.ink.swatch()) "against " strong { (model.name()) } }
                    div.charts { @for ranking in &primary { (forest(view, model, ranking)) } }
                }
            }
        }
    })
}

fn is_of(pair: &ComparisonReport, name: &str) -> bool {
    pair.baseline.model == name || pair.candidate.model == name
}

/// The first in most of these figures.
fn best<'a>(view: &'a View<'_>, primary: &[&FigureRanking]) -> &'a str {
    let places = |model: &&Seen<'_>| -> usize {
        let place = |ranking: &&FigureRanking| {
            let mut names = ranking.contestants.iter();
            names
                .position(|one| one.model == model.name())
                .unwrap_or(usize::MAX / 64)
        };
        primary.iter().map(place).sum()
    };
    view.models
        .iter()
        .min_by_key(places)
        .map_or("", |model| model.name())
}

fn ranks(view: &View<'_>, ranking: &FigureRanking) -> Markup {
    let mut table = Table::new(["model", "ranks", "median"]);
    let rows = ranking.contestants.iter().filter_map(|one| {
        let model = view.models.iter().find(|model| model.name() == one.model)?;
        let (best, worst) = (one.ranks.best, one.ranks.worst);
        let text = if best == worst {
            best.to_string()
        } else {
            format!("{best} to {worst}")
        };
        let median = figure(one.median, &ranking.unit);
        table.row([one.model.clone(), text.clone(), median.clone()]);
        Some(Row {
            ink: model.ink,
            name: one.model.clone(),
            points: Vec::new(),
            middle: (best == worst).then_some(f64::from(best)),
            span: Some(Range {
                low: f64::from(best) - 0.3,
                high: f64::from(worst) + 0.3,
            }),
            mark: model.mark(&ranking.id).of_comparison(),
            tip: format!("{}: rank {text}, median {median}", one.model),
            text,
        })
    });
    let rows: Vec<Row> = rows.collect();
    let title = capital(&label(&ranking.id));
    let picture = Strip {
        title: format!("Ranks: {title}"),
        axis: "rank; 1 is the best",
        kind: Kind::Linear,
        rows,
        rules: Vec::new(),
        tick: &|value| match value {
            rank if rank < 0.5 || rank.fract() > 0.01 => String::new(),
            rank => format!("{rank:.0}"),
        },
    };
    let reading = format!(
        "{} of {} pairs differ, {} are equal within the margin; all ranks hold together in {:.4} %.",
        ranking.pairs_decided,
        ranking.pairs,
        ranking.pairs_equal,
        ranking.confidence * 100.0
    );
    let reading = reading.replace(".0000 %", " %").replace("00 %", " %");
    let suspect = ranking
        .suspect
        .as_ref()
        .map_or_else(String::new, |why| format!(" Suspect: {why}."));
    captioned(
        &title,
        &format!("{reading}{suspect}"),
        &picture.draw(),
        &table,
    )
}

/// A model against a baseline in one figure, whichever of them the comparison took as its own.
struct Against {
    ratio: f64,
    interval: Option<Range>,
    p: Option<f64>,
    difference: Option<Difference>,
    suspect: Option<String>,
}

impl Against {
    fn of(view: &View<'_>, baseline: &str, candidate: &str, id: &str) -> Option<Self> {
        if baseline == candidate {
            return None;
        }
        let between = |pair: &&ComparisonReport| is_of(pair, baseline) && is_of(pair, candidate);
        let pair = view.compared.pairs.iter().find(between)?;
        let figure = pair.figures.iter().find(|figure| figure.id == id)?;
        let this = Self::as_compared(figure);
        Some(if pair.baseline.model == baseline {
            this
        } else {
            this.turned()
        })
    }

    fn as_compared(figure: &ComparedFigure) -> Self {
        let comparison = &figure.comparison;
        Self {
            ratio: comparison.ratio,
            interval: comparison.interval,
            p: comparison.p,
            difference: comparison.difference,
            suspect: figure.suspect.clone(),
        }
    }

    fn turned(self) -> Self {
        Self {
            ratio: 1.0 / self.ratio,
            interval: self.interval.map(|range| Range {
                low: 1.0 / range.high,
                high: 1.0 / range.low,
            }),
            difference: self.difference.map(|difference| match difference {
                Difference::Higher => Difference::Lower,
                Difference::Lower => Difference::Higher,
                same => same,
            }),
            // Which side it names depends on which was the baseline.
            suspect: self.suspect.map(|why| {
                why.replace("baseline's", "\u{0}")
                    .replace("candidate's", "baseline's")
                    .replace('\u{0}', "candidate's")
            }),
            ..self
        }
    }

    fn p_text(&self) -> String {
        match self.p {
            None => "–".to_owned(),
            Some(p) if p < 0.001 => "< 0.001".to_owned(),
            Some(p) => format!("{p:.3}"),
        }
    }
}

fn forest(view: &View<'_>, baseline: &Seen<'_>, ranking: &FigureRanking) -> Markup {
    let others = ranking.contestants.iter().filter_map(|one| {
        let model = view.models.iter().find(|model| model.name() == one.model)?;
        let against = Against::of(view, baseline.name(), model.name(), &ranking.id)?;
        Some((model, against))
    });
    let others: Vec<(&Seen<'_>, Against)> = others.collect();
    if others.is_empty() {
        return html! {};
    }
    let ratios = || others.iter().map(|(_, against)| against.ratio).chain([1.0]);
    // An interval over many decades, of a figure that jumped, would leave the others no room.
    let shown = Range {
        low: ratios().fold(1.0, f64::min) / SHOWN_BEYOND,
        high: ratios().fold(1.0, f64::max) * SHOWN_BEYOND,
    };
    let mut table = Table::new([
        "model",
        "ratio",
        "from",
        "to",
        "p, adjusted",
        "difference",
        "suspect",
    ]);
    let rows = others.iter().map(|(model, against)| {
        let mark = model.mark(&ranking.id).or(baseline.mark(&ranking.id));
        let mark = mark.of_comparison();
        table.row(against.numbers(model.name()));
        against.row(model, mark, shown)
    });
    let rows: Vec<Row> = rows.collect();
    let title = capital(&label(&ranking.id));
    let better = match ranking.better {
        Better::Higher => "more is better",
        Better::Lower => "less is better",
    };
    let picture = Strip {
        title: format!("{title} against {}", baseline.name()),
        axis: "ratio to the baseline, logarithmic",
        kind: Kind::Log,
        rows,
        rules: vec![Rule {
            value: 1.0,
            name: "the same".to_owned(),
        }],
        tick: &short,
    };
    captioned(
        &title,
        &format!("{}.", capital(better)),
        &picture.draw(),
        &table,
    )
}

/// An interval is drawn as far as this many times the greatest ratio.
const SHOWN_BEYOND: f64 = 4.0;

impl Against {
    fn edges(&self) -> [String; 2] {
        self.interval
            .map_or(["–".to_owned(), "–".to_owned()], |range| {
                [ratio(range.low), ratio(range.high)]
            })
    }

    fn word(&self) -> &'static str {
        self.difference.map_or("–", Difference::word)
    }

    fn numbers(&self, name: &str) -> [String; 7] {
        let [low, high] = self.edges();
        let suspect = self.suspect.clone();
        [
            name.to_owned(),
            ratio(self.ratio),
            low,
            high,
            self.p_text(),
            self.word().to_owned(),
            suspect.unwrap_or_else(|| "–".to_owned()),
        ]
    }

    fn row(&self, model: &Seen<'_>, mark: Mark, shown: Range) -> Row {
        let [low, high] = self.edges();
        let text = format!("× {}", ratio(self.ratio));
        let p = self.p_text();
        Row {
            ink: model.ink,
            name: model.name().to_owned(),
            points: Vec::new(),
            middle: Some(self.ratio),
            span: self.interval.map(|range| Range {
                low: range.low.max(shown.low),
                high: range.high.min(shown.high),
            }),
            tip: format!(
                "{}: {text} the baseline ({low} to {high}), p {p}: {}",
                model.name(),
                self.word()
            ),
            mark,
            text,
        }
    }
}
