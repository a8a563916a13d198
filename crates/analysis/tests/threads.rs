//! Models over a ladder of threads.

use analysis::threads::on_threads;
use report::model::{Model, ModelReport, Peak, Spread};

fn model() -> ModelReport {
    ModelReport::new("run", Model::default())
}

fn at(name: &str, threads: u32, rate_per_s: f64) -> ModelReport {
    let mut report = model();
    report.model.name = format!("{name}@{threads}");
    report.model.threads = Some(threads);
    report.summary.closed_ladder = vec![Peak {
        connections: 100,
        rate_per_s: Spread {
            median: rate_per_s,
            ..Spread::default()
        },
        ..Peak::default()
    }];
    report
}

#[test]
fn efficiency_is_against_the_same_model_on_the_fewest_threads() {
    let reports = [
        at("b", 2, 300.0),
        at("a", 4, 400.0),
        at("a", 1, 200.0),
        at("b", 1, 150.0),
    ];
    let steps = on_threads(&reports);
    let told: Vec<_> = steps
        .iter()
        .map(|s| (s.model, s.threads, s.efficiency))
        .collect();
    let expected = [
        ("a", 1, Some(1.0)),
        ("a", 4, Some(0.5)),
        ("b", 1, Some(1.0)),
        ("b", 2, Some(1.0)),
    ];
    assert_eq!(told, expected);
    let idle = [at("c", 1, 0.0), at("c", 2, 5.0)];
    let told = on_threads(&idle);
    assert!(told.iter().all(|step| step.efficiency.is_none()));
    let alone = model();
    assert!(on_threads(&[alone]).is_empty(), "it is on no ladder");
}
