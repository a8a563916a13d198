//! What someone who compares two reports gets to read, and when the comparison is refused.

#![allow(
    clippy::unwrap_used,
    reason = "a test that can't go on fails, and says where"
)]

use analysis::summary::conclude;
use compare::{
    Options, Refusal, compare, compare_against, compare_pairs, conclude_run, is_decided, rank,
};
use hdrhistogram::Histogram;
use render::{
    comparison::{markdown, markdown_of_run, rankings, text},
    table::explanation,
};
use report::{
    check::{Status, Verdict},
    comparison::{Better, ComparedFigure, ComparisonReport, Difference},
    environment::Environment,
    model::{MODEL_SCHEMA, Model, ModelReport, Percentiles, Summary},
    run::{AaControl, Plan, PlannedLoad, RunReport, Stop, StopReason},
    trial::{Counts, Load, MachineUse, ProcessUse, Step, Trial, Window},
};
use stats::{encode, percentiles};
use std::collections::BTreeMap;

const CLOSED: Load = Load::Closed { outstanding: 1 };
const IDLE: Load = Load::Idle {
    interval_us: 1_000_000,
};

/// How the models of two reports differ in truth.
#[derive(Clone, Copy)]
struct Truth {
    /// Requests per second and connection.
    rate: f64,
    /// Server CPU time in a window of a second.
    cpu_s: f64,
    /// PSS per connection.
    user_bytes: f64,
}

const BASE: Truth = Truth {
    rate: 500.0,
    cpu_s: 0.5,
    user_bytes: 1_000.0,
};

/// A window of a second, a little different in every block.
fn step(connections: u32, truth: Truth, block: u32) -> Step {
    let noise = 1.0 + 0.002 * f64::from(block * 7 % 5);
    let times = (truth.rate * noise) as u32;
    let requests = u64::from(connections) * u64::from(times);
    let mut histogram = Histogram::<u64>::new_with_bounds(1, 300_000_000_000, 3).unwrap();
    let service_time_ns = 1_000_000_000 / u64::from(times);
    histogram.record_n(service_time_ns, requests).unwrap();
    let user_bytes = truth.user_bytes * noise * f64::from(connections);
    Step {
        connections,
        connections_open: connections,
        rate_per_s: None,
        steady: None,
        syscall_window: None,
        hosts: Vec::new(),
        connect_elapsed_us: 1_000,
        connect_time_us: Percentiles::default(),
        warm_up_us: 0,
        window_asked_us: 1_000_000,
        window: Window {
            length_us: 1_000_000,
            requests,
            served_least: times,
            served_most: times,
            service_time_us: percentiles(&histogram),
            service_time_count: requests,
            service_time_histogram: encode(&histogram).unwrap(),
            ..Window::default()
        },
        server: ProcessUse {
            processes: 1,
            cpu_user_s: Some(0.0),
            cpu_system_s: Some(truth.cpu_s),
            pss_bytes: Some(1_000_000 + user_bytes as u64),
            ..ProcessUse::default()
        },
        generator: ProcessUse {
            processes: 1,
            cpu_user_s: Some(0.0),
            cpu_system_s: Some(0.4),
            ..ProcessUse::default()
        },
        message_interval_us: None,
        server_threads: Some(1),
        server_cpus_max: None,
        memory: None,
        runner_cpu_s: None,
        backend_cpu_s: None,
        machine: MachineUse {
            slab_bytes: Some(50_000_000 + 8_000 * u64::from(connections)),
            listen_overflows: Some(0),
            ..MachineUse::default()
        },
    }
}

fn model_report(run: &str, name: &str, blocks: u32, truth: Truth) -> ModelReport {
    let trial = |block, load, steps| Trial {
        server_empty_bytes: None,
        generator_empty_bytes: None,
        memory_before: None,
        teardown_us: None,
        schedule_seed: None,
        source_network: None,
        made_again: false,
        hosts: Vec::new(),
        not_measured: BTreeMap::new(),
        block,
        load,
        steps,
        held: Vec::new(),
        generator_counts: None,
        server_counts: Some(Counts::default()),
        backend_counts: None,
        visits: None,
        backend_failures: None,
        server_threads_counts: Vec::new(),
    };
    let trials = (1..=blocks).flat_map(|block| {
        let ladder = [1_000, 2_000, 3_000].map(|n| step(n, Truth { rate: 1.0, ..truth }, block));
        [
            trial(block, IDLE, ladder.to_vec()),
            trial(block, CLOSED, vec![step(100, truth, block)]),
        ]
    });
    let mut report = ModelReport {
        schema: MODEL_SCHEMA.to_owned(),
        run: run.to_owned(),
        interrupted: false,
        model: Model {
            name: name.to_owned(),
            binary_sha256: Some(format!("of {run} {name}")),
            ..Model::default()
        },
        verdict: Verdict::default(),
        failure: None,
        ceiling: None,
        profile: None,
        sustained_rate_per_s: None,
        summary: Summary::default(),
        all_blocks: BTreeMap::new(),
        not_measured: BTreeMap::new(),
        trials: trials.collect(),
    };
    conclude(&mut report).unwrap();
    report
}

fn plan() -> Plan {
    let load = |load, connections: &[u32]| PlannedLoad {
        rates_per_s: Vec::new(),
        rate_share_of_peak: None,
        warm_up_max_us: None,
        load,
        connections: connections.to_vec(),
        warm_up_us: 0,
        window_us: 1_000_000,
        hold: None,
    };
    Plan {
        models: vec!["a".to_owned(), "b".to_owned()],
        blocks: 6,
        payload_bytes: 64,
        loads: vec![load(IDLE, &[1_000, 2_000, 3_000]), load(CLOSED, &[100])],
        ..Plan::default()
    }
}

fn run(name: &str) -> RunReport {
    RunReport::new(name, name.to_owned(), plan(), Environment::default())
}

/// The comparison of two reports, each of the run that it names.
fn same_work(baseline: &ModelReport, candidate: &ModelReport) -> Result<ComparisonReport, Refusal> {
    with_options(baseline, candidate, &gate(0.05))
}

fn with_options(
    baseline: &ModelReport,
    candidate: &ModelReport,
    options: &Options,
) -> Result<ComparisonReport, Refusal> {
    let (first, second) = (run(&baseline.run), run(&candidate.run));
    compare((&first, baseline), (&second, candidate), options)
}

/// Changes for the worse by more than this are a regression.
fn gate(threshold: f64) -> Options {
    Options {
        threshold: Some(threshold),
        ..Options::default()
    }
}

/// The comparison of two models of one run.
fn compared(blocks: u32, candidate: Truth) -> ComparisonReport {
    let baseline = model_report("r1", "a", blocks, BASE);
    same_work(&baseline, &model_report("r1", "b", blocks, candidate)).unwrap()
}

fn figure<'a>(report: &'a ComparisonReport, id: &str) -> &'a ComparedFigure {
    report.figures.iter().find(|f| f.id == id).unwrap()
}

const RATE: &str = "closed.100_connections.rate_per_s";
const CPU: &str = "closed.100_connections.server_cpu_us_per_request";
const MEMORY: &str = "memory.user_bytes_per_connection";

const SLOWER: Truth = Truth {
    rate: 400.0,
    ..BASE
};

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
fn models_of_a_run_have_ranks_in_each_figure() {
    let reports = [("a", BASE), ("b", BASE), ("c", SLOWER)]
        .map(|(name, truth)| model_report("r1", name, 6, truth));
    let reports: Vec<&ModelReport> = reports.iter().collect();
    let (ranked, notes) = rank(&run("r1"), &reports, 0.02);
    assert_eq!(notes, Vec::<String>::new());
    let rate = ranked.iter().find(|ranking| ranking.id == RATE).unwrap();
    let places: Vec<_> = rate
        .contestants
        .iter()
        .map(|one| (one.model.as_str(), one.ranks.best, one.ranks.worst))
        .collect();
    assert_eq!(places, [("a", 1, 2), ("b", 1, 2), ("c", 3, 3)]);
    assert_eq!(
        (rate.pairs, rate.pairs_decided, rate.pairs_equal),
        (3, 2, 1)
    );
    let shown = rankings(&ranked, false, None);
    assert!(shown.contains("(1-2)") && shown.contains("(3)"), "{shown}");
    assert!(!shown.contains("exploratory"), "{shown}");
    assert!(rankings(&ranked, true, None).contains("exploratory"));
    // Against one of them there are fewer pairs, and so narrower intervals.
    let (against, _) = compare_against(&run("r1"), "a", &reports, &Options::default()).unwrap();
    let (pairs, _) = compare_pairs(&run("r1"), &reports, &Options::default());
    assert_eq!((against.len(), pairs.len()), (2, 3));
    let width = |report: &ComparisonReport| {
        let interval = figure(report, RATE).comparison.interval.unwrap();
        interval.high - interval.low
    };
    assert!(width(&against[1]) <= width(&pairs[1]));
    let nobody = compare_against(&run("r1"), "x", &reports, &Options::default());
    assert!(matches!(nobody, Err(Refusal::NoSuchModel(_))));
    // For a pull request: what decides, and its pairs folded.
    let shown = markdown_of_run(&ranked, &pairs);
    let (above, folded) = shown.split_once("<details>").unwrap();
    assert_eq!(above.matches("\n| ").count(), 3, "{shown}");
    assert!(above.contains("- closed-load rate over 100: 2 of 3 pairs differ"));
    let primary = ranked.iter().filter(|ranking| ranking.primary).count();
    assert_eq!(folded.matches("\n| b / a | ").count(), primary, "{shown}");
    assert!(!shown.contains("exploratory"), "{shown}");
}

#[test]
fn a_look_asks_only_for_what_has_been_measured() {
    let of = |names: &[(&str, Truth)]| -> Vec<ModelReport> {
        let reports = names.iter();
        reports
            .map(|(name, truth)| model_report("r1", name, 6, *truth))
            .collect()
    };
    let decided = |reports: &[ModelReport], loads: &[PlannedLoad]| {
        let reports: Vec<&ModelReport> = reports.iter().collect();
        is_decided(&run("r1"), &reports, loads)
    };
    let loads = plan().loads;
    // Equal is as good as different.
    assert!(decided(
        &of(&[("a", BASE), ("b", BASE), ("c", SLOWER)]),
        &loads
    ));
    assert!(decided(&of(&[("a", BASE)]), &loads));
    let mut reports = of(&[("a", BASE), ("b", BASE)]);
    for (index, trial) in reports[1].trials.iter_mut().enumerate() {
        for step in trial.steps.iter_mut().filter(|_| trial.load == CLOSED) {
            step.window.requests += 3_000 * (index as u64 % 5);
        }
    }
    assert!(!decided(&reports, &loads));
    assert!(
        decided(&reports, &loads[..1]),
        "of idle load nothing is open"
    );
}

#[test]
fn one_model_is_compared_with_nothing_and_nothing_is_said_of_it() {
    let mut report = model_report("r1", "a", 3, BASE);
    report.trials[1].steps[0].window.replies_wrong = 1;
    conclude(&mut report).unwrap();
    let mut of_run = run("r1");
    (of_run.plan.models, of_run.plan.blocks) = (vec!["a".to_owned()], 3);
    conclude_run(&mut of_run, &[&report], true);
    assert!(of_run.rankings.is_empty() && of_run.not_compared.is_empty());
    let said = explanation(std::slice::from_ref(&report), &of_run, false);
    assert!(!said.contains("too few"), "{said}");
    of_run.plan.models.push("b".to_owned());
    let said = explanation(&[report], &of_run, false);
    let few = "too few for a comparison of 2 models, which takes --trials 6: 3 blocks";
    assert!(said.contains(few), "{said}");
}

/// Of one model nothing was to be decided.
#[test]
fn why_no_more_blocks_were_begun_is_said() {
    let mut of_run = run("r1");
    assert!(!explanation(&[], &of_run, false).contains("ended after"));
    let mut said = |reason, models: &[&str]| {
        of_run.plan.models = models.iter().map(|&name| name.to_owned()).collect();
        of_run.stops = vec![Stop {
            loads: vec!["idle".to_owned(), "closed".to_owned()],
            blocks: 9,
            reason,
        }];
        explanation(&[], &of_run, false)
    };
    for (reason, words) in [
        (StopReason::Decided, "every pair is decided or equal"),
        (StopReason::OutOfPatience, "the patience was over"),
        (StopReason::LastLook, "that was the last look"),
    ] {
        let said = said(reason, &["a", "b"]);
        assert!(
            said.contains("idle and closed ended after 9 blocks: "),
            "{said}"
        );
        assert!(said.contains(words), "{said}");
    }
    assert!(!said(StopReason::Decided, &["a"]).contains("ended after"));
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

#[test]
fn a_control_that_differs_from_itself_makes_the_run_suspect() {
    let verdict_of = |control: Truth| {
        let (model, control) = (
            model_report("r1", "a", 6, BASE),
            model_report("r1", "a-aa", 6, control),
        );
        let mut of_run = run("r1");
        of_run.aa_control = Some(AaControl {
            model: "a".to_owned(),
            control: "a-aa".to_owned(),
        });
        conclude_run(&mut of_run, &[&model, &control], true);
        of_run
    };
    let same = verdict_of(BASE);
    assert_eq!(same.verdict.status, Status::Valid);
    let other = verdict_of(Truth {
        rate: 400.0,
        ..BASE
    });
    assert_eq!(other.verdict.worst().unwrap().id, "aa_control");
    assert_eq!(other.verdict.status, Status::Suspect);
    let rate = other.rankings.iter().find(|r| r.id.ends_with("rate_per_s"));
    assert!(rate.unwrap().suspect.is_some());
}
