//! What cargo, the machine and its limits enforce is found before a run starts, or told at its end.

use crate::common::{Fixture, LIGHT, runner, stderr, stdout};
use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

/// A platform that nobody builds for.
const PLATFORM: &str = "abacus-unknown-none";

/// The runner, under limits of a shell of its own.
fn under(limits: &str, args: &[&str]) -> Output {
    let script = format!("{limits} && exec \"$@\"");
    let shell = ["-c", &script, "sh", env!("CARGO_BIN_EXE_runner")];
    Command::new("sh").args(shell).args(args).output().unwrap()
}

fn built(target: &Path, directory: &str) {
    let directory = target.join(directory);
    fs::create_dir_all(&directory).unwrap();
    for package in ["model-epoll", "loadgen"] {
        fs::write(directory.join(package), "").unwrap();
    }
}

#[test]
fn what_is_measured_is_what_cargo_builds_now() {
    let target = tempfile::tempdir().unwrap();
    built(target.path(), "release");
    let run = |args: &[&str]| {
        let mut runner = runner();
        runner.args(["--model", "epoll", "--load", "closed", "--no-build"]);
        runner.env("CARGO_TARGET_DIR", target.path());
        runner.env("CARGO_BUILD_TARGET", PLATFORM);
        runner.args(args).output().unwrap()
    };
    let refused = run(&[]);
    assert_eq!(refused.status.code(), Some(2), "{}", stderr(&refused));
    for part in [
        "no abacus-unknown-none/release/loadgen",
        "release/loadgen is another program",
    ] {
        assert!(stderr(&refused).contains(part), "{}", stderr(&refused));
    }
    let plan = stdout(&run(&["--dry-run"]));
    assert!(plan.contains("(model-epoll has not been built"), "{plan}");
    built(target.path(), "abacus-unknown-none/release");
    let plan = stdout(&run(&["--dry-run"]));
    let program = target.path().join(PLATFORM).join("release/model-epoll");
    assert!(
        plan.contains(&format!("  {} --listen", program.display())),
        "{plan}"
    );
    assert!(!plan.contains("cargo build"), "{plan}");
}

#[test]
fn a_dry_run_names_the_programs_that_would_be_built() {
    let target = tempfile::tempdir().unwrap();
    let output = runner()
        .args(["--model", "epoll", "--load", "closed", "--dry-run"])
        .env("CARGO_TARGET_DIR", target.path())
        .env_remove("CARGO_BUILD_TARGET")
        .output()
        .unwrap();
    let program = target.path().join("release/model-epoll");
    let plan = stdout(&output);
    assert!(plan.contains(&program.display().to_string()), "{plan}");
    assert!(
        plan.contains("cargo build --release -p model-epoll"),
        "{plan}"
    );
}

#[test]
fn a_soft_limit_of_open_files_is_raised_by_the_runner() {
    let fixture = Fixture::new();
    let bin = fixture.fake("good");
    let out = fixture.out();
    let args = [
        &[
            "--model", "good", "--bin", &bin, "--load", "closed", "--trials", "1",
        ][..],
        &[
            "--duration",
            "0.3",
            "--connections",
            "48",
            "--client-processes",
            "24",
        ],
        &LIGHT,
        &["--out", out.to_str().unwrap()],
    ];
    // 24 generators with three pipes each don't fit into 64.
    let output = under("ulimit -S -n 64", &args.concat());
    let report = fixture.report();
    assert_eq!(report.failure, None, "{}", stderr(&output));
    assert_eq!(report.trials[0].steps[0].connections_open, 48);
}

#[test]
fn a_program_from_elsewhere_is_not_said_to_be_a_release_build() {
    let fixture = Fixture::new();
    fixture.run("good", &["--load", "closed"]);
    let (run, _) = fixture.reports();
    assert_eq!(run.environment.profile, "release", "of the generator");
    assert_eq!(run.environment.given_profiles["good"], "unknown");
    assert_eq!(run.environment.profile_settings["lto"], "thin");
    assert!(
        run.environment.cgroup_cpus_max.is_some()
            || run.environment.not_measured.contains_key("cgroup_cpus_max")
    );
}

#[test]
fn pipes_that_the_runner_can_not_have_are_refused_with_the_arithmetic() {
    let args = ["--model", "epoll", "--connections", "200000"];
    let output = under("ulimit -n 1024", &args);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    for part in [
        "264 server and 217 generator",
        "264 x 4 + 217 x 5 + 40 = 2181",
        "1024 files",
    ] {
        assert!(stderr(&output).contains(part), "{}", stderr(&output));
    }
}

#[test]
fn a_window_in_which_nothing_is_due_is_refused() {
    let args = [
        "--model",
        "epoll",
        "--load",
        "open",
        "--rate",
        "1",
        "--duration",
        "0.1",
    ];
    let output = runner().args(args).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("= 0.1 requests are due"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn the_plan_names_the_address_that_a_server_on_ipv6_is_reached_from() {
    let args = ["--target", "[::1]:7", "--load", "closed", "--dry-run"];
    let output = runner().args(args).output().unwrap();
    let plan = stdout(&output);
    assert!(plan.contains("1 source address(es) of ::1/128"), "{plan}");
    assert!(!plan.contains("127.0.0.0/8"), "{plan}");
}

#[test]
fn the_plan_of_a_server_that_runs_already_speaks_of_no_fresh_one() {
    let args = ["--target", "127.0.0.1:7", "--load", "closed", "--dry-run"];
    let plan = stdout(&runner().args(args).output().unwrap());
    assert!(
        plan.contains("runs already") && !plan.contains("a fresh"),
        "{plan}"
    );
}

#[test]
fn each_failure_is_told_with_its_own_way_out() {
    let way_out = |args: &[&str]| {
        let fixture = Fixture::new();
        let out = fixture.out();
        let usual = [
            "--load",
            "open",
            "--rate",
            "500",
            "--trials",
            "1",
            "--duration",
            "0.3",
        ];
        let output = runner()
            .args(args)
            .args(usual)
            .arg("--out")
            .arg(&out)
            .output();
        let output = output.unwrap();
        assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
        let way_out = fixture.report().failure.unwrap().way_out.unwrap();
        let said = stderr(&output);
        assert!(said.contains(&format!("-> {way_out}")), "{way_out}: {said}");
        way_out
    };
    let nobody = way_out(&["--target", "127.0.0.1:1"]);
    assert!(nobody.contains("start the server first"), "{nobody}");
    let missing = way_out(&["--external", "x=no-such-program-anywhere {addr}"]);
    assert!(missing.contains("install it"), "{missing}");
    let fixture = Fixture::new();
    let foreign = fixture.fake("foreign-pid");
    let foreign = way_out(&["--model", "foreign-pid", "--bin", &foreign]);
    assert!(foreign.contains("'pid' in its ready line"), "{foreign}");
}

#[test]
fn what_could_not_be_saved_is_shown() {
    let fixture = Fixture::new();
    // Once measuring has begun, a file is where the run's directory was: root is stopped by that, too.
    let bin = fixture.script(
        "good",
        &format!(
            "case \"$*\" in *--preflight*) ;; *) for run in {}/*; do mv \"$run\" \"$mark/gone\"; \
             : > \"$run\"; done ;; esac\nexec $fake good $mark \"$@\"",
            fixture.out().display()
        ),
    );
    let output = fixture.run_bin(&bin, &["--load", "closed"]);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    for part in [
        "peak rate",
        "not saved: can't write",
        "all that there is of it",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    fixture.assert_nothing_left();
}

#[test]
fn reports_that_could_not_be_saved_go_to_standard_output_if_they_are_wanted_there() {
    let fixture = Fixture::new();
    let bin = fixture.script(
        "good",
        &format!(
            "case \"$*\" in *--preflight*) ;; *) rm -r {0}; : > {0} ;; esac\n\
             exec $fake good $mark \"$@\"",
            fixture.out().display()
        ),
    );
    let output = fixture.run_bin(&bin, &["--load", "closed", "--json"]);
    let texts = stdout(&output);
    let mut reports = serde_json::Deserializer::from_str(&texts).into_iter::<serde_json::Value>();
    let run = reports.next().unwrap().unwrap();
    assert_eq!(run["interrupted"], false);
    let model = reports.next().unwrap().unwrap();
    assert!(model["summary"]["peak"]["rate_per_s"]["median"].as_f64() > Some(0.0));
}
