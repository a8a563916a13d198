//! Servers and generators at the ends of a link. Making one takes root, so without root these tests
//! fail, and say why.

use crate::common::{Fixture, stderr};
use std::process::Command;

#[test]
fn a_run_over_a_link_measures_as_any_other_and_says_so() {
    let fixture = Fixture::new();
    let link = ["--load", "closed", "--network", "rate=10gbit,mtu=1500"];
    let output = fixture.run("good", &link);
    let (run, models) = fixture.reports();
    let peak = models[0].summary.peak.as_ref();
    let is_served = peak.is_some_and(|peak| peak.rate_per_s.median > 0.0);
    assert!(is_served, "{}", stderr(&output));
    let asked = run.plan.network.unwrap();
    assert_eq!(asked.to_string(), "rate=10000mbit,mtu=1500");
    assert_eq!(run.plan.source_network, "198.18.0.0/16");
    let told = "network     rate=10000mbit,mtu=1500, each way";
    assert!(stderr(&output).contains(told), "{}", stderr(&output));
    assert!(fixture.page().contains("--network rate=10000mbit"));
    fixture.assert_nothing_left();
}

/// Whether this kernel has netem is found out by the run; what a dry run says has to be the same.
#[test]
fn a_link_that_a_run_would_be_refused_is_no_plan() {
    let fixture = Fixture::new();
    let far = ["--load", "closed", "--network", "delay=1ms"];
    let real = fixture.run("good", &far);
    let dry = fixture.run("good", &[&far[..], &["--dry-run"]].concat());
    let refusals = [&real, &dry].map(|output| stderr(output).contains("CONFIG_NET_SCH_NETEM"));
    assert_eq!(refusals[0], refusals[1], "{}", stderr(&dry));
    let is_told = stderr(&dry).contains("it would be refused: 'tc ");
    assert_eq!(is_told, refusals[0], "{}", stderr(&dry));
    let code = if is_told { 2 } else { 0 };
    assert_eq!(dry.status.code(), Some(code), "{}", stderr(&dry));
    let fine = fixture.run("good", &["--network", "mtu=1500", "--dry-run"]);
    assert!(!stderr(&fine).contains("refused"), "{}", stderr(&fine));
    fixture.assert_nothing_left();
}

#[test]
fn who_may_not_make_a_link_is_told_what_it_takes() {
    let fixture = Fixture::new();
    let fake = fixture.fake("good");
    let refused = Command::new("setpriv")
        .args(["--bounding-set=-sys_admin", env!("CARGO_BIN_EXE_runner")])
        .args(["--model", "good", "--bin", &fake, "--network", "mtu=1500"])
        .arg("--out")
        .arg(fixture.out())
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(2), "{}", stderr(&refused));
    assert!(stderr(&refused).contains("as root"), "{}", stderr(&refused));
    assert!(!fixture.out().exists(), "nothing has begun");
}
