//! The figures of several contestants, each compared over all of them at once.

use crate::figures::Figure;
use report::{
    check::Slack,
    comparison::{
        Better, CPU_PER_REQUEST, Comparison, Difference, ERROR_MAX, ERROR_OF_A_LOOK, RESPONSE_TIME,
    },
    model::{ModelReport, Range},
    run::Plan,
};
use stats::{Family, Simultaneous, median, sign_flip_p};

const NO_RATIO: &str = "a value of 0 or less has no ratio";

/// One figure over the contestants that have it.
pub(crate) struct Field {
    pub id: String,
    pub label: String,
    pub unit: String,
    pub better: Better,
    pub primary: bool,
    /// For each contestant, the logarithms of its values in blocks that are the same for all. Empty:
    /// it doesn't have the figure, or none that has ratios.
    logs: Vec<Vec<Option<f64>>>,
    /// For each contestant.
    medians: Vec<Option<f64>>,
    /// For each contestant, how far the truth may lie beyond its values.
    slack: Vec<Slack>,
    /// `None` with too few blocks.
    compared: Option<Simultaneous>,
    /// Contestants have their blocks in common.
    paired: bool,
    /// What its intervals may be wrong, all together.
    pub error: f64,
}

/// The figures that more than one of these contestants of one run has, and why others aren't
/// compared. `all` are the figures of each.
pub(crate) fn fields(
    reports: &[&ModelReport],
    all: &[Vec<Figure>],
    plan: &Plan,
    family: Family,
    margin: f64,
) -> (Vec<Field>, Vec<String>) {
    let (mut fields, mut notes) = (Vec::new(), Vec::new());
    for figure in all.iter().flatten() {
        if fields.iter().any(|field: &Field| field.id == figure.id) {
            continue;
        }
        let (logs, without) = table(all, &figure.id);
        if !without.is_empty() {
            let names: Vec<&str> = without.iter().map(|&i| &*reports[i].model.name).collect();
            notes.push(format!(
                "{} isn't compared for {}: {NO_RATIO}",
                figure.label,
                names.join(", ")
            ));
        }
        let compared = Simultaneous::of(&logs, family);
        fields.push(Field::new(figure, all, logs, compared, true));
    }
    fields.retain(|field| field.contestants().count() > 1);
    drop_lagging(&mut fields);
    share_error(&mut fields, plan, margin);
    (fields, notes)
}

/// The same of two contestants of different runs. Without `tells` there is nothing but ratios.
pub(crate) fn fields_across(
    all: &[Vec<Figure>; 2],
    plan: &Plan,
    margin: f64,
    tells: bool,
) -> (Vec<Field>, Vec<String>) {
    let (mut fields, mut notes) = (Vec::new(), Vec::new());
    for figure in &all[0] {
        let of_both: Vec<_> = all
            .iter()
            .filter_map(|figures| find(figures, &figure.id))
            .collect();
        let [first, second] = of_both.as_slice() else {
            continue;
        };
        let logs = [first, second].map(|figure| {
            let values = figure.values.iter();
            values.map(|(_, value)| value.ln()).collect::<Vec<f64>>()
        });
        if logs.iter().flatten().any(|log| !log.is_finite()) {
            notes.push(format!("{} isn't compared: {NO_RATIO}", figure.label));
            continue;
        }
        let compared = tells
            .then(|| Simultaneous::of_unpaired(&logs[0], &logs[1]))
            .flatten();
        let logs = logs
            .map(|logs| logs.into_iter().map(Some).collect())
            .to_vec();
        fields.push(Field::new(figure, all, logs, compared, false));
    }
    drop_lagging(&mut fields);
    share_error(&mut fields, plan, margin);
    (fields, notes)
}

/// Response times with the generator's lag aren't compared where each block of each contestant has them
/// without.
fn drop_lagging(fields: &mut Vec<Field>) {
    let [prompt, measured] = RESPONSE_TIME.map(|name| format!(".{name}."));
    let without: Vec<(String, usize)> = fields
        .iter()
        .filter(|field| field.id.contains(&prompt))
        .map(|field| {
            let id = field.id.replace(&prompt, &measured);
            (id, field.values())
        })
        .collect();
    fields.retain(|field| {
        let has_all = |(id, count): &(String, usize)| *id == field.id && *count == field.values();
        !without.iter().any(has_all)
    });
}

fn find<'a>(figures: &'a [Figure], id: &str) -> Option<&'a Figure> {
    figures.iter().find(|figure| figure.id == id)
}

/// Logarithms by contestant and block, and who is left out because it has no ratios.
fn table(all: &[Vec<Figure>], id: &str) -> (Vec<Vec<Option<f64>>>, Vec<usize>) {
    let found: Vec<Option<&Figure>> = all.iter().map(|figures| find(figures, id)).collect();
    let values = found.iter().flatten().flat_map(|figure| &figure.values);
    let mut blocks: Vec<u32> = values.map(|(block, _)| *block).collect();
    blocks.sort_unstable();
    blocks.dedup();
    let mut without = Vec::new();
    let rows = found.iter().enumerate().map(|(index, figure)| {
        let Some(figure) = figure else {
            return Vec::new();
        };
        if !figure
            .values
            .iter()
            .all(|(_, value)| value.ln().is_finite())
        {
            without.push(index);
            return Vec::new();
        }
        let log = |block: &u32| {
            let mut values = figure.values.iter();
            let (_, value) = values.find(|(of, _)| of == block)?;
            Some(value.ln())
        };
        blocks.iter().map(log).collect()
    });
    (rows.collect(), without)
}

/// Says which figures are primary, and how much error each may have. Exploratory ones have all of
/// it, because nothing is said about them.
///
/// Primary ones share it by Holm's method ("A Simple Sequentially Rejective Multiple Test
/// Procedure", Scandinavian Journal of Statistics 6, 1979) over whole figures: equally among those
/// that were declared, and one in which every pair differs hands its share on to the others.
fn share_error(fields: &mut [Field], plan: &Plan, margin: f64) {
    let error = match plan.looks.as_slice() {
        [] => ERROR_MAX,
        _ => ERROR_OF_A_LOOK,
    };
    let ([of_cpus, of_processes], [prompt, measured]) = (CPU_PER_REQUEST, RESPONSE_TIME);
    let is_there = |id: &String| fields.iter().any(|field| field.id == *id);
    let primary: Vec<String> = plan
        .primary()
        .into_iter()
        .map(|id| match is_there(&id) {
            true => id,
            false => id.replace(of_cpus, of_processes).replace(prompt, measured),
        })
        .collect();
    for field in fields.iter_mut() {
        field.primary = primary.contains(&field.id);
    }
    // They are read first.
    fields.sort_by_key(|field| !field.primary);
    let mut open: Vec<&mut Field> = fields.iter_mut().filter(|field| field.primary).collect();
    let mut sharing = plan.primary_count();
    while !open.is_empty() {
        let share = error / sharing as f64;
        open.iter_mut().for_each(|field| field.error = share);
        let before = open.len();
        open.retain(|field| !field.differs_everywhere(margin));
        if open.len() == before {
            return;
        }
        sharing -= before - open.len();
    }
}

impl Field {
    fn new(
        figure: &Figure,
        all: &[Vec<Figure>],
        logs: Vec<Vec<Option<f64>>>,
        compared: Option<Simultaneous>,
        paired: bool,
    ) -> Self {
        let median_of = |figures: &Vec<Figure>| {
            let values = find(figures, &figure.id)?.values.iter();
            median(&values.map(|(_, value)| *value).collect::<Vec<f64>>())
        };
        let slack_of = |figures: &Vec<Figure>| {
            find(figures, &figure.id).map_or(Slack::default(), |figure| figure.slack)
        };
        Self {
            id: figure.id.clone(),
            label: figure.label.clone(),
            unit: figure.unit.clone(),
            better: figure.better,
            primary: false,
            logs,
            medians: all.iter().map(median_of).collect(),
            slack: all.iter().map(slack_of).collect(),
            compared,
            paired,
            error: ERROR_MAX,
        }
    }

    /// Those who have values.
    fn contestants(&self) -> impl Iterator<Item = &Vec<Option<f64>>> {
        self.logs.iter().filter(|row| !row.is_empty())
    }

    /// How many values they have, all together.
    fn values(&self) -> usize {
        self.logs.iter().flatten().flatten().count()
    }

    /// Of this contestant.
    pub(crate) fn median(&self, contestant: usize) -> Option<f64> {
        self.medians[contestant].filter(|_| !self.logs[contestant].is_empty())
    }

    /// The second against the first; `None` when they have no block in common.
    pub(crate) fn comparison(
        &self,
        first: usize,
        second: usize,
        margin: f64,
    ) -> Option<Comparison> {
        let (blocks, log_ratio, differences) = self.ratio(first, second)?;
        let confidence = 1.0 - self.error;
        let compared = self.compared.as_ref();
        let pair = compared.and_then(|compared| Some((compared, compared.pair(first, second)?)));
        let interval = pair.as_ref().and_then(|(compared, pair)| {
            self.with_slack(first, second, compared.interval(pair, confidence))
        });
        // What a bound hides may be a difference, or the lack of one.
        let told = pair.filter(|_| !self.is_bound(first, second));
        let is_of_two = self.logs.iter().filter(|row| !row.is_empty()).count() == 2;
        Some(Comparison {
            blocks,
            ratio: log_ratio.exp(),
            interval,
            confidence: interval.map(|_| confidence),
            p: told.as_ref().map(|(compared, pair)| compared.p(pair)),
            p_sign_flip: (told.is_some() && is_of_two && self.paired)
                .then(|| sign_flip_p(&differences))
                .flatten(),
            difference: (self.primary && (self.paired || interval.is_some()))
                .then(|| difference(interval, margin)),
        })
    }

    /// Where the ratio lies for all that a one-sided interval on either side allows.
    pub(crate) fn one_sided(&self, first: usize, second: usize) -> Option<Range> {
        let compared = self.compared.as_ref()?;
        let pair = compared.pair(first, second)?;
        self.with_slack(
            first,
            second,
            compared.interval(&pair, 1.0 - 2.0 * self.error),
        )
    }

    fn is_bound(&self, first: usize, second: usize) -> bool {
        [first, second].map(|index| self.slack[index]) != [Slack::default(); 2]
    }

    /// The ratios that an interval of logarithms allows, and those beyond it that a bound on either side
    /// allows, too; `None` where there is no end to these.
    fn with_slack(&self, first: usize, second: usize, logarithms: Range) -> Option<Range> {
        let (first, second) = (self.slack[first], self.slack[second]);
        let Range { low, high } = exp(logarithms);
        let range = Range {
            low: low / (1.0 + first.too_low) * (1.0 - second.too_high),
            high: high / (1.0 - first.too_high) * (1.0 + second.too_low),
        };
        (range.low > 0.0 && range.high.is_finite()).then_some(range)
    }

    /// Blocks, the mean difference of logarithms, and each where they are paired.
    fn ratio(&self, first: usize, second: usize) -> Option<(u32, f64, Vec<f64>)> {
        let (first, second) = (&self.logs[first], &self.logs[second]);
        if !self.paired {
            let mean = |row: &[Option<f64>]| {
                let values: Vec<f64> = row.iter().flatten().copied().collect();
                (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
            };
            let blocks = first.len().min(second.len()) as u32;
            return Some((blocks, mean(second)? - mean(first)?, Vec::new()));
        }
        let pairs = first.iter().zip(second);
        let differences: Vec<f64> = pairs
            .filter_map(|(first, second)| Some((*second)? - (*first)?))
            .collect();
        let blocks = differences.len();
        let mean = differences.iter().sum::<f64>() / blocks as f64;
        (blocks > 0).then_some((blocks as u32, mean, differences))
    }

    /// What could be said of each pair, were the figure primary.
    pub(crate) fn differences(
        &self,
        margin: f64,
    ) -> impl Iterator<Item = ((usize, usize), Difference)> {
        self.logarithms().map(move |((first, second), logarithms)| {
            let interval = self.with_slack(first, second, logarithms);
            ((first, second), difference(interval, margin))
        })
    }

    /// The interval of each pair, as measured.
    fn logarithms(&self) -> impl Iterator<Item = ((usize, usize), Range)> {
        let compared = self.compared.iter();
        compared.flat_map(move |compared| {
            let pairs = compared.pairs().iter();
            pairs.map(move |pair| {
                let logarithms = compared.interval(pair, 1.0 - self.error);
                ((pair.first, pair.second), logarithms)
            })
        })
    }

    fn differs_everywhere(&self, margin: f64) -> bool {
        let mut differences = self.differences(margin).peekable();
        let differs = |difference| matches!(difference, Difference::Higher | Difference::Lower);
        differences.peek().is_some() && differences.all(|(_, difference)| differs(difference))
    }

    /// Every pair is decided, or equal, as far as more blocks can decide it: a bound stays one.
    pub(crate) fn is_decided(&self, margin: f64) -> bool {
        let told = |(_, logarithms)| difference(Some(exp(logarithms)), margin);
        let mut differences = self.logarithms().map(told).peekable();
        differences.peek().is_some() && differences.all(|told| told != Difference::CantTell)
    }
}

/// What an interval of ratios says. Within the margin it says equal, even where it excludes 1.
fn difference(interval: Option<Range>, margin: f64) -> Difference {
    let Some(Range { low, high }) = interval else {
        return Difference::CantTell;
    };
    if low > 1.0 / (1.0 + margin) && high < 1.0 + margin {
        Difference::Equal
    } else if low > 1.0 {
        Difference::Higher
    } else if high < 1.0 {
        Difference::Lower
    } else {
        Difference::CantTell
    }
}

fn exp(logarithms: Range) -> Range {
    Range {
        low: logarithms.low.exp(),
        high: logarithms.high.exp(),
    }
}
