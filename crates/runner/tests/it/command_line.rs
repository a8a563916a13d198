//! Wrong use gets one clear line and exit code 2, and leaves nothing behind.

use crate::{
    common::{Fixture, runner, stderr, stdout},
    schema::Schema,
};
use std::{
    fs,
    process::{Command, Output},
};

const WRONG_USE: Option<i32> = Some(2);

fn refused(args: &[&str]) -> String {
    let output = runner().args(args).output().unwrap();
    assert_eq!(
        output.status.code(),
        WRONG_USE,
        "{args:?}: {}",
        stderr(&output)
    );
    stderr(&output)
}

#[test]
fn an_unknown_model_brings_near_names() {
    let said = refused(&["--model", "epol"]);
    assert!(said.contains("did you mean epoll"), "{said}");
    let said = refused(&["--model", "xyzzy"]);
    assert!(
        said.contains("there are:") && said.contains("tokio"),
        "{said}"
    );
}

#[test]
fn an_unknown_case_of_the_suite_brings_near_names() {
    let said = refused(&["check", "--model", "epoll", "--only", "sizes,churm"]);
    assert!(said.contains("did you mean churn?"), "{said}");
    let framed_only = ["--only", "split-frame", "--wire", "raw"];
    refused(&[&["check", "--model", "epoll"], &framed_only[..]].concat());
}

#[test]
fn a_server_listens_beyond_loopback_only_when_that_is_allowed() {
    let args = ["--model", "epoll", "--dry-run", "--no-build", "--listen"];
    let said = refused(&[&args[..], &["192.0.2.1"]].concat());
    assert!(said.contains("--allow-remote"), "{said}");
    let said = refused(&[&args[..], &["0.0.0.0", "--allow-remote"]].concat());
    assert!(said.contains("one address of this machine"), "{said}");
    let allowed = [&args[..], &["192.0.2.1", "--allow-remote"]].concat();
    let planned = stdout(&runner().args(allowed).output().unwrap());
    assert!(planned.contains("--listen 192.0.2.1:0"), "{planned}");
}

#[test]
fn a_dry_run_over_several_hosts_shows_what_launches_it() {
    let args = ["--hosts", "a,b,c", "--model", "epoll", "--dry-run"];
    let output = runner().env_remove("SLURM_JOB_ID").args(args).output();
    let said = stdout(&output.unwrap());
    assert!(
        said.starts_with("mpirun --map-by seq --bind-to none --host a,b,c "),
        "{said}"
    );
    assert!(
        said.trim().ends_with("/release/fleet -- --model epoll"),
        "{said}"
    );
    let said = refused(&["--hosts", "a", "--model", "epoll"]);
    assert!(said.contains("takes two at least"), "{said}");
    let said = refused(&["--server-host", "b", "--model", "epoll"]);
    assert!(said.contains("in --hosts or --hostfile"), "{said}");
}

#[test]
fn numbers_that_can_not_be_are_refused() {
    for args in [
        ["--model", "epoll", "--connections", "0"],
        ["--model", "epoll", "--duration", "-1"],
        ["--model", "epoll", "--trials", "0"],
        ["--model", "epoll", "--outstanding", "0"],
        ["--model", "epoll", "--payload", "1048577"],
        ["--model", "epoll", "--workload", "dance"],
        ["--model", "epoll", "--server-cpus", "4095"],
        ["--model", "epoll", "--bin", "epoll"],
        ["--model", "epoll", "--rate", "0"],
        ["--model", "epoll", "--rate", "-5"],
        ["--model", "epoll", "--rate", "fast"],
        ["--model", "epoll", "--rate", "0%"],
        ["--model", "epoll", "--slo", "p98<=2ms"],
        ["--model", "epoll", "--slo", "p99<=2ms"],
        ["--model", "epoll", "--scenario", "capacities"],
        ["--model", "epoll", "--source", "127.0.0.1/8"],
        ["--model", "epoll", "--source", "10.0.0.0/8"],
    ] {
        refused(&args);
    }
}

#[test]
fn an_unknown_scenario_brings_those_that_there_are() {
    let said = refused(&["--model", "epoll", "--scenario", "million"]);
    assert!(
        said.contains("million-idle") && said.contains("./million.toml"),
        "{said}"
    );
}

#[test]
fn a_bad_scenario_names_file_line_and_field() {
    let fixture = Fixture::new();
    let file = fixture.dir.path().join("mine.toml");
    fs::write(&file, "title = \"x\"\n[[closed]]\nconections = 5\n").unwrap();
    let said = refused(&["--model", "epoll", "--scenario", file.to_str().unwrap()]);
    for part in ["mine.toml", "line 3", "conections", "expected one of"] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn fewer_processes_or_addresses_than_it_takes_are_refused_with_the_reason() {
    let command = [
        "-c",
        "ulimit -n 1000 && exec \"$@\"",
        "sh",
        env!("CARGO_BIN_EXE_runner"),
        "--model",
        "epoll",
        "--dry-run",
        "--connections",
        "20000",
    ];
    let planned = |more: &[&str]| {
        let mut sh = Command::new("sh");
        sh.args(command).args(more).output().unwrap()
    };
    let output = planned(&[]);
    assert!(output.status.success(), "{}", stderr(&output));
    let plan = stdout(&output);
    // With 900 connections at most in each, spread by chance.
    assert!(plan.contains("server      28 process(es)"), "{plan}");
    assert!(plan.contains("generator   23 process(es)"), "{plan}");
    assert!(
        plan.contains("2 source address(es) of 127.0.0.0/8"),
        "{plan}"
    );
    assert!(plan.contains("--reuse-port"), "{plan}");
    for (more, reason) in [
        (["--server-processes", "5"], "20000 connections take 28"),
        (["--client-processes", "5"], "20000 connections take 23"),
        (["--source", "127.3.0.1"], "20000 connections take 2"),
    ] {
        let output = planned(&more);
        assert_eq!(output.status.code(), WRONG_USE);
        assert!(stderr(&output).contains(reason), "{}", stderr(&output));
    }
}

#[test]
fn more_connections_than_memory_has_room_for_bring_the_arithmetic() {
    let said = refused(&["--model", "epoll", "--connections", "4000000000"]);
    for part in ["4000000000 x ", "MemAvailable", "--connections ", "--force"] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn a_program_that_can_not_run_is_refused_before_anything_starts() {
    let fixture = Fixture::new();
    let file = fixture.dir.path().join("plain");
    fs::write(&file, "no program").unwrap();
    let said = refused(&["--model", "x", "--bin", &format!("x={}", file.display())]);
    assert!(said.contains("not an executable file"), "{said}");
    let said = refused(&["--model", "x", "--bin", "x=/no/such/file"]);
    assert!(said.contains("No such file"), "{said}");
}

#[test]
fn an_out_directory_that_is_a_file_is_refused() {
    let fixture = Fixture::new();
    let file = fixture.out();
    fs::write(&file, "in the way").unwrap();
    let output: Output = fixture.run("good", &[]);
    assert_eq!(output.status.code(), WRONG_USE);
    let said = stderr(&output);
    assert!(
        said.contains("is a file") && said.contains("--out"),
        "{said}"
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), "in the way");
}

#[test]
fn a_directory_that_can_not_be_written_is_refused() {
    let fixture = Fixture::new();
    // Even root can't make files there.
    let bin = fixture.fake("good");
    let said = refused(&[
        "--model",
        "good",
        "--bin",
        &bin,
        "--out",
        "/proc/millionfold",
    ]);
    assert!(
        said.contains("can't write /proc/millionfold") && said.contains("--out"),
        "{said}"
    );
    fixture.assert_nothing_left();
}

#[test]
fn a_dry_run_shows_plan_and_commands_and_does_nothing() {
    let fixture = Fixture::new();
    let output = fixture.run("good", &["--dry-run", "--seed", "7"]);
    assert!(output.status.success());
    let said = stdout(&output);
    for part in [
        "--seed 7",
        "6, 13, 20 connections",
        "--listen 127.0.0.1:0",
        "loadgen",
    ] {
        assert!(said.contains(part), "no {part:?} in {said}");
    }
    assert!(!fixture.out().exists());
}

#[test]
fn a_dry_run_shows_one_of_many_processes_that_are_alike() {
    let fixture = Fixture::new();
    let processes = ["--server-processes", "2", "--client-processes", "3"];
    let args = [&["--dry-run", "--load", "closed"], &processes[..]].concat();
    let said = stdout(&fixture.run("good", &args));
    assert_eq!(said.matches("loadgen <<<").count(), 1, "{said}");
    assert!(said.contains("(2 more like it, the next with"), "{said}");
    assert!(said.contains("(1 more like it, at the first"), "{said}");
}

/// Generators keep what they saw in each interval until the window is over.
#[test]
fn a_long_idle_window_has_no_more_intervals_than_a_shorter_one() {
    let fixture = Fixture::new();
    let scenario = fixture.out().with_file_name("slow.toml");
    let text = "title = \"slow\"\n[[idle]]\nconnections = 20\ninterval_s = 1800\n";
    fs::write(&scenario, text).unwrap();
    let args = ["--dry-run", "--scenario", scenario.to_str().unwrap()];
    let said = stdout(&fixture.run("good", &args));
    // 1.2 rounds of half an hour, in 60 intervals.
    assert!(said.contains("\"interval_us\":36000000"), "{said}");
}

#[test]
fn the_schema_is_the_one_in_the_repository() {
    let output = runner().arg("schema").output().unwrap();
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../bench-results/report.schema.json"
    );
    assert_eq!(stdout(&output), fs::read_to_string(path).unwrap());
}

#[test]
fn the_list_has_every_model_crate() {
    let output = runner().arg("list").output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let crates = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let names = fs::read_dir(crates)
        .unwrap()
        .flatten()
        .map(|entry| entry.file_name());
    for name in names.filter_map(|name| name.into_string().ok()) {
        if let Some(model) = name.strip_prefix("model-").filter(|name| *name != "kit") {
            assert!(
                stdout(&output).contains(model),
                "{model} is not in the list"
            );
        }
    }
}

#[test]
fn json_goes_to_standard_output_and_fits_the_schema() {
    let fixture = Fixture::new();
    let output = fixture.run("good", &["--json"]);
    let text = stdout(&output);
    let schema = Schema::of(&report::schema::schema_text());
    let mut reports = 0;
    for report in serde_json::Deserializer::from_str(&text).into_iter::<serde_json::Value>() {
        let report = report.unwrap();
        assert_eq!(schema.faults(&report), [""; 0]);
        reports += 1;
    }
    assert_eq!(reports, 2, "run.json and one model: {text}");
    assert!(
        !text.contains(&fixture.mark()),
        "no absolute path gets into a report"
    );
}

/// What the doctor says of a machine on which a process may open so many files.
fn doctor(open_files: u32) -> (Option<i32>, serde_json::Value) {
    let script = format!(
        "ulimit -n {open_files} && exec {} doctor --json",
        env!("CARGO_BIN_EXE_runner")
    );
    let output = std::process::Command::new("sh")
        .args(["-c", &script])
        .output()
        .unwrap();
    let said = serde_json::from_str(&stdout(&output)).unwrap();
    (output.status.code(), said)
}

#[test]
fn the_doctor_names_a_limit_that_is_too_low_and_how_to_raise_it() {
    let (code, said) = doctor(1024);
    assert_eq!(code, Some(0), "{said}");
    let findings = said["findings"].as_array().unwrap();
    let files = findings.iter().find(|one| one["item"] == "open files");
    let files = files.unwrap();
    assert_eq!(files["level"], "problem");
    // The command, or where to set it if this root may not.
    let advice = format!("{} {}", files["means"], files["mend"]);
    assert!(advice.contains("nofile"), "{advice}");
}

#[test]
fn the_doctor_fails_where_nothing_can_be_measured() {
    let (code, said) = doctor(150);
    assert_eq!(code, Some(3), "{said}");
}

#[test]
fn a_closed_standard_error_is_no_bug() {
    let fixture = Fixture::new();
    let script = format!(
        "exec {} --model good --bin {} --load closed --connections 5 --duration 0.2 --trials 1 \
         --out {} 2>&-",
        env!("CARGO_BIN_EXE_runner"),
        fixture.fake("good"),
        fixture.out().display()
    );
    let status = std::process::Command::new("sh")
        .args(["-c", &script])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .status()
        .unwrap();
    assert!(matches!(status.code(), Some(0 | 3)), "{status}");
    assert_eq!(fixture.report().failure, None);
}

#[test]
fn a_full_standard_output_is_said() {
    let output = runner()
        .arg("schema")
        .stdout(
            std::fs::OpenOptions::new()
                .write(true)
                .open("/dev/full")
                .unwrap(),
        )
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("No space left"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_share_of_a_peak_that_is_not_measured_is_refused() {
    for (load, way_out) in [
        ("open", "--rate 50000, or add closed"),
        // Closed load would be of no use to it: the next refusal would say so.
        ("churn", "--rate 1000\n"),
        ("churn,closed", "--rate 1000\n"),
        ("open,idle", "--rate 50000, or add closed"),
    ] {
        let said = refused(&["--model", "epoll", "--load", load, "--rate", "70%"]);
        assert!(said.contains("peak") && said.contains(way_out), "{said}");
    }
    let discard = ["--model", "epoll", "--workload", "discard"];
    let said = refused(&[&discard[..], &["--load", "open", "--rate", "500"]].concat());
    assert!(said.contains("no reply"), "{said}");
    let said = refused(&["--model", "epoll", "--load", "closed", "--rate", "500"]);
    assert!(said.contains("--load open"), "{said}");
}
