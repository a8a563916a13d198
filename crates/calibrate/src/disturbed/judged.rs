//! Figures of disturbed trials held against those of the undisturbed trials among them.
//!
//! Required is that no figure is off by more than it says and called valid. That one is doubted
//! which isn't off is no fault, since chance may have helped it; only far below the threshold it
//! has to stay valid.

use super::{
    disturbance::{Disturbance, Setting, Truth},
    order::Turn,
    published::{Figures, Published, Seen},
    tolerance::{Known, exact, known},
};
use crate::row::Row;
use analysis::rules::FROM_OUTSIDE;
use report::check::{FigureVerdict, Slack, Status};
use serde::Serialize;

/// Of figures far below their threshold so many stay valid, in percent.
const STAY_VALID_PERCENT: u32 = 90;

/// One trial's figures.
#[derive(Clone, Debug)]
pub struct Made {
    /// What was done to it.
    pub turn: Turn,
    /// Or why there are none.
    pub figures: Result<Figures, String>,
    /// That programs used which aren't ours, disturbers among them.
    pub strangers_cpus: f64,
}

/// One figure of one disturbed trial.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Judged {
    /// Its name.
    pub disturbance: &'static str,
    /// In multiples of the threshold.
    pub strength: f64,
    /// What happened, in words.
    pub what: String,
    /// Which figure.
    pub figure: Published,
    /// What it would have been, and how well that is known; null where it isn't, or where what the
    /// figure claims did not happen.
    pub known: Option<Known>,
    /// In the figure's unit.
    pub measured: f64,
    /// What its verdict says.
    pub verdict: FigureVerdict,
    /// What is to be said of that.
    pub finding: Finding,
    /// Whether it stayed valid, where it had to.
    pub stayed_valid: Option<bool>,
    /// Why it can't be judged.
    pub reason: Option<String>,
}

/// What is to be said of a figure's verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// It is valid, and right within what it says.
    Stands,
    /// It is off, and its verdict says so.
    Told,
    /// It isn't valid, and not off by more than undisturbed ones are.
    Doubted,
    /// It is off by more than it says, and valid.
    Wrong,
    /// What it would have been isn't known here.
    NotJudgeable,
}

/// Judges all disturbed trials of a setting. `together` figures are judged in all settings.
pub fn judge(made: &[Made], together: usize) -> Vec<Judged> {
    let figures: Vec<&Figures> = made
        .iter()
        .filter(|made| matches!(made.turn, Turn::Undisturbed))
        .filter_map(|made| made.figures.as_ref().ok())
        .collect();
    let undisturbed = Undisturbed { figures, together };
    let mut judged = Vec::new();
    for made in made {
        let (Turn::Disturbed(of, times), Ok(figures)) = (made.turn, &made.figures) else {
            continue;
        };
        let moved = of.moves.iter();
        let seen = moved.filter_map(|&figure| Some((figure, figures.get(&figure)?)));
        let is_below = of.is_below(times, made.strangers_cpus);
        judged.extend(
            seen.map(|(figure, seen)| one((of, times), (figure, seen), is_below, &undisturbed)),
        );
    }
    judged
}

/// What disturbed trials are held against.
struct Undisturbed<'a> {
    figures: Vec<&'a Figures>,
    together: usize,
}

fn one(
    (of, times): (&'static Disturbance, f64),
    (figure, seen): (Published, &Seen),
    is_below: bool,
    undisturbed: &Undisturbed<'_>,
) -> Judged {
    let all: Vec<&Seen> = undisturbed
        .figures
        .iter()
        .filter_map(|figures| figures.get(&figure))
        .collect();
    let sound: Vec<f64> = all
        .iter()
        .filter(|seen| seen.verdict.status == Status::Valid)
        .map(|seen| seen.value)
        .collect();
    let of_undisturbed = || known(&sound, undisturbed.together).map_err(|few| because(few, &all));
    let held = match of.truth {
        Truth::Undisturbed => of_undisturbed().map(Held::Against),
        Truth::More(more) => of_undisturbed().map(|known| {
            let truth = known.truth + more(times);
            Held::Against(Known { truth, ..known })
        }),
        Truth::Off(off) => Ok(Held::Against(exact(seen.value * (1.0 + off(times))))),
        Truth::Happens(happens) => Ok(Held::Happened(happens(times))),
    };
    let is_valid = seen.verdict.status == Status::Valid;
    let is_quiet = sound.len() * 2 > all.len();
    // What touches undisturbed trials too is none of its doing.
    let is_common = |check: &str| {
        let mut others = all.iter().map(|seen| seen.verdict.check.as_deref());
        FROM_OUTSIDE.contains(&check) || others.any(|other| other == Some(check))
    };
    let is_own = |check: &str| of.own_check() == Some(check) || !is_common(check);
    let is_about_it = is_valid || seen.verdict.check.as_deref().is_none_or(is_own);
    let has_to_stay = is_below && of.belongs.contains(&figure);
    Judged {
        disturbance: of.name,
        strength: times,
        what: (of.what)(times),
        figure,
        known: match held {
            Ok(Held::Against(known)) => Some(known),
            _ => None,
        },
        measured: seen.value,
        verdict: seen.verdict.clone(),
        finding: held
            .as_ref()
            .map_or(Finding::NotJudgeable, |held| finding(held, seen)),
        stayed_valid: (has_to_stay && is_quiet && is_about_it).then_some(is_valid),
        reason: held.err(),
    }
}

/// Few of the undisturbed are valid: what touched the others.
fn because(few: String, undisturbed: &[&Seen]) -> String {
    let mut checks = undisturbed
        .iter()
        .filter_map(|seen| match seen.verdict.status {
            Status::Valid => None,
            _ => seen.verdict.check.as_deref(),
        });
    match checks.next() {
        Some(check) => format!("{few}, others were touched ({check})"),
        None => few,
    }
}

/// What a figure is held against.
#[derive(Clone, Copy, Debug)]
enum Held {
    Against(Known),
    /// Whether what it claims happened.
    Happened(bool),
}

fn finding(held: &Held, seen: &Seen) -> Finding {
    let is_off = |slack: Slack| match held {
        Held::Happened(happened) => !happened,
        Held::Against(known) => {
            let allowed = 1.0 + known.tolerance_share;
            known.truth > seen.value * (1.0 + slack.too_low) * allowed
                || known.truth * allowed < seen.value * (1.0 - slack.too_high)
        }
    };
    match seen.verdict.status {
        Status::Valid if is_off(seen.verdict.slack()) => Finding::Wrong,
        Status::Valid => Finding::Stands,
        _ if is_off(Slack::default()) => Finding::Told,
        _ => Finding::Doubted,
    }
}

/// A row for each disturbance at each strength, and for each trial that came to no end.
pub fn rows(setting: Setting, made: &[Made], judged: &[Judged]) -> Vec<Row> {
    let failed = made.iter().filter_map(|made| {
        let error = made.figures.as_ref().err()?;
        let (case, what) = match made.turn {
            Turn::Undisturbed => (setting.name(), "undisturbed".to_owned()),
            Turn::Disturbed(of, times) => (of.name, (of.what)(times)),
        };
        let row = Row::words(what, "runs to its end", "not judgeable here", false);
        Some(row.of_case(case).not_judged().note(error.clone()))
    });
    let mut rows: Vec<Row> = failed.collect();
    let mut seen = Vec::new();
    for one in judged {
        let key = (one.disturbance, one.strength);
        if !seen.contains(&key) {
            seen.push(key);
            let of_key: Vec<&Judged> = judged
                .iter()
                .filter(|one| (one.disturbance, one.strength) == key)
                .collect();
            rows.push(row(&of_key));
        }
    }
    rows
}

fn row(judged: &[&Judged]) -> Row {
    let of = |finding| {
        let found = judged.iter().filter(move |one| one.finding == finding);
        found.copied().collect::<Vec<&Judged>>()
    };
    let words = [
        (Finding::Wrong, "off and valid"),
        (Finding::Told, "off and told"),
        (Finding::Stands, "right and valid"),
        (Finding::Doubted, "doubted"),
        (Finding::NotJudgeable, "not judgeable here"),
    ];
    let counts: Vec<String> = words
        .iter()
        .map(|&(finding, word)| (of(finding).len(), word))
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    let wrong = of(Finding::Wrong);
    let first = judged[0];
    let row = Row::timing_words(
        &first.what,
        "none off and valid",
        counts.join(", "),
        wrong.is_empty(),
    )
    .of_case(first.disturbance);
    let row = match of(Finding::NotJudgeable).len() == judged.len() {
        true => row.not_judged(),
        false => row,
    };
    let mut details: Vec<String> = wrong.iter().map(|one| detail(one)).collect();
    details.extend(of(Finding::Told).iter().map(|one| detail(one)));
    let reasons = of(Finding::NotJudgeable).into_iter().take(1);
    details.extend(reasons.filter_map(|one| {
        Some(format!(
            "{} not judgeable: {}",
            one.figure.word(),
            one.reason.clone()?
        ))
    }));
    match details.is_empty() {
        true => row,
        false => row.note(details.join(", ")),
    }
}

/// `rate -8.0 % (known within 3.1 %): suspect by other_load`
fn detail(judged: &Judged) -> String {
    let verdict = &judged.verdict;
    let off = judged.known.map_or(String::new(), |known| {
        let off = (judged.measured / known.truth - 1.0) * 100.0;
        format!(
            " {off:+.1} % (known within {:.1} %)",
            known.tolerance_share * 100.0
        )
    });
    let check = verdict
        .check
        .as_deref()
        .map_or(String::new(), |check| format!(" by {check}"));
    format!(
        "{}{off}: {}{check}",
        judged.figure.word(),
        verdict.status.word()
    )
}

/// How many figures came out how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Off by more than they said.
    pub off: u32,
    /// Of these, called valid.
    pub off_and_valid: u32,
    /// Disturbed so little that they had to stay valid.
    pub below: u32,
    /// Of these, still valid.
    pub below_and_valid: u32,
}

impl Totals {
    /// Of all that was judged.
    pub fn of(judged: &[Judged]) -> Self {
        let count =
            |is: &dyn Fn(&Judged) -> bool| judged.iter().filter(|one| is(one)).count() as u32;
        let wrong = count(&|one| one.finding == Finding::Wrong);
        Self {
            off: wrong + count(&|one| one.finding == Finding::Told),
            off_and_valid: wrong,
            below: count(&|one| one.stayed_valid.is_some()),
            below_and_valid: count(&|one| one.stayed_valid == Some(true)),
        }
    }

    /// What that proves.
    pub fn rows(&self) -> Vec<Row> {
        let what = "off by more than they said, and called valid";
        let off = Row::at_most(what, (self.off_and_valid, self.off), 0);
        let what = "at half the threshold or less, and still valid";
        let least = (self.below * STAY_VALID_PERCENT).div_ceil(100);
        let below = Row::at_least(what, (self.below_and_valid, self.below), least);
        [off.judged_on(self.off), below.judged_on(self.below)]
            .map(|row| row.of_case("disturbances"))
            .into()
    }

    /// The same in sentences.
    pub fn sentences(&self) -> [String; 2] {
        let Self {
            off,
            off_and_valid,
            below,
            below_and_valid,
        } = self;
        let share = f64::from(*below_and_valid) / f64::from((*below).max(1)) * 100.0;
        [
            format!(
                "of {off} figures that were off by more than they said, {off_and_valid} were called valid"
            ),
            match below {
                0 => "no figure was disturbed by half its threshold or less".to_owned(),
                _ => format!("of {below} figures at half the threshold, {share:.0} % stayed valid"),
            },
        ]
    }
}
