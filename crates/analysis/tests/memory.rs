//! What memory is made of, who holds it, and what makes its figures suspect.

#![allow(
    clippy::unwrap_used,
    reason = "a test that can't go on fails, and says where"
)]

mod common;

use analysis::summary::conclude;
use common::*;
use report::{
    check::{Direction, Effect, Status},
    model::ModelReport,
    trial::Trial,
};

fn status(report: &ModelReport, figure: &str) -> Status {
    report.verdict.figures[&format!("memory.{figure}_bytes_per_connection")].status
}

fn idle(report: &mut ModelReport) -> impl Iterator<Item = &mut Trial> {
    report.trials.iter_mut().filter(|trial| trial.load == IDLE)
}

#[test]
fn memory_that_grows_in_a_step_is_suspect_and_has_a_marginal_cost() {
    let mut report = sound();
    for trial in idle(&mut report) {
        trial.server_empty_bytes = Some(1_000_000);
        // 100 bytes each, and a megabyte at the last thousand.
        trial.steps[2].server.pss_bytes = Some(2_300_000);
    }
    conclude(&mut report).unwrap();
    assert_eq!(failed_checks(&report), one("memory_fit"));
    assert_eq!(status(&report, "user"), Status::Suspect);
    assert_eq!(status(&report, "kernel"), Status::Valid);
    let memory = report.summary.memory.unwrap();
    let round = |bytes: Option<f64>| bytes.map(f64::round);
    assert_eq!(round(memory.user_bytes_per_connection), Some(433.0));
    assert_eq!(
        round(memory.user_marginal_bytes_per_connection),
        Some(1_100.0)
    );
    assert_eq!(round(memory.user_empty_bytes), Some(1_000_000.0));
    let owners = memory.by_owner.unwrap();
    let of_server = owners.server_user_bytes_per_connection;
    assert_eq!(of_server, memory.user_bytes_per_connection);
}

/// 100 bytes each, and beside them what is allocated once: with the first connection, or before it.
#[test]
fn what_is_taken_once_makes_the_figure_a_bound() {
    let bound = |empty_bytes: u64| {
        let mut report = sound();
        for trial in idle(&mut report) {
            trial.server_empty_bytes = Some(empty_bytes);
        }
        conclude(&mut report).unwrap();
        assert_eq!(failed_checks(&report), Vec::<String>::new());
        report.verdict.figures["memory.user_bytes_per_connection"].bound
    };
    // 1,300,000 bytes at the top, of 3,000 connections.
    assert_eq!(bound(1_000_000), None);
    let Some(Effect::Bounds {
        direction: Direction::High,
        slack_share: Some(share),
    }) = bound(700_000)
    else {
        panic!("300,000 bytes came with the first connections");
    };
    assert!((share - 0.5).abs() < 1e-9, "{share}");
    let low = bound(1_150_000);
    let is_low = |of| matches!(of, Effect::Bounds { direction: Direction::Low, slack_share: Some(share) } if (share - 1.0).abs() < 1e-9);
    assert!(low.is_some_and(is_low), "{low:?}");
}

#[test]
fn a_short_ladder_is_suspect() {
    let mut report = sound();
    for trial in idle(&mut report) {
        trial.steps = [100, 200, 300]
            .map(|connections| step(connections, 1))
            .to_vec();
    }
    conclude(&mut report).unwrap();
    assert_eq!(failed_checks(&report), one("memory_ladder"));
    assert_eq!(report.verdict.status, Status::Suspect);
}

/// A ladder to a hundred thousand connections: enough for the machine to feel it.
fn long_ladder() -> ModelReport {
    let mut report = sound();
    for trial in idle(&mut report) {
        trial.steps = [10_000, 50_000, 100_000]
            .map(|connections| step(connections, 1))
            .to_vec();
    }
    report
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
    for trial in idle(&mut report) {
        for step in &mut trial.steps {
            step.memory.as_mut().unwrap().free_bytes -= 100_000_000;
        }
    }
    conclude(&mut report).unwrap();
    assert_eq!(failed_checks(&report), one("memory_reconciled"));
    assert_eq!(report.verdict.status, Status::Suspect);
}

/// Two modes, by whether something listed /proc/PID/fd meanwhile.
#[test]
fn what_an_observer_leaves_is_no_connections() {
    let mut report = long_ladder();
    for trial in idle(&mut report).take(1) {
        for step in &mut trial.steps {
            // 23 inodes in 4 pages, 21 dentries and 128 blobs in one.
            let entries = 2 * u64::from(step.connections);
            let left = [
                ("proc_inode_cache", entries * 4 * 4096 / 23),
                ("dentry", entries * 4096 / 21),
                ("lsm_inode_cache", entries * 4096 / 128),
            ];
            for (cache, bytes) in left {
                let machine = &mut step.machine;
                *machine.slab_bytes.as_mut().unwrap() += bytes;
                let caches = machine.slab_by_cache_bytes.as_mut().unwrap();
                *caches.entry(cache.to_owned()).or_default() += bytes;
            }
            // The machine lost it, too.
            let memory = step.memory.as_mut().unwrap();
            memory.slab_bytes = step.machine.slab_bytes.unwrap();
            memory.free_bytes -= entries * 939;
        }
    }
    conclude(&mut report).unwrap();
    assert_eq!(failed_checks(&report), Vec::<String>::new());
    let memory = report.summary.memory.unwrap();
    let range = memory.kernel_bytes_per_connection_range.unwrap();
    assert!(range.low > 7_999.0 && range.high < 8_001.0, "{range:?}");
    let observers = memory.kernel_observers_bytes_per_connection.unwrap();
    assert!((observers - 1_879.0).abs() < 2.0, "{observers}");
    let caches = memory.kernel_by_cache_bytes_per_connection;
    assert_eq!(caches.keys().collect::<Vec<_>>(), ["TCP"]);
}

/// Of a hundred bytes a connection, ten more in the block that was made again are some pages.
#[test]
fn some_pages_more_in_a_block_that_was_made_again_are_no_selection() {
    let user = |more_bytes: u64| {
        let mut report = sound();
        for trial in idle(&mut report) {
            trial.server_empty_bytes = Some(1_000_000);
            trial.made_again = trial.block > 1;
            for step in &mut trial.steps {
                let each_bytes = if trial.made_again {
                    100 + more_bytes
                } else {
                    100
                };
                let bytes = 1_000_000 + each_bytes * u64::from(step.connections);
                step.server.pss_bytes = Some(bytes);
            }
        }
        conclude(&mut report).unwrap();
        report.verdict.figures["memory.user_bytes_per_connection"].clone()
    };
    assert_eq!(user(10).status, Status::Valid);
    let other = user(1_000);
    assert_eq!(other.status, Status::Suspect);
    assert_eq!(other.check.as_deref(), Some("selection"));
}
