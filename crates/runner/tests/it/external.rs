//! Servers that aren't ours, measured and checked: real foreign processes.

use crate::common::{
    Fixture, children_of, eventually, foreign::is_here, is_alive, runner, stderr, stdout, unspoiled,
};
use report::{check::Status, model::ModelReport};
use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Output, Stdio},
};

const PYTHON_ECHO: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../examples/external/asyncio_echo.py"
);

/// What is true of every external model that was measured.
fn assert_measured(report: &ModelReport, shown: &str) {
    assert_eq!(report.failure, None, "{shown}");
    let invalid = report.verdict.checks.iter();
    let invalid: Vec<_> = invalid.filter(|c| c.status() == Status::Invalid).collect();
    assert!(invalid.is_empty(), "{invalid:?}");
    let trial = &report.trials[0];
    assert_eq!(trial.server_counts, None);
    assert!(trial.not_measured["server_counts"].contains("external"));
    assert!(trial.steps[0].window.requests > 0);
    assert!(
        !report.verdict.checks.iter().any(|c| c.id == "counts_agree"),
        "there is nothing to agree with"
    );
    assert!(
        report
            .verdict
            .checks
            .iter()
            .any(|c| c.id == "replies_right")
    );
}

fn assert_use_is_known(report: &ModelReport, processes: std::ops::RangeInclusive<u32>) {
    let step = &report.trials[0].steps[0];
    assert!(
        processes.contains(&step.server.processes),
        "{:?}",
        step.server
    );
    assert!(
        step.server.cpu_total_s().is_some_and(|s| s > 0.0),
        "{:?}",
        step.server
    );
    assert!(step.server.pss_bytes.is_some_and(|bytes| bytes > 0));
    let cpu = report
        .summary
        .peak
        .as_ref()
        .unwrap()
        .server_cpu_us_per_request;
    assert!(cpu.is_some_and(|us| us.median > 0.0), "{cpu:?}");
}

/// A run whose figures stand, its reports and what it showed: a short window may pass in which a
/// busy machine gives a server no turn.
fn measured(run: impl Fn(&Fixture) -> Output) -> (Fixture, Vec<ModelReport>, String) {
    unspoiled(|| {
        let fixture = Fixture::new();
        let shown = stderr(&run(&fixture));
        let (_, models) = fixture.reports();
        let mut checks = models.iter().flat_map(|model| &model.verdict.checks);
        match checks.any(|check| check.status() == Status::Invalid) {
            true => Err(shown),
            false => Ok((fixture, models, shown)),
        }
    })
}

#[test]
fn a_python_server_is_measured_beside_a_model_on_the_same_wire() {
    if !is_here("python3", &["--version"]) {
        return;
    }
    let theirs = format!("them=python3 {PYTHON_ECHO} {{host}} {{port}}");
    let (fixture, models, shown) = measured(|fixture| {
        let ours = fixture.fake("good");
        let both = ["--model", "good", "--bin", &ours, "--external", &theirs];
        fixture.run_with(&[&both[..], &["--load", "idle,closed"]].concat())
    });
    let (run, _) = fixture.reports();
    assert_eq!(
        (&*run.plan.wire, &run.plan.models[..]),
        ("raw", &["good".to_owned(), "them".to_owned()][..])
    );
    assert!(
        shown.contains("wire        raw"),
        "the plan says so: {shown}"
    );
    let [ours, theirs] = &models[..] else {
        panic!("{shown}");
    };
    assert_eq!(ours.failure, None, "{shown}");
    assert!(
        ours.trials
            .iter()
            .all(|trial| trial.server_counts.is_some())
    );
    assert!(
        ours.verdict
            .checks
            .iter()
            .any(|c| c.id == "counts_agree" && c.passed)
    );
    assert_measured(theirs, &shown);
    let closed = ModelReport {
        trials: theirs.trials[1..].to_vec(),
        ..theirs.clone()
    };
    assert_use_is_known(&closed, 1..=2);
    assert!(theirs.trials[0].server_empty_bytes.is_some());
    let external = theirs.model.external.as_ref().unwrap();
    assert_eq!(
        external.command.as_deref(),
        Some("python3 asyncio_echo.py {host} {port}"),
        "without directories"
    );
    assert_eq!(
        theirs.model.binary_sha256.as_ref().map(String::len),
        Some(64)
    );
    assert!(shown.contains("them is external"), "{shown}");
}

#[test]
fn a_shipped_server_is_found_built_and_keeps_the_suite() {
    if !is_here("cc", &["--version"]) {
        return;
    }
    let output = runner().args(["check", "--model", "c-epo*"]).output();
    let output = output.unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        stdout(&output),
        stderr(&output)
    );
}

#[test]
fn socat_with_a_process_for_each_connection_is_measured_whole() {
    if !is_here("socat", &["-V"]) {
        return;
    }
    let (_, models, shown) = measured(|fixture| {
        // The log's place marks its processes.
        let external = format!(
            "them=socat -lf{}/log TCP-LISTEN:{{port}},bind={{host}},fork,backlog=512,nodelay PIPE",
            fixture.mark()
        );
        let output = fixture.run_with(&["--external", &external, "--load", "closed"]);
        fixture.assert_nothing_left();
        output
    });
    assert_measured(&models[0], &shown);
    assert_use_is_known(&models[0], 21..=22);
}

#[test]
fn a_pre_forking_server_of_a_file_is_built_and_measured_with_its_children() {
    if !is_here("cc", &["--version"]) {
        return;
    }
    let described = |fixture: &Fixture| {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/external/foreign.c");
        fixture.models(&format!(
            "[models.forked]\n\
             title = 'two children'\n\
             build = 'cc -O2 -o foreign {source}'\n\
             command = ['sh', '-c', 'exec ./foreign $MODE {{port}} # {}']\n\
             environment = {{ MODE = 'prefork' }}\n\
             processes = 3\n",
            fixture.mark()
        ))
    };
    let (fixture, models, shown) = measured(|fixture| {
        let models = described(fixture);
        fixture.run_with(&["--models", &models, "--model", "forked", "--load", "closed"])
    });
    assert_measured(&models[0], &shown);
    assert_use_is_known(&models[0], 3..=3);
    assert_eq!(models[0].model.title, "two children");
    fixture.assert_nothing_left();

    let models = described(&fixture);
    let listed = runner()
        .args(["list", "--models", &models])
        .output()
        .unwrap();
    let listed = stdout(&listed);
    assert!(
        listed.contains("forked") && listed.contains("two children"),
        "{listed}"
    );
}

/// A server that somebody else has started; ended with the test.
struct Running(Child, u16);

impl Running {
    fn start(fixture: &Fixture, mode: &str) -> Option<Self> {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        Self::start_at(fixture, mode, port)
    }

    fn start_at(fixture: &Fixture, mode: &str, port: u16) -> Option<Self> {
        let command = fixture.foreign(mode)?.replace("{port}", &port.to_string());
        let (program, args) = command.split_once(' ').unwrap();
        let server = Command::new(program)
            .args(args.split(' '))
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        eventually("it listens", || {
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        Some(Self(server, port))
    }

    fn answers(&self) -> bool {
        let mut stream = TcpStream::connect(("127.0.0.1", self.1)).unwrap();
        stream.write_all(b"still there?").unwrap();
        let mut reply = [0; 12];
        stream.read_exact(&mut reply).is_ok() && reply == *b"still there?"
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        for child in children_of(self.0.id()) {
            let _ = Command::new("kill").arg(child.to_string()).status();
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_running_server_is_measured_by_its_process_and_left_running() {
    let fixture = Fixture::new();
    let Some(server) = Running::start(&fixture, "prefork") else {
        return;
    };
    let (target, pid) = (format!("127.0.0.1:{}", server.1), server.0.id().to_string());
    let args = ["--target", &target, "--pid", &pid, "--load", "closed"];
    let (_, models, shown) = measured(|fixture| fixture.run_with(&args));
    let report = &models[0];
    assert_measured(report, &shown);
    assert_use_is_known(report, 3..=3);
    let external = report.model.external.as_ref().unwrap();
    assert_eq!(external.target.as_deref(), Some(&*target));
    assert_eq!(
        report.model.binary_sha256.as_ref().map(String::len),
        Some(64)
    );
    assert!(is_alive(server.0.id()) && children_of(server.0.id()).len() == 2);
    assert!(server.answers());
}

#[test]
fn what_a_running_server_uses_is_null_when_its_process_is_not_known() {
    let fixture = Fixture::new();
    let Some(server) = Running::start(&fixture, "good") else {
        return;
    };
    // Two servers share the port: neither is the one.
    let _other = Running::start_at(&fixture, "good", server.1).unwrap();
    let target = format!("127.0.0.1:{}", server.1);
    let args = ["--target", &target, "--load", "idle,closed", "--profile"];
    let (_, models, shown) = measured(|fixture| fixture.run_with(&args));
    let report = &models[0];
    assert_measured(report, &shown);
    for step in report.trials.iter().flat_map(|trial| &trial.steps) {
        assert_eq!(step.server.cpu_total_s(), None);
        assert_eq!((step.server.pss_bytes, step.server.syscalls), (None, None));
        assert_eq!(step.server.voluntary_switches, None);
        assert!(step.server.not_measured["cpu_user_s"].contains("--pid"));
        assert!(step.server.not_measured["pss_bytes"].contains("--pid"));
        assert_eq!(step.server_threads, None);
        // Its CPU time isn't anybody else's.
        assert_eq!(step.machine.other_cpus_used, None);
    }
    let peak = report.summary.peak.as_ref().unwrap();
    assert_eq!(peak.server_cpu_us_per_request, None);
    assert!(report.not_measured["summary.peak.server_cpu_us_per_request"].contains("--pid"));
    let ids: Vec<&str> = report.verdict.checks.iter().map(|c| &*c.id).collect();
    assert!(
        !ids.contains(&"cpu_measured") && !ids.contains(&"other_load"),
        "{ids:?}"
    );
    assert!(report.profile.is_none() && report.not_measured.contains_key("profile"));
    assert!(server.answers());
}

#[test]
fn another_process_than_the_one_that_listens_is_not_measured_for_it() {
    let fixture = Fixture::new();
    let Some(server) = Running::start(&fixture, "good") else {
        return;
    };
    let Some(other) = Running::start(&fixture, "good") else {
        return;
    };
    let (target, pid) = (format!("127.0.0.1:{}", server.1), other.0.id().to_string());
    let output = fixture.run_with(&["--target", &target, "--pid", &pid, "--load", "closed"]);
    assert_eq!(output.status.code(), Some(3));
    let reason = fixture.report().failure.unwrap().reason;
    assert!(reason.contains("don't listen on"), "{reason}");
    assert!(server.answers() && other.answers());
}

#[test]
fn the_suite_is_held_to_an_external_server_as_far_as_its_wire_goes() {
    let fixture = Fixture::new();
    let Some(command) = fixture.foreign("good") else {
        return;
    };
    let models = fixture.models(&format!(
        "[models.them]\ncommand = '{command}'\nmessage_bytes = 24\n"
    ));
    let output = runner()
        .args(["check", "--models", &models, "--model", "them", "--only"])
        .arg("sizes,half-close,reset,churn,idle,counters,stop-sigterm")
        .output()
        .unwrap();
    let said = stdout(&output);
    assert!(said.contains("them, Raw wire"), "{said}");
    for line in [
        "ok   sizes",
        "ok   half-close",
        "ok   reset",
        "ok   churn",
        "ok   idle",
    ] {
        assert!(said.contains(line), "{line} is missing: {said}");
    }
    for line in ["skip counters", "skip stop-sigterm"] {
        assert!(said.contains(line), "{line} is missing: {said}");
    }
    fixture.assert_nothing_left();

    let wrong = fixture.foreign("wrong").unwrap();
    let output = runner()
        .args(["check", "--external", &format!("them={wrong}")])
        .args(["--only", "one-segment,churn"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", stdout(&output));
    fixture.assert_nothing_left();
}
