//! Everything that comes from outside, as functions of bytes that may be anything.
//!
//! | module | |
//! |---|---|
//! | [`session`] | what a server reads: its session, framed and raw |
//! | [`replies`] | what a generator reads: replies on every wire |
//! | [`lines`] | what programs print to each other: ready and done lines, a generator's lines |
//! | [`texts`] | what people write: scenarios, models.toml, values of options |
//! | [`kernel`] | what the kernel says in files |
//! | [`saved`] | what was saved: reports of both versions, histograms |
//!
//! A target returns nothing. It panics where a promise isn't kept: bytes that are understood twice or
//! never, numbers that don't add up, a reader that falls over. `tests/targets.rs` tries each for a
//! moment, `scripts/fuzz` for as long as one likes, by libFuzzer (`src/bin/libfuzzer.rs`).

#![forbid(unsafe_code)]

pub mod kernel;
pub mod lines;
pub mod replies;
pub mod saved;
pub mod session;
mod steering;
pub mod texts;

/// A target.
pub type Target = fn(&[u8]);

/// All of them, by their names, which are those of the folders in `corpus`, too.
pub const TARGETS: [(&str, Target); 24] = [
    ("session-framed", session::framed),
    ("session-raw", session::raw),
    ("replies-framed", replies::framed),
    ("replies-raw", replies::raw),
    ("replies-http1", replies::http1),
    ("replies-websocket", replies::websocket),
    ("greeting-websocket", replies::greeting),
    ("lines-of-servers", lines::server),
    ("lines-of-generators", lines::generator),
    ("lines-of-coordinators", lines::coordinator),
    ("scenario", texts::scenario),
    ("models-toml", texts::models_toml),
    ("command-line", texts::command_line),
    ("options", texts::options),
    ("cpu-times", kernel::cpu_times),
    ("process-stat", kernel::process_stat),
    ("groups", kernel::groups),
    ("group-files", kernel::group_files),
    ("counters", kernel::counts),
    ("settings", kernel::values),
    ("by-procfs", kernel::by_procfs),
    ("histogram", saved::histogram),
    ("report", saved::report),
    ("report-of-version-1", saved::old_report),
];

/// The target of this name, found by the compiler, so that a program has that one alone.
///
/// # Panics
///
/// If there is none.
pub const fn named(name: &str) -> Target {
    let mut at = 0;
    while at < TARGETS.len() {
        if is_same(TARGETS[at].0.as_bytes(), name.as_bytes()) {
            return TARGETS[at].1;
        }
        at += 1;
    }
    panic!("FUZZ_TARGET is to be one of the names above");
}

const fn is_same(one: &[u8], other: &[u8]) -> bool {
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    at == one.len() && at == other.len()
}
