//! Limits for figures: what passes, what doesn't, what nobody can tell.

#![allow(
    clippy::unwrap_used,
    reason = "a test that can't go on fails, and says where"
)]

use analysis::summary::conclude;
use compare::gate::{Gate, GateError, Passage};
use report::{
    check::{Direction, Effect, FigureVerdict, Status},
    model::ModelReport,
};
use std::path::Path;

const SAVED_RUN: &str = "../runner/tests/saved-run";

fn report() -> ModelReport {
    let (_, mut reports) = store::read::run(Path::new(SAVED_RUN)).unwrap();
    let mut report = reports.swap_remove(0);
    conclude(&mut report).unwrap();
    report
}

fn passage(report: &ModelReport, gate: &str) -> Passage {
    gate.parse::<Gate>().unwrap().judge(report).passage
}

/// The user memory, and a report in which its verdict is this.
fn memory_with(verdict: FigureVerdict) -> (f64, ModelReport) {
    let mut report = report();
    let id = "memory.user_bytes_per_connection".to_owned();
    report.verdict.figures.insert(id, verdict);
    let memory = report.summary.memory.as_ref().unwrap();
    (memory.user_bytes_per_connection.unwrap(), report)
}

fn verdict(status: Status, bound: Option<Effect>, bias: Option<Effect>) -> FigureVerdict {
    FigureVerdict {
        status,
        bound,
        bias,
        because: Some("of that".to_owned()),
        ..FigureVerdict::default()
    }
}

#[test]
fn what_is_no_limit_says_what_would_be_one() {
    let error = |text: &str| text.parse::<Gate>().unwrap_err();
    assert_eq!(error("p99=2ms"), GateError::NoLimit("p99=2ms".to_owned()));
    let of_rate = |limit: &str| error(&format!("rate_per_s>={limit}"));
    for limit in ["soon", "inf", "-1", "2ms"] {
        assert_eq!(of_rate(limit), GateError::NoNumber(limit.to_owned()));
    }
    for limit in ["2", "-2ms", "infs", "soon"] {
        let wrong = error(&format!("p99<={limit}"));
        assert_eq!(wrong, GateError::NoTime(limit.to_owned()));
    }
    let said = error("p98<=2ms").to_string();
    assert!(
        said.contains("there is no figure \"p98\"") && said.contains("p99.9"),
        "{said}"
    );
}

#[test]
fn a_figure_is_known_by_a_short_name_or_by_its_place_in_the_report() {
    let report = report();
    let peak = report.summary.peak.as_ref().unwrap();
    let open = report.summary.open.as_ref().unwrap();
    let value = |gate: &str| gate.parse::<Gate>().unwrap().judge(&report).value;
    assert_eq!(value("rate_per_s>=1"), Some(peak.rate_per_s.median));
    assert_eq!(value("p99 <= 2 ms"), open.response_time_us.p99);
    assert_eq!(
        value("peak.service_time_us.p99<=1s"),
        peak.service_time_us.p99
    );
    assert_eq!(
        value("cpu_us_per_request<=9"),
        open.server_cpu_us_per_request.map(|of| of.median)
    );
    // Its lag can only have made it longer.
    assert_eq!(passage(&report, "p99<=1s"), Passage::Kept);
    assert_eq!(passage(&report, "p99<=1us"), Passage::Missed);
    let (bytes, report) = memory_with(verdict(Status::Valid, None, None));
    let at = |limit: f64| passage(&report, &format!("user_bytes_per_connection>={limit}"));
    assert_eq!(at(bytes * 0.99), Passage::Kept);
    assert_eq!(at(bytes * 1.01), Passage::Missed);
}

#[test]
fn a_figure_that_was_not_measured_passes_no_gate() {
    let report = report();
    let missing = passage(&report, "capacity.rate_per_s>=1");
    assert_eq!(missing, Passage::CantTell("it was not measured".to_owned()));
}

#[test]
fn a_bound_passes_where_all_of_it_does() {
    let bound = Effect::Bounds {
        direction: Direction::High,
        slack_share: Some(0.1),
    };
    let (bytes, report) = memory_with(verdict(Status::Valid, Some(bound), None));
    let at = |share: f64| {
        passage(
            &report,
            &format!("user_bytes_per_connection<={}", bytes * share),
        )
    };
    assert_eq!(at(1.01), Passage::Kept);
    assert_eq!(at(0.85), Passage::Missed);
    assert_eq!(at(0.95), Passage::CantTell("valid: of that".to_owned()));
}

#[test]
fn a_suspect_figure_passes_only_where_its_bias_does_not_matter() {
    let bias = Effect::Biases {
        direction: Direction::High,
        up_to_share: None,
    };
    let (bytes, report) = memory_with(verdict(Status::Suspect, None, Some(bias)));
    let at = |report: &ModelReport, share: f64| {
        passage(
            report,
            &format!("user_bytes_per_connection<={}", bytes * share),
        )
    };
    assert_eq!(at(&report, 1.01), Passage::Kept, "the truth is lower still");
    assert!(matches!(at(&report, 0.5), Passage::CantTell(_)));
    let (_, report) = memory_with(verdict(Status::Suspect, None, None));
    assert!(matches!(at(&report, 1.01), Passage::CantTell(_)));
    let (_, report) = memory_with(verdict(Status::Invalid, None, None));
    assert_eq!(at(&report, 1.01), Passage::Missed);
}

#[test]
fn one_verdict_for_all_figures_says_nothing_of_how_far_one_is_off() {
    let mut report = report();
    report.verdict.figures.clear();
    report.verdict.status = Status::Suspect;
    let rate = report.summary.peak.as_ref().unwrap().rate_per_s.median;
    let said = passage(&report, &format!("rate_per_s<={}", rate * 1.1));
    assert!(matches!(said, Passage::CantTell(_)), "{said:?}");
    report.verdict.status = Status::Valid;
    let said = passage(&report, &format!("rate_per_s<={}", rate * 1.1));
    assert_eq!(said, Passage::Kept);
}

/// Of a load in open load's windows everything was wrong, or its tail is too high; its greatest, its mean and
/// its rate have no verdict of their own.
#[test]
fn a_figure_without_a_verdict_of_its_own_stands_as_its_windows_do() {
    let mut report = report();
    let place = report.summary.open.as_ref().unwrap().place();
    let gates = [
        "open.response_time_us.max<=1000s",
        "open.response_time_us.mean<=1000s",
        "open.service_time_us.p99<=1000s",
        "open.achieved_rate_per_s>=1",
    ];
    let set = |report: &mut ModelReport, percentile: &str, status| {
        let id = format!("{place}.response_time_us.{percentile}");
        report
            .verdict
            .figures
            .insert(id, verdict(status, None, None));
    };
    for verdict in report.verdict.figures.values_mut() {
        *verdict = FigureVerdict::default();
    }
    for gate in gates {
        assert_eq!(passage(&report, gate), Passage::Kept, "{gate}");
    }
    set(&mut report, "p99_9", Status::Suspect);
    let of = |report: &ModelReport| gates.map(|gate| passage(report, gate));
    let [max, others @ ..] = of(&report);
    assert!(matches!(max, Passage::CantTell(_)), "{max:?}");
    assert!(others.iter().all(|passage| *passage == Passage::Kept));
    set(&mut report, "p50", Status::Invalid);
    assert_eq!(of(&report), [const { Passage::Missed }; 4]);
}
