//! `runner compare` on saved reports, and on files that are none.

use crate::common::{Fixture, LIGHT, runner, stderr, stdout};
use flate2::{Compression, write::GzEncoder};
use report::link::Link;
use serde_json::Value;
use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::Output,
};

/// A run of four models, six blocks. It isn't the reference, which is measured again now and then.
const SAVED_RUN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/saved-run");

fn compare(args: &[&str]) -> Output {
    runner().arg("compare").args(args).output().unwrap()
}

fn model(name: &str) -> String {
    format!("{SAVED_RUN}/{name}")
}

/// A copy of the saved run in which one file is changed.
fn changed(file: &str, change: impl FnOnce(String) -> String) -> (Fixture, PathBuf) {
    let fixture = Fixture::new();
    let copy = fixture.dir.path().join("run");
    fs::create_dir(&copy).unwrap();
    for entry in fs::read_dir(SAVED_RUN).unwrap().flatten() {
        fs::copy(entry.path(), copy.join(entry.file_name())).unwrap();
    }
    let path = copy.join(file);
    let text = change(store::read::text_of(&path).unwrap());
    if file.ends_with(".gz") {
        let mut packed = GzEncoder::new(fs::File::create(&path).unwrap(), Compression::fast());
        packed.write_all(text.as_bytes()).unwrap();
        packed.finish().unwrap();
    } else {
        fs::write(&path, text).unwrap();
    }
    (fixture, copy)
}

fn edited(text: &str, edit: impl FnOnce(&mut Value)) -> String {
    let mut value: Value = serde_json::from_str(text).unwrap();
    edit(&mut value);
    value.to_string()
}

fn refused(directory: &Path) -> String {
    let output = compare(&[
        &model("tokio"),
        &directory.join("epoll").display().to_string(),
    ]);
    assert_eq!(output.status.code(), Some(2), "{}", stdout(&output));
    stderr(&output)
}

#[test]
fn a_slower_candidate_is_a_regression_and_has_exit_code_4() {
    let worse = compare(&[&model("epoll.json"), &model("async-std.json")]);
    assert_eq!(worse.status.code(), Some(4), "{}", stderr(&worse));
    assert!(
        stdout(&worse).contains("a regression"),
        "{}",
        stdout(&worse)
    );
    let better = compare(&[&model("async-std"), &model("epoll")]);
    assert_eq!(better.status.code(), Some(0), "{}", stdout(&better));
    assert!(stdout(&better).contains("no regression beyond 5 %"));
    let lenient = ["--threshold", "99%", &model("epoll"), &model("glommio")];
    let shown = stdout(&compare(&lenient));
    let mut rate = shown.lines().filter(|line| line.contains("load rate"));
    assert!(rate.all(|line| !line.contains("a regression")), "{shown}");
}

#[test]
fn all_models_of_a_run_are_compared_with_each_other() {
    let output = compare(&["--format", "json", SAVED_RUN]);
    assert_eq!(output.status.code(), Some(0), "no gate was asked for");
    let comparisons: Value = serde_json::from_slice(&output.stdout).unwrap();
    let comparisons = comparisons.as_array().unwrap();
    assert_eq!(comparisons.len(), 6, "pairs of four");
    for figure in comparisons[0]["figures"].as_array().unwrap() {
        let has_word = !figure["comparison"]["difference"].is_null();
        assert_eq!(has_word, figure["primary"].as_bool().unwrap());
    }
    let ranked = stdout(&compare(&[SAVED_RUN]));
    assert!(ranked.contains("of 6 pairs differ"), "{ranked}");
    let markdown = compare(&["--format", "markdown", &model("tokio"), &model("epoll")]);
    assert!(
        stdout(&markdown).contains("| figure |"),
        "{}",
        stdout(&markdown)
    );
}

#[test]
fn all_models_of_a_run_are_compared_with_one() {
    let output = compare(&["--against", "epoll", SAVED_RUN]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(stdout(&output).matches("baseline:  epoll").count(), 3);
    let gate = ["--against", "epoll", "--threshold", "5%", SAVED_RUN];
    assert_eq!(compare(&gate).status.code(), Some(4));
    let nobody = compare(&["--against", "nobody", SAVED_RUN]);
    assert_eq!(nobody.status.code(), Some(2));
    assert!(stderr(&nobody).contains("no model \"nobody\""));
}

/// The `models` of version 0.1.0: 15 of them, six blocks, a machine in a quiet half hour.
#[test]
fn a_run_of_a_quiet_machine_decides_most_of_its_pairs() {
    let decided = decided(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/quiet-run"));
    assert!(decided("CPU of ") >= 0.5);
}

/// 19 models, six blocks, on a machine whose rates differ by a tenth from block to block.
#[test]
fn the_reference_results_decide_pairs_by_memory_and_by_cpu() {
    let decided = decided(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../bench-results/reference/models"
    ));
    assert!(decided("user memory") > 0.75);
    assert!(decided("CPU of ") > 0.33);
}

/// Which share of its pairs a run decides in the first figure that begins like this: a primary one.
fn decided(run: &str) -> impl Fn(&str) -> f64 {
    let shown = stdout(&compare(&[run]));
    move |figure| {
        let is_of = |line: &&str| line.starts_with(figure) && line.contains(" pairs differ");
        let line = shown.lines().find(is_of).unwrap();
        assert!(!line.contains(", expl"), "{line}");
        let numbers = line.split(' ').filter_map(|word| word.parse().ok());
        let [differ, pairs, ..] = numbers.collect::<Vec<f64>>()[..] else {
            panic!("{line}");
        };
        differ / pairs
    }
}

#[test]
fn a_reports_own_copy_is_equal() {
    let (_fixture, copy) = changed("epoll.json", |text| text);
    let copied = copy.join("epoll.json").display().to_string();
    let output = compare(&[&model("epoll"), &copied]);
    assert_eq!(output.status.code(), Some(0));
    assert!(stdout(&output).contains("equal within the margin"));
}

#[test]
fn of_another_machines_run_there_is_a_ratio_and_exit_code_5() {
    let (_fixture, copy) = changed("run.json", |text| {
        edited(&text, |run| run["environment"]["kernel"] = "9.9".into())
    });
    let other = copy.join("async-std").display().to_string();
    let output = compare(&[&model("epoll"), &other]);
    assert_eq!(output.status.code(), Some(5), "{}", stderr(&output));
    let shown = stdout(&output);
    assert!(shown.contains("9.9 in the candidate's"), "{shown}");
    let bold = compare(&["--allow-across", &model("epoll"), &other]);
    assert_eq!(bold.status.code(), Some(4), "{}", stdout(&bold));
}

#[test]
fn trials_go_on_until_there_is_nothing_left_to_decide() {
    let fixture = Fixture::new();
    let bin = fixture.fake("good");
    let args = ["--model", "good", "--bin", &bin, "--trials", "auto"];
    let load = ["--load", "closed", "--duration", "0.1", "--connections"];
    let load = [&load[..], &["20"], &LIGHT].concat();
    let with = |more: &[&str]| {
        let mut command = runner();
        command.args(args).args(&load).arg("--out");
        command.arg(fixture.out()).args(more).output().unwrap()
    };
    let planned = stdout(&with(&["--dry-run"]));
    assert!(planned.contains("6, 9, 13 or 18, until"), "{planned}");
    let planned = stdout(&with(&["--dry-run", "--patience", "2m"]));
    let said = "or more blocks than 6 have taken 2 min";
    assert!(planned.contains(said), "{planned}");
    // One model alone is told apart from nobody: the first look is the last.
    let output = with(&[]);
    let (run, models) = fixture.reports();
    assert_eq!(run.plan.looks, [6, 9, 13, 18], "{}", stderr(&output));
    // A busy machine may have disturbed one, which was then made again.
    let counted = models[0].trials.iter().filter(|trial| !trial.made_again);
    assert_eq!(counted.count(), 6);
    assert!(!run.interrupted && run.id.is_some());
    assert!(!stderr(&output).contains("compar"), "{}", stderr(&output));
}

#[test]
fn different_work_is_refused_by_the_fields_that_differ() {
    let (_fixture, copy) = changed("run.json", |text| {
        edited(&text, |run| {
            run["plan"]["payload_bytes"] = 128.into();
            let link: Link = "mtu=9000".parse().unwrap();
            run["plan"]["network"] = serde_json::to_value(link).unwrap();
        })
    });
    let said = refused(&copy);
    assert!(said.contains("network is null in the baseline"), "{said}");
    assert!(
        said.contains("payload_bytes is 64 in the baseline, 128 in the candidate"),
        "{said}"
    );
    assert!(!said.contains("workload is"), "{said}");
}

#[test]
fn an_invalid_side_is_refused_with_the_reason() {
    let (_fixture, copy) = changed("epoll.json", |text| {
        edited(&text, |report| {
            report["verdict"]["status"] = "invalid".into();
        })
    });
    let said = refused(&copy);
    assert!(said.contains("invalid"), "{said}");
}

#[test]
fn what_is_no_report_is_said_to_be_none() {
    type Change = fn(String) -> String;
    let trials = "epoll.trials.json.gz";
    let changes: [(&str, &str, Change); 6] = [
        ("epoll.json", "no report of Millionfold", |text| {
            text[..text.len() / 2].to_owned()
        }),
        ("epoll.json", "no report of Millionfold", |_| {
            "{\"hello\": 1}".to_owned()
        }),
        ("epoll.json", "model-report/9", |text| {
            text.replace("millionfold/model-report/2", "millionfold/model-report/9")
        }),
        ("epoll.json", "is not as", |text| {
            edited(&text, |report| report["summary"] = "many".into())
        }),
        (trials, "is not as", |text| {
            edited(&text, |report| report["trials"] = "many".into())
        }),
        (trials, "histogram", |text| {
            edited(&text, |report| {
                let window = &mut report["trials"][0]["steps"][0]["window"];
                window["service_time_histogram"] = "AAAA".into();
            })
        }),
    ];
    for (file, expected, change) in changes {
        let (_fixture, copy) = changed(file, change);
        let said = refused(&copy);
        assert!(said.contains(expected) && said.contains(file), "{said}");
        let shown = runner().arg("report").arg(&copy).output().unwrap();
        assert_eq!(shown.status.code(), Some(2));
    }
    let output = compare(&["/no/such/run", &model("epoll")]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("/no/such/run"));
}

#[test]
fn saved_runs_have_a_page_and_several_have_one_together() {
    let page = |runs: &[&str]| {
        let output = runner()
            .args(["report", "--format", "html"])
            .args(runs)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        stdout(&output)
    };
    let one = page(&[SAVED_RUN]);
    assert!(one.starts_with("<!DOCTYPE html>") && one.ends_with("</html>"));
    for model in ["async-std", "epoll", "glommio", "tokio"] {
        assert!(one.contains(&format!("<span>{model}</span>")), "{model}");
    }
    assert!(page(&[SAVED_RUN, SAVED_RUN]).contains("Side by side"));
    let mut gated = runner();
    gated.args([
        "report", "--format", "html", "--gate", "p99<=1us", SAVED_RUN,
    ]);
    assert_eq!(gated.output().unwrap().status.code(), Some(4), "a gate");
}
