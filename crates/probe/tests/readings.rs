//! What can be read of this process, on this machine.

#![allow(
    clippy::unwrap_used,
    reason = "a test that can't go on fails, and says where"
)]

use probe::{
    snapshot::{Watch, Window, look},
    syscalls::SyscallCounter,
    usage::add_memory,
};
use report::trial::ProcessUse;
use std::{
    fs,
    io::Write as _,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

#[test]
fn this_process_has_memory() {
    let mut used = ProcessUse::default();
    add_memory(&mut used, &[std::process::id()]);
    assert!(
        used.pss_bytes.is_some_and(|bytes| bytes > 1 << 16),
        "{used:?}"
    );
    assert!(used.peak_resident_bytes >= used.pss_bytes);
    assert!(used.descriptors >= Some(3));
    assert!(used.swapped_bytes.is_some());
    assert!(used.not_measured.is_empty());
}

/// As a generator on this machine, of which others are on another one.
#[test]
fn a_program_of_ours_is_no_stranger() {
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("busy-one");
    fs::copy("/bin/sh", &program).unwrap();
    let mut busy = Command::new(&program)
        .args(["-c", "while :; do :; done"])
        .spawn()
        .unwrap();
    let is_named = |ours: Vec<u32>| {
        let watch = Watch::open(&[], &[], &[], [&[], &[]]).besides(ours);
        let (before, from) = (watch.surroundings(&[]), watch.edge());
        thread::sleep(Duration::from_millis(200));
        let (to, closed) = (watch.edge(), Instant::now());
        let window = Window {
            closed,
            length: Duration::from_millis(200),
        };
        let used = watch.between((&before, &from), (&to, &watch.surroundings(&[])), window);
        used.machine.programs_s.contains_key("busy-one")
    };
    // A busy machine may give it no time in one window.
    let began = Instant::now();
    let mut is_stranger = false;
    while !is_stranger && began.elapsed() < Duration::from_secs(60) {
        is_stranger = is_named(Vec::new());
    }
    let is_ours_named = is_named(vec![busy.id()]);
    busy.kill().unwrap();
    busy.wait().unwrap();
    assert!(is_stranger && !is_ours_named);
}

#[test]
fn without_a_server_all_that_ran_is_somebody_elses() {
    let machine = look(Duration::from_millis(1), &[]);
    assert!(machine.other_cpus_used.is_some(), "{machine:?}");
    assert!(machine.programs_cpus_used.is_some(), "{machine:?}");
    assert!(machine.not_measured.contains_key("server_cpus_s"));
}

/// A shell that waits for a line before it becomes a program with known system calls: one
/// read and one write for each of 10,000 bytes.
#[test]
fn the_count_is_that_of_a_program_with_known_system_calls() {
    let mut child = Command::new("sh")
        .args([
            "-c",
            "read go && exec dd if=/dev/zero of=/dev/null bs=1 count=10000",
        ])
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let counter = SyscallCounter::attach(&[child.id()]);
    child.stdin.take().unwrap().write_all(b"\n").unwrap();
    assert!(child.wait().unwrap().success());
    match counter {
        Ok(mut counter) => {
            let count = counter.read().unwrap();
            assert!((20_000..21_000).contains(&count), "{count}");
        }
        Err(reason) => {
            assert!(!reason.to_string().is_empty());
            eprintln!("not counted here: {reason}");
        }
    }
}
