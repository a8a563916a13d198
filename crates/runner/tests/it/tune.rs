//! `runner doctor --apply` raises the kernel's settings, and `runner doctor --undo` puts them back:
//! for real in a network namespace, and for settings of the whole machine in a directory that looks
//! like /proc/sys. `scripts/tune` and `scripts/untune` call them.

use crate::common::{runner, stderr, stdout};
use std::{
    fs::{self, File, Permissions},
    io::{self, Write as _},
    os::{
        fd::AsRawFd as _,
        unix::{
            fs::{PermissionsExt as _, symlink},
            process::CommandExt as _,
        },
    },
    path::{Path, PathBuf},
    process::{Command, Output},
};
use tempfile::TempDir;

const RUNNER: &str = env!("CARGO_BIN_EXE_runner");

/// What tune knows, and values of a machine that nobody has tuned.
const SETTINGS: [(&str, &str); 10] = [
    ("net/core/somaxconn", "4096"),
    ("net/ipv4/tcp_max_syn_backlog", "2048"),
    ("net/ipv4/ip_local_port_range", "32768\t60999"),
    ("net/ipv4/tcp_mem", "287901\t383869\t575802"),
    ("net/netfilter/nf_conntrack_max", "262144"),
    ("fs/file-max", "2466183"),
    ("fs/nr_open", "1048576"),
    ("vm/max_map_count", "65530"),
    ("kernel/pid_max", "32768"),
    ("kernel/threads-max", "192731"),
];

/// A directory that looks like /proc/sys, and a state file.
struct Machine {
    dir: TempDir,
}

impl Machine {
    fn new() -> Self {
        let machine = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        for (name, value) in SETTINGS {
            fs::create_dir_all(machine.path(name).parent().unwrap()).unwrap();
            machine.set(name, value);
        }
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn set(&self, name: &str, value: &str) {
        fs::write(self.path(name), format!("{value}\n")).unwrap();
    }

    fn get(&self, name: &str) -> String {
        value_in(&self.path(name))
    }

    fn state(&self) -> PathBuf {
        self.path("state")
    }

    fn tune(&self, args: &[&str]) -> Output {
        self.doctor(&[&["--apply"], args].concat())
    }

    fn untune(&self, args: &[&str]) -> Output {
        self.doctor(&[&["--undo"], args].concat())
    }

    fn doctor(&self, args: &[&str]) -> Output {
        runner()
            .args(["doctor", "--proc"])
            .arg(self.dir.path())
            .arg("--state")
            .arg(self.state())
            .args(args)
            .output()
            .unwrap()
    }
}

/// A setting's numbers, apart by one space.
fn value_in(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

#[test]
fn settings_are_raised_and_put_back() {
    let machine = Machine::new();
    machine.set("net/core/somaxconn", "100000");
    machine.set("net/ipv4/tcp_mem", "700000 800000 5000000");
    let tuned = machine.tune(&["--connections", "2000000"]);
    assert_eq!(code(&tuned), 0, "{}", stderr(&tuned));
    for (name, value) in [
        ("net/core/somaxconn", "100000"),
        ("net/ipv4/ip_local_port_range", "1024 65535"),
        // Number by number: none is lowered.
        ("net/ipv4/tcp_mem", "1000000 2000000 5000000"),
        ("fs/file-max", "4100000"),
        ("fs/nr_open", "2000100"),
        ("vm/max_map_count", "4010000"),
        ("net/netfilter/nf_conntrack_max", "4000000"),
    ] {
        assert_eq!(machine.get(name), value, "{name}: {}", stdout(&tuned));
    }
    // The second keeps what the first found, also where it raises further.
    assert_eq!(code(&machine.tune(&["--connections", "3000000"])), 0);
    assert_eq!(machine.get("fs/file-max"), "6100000");
    assert_eq!(code(&machine.tune(&["--connections", "1000"])), 0);
    assert_eq!(machine.get("fs/file-max"), "6100000", "nothing is lowered");

    let undone = machine.untune(&[]);
    assert_eq!(code(&undone), 0, "{}", stderr(&undone));
    machine.set("net/core/somaxconn", "4096");
    assert_eq!(machine.get("net/ipv4/tcp_mem"), "700000 800000 5000000");
    machine.set("net/ipv4/tcp_mem", "287901 383869 575802");
    for (name, value) in SETTINGS {
        assert_eq!(machine.get(name), value.replace('\t', " "), "{name}");
    }
    assert!(!machine.state().exists());
    let again = machine.untune(&[]);
    assert_eq!(code(&again), 0);
    assert!(stdout(&again).contains("nothing to put back"));
}

#[test]
fn what_can_not_be_raised_is_told_and_the_rest_goes_on() {
    let machine = Machine::new();
    fs::remove_file(machine.path("net/ipv4/tcp_mem")).unwrap();
    fs::remove_file(machine.path("net/netfilter/nf_conntrack_max")).unwrap();
    // A number that not even root may change.
    fs::remove_file(machine.path("kernel/pid_max")).unwrap();
    symlink(
        "/proc/sys/kernel/ngroups_max",
        machine.path("kernel/pid_max"),
    )
    .unwrap();
    let tuned = machine.tune(&[]);
    assert_eq!(code(&tuned), 3);
    let said = stderr(&tuned);
    assert!(
        said.contains("net.ipv4.tcp_mem") && said.contains("is not here"),
        "{said}"
    );
    assert!(
        said.contains("kernel.pid_max") && said.contains("doesn't take 1100000"),
        "{said}"
    );
    assert!(
        stdout(&tuned).contains("not loaded"),
        "conntrack needn't be there"
    );
    assert_eq!(machine.get("kernel/threads-max"), "1100000");
    // What wasn't changed isn't put back, so this has nothing to fail at.
    assert_eq!(code(&machine.untune(&[])), 0);
    assert_eq!(machine.get("kernel/threads-max"), "192731");
}

#[test]
fn a_dry_run_changes_nothing() {
    let machine = Machine::new();
    let said = machine.tune(&["--dry-run"]);
    assert_eq!(code(&said), 0, "{}", stderr(&said));
    assert!(stdout(&said).contains("32768 -> 1100000 (not done)"));
    assert!(!machine.state().exists());
    assert_eq!(machine.get("kernel/pid_max"), "32768");
    assert_eq!(code(&machine.tune(&[])), 0);
    let said = machine.untune(&["--dry-run"]);
    assert!(stdout(&said).contains("-> 32768 (not done)"));
    assert_eq!(machine.get("kernel/pid_max"), "1100000");
    assert!(machine.state().exists());
}

#[test]
fn a_state_file_that_tune_did_not_write_is_refused() {
    let machine = Machine::new();
    for line in [
        "../etc/passwd 1",
        "net/../../x 1",
        "fs/file-max $(reboot)",
        "x",
    ] {
        fs::write(machine.state(), format!("{line}\n")).unwrap();
        let said = machine.untune(&[]);
        assert_eq!(code(&said), 2, "{line}");
        assert!(stderr(&said).contains("tune didn't write"), "{line}");
    }
}

#[test]
fn wrong_use_says_what_is_right() {
    let machine = Machine::new();
    for args in [
        &["5"][..],
        &["--connections", "0"],
        &["--connections", "-5"],
        &["--connections", "many"],
        &["--connections", "100000001"],
        &["--connections", "5", "--undo"],
        &["--json"],
        &["--state"],
    ] {
        let said = machine.tune(args);
        assert_eq!(code(&said), 2, "{args:?}");
        assert!(stderr(&said).starts_with("error: "), "{args:?}");
        assert_eq!(stdout(&said), "");
    }
    let said = runner().args(["doctor", "--dry-run"]).output().unwrap();
    assert_eq!(code(&said), 2, "of what?");
    let said = machine.tune(&["--help"]);
    assert_eq!(code(&said), 0);
    assert!(stdout(&said).contains("Usage: runner doctor"));
}

#[test]
fn without_root_the_way_out_is_told() {
    const NOBODY: u32 = 65_534;
    // By a descriptor: nobody may not be able to go to the directory.
    let program = File::open(RUNNER).unwrap();
    let mut command = Command::new(format!("/proc/self/fd/{}", program.as_raw_fd()));
    command
        .args(["doctor", "--connections", "50000", "--apply"])
        .current_dir("/");
    if rustix::process::geteuid().is_root() {
        command.uid(NOBODY);
    }
    let said = command.output().unwrap();
    assert_eq!(code(&said), 2);
    for way_out in [
        "sudo scripts/tune 50000",
        "doctor --connections 50000 --apply'",
    ] {
        assert!(stderr(&said).contains(way_out), "{}", stderr(&said));
    }
}

#[test]
fn the_scripts_call_the_doctor() {
    let dir = tempfile::tempdir().unwrap();
    let cargo = dir.path().join("cargo");
    fs::write(&cargo, "#!/bin/sh\necho \"$@\"\n").unwrap();
    fs::set_permissions(&cargo, Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", dir.path().display(), env!("PATH"));
    for (script, call) in [
        (
            "tune 50000",
            " -p runner -- doctor --connections 50000 --apply\n",
        ),
        ("untune", " -p runner -- doctor --undo\n"),
    ] {
        let line = format!("{}/../../scripts/{script}", env!("CARGO_MANIFEST_DIR"));
        let mut command = Command::new("sh");
        let said = command.args(["-c", &line]).env("PATH", &path).output();
        let said = stdout(&said.unwrap());
        assert!(said.ends_with(call), "{said}");
    }
}

/// As under sudo, whose PATH often hasn't the directory that cargo is in.
#[test]
fn without_cargo_the_scripts_take_the_runner_that_was_built() {
    let dir = tempfile::tempdir().unwrap();
    let here = |name: &str| dir.path().join(name);
    for name in ["scripts", "target/debug", "path"] {
        fs::create_dir_all(here(name)).unwrap();
    }
    symlink("/usr/bin/dirname", here("path/dirname")).unwrap();
    let runner = here("target/debug/runner");
    fs::write(&runner, "#!/bin/sh\necho \"$@\"\n").unwrap();
    fs::set_permissions(&runner, Permissions::from_mode(0o755)).unwrap();
    for (script, call) in [
        ("tune", "doctor --connections 1000000 --apply\n"),
        ("untune", "doctor --undo\n"),
    ] {
        let shipped = format!("{}/../../scripts/{script}", env!("CARGO_MANIFEST_DIR"));
        let script = here("scripts").join(script);
        fs::copy(shipped, &script).unwrap();
        let mut command = Command::new("/bin/sh");
        command.arg(&script).env("PATH", here("path"));
        assert_eq!(stdout(&command.output().unwrap()), call);
    }
}

/// What the doctor asks for is what it sets.
#[test]
fn tune_does_the_sysctls_that_the_doctor_names() {
    let doctor = runner()
        .args(["doctor", "--json", "--connections", "5000000"])
        .output()
        .unwrap();
    let found: serde_json::Value = serde_json::from_str(&stdout(&doctor)).unwrap();
    let tune = runner()
        .args(["doctor", "--connections", "5000000", "--apply", "--dry-run"])
        .output()
        .unwrap();
    let tune = stdout(&tune);
    let tuned = |finding: &&serde_json::Value| finding["is_tuned"] == true;
    for finding in found["findings"].as_array().unwrap().iter().filter(tuned) {
        let mend = finding["mend"].as_str().unwrap();
        let (name, wanted) = mend
            .strip_prefix("sysctl -w ")
            .and_then(|setting| setting.split_once('='))
            .unwrap();
        let line = tune
            .lines()
            .find(|line| line.starts_with(&format!("{name} ")));
        let line = line.unwrap_or_else(|| panic!("{name} is not in {tune}"));
        let numbers = |text: &str| -> Vec<u64> {
            text.split([' ', '\''])
                .filter_map(|word| word.parse().ok())
                .collect()
        };
        let set = numbers(line.split_once("->").unwrap().1);
        let wanted = numbers(wanted);
        assert_eq!(set.len(), wanted.len(), "{line}");
        let is_port_range = name.ends_with("port_range");
        for (set, wanted) in set.iter().zip(&wanted).skip(is_port_range.into()) {
            assert!(set >= wanted, "{name} is set to {set}, {wanted} is needed");
        }
    }
}

/// The command that runs another in a network namespace of its own, or why there is none.
fn namespace() -> Result<Command, String> {
    let mut refused = String::new();
    for flags in ["-n", "-rn"] {
        let unshare = |program: &[&str]| {
            let mut command = Command::new("unshare");
            command.arg(flags).args(program);
            command
        };
        match unshare(&["test", "-w", "/proc/sys/net/core/somaxconn"]).output() {
            Ok(output) if output.status.success() => return Ok(unshare(&[])),
            Ok(output) => refused = format!("unshare {flags}: {}", stderr(&output).trim()),
            Err(error) => refused = format!("unshare: {error}"),
        }
    }
    Err(refused)
}

#[test]
fn a_network_namespace_is_tuned_and_the_host_is_not() {
    let mut command = match namespace() {
        Ok(command) => command,
        Err(reason) => {
            // Past the test's captured output: a skipped test has to be seen.
            let _ = writeln!(
                io::stderr(),
                "SKIPPED a_network_namespace_is_tuned_and_the_host_is_not: {reason}"
            );
            return;
        }
    };
    let state = tempfile::tempdir().unwrap();
    let state = state.path().join("state");
    let host = || SETTINGS.map(|(name, _)| value_in(&Path::new("/proc/sys").join(name)));
    let host_before = host();
    let script = format!(
        "cd /proc/sys/net
        echo 128 > core/somaxconn
        echo 70000 > ipv4/tcp_max_syn_backlog
        echo 30000 40000 > ipv4/ip_local_port_range
        show() {{ echo \"$1:\" $(cat core/somaxconn ipv4/tcp_max_syn_backlog ipv4/ip_local_port_range); }}
        {RUNNER} doctor --apply --net-only --state {0} && show tuned
        {RUNNER} doctor --apply --net-only --state {0} && show tuned
        {RUNNER} doctor --undo --state {0} && show untuned",
        state.display()
    );
    let output = command.args(["sh", "-ec", &script]).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let said = stdout(&output);
    let shown: Vec<&str> = said
        .lines()
        .filter(|line| line.contains("tuned:"))
        .collect();
    assert_eq!(
        shown,
        [
            "tuned: 65535 70000 1024 65535",
            "tuned: 65535 70000 1024 65535",
            "untuned: 128 70000 30000 40000",
        ],
        "{said}"
    );
    assert!(!state.exists());
    assert_eq!(host(), host_before);
}
