//! What someone who compares two reports gets to read, and when the comparison is refused.

#![allow(
    clippy::unwrap_used,
    reason = "a test that can't go on fails, and says where"
)]

mod common;

use analysis::summary::conclude;
use common::{
    BASE, CLOSED, CPU, IDLE, MEMORY, RATE, SLOWER, Truth, compared, figure, gate, idle,
    model_report, plan, run, same_work, with_options,
};
use compare::{Options, Refusal, compare};
use render::comparison::{markdown, text};
use report::comparison::{Better, Difference};
use report::environment::Environment;
use report::run::RunReport;
use report::trial::{Load, Trial};

#[test]
fn a_slower_candidate_is_a_regression_in_rate_and_cpu() {
    let report = compared(6, SLOWER);
    assert!(report.regression);
    let rate = figure(&report, RATE);
    assert_eq!(rate.comparison.difference, Some(Difference::Lower));
    assert_eq!(rate.better, Better::Higher);
    assert!(rate.regression);
    assert!((rate.comparison.ratio - 0.8).abs() < 0.005, "{rate:?}");
    assert!((rate.baseline / rate.candidate - 1.25).abs() < 0.01);
    let cpu = figure(&report, CPU);
    assert_eq!(cpu.comparison.difference, Some(Difference::Higher));
    assert!(cpu.regression);
    let memory = figure(&report, MEMORY);
    assert_eq!(memory.comparison.difference, Some(Difference::Equal));
    assert!(!memory.regression);
    let text = text(&report, None);
    for words in [
        "baseline:  a of run r1",
        "lower, worse: a regression",
        "equal within the margin",
        "regression beyond 5 %: closed-load rate over 100, CPU of the process, closed load over 100",
    ] {
        assert!(text.contains(words), "{words} not in\n{text}");
    }
}

#[test]
fn a_faster_and_leaner_candidate_is_better() {
    let better = Truth {
        rate: 600.0,
        user_bytes: 500.0,
        ..BASE
    };
    let report = compared(6, better);
    assert!(!report.regression);
    let text = text(&report, None);
    assert!(text.contains("higher, better"), "{text}");
    assert!(text.contains("lower, better"), "{text}");
    assert!(text.contains("no regression beyond 5 %"), "{text}");
}

#[test]
fn worse_by_less_than_the_threshold_is_no_regression() {
    let slightly = Truth {
        rate: 485.0,
        ..BASE
    };
    let report = compared(6, slightly);
    let rate = figure(&report, RATE);
    assert_eq!(rate.comparison.difference, Some(Difference::Lower));
    assert!(!report.regression);
    assert!(text(&report, None).contains("lower, worse "));
    let baseline = model_report("r1", "a", 6, BASE);
    let candidate = model_report("r1", "b", 6, slightly);
    let with = |options| with_options(&baseline, &candidate, &options).unwrap();
    assert!(with(gate(0.01)).regression);
    // Nobody asked for a gate.
    let asked_nothing = with(Options::default());
    assert!(!asked_nothing.regression);
    assert!(!text(&asked_nothing, None).contains("regression"));
    // Where 5 % are as good as equal nothing is said about 3 %.
    let wide = with(Options {
        margin: 0.05,
        ..Options::default()
    });
    let rate = figure(&wide, RATE).comparison;
    assert_eq!(rate.difference, Some(Difference::Equal));
    assert!(
        text(&wide, None).contains("equal: within 5 %"),
        "{}",
        text(&wide, None)
    );
}

#[test]
fn what_was_not_declared_has_an_interval_and_no_word() {
    let report = compared(6, SLOWER);
    let kernel = figure(&report, "memory.kernel_bytes_per_connection");
    assert!(!kernel.primary && kernel.comparison.interval.is_some());
    assert_eq!(kernel.comparison.difference, None);
    assert_eq!(kernel.comparison.confidence, Some(0.95));
    // Three figures decide, and all that may be wrong of them is 5 %. In two of them the models
    // differ, so that the third has all of it.
    let confidence = |id| figure(&report, id).comparison.confidence.unwrap();
    assert!((confidence(RATE) - (1.0 - 0.05 / 3.0)).abs() < 1e-9);
    assert!((confidence(MEMORY) - 0.95).abs() < 1e-9);
}

#[test]
fn three_blocks_are_too_few_and_the_table_says_so() {
    let report = compared(3, SLOWER);
    assert!(!report.regression);
    assert!(figure(&report, RATE).comparison.interval.is_none());
    for shown in [text(&report, None), markdown(&report)] {
        assert!(shown.contains("can't tell (3 of 6 blocks)"), "{shown}");
        assert!(shown.contains("nothing can be told"), "{shown}");
        assert!(!shown.contains("no regression"), "{shown}");
    }
}

#[test]
fn different_work_is_refused_with_every_field_and_both_values() {
    let mut other = plan();
    other.payload_bytes = 4_096;
    other.loads[1].connections = vec![100, 1_000];
    other.loads[1].load = Load::Closed { outstanding: 8 };
    other.loads[0].window_us = 5;
    other.server_cpus = vec![0, 1];
    // These change nothing about the work.
    (other.seed, other.blocks, other.expected_s) = (9, 60, 1.0);
    other.models.pop();
    let baseline = model_report("r1", "a", 6, BASE);
    let candidate = model_report("r2", "a", 6, BASE);
    let (first, second) = (
        run("r1"),
        RunReport {
            plan: other,
            ..run("r2")
        },
    );
    let compare = |options: &Options| compare((&first, &baseline), (&second, &candidate), options);
    let refusal = compare(&Options::default()).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "baseline and candidate did different work:\n  \
         payload_bytes is 64 in the baseline, 4096 in the candidate\n  \
         server_cpus is [] in the baseline, [0,1] in the candidate\n  \
         closed.connections is [100] in the baseline, [100,1000] in the candidate\n  \
         closed.outstanding is 1 in the baseline, 8 in the candidate\n  \
         idle.window_us is 1000000 in the baseline, 5 in the candidate\n\
         (--allow-different compares them anyway)"
    );
    let allowed = Options {
        allow_different: true,
        ..Options::default()
    };
    let report = compare(&allowed).unwrap();
    assert!(text(&report, None).contains("note: different work: payload_bytes is 64"));
}

#[test]
fn an_invalid_figure_is_not_compared_and_its_check_named() {
    let baseline = model_report("r1", "a", 6, BASE);
    let mut candidate = model_report("r1", "b", 6, BASE);
    let closed = |trial: &&mut Trial| trial.load == CLOSED;
    let trial = candidate.trials.iter_mut().find(closed).unwrap();
    trial.steps[0].window.replies_wrong = 1;
    conclude(&mut candidate).unwrap();
    let report = same_work(&baseline, &candidate).unwrap();
    let ids: Vec<&str> = report.figures.iter().map(|figure| &*figure.id).collect();
    assert!(ids.iter().all(|id| id.starts_with("memory.")), "{ids:?}");
    let note =
        "closed-load rate over 100 isn't compared: the candidate's is invalid: replies_right";
    assert!(
        report.notes.contains(&note.to_owned()),
        "{:?}",
        report.notes
    );
}

/// A rate of which the generator was the limit says "at least": what the server could do beyond is open.
#[test]
fn a_bound_is_compared_with_all_that_it_leaves_open() {
    let faster = Truth {
        rate: 600.0,
        ..BASE
    };
    let told = |baseline: (Truth, f64), candidate: (Truth, f64)| {
        let of = |name: &str, (truth, share)| idle(model_report("r1", name, 6, truth), share);
        let report = same_work(&of("a", baseline), &of("b", candidate)).unwrap();
        let rate = figure(&report, RATE).clone();
        let interval = rate.comparison.interval;
        assert!(interval.is_none_or(|of| of.low < rate.comparison.ratio));
        (rate.comparison.difference.unwrap(), rate.regression)
    };
    let (sound, half) = (0.0, 0.5);
    assert_eq!(
        told((BASE, sound), (SLOWER, sound)),
        (Difference::Lower, true)
    );
    // Twice as many may be the slower one's truth, and no regression.
    assert_eq!(
        told((BASE, sound), (SLOWER, half)),
        (Difference::CantTell, false)
    );
    assert_eq!(
        told((BASE, half), (BASE, half)),
        (Difference::CantTell, false)
    );
    // At least as many is more all the same.
    assert_eq!(
        told((BASE, sound), (faster, half)),
        (Difference::Higher, false)
    );
    // Of a server whose CPUs are never busy nobody knows what it could do.
    assert_eq!(
        told((BASE, sound), (SLOWER, 1.0)),
        (Difference::CantTell, false)
    );
}

/// What differs may be the bias.
#[test]
fn a_suspect_figure_is_no_regression() {
    let baseline = model_report("r1", "a", 6, BASE);
    let mut candidate = model_report("r1", "b", 6, SLOWER);
    for trial in candidate.trials.iter_mut().filter(|t| t.load == CLOSED) {
        trial.steps[0].machine.ours_steal_share = Some(0.2);
        trial.steps[0].machine.steal_share = Some(0.2);
    }
    conclude(&mut candidate).unwrap();
    let report = same_work(&baseline, &candidate).unwrap();
    let rate = figure(&report, RATE);
    assert_eq!(rate.comparison.difference, Some(Difference::Lower));
    assert!(!rate.regression && rate.suspect.is_some(), "{rate:?}");
    // Nobody shall read that there is none.
    let shown = text(&report, None);
    let (_, conclusion) = shown.rsplit_once("suspect, not judged: ").unwrap();
    assert!(conclusion.contains("closed-load rate over 100"), "{shown}");
}

#[test]
fn what_only_one_side_has_is_noted_and_nothing_in_common_refused() {
    let baseline = model_report("r1", "a", 6, BASE);
    let with_only = |load| {
        let mut report = model_report("r1", "b", 6, BASE);
        report.trials.retain(|trial| trial.load == load);
        conclude(&mut report).unwrap();
        report
    };
    let (idle, closed) = (with_only(IDLE), with_only(CLOSED));
    let report = same_work(&baseline, &idle).unwrap();
    assert_eq!(report.figures.len(), 2);
    let of_baseline = |note: &&String| note.starts_with("only the baseline has");
    let notes: Vec<&String> = report.notes.iter().filter(of_baseline).collect();
    assert_eq!(notes.len(), 1, "{:?}", report.notes);
    assert_eq!(
        notes[0].matches("closed-load rate over 100").count(),
        1,
        "{notes:?}"
    );
    let refusal = same_work(&closed, &idle).unwrap_err();
    let Refusal::NothingInCommon { notes } = refusal else {
        panic!("{refusal}");
    };
    assert!(notes.iter().any(|note| note.contains("user memory")));
}

#[test]
fn a_ratio_to_nothing_is_noted_not_made_up() {
    let mut baseline = model_report("r1", "a", 6, BASE);
    for step in baseline.trials.iter_mut().flat_map(|t| &mut t.steps) {
        step.server.pss_bytes = Some(1_000_000);
    }
    let candidate = model_report("r1", "b", 6, BASE);
    let report = same_work(&baseline, &candidate).unwrap();
    let note = "user memory isn't compared for a: a value of 0 or less has no ratio".to_owned();
    assert!(report.notes.contains(&note), "{:?}", report.notes);
}

#[test]
fn blocks_of_one_run_are_paired_by_number() {
    let mut candidate = model_report("r1", "b", 7, BASE);
    candidate.trials.retain(|trial| trial.block != 1);
    conclude(&mut candidate).unwrap();
    let report = same_work(&model_report("r1", "a", 7, BASE), &candidate).unwrap();
    // Blocks 2 to 7 are the same in both, so every ratio is 1.
    let rate = figure(&report, RATE).comparison;
    assert_eq!(rate.blocks, 6);
    assert!((rate.ratio - 1.0).abs() < 1e-9, "{rate:?}");
    assert_eq!(rate.difference, Some(Difference::Equal));
}

#[test]
fn of_two_runs_there_is_a_ratio_and_what_differs_and_no_word() {
    let (baseline, candidate) = (
        model_report("r1", "a", 6, BASE),
        model_report("r1", "a", 6, SLOWER),
    );
    // Directories of the same name, as two machines have them.
    let on = |id: &str, kernel: &str, congestion: &str| RunReport {
        id: Some(id.to_owned()),
        environment: Environment {
            kernel: Some(kernel.to_owned()),
            sysctls: [("net.ipv4.tcp_congestion_control", congestion)]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            ..Environment::default()
        },
        ..run("r1")
    };
    let (first, second) = (on("1", "6.1", "cubic"), on("2", "6.8", "bbr"));
    let with = |options| compare((&first, &baseline), (&second, &candidate), &options).unwrap();
    let report = with(gate(0.05));
    assert!(report.across_runs && !report.regression);
    let rate = figure(&report, RATE).comparison;
    assert!((rate.ratio - 0.8).abs() < 0.005, "{rate:?}");
    assert_eq!((rate.p, rate.interval, rate.difference), (None, None, None));
    let shown = text(&report, None);
    for words in [
        "nothing can be told",
        "kernel is 6.1 in the baseline's run, 6.8 in the candidate's",
        "sysctls.net.ipv4.tcp_congestion_control is cubic",
    ] {
        assert!(shown.contains(words), "{words} not in\n{shown}");
    }
    let told = with(Options {
        allow_across: true,
        ..gate(0.05)
    });
    let rate = figure(&told, RATE);
    assert_eq!(rate.comparison.difference, Some(Difference::Lower));
    assert!(rate.regression && !told.differences.is_empty());
}

#[test]
fn doubts_about_a_side_are_noted() {
    let baseline = model_report("r1", "a", 6, BASE);
    let mut candidate = model_report("r1", "a", 6, BASE);
    candidate.interrupted = true;
    for trial in &mut candidate.trials {
        trial.steps[0].machine.steal_share = Some(0.5);
    }
    conclude(&mut candidate).unwrap();
    let report = same_work(&baseline, &candidate).unwrap();
    assert_eq!(
        report.notes,
        [
            "both sides are the same executable: what differs is noise",
            "the candidate is suspect: steal",
            "the candidate's run was interrupted",
        ]
    );
    assert!(markdown(&report).contains("- the candidate is suspect: steal\n"));
    candidate.model.threads = Some(2);
    let report = same_work(&baseline, &candidate).unwrap();
    assert_eq!(
        report.notes[0],
        "threads differ: as many as its plan says in the baseline, 2 in the candidate"
    );
}

#[test]
fn json_and_markdown_hold_every_figure() {
    let json = serde_json::to_string(&compared(6, SLOWER)).unwrap();
    assert!(json.contains(r#""better":"higher""#) && json.contains(r#""difference":"lower""#));
    let shown = markdown(&serde_json::from_str(&json).unwrap());
    let rows: Vec<&str> = shown.lines().filter(|line| line.starts_with('|')).collect();
    assert_eq!(rows.len(), 2 + 4, "{shown}");
    assert!(
        rows.iter().all(|row| row.matches('|').count() == 7),
        "{shown}"
    );
    let regressions =
        "\nregression beyond 5 %: closed-load rate over 100, CPU of the process, closed load";
    assert!(shown.contains(regressions), "{shown}");
}
