//! What memory is made of, who holds it, and what makes its figures suspect.

#![allow(
    clippy::unwrap_used,
    reason = "a test that can't go on fails, and says where"
)]

mod common;

use analysis::summary::conclude;
use common::*;
use report::{check::Status, model::ModelReport};

#[test]
fn memory_that_does_not_grow_evenly_is_suspect() {
    let mut report = sound();
    report.trials[0].steps[2].server.pss_bytes = Some(1_900_000);
    let (status, failed) = failed_checks(report);
    let expected = ["memory_fit", "memory_bend"].map(str::to_owned).to_vec();
    assert_eq!((status, failed), (Status::Suspect, expected));
}

#[test]
fn a_short_ladder_is_suspect() {
    let mut report = sound();
    for trial in report.trials.iter_mut().filter(|trial| trial.load == IDLE) {
        trial.steps = [100, 200, 300]
            .map(|connections| step(connections, 1))
            .to_vec();
    }
    let (status, failed) = failed_checks(report);
    assert_eq!((status, failed), (Status::Suspect, one("memory_ladder")));
}

/// A ladder to a hundred thousand connections: enough for the machine to feel it.
fn long_ladder() -> ModelReport {
    let mut report = sound();
    for trial in report.trials.iter_mut().filter(|trial| trial.load == IDLE) {
        trial.steps = [10_000, 50_000, 100_000]
            .map(|connections| step(connections, 1))
            .to_vec();
    }
    report
}

#[test]
fn a_ladder_that_bends_is_suspect_though_its_line_fits() {
    let mut report = long_ladder();
    // 600 bytes a connection in the upper half, on top of 8,000.
    report.trials[0].steps[2].machine.slab_bytes = Some(50_000_000 + 800_000_000 + 90_000_000);
    let (status, failed) = failed_checks(report.clone());
    assert_eq!(
        (status, failed),
        (Status::Valid, Vec::new()),
        "600 of 8,000 are no bend"
    );
    report.trials[0].steps[2].machine.slab_bytes = Some(50_000_000 + 800_000_000 + 200_000_000);
    conclude(&mut report).unwrap();
    let bend = report.summary.memory.unwrap().bend.unwrap();
    assert_eq!(bend.line, "kernel");
    // The line over all runs between the two stretches, nearer to the longer one.
    assert_eq!(
        (bend.from_connections, bend.bytes_per_connection),
        (10_000, 8_000.0)
    );
    assert!(bend.line_bytes_per_connection > 10_000.0, "{bend:?}");
    let worst = report.verdict.worst().unwrap();
    assert_eq!((worst.id.as_str(), worst.passed), ("memory_bend", false));
}

#[test]
fn the_parts_make_up_what_the_machine_lost() {
    let mut report = long_ladder();
    conclude(&mut report).unwrap();
    let memory = report.summary.memory.unwrap();
    let machine = memory.machine.unwrap();
    assert_eq!(machine.lost_bytes, 8_200.0 * 100_000.0);
    // The processes' own bases were there before the first connection, and were lost, too.
    assert_eq!(machine.accounted_bytes, 8_200.0 * 100_000.0 + 3_000_000.0);
    assert!(machine.unaccounted_share.abs() < 0.01);
    assert_eq!(machine.used_bytes, 5_000.0 * 100_000.0);
    let owners = memory.by_owner.unwrap();
    let round = |bytes: Option<f64>| bytes.map(f64::round);
    assert_eq!(round(owners.server_user_bytes_per_connection), Some(100.0));
    assert_eq!(
        round(owners.generator_user_bytes_per_connection),
        Some(100.0)
    );
    // Half of the TCP cache's 5,000, and an epoll entry.
    assert_eq!(
        round(owners.generator_kernel_bytes_per_connection),
        Some(2_692.0)
    );
    assert_eq!(
        round(owners.server_kernel_bytes_per_connection),
        Some(5_308.0)
    );
}

#[test]
fn memory_that_nobody_holds_is_suspect() {
    let mut report = long_ladder();
    for trial in report.trials.iter_mut().filter(|trial| trial.load == IDLE) {
        for step in &mut trial.steps {
            step.memory.as_mut().unwrap().free_bytes -= 100_000_000;
        }
    }
    let (status, failed) = failed_checks(report);
    assert_eq!(
        (status, failed),
        (Status::Suspect, one("memory_reconciled"))
    );
}

#[test]
fn a_program_that_looks_through_all_processes_is_seen() {
    let mut report = long_ladder();
    for trial in report.trials.iter_mut().filter(|trial| trial.load == IDLE) {
        for step in &mut trial.steps {
            let caches = step.machine.slab_by_cache_bytes.as_mut().unwrap();
            let inodes = 1_400 * u64::from(step.connections);
            caches.insert("proc_inode_cache".to_owned(), inodes);
        }
    }
    let (status, failed) = failed_checks(report);
    assert_eq!((status, failed), (Status::Suspect, one("memory_observed")));
}
