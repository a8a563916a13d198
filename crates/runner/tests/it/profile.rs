//! `--profile`: a flame graph beside the report, or the reason why there is none.

use crate::common::{Fixture, LIGHT, runner, stderr};
use std::{env, fs, os::unix::fs::PermissionsExt as _, process::Command};

const PROFILED: [&str; 3] = ["--load", "closed", "--profile"];

fn has_perf() -> bool {
    let said = Command::new("perf").arg("--version").output();
    said.is_ok_and(|said| said.status.success())
}

#[test]
fn a_profile_is_taken_where_perf_is_and_its_absence_explained_where_it_is_not() {
    let fixture = Fixture::new();
    let output = fixture.run("good", &[&PROFILED[..], &["--workload", "echo"]].concat());
    let shown = stderr(&output);
    let report = fixture.report();
    assert_eq!(report.failure, None, "{shown}");
    let Some(profile) = &report.profile else {
        let reason = &report.not_measured["profile"];
        assert!(
            !has_perf() || reason.contains("perf"),
            "perf is here: {reason}"
        );
        assert!(shown.contains(reason), "{shown}");
        eprintln!("NO PROFILE WAS TAKEN HERE, only its absence was tested: {reason}");
        return;
    };
    eprintln!("a profile was taken: {} samples", profile.samples);
    assert!(!report.not_measured.contains_key("profile"));
    assert!(profile.samples > 0);
    assert_eq!((profile.load.word(), profile.connections), ("closed", 20));
    let shares: Vec<f64> = profile.top.iter().map(|f| f.self_share).collect();
    assert!(shares.is_sorted_by(|a, b| a >= b), "{shares:?}");
    assert!(shares[0] > 0.0 && shares.iter().sum::<f64>() <= 1.000_001);
    let run = fs::read_dir(fixture.out()).unwrap().next().unwrap();
    let svg = fs::read_to_string(run.unwrap().path().join(&profile.flame_graph)).unwrap();
    assert!(svg.contains("<svg") && svg.contains("good, closed load"));
    assert!(!svg.contains(&fixture.mark()), "it names directories");
    assert!(shown.contains(&profile.top[0].name), "{shown}");
    fixture.assert_nothing_left();
}

#[test]
fn without_perf_the_run_goes_on_and_says_how_to_get_it() {
    let fixture = Fixture::new();
    // As on systems where perf is a script that says what to install.
    let perf = fixture.dir.path().join("perf");
    fs::write(&perf, "#!/bin/sh\nexit 2\n").unwrap();
    fs::set_permissions(&perf, fs::Permissions::from_mode(0o755)).unwrap();
    let path = env::var("PATH").unwrap();
    let bin = fixture.fake("good");
    let output = runner()
        .env("PATH", format!("{}:{path}", fixture.dir.path().display()))
        .args(["--model", "good", "--bin", &bin])
        .args(["--trials", "1", "--duration", "0.3", "--connections", "20"])
        .args(PROFILED)
        .args(LIGHT)
        .arg("--out")
        .arg(fixture.out())
        .output()
        .unwrap();
    let report = fixture.report();
    assert_eq!(report.failure, None, "{}", stderr(&output));
    assert_eq!((report.profile, report.trials.len()), (None, 1));
    let reason = &report.not_measured["profile"];
    assert!(reason.contains("apt-get install linux-perf"), "{reason}");
    assert!(stderr(&output).contains(reason), "{}", stderr(&output));
}

#[test]
fn an_idle_server_has_no_profile() {
    let fixture = Fixture::new();
    let output = fixture.run("good", &["--load", "idle", "--profile"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("add closed to --load"));
}
