//! Every target for a moment: on the inputs that are kept, and on some hundreds that are made of them by
//! lot. Always the same ones, so that a failure is one of the commit it comes with.

#![allow(
    clippy::unwrap_used,
    reason = "a test that can't go on fails, and says where"
)]

use fastrand::Rng;
use fuzz::{TARGETS, Target};
use std::{
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

/// Of each target, at most.
const INPUTS: usize = 2_000;

/// The slow ones have fewer inputs.
const TIME_MAX: Duration = Duration::from_millis(500);

/// The longest input.
const BYTES_MAX: usize = 4_096;

#[test]
fn no_target_breaks_a_promise() {
    thread::scope(|scope| {
        for (name, target) in TARGETS {
            let named = thread::Builder::new().name(name.to_owned());
            named
                .spawn_scoped(scope, move || try_for_a_moment(name, target))
                .unwrap();
        }
    });
}

fn try_for_a_moment(name: &str, target: Target) {
    let kept = kept(name);
    assert!(!kept.is_empty(), "corpus/{name} has inputs to begin with");
    for input in &kept {
        target(input);
    }
    let mut rng = Rng::with_seed(name.len() as u64);
    let begun = Instant::now();
    for _ in 0..INPUTS {
        if begun.elapsed() > TIME_MAX {
            break;
        }
        let input = changed(&kept, &mut rng);
        // A failure can be tried again: it is shown whole, by the thread's name.
        let shown = Shown(&input);
        target(&input);
        std::mem::forget(shown);
    }
}

/// Shows an input when a target panics on it.
struct Shown<'a>(&'a [u8]);

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        eprintln!("the input: b\"{}\"", self.0.escape_ascii());
    }
}

fn kept(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(name);
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .flatten()
        .map(|file| file.path())
        .collect();
    files.sort();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

/// A kept input with some bytes changed, cut out, doubled or put in from another one.
fn changed(kept: &[Vec<u8>], rng: &mut Rng) -> Vec<u8> {
    let mut input = kept[rng.usize(..kept.len())].clone();
    for _ in 0..rng.usize(1..6) {
        let from = rng.usize(..=input.len());
        let to = rng.usize(from..=input.len().min(from + 16));
        match rng.u8(..4) {
            0 => drop(input.drain(from..to)),
            1 => input.extend_from_within(from..to),
            2 => {
                let other = &kept[rng.usize(..kept.len())];
                let begin = rng.usize(..=other.len());
                let end = rng.usize(begin..=other.len().min(begin + 64));
                input.splice(from..to, other[begin..end].iter().copied());
            }
            _ => input[from..to].fill_with(|| rng.u8(..)),
        }
        input.truncate(BYTES_MAX);
    }
    input
}
