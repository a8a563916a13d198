//! Reports that were right, with some of their values changed.

use crate::steering::Steering;
use report::{model::ModelReport, run::RunReport};
use serde_json::{Value, json};
use std::{path::Path, sync::LazyLock};
use store::read;

/// What no page may contain as it is.
pub(super) const TAG: &str = "<script>spoiled";

/// Models of a run, at most: pairs of them are compared.
const MODELS: usize = 2;

/// Changes to a report, at most.
const CHANGES: usize = 8;

static VERSION_2: LazyLock<[Value; 2]> = LazyLock::new(|| both("../runner/tests/saved-run"));
static VERSION_1: LazyLock<[Value; 2]> =
    LazyLock::new(|| both("../store/tests/old-reports/first/epoll.json"));

pub(super) fn of_version_2(input: &[u8]) -> Option<(RunReport, Vec<ModelReport>)> {
    spoiled(&VERSION_2, input)
}

pub(super) fn of_version_1(input: &[u8]) -> Option<(RunReport, Vec<ModelReport>)> {
    spoiled(&VERSION_1, input)
}

/// A run and its models, with few trials and steps, so that there is time for many changes.
fn both(saved: &str) -> [Value; 2] {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(saved);
    let saved = read::models(&path).expect("the tests' reports are there");
    let run = serde_json::to_value(&saved[0].run);
    let models: Vec<ModelReport> = saved
        .into_iter()
        .take(MODELS)
        .map(|saved| {
            let mut report = saved.report;
            report.trials.retain(|trial| trial.block == 1);
            report
                .trials
                .iter_mut()
                .for_each(|trial| trial.steps.truncate(3));
            report
        })
        .collect();
    let models = serde_json::to_value(models);
    [run, models].map(|value| value.expect("what was read can be written"))
}

/// Changes as many leaves as the input has bytes for; `None` where that is no report any more.
fn spoiled(right: &[Value; 2], input: &[u8]) -> Option<(RunReport, Vec<ModelReport>)> {
    let mut steering = Steering::new(input);
    let [mut run, mut models] = right.clone();
    for _ in 0..CHANGES {
        if steering.is_over() {
            break;
        }
        let whole = match steering.byte() % 3 {
            0 => &mut run,
            _ => &mut models,
        };
        change(whole, &mut steering);
    }
    Some((
        serde_json::from_value(run).ok()?,
        serde_json::from_value(models).ok()?,
    ))
}

/// Goes down to some value, and puts another in its place.
fn change(mut value: &mut Value, steering: &mut Steering<'_>) {
    loop {
        let number = steering.number();
        let branches = match value {
            Value::Array(values) => values.len(),
            Value::Object(fields) => fields.len(),
            _ => 0,
        };
        // Now and then a whole branch is changed.
        if branches == 0 || steering.is_over() || number % 37 == 36 {
            *value = other(value, number);
            return;
        }
        let at = number % branches;
        let next = match value {
            Value::Array(values) => values.get_mut(at),
            Value::Object(fields) => fields.values_mut().nth(at),
            _ => None,
        };
        value = next.expect("there are so many branches");
    }
}

/// Of the same type, so that it is read, but at the end of what the type can hold.
fn other(value: &Value, number: usize) -> Value {
    let extremes = [
        json!(0),
        json!(1),
        json!(u32::MAX),
        json!(u64::MAX),
        json!(u64::MAX / 2),
        json!(f64::MAX),
        json!(f64::MIN_POSITIVE),
        json!(-1.0),
        json!(-f64::MAX),
        json!(0.0),
        json!(1e-300),
        json!(1e19),
    ];
    match value {
        Value::Number(_) => extremes[number % extremes.len()].clone(),
        Value::Bool(is) => json!(!is),
        Value::String(_) => match number % 4 {
            0 => json!(""),
            1 => json!(format!("{TAG}</script>")),
            2 => json!("\u{1b}[2J\u{202e}"),
            _ => json!("x".repeat(10_000)),
        },
        Value::Array(values) => match values.first() {
            Some(first) if number.is_multiple_of(2) => json!([first, first, first]),
            _ => json!([]),
        },
        // Where something may be missing there was a null.
        Value::Null => extremes[number % extremes.len()].clone(),
        Value::Object(_) => match number % 2 {
            0 => Value::Null,
            _ => json!({}),
        },
    }
}
