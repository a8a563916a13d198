//! How long hashes take: what the rate of `cpu` requests is held against. It is timed here because this
//! program is built as models are; a runner may be a debug build.

use model_kit::{Args, wrong_use};
use protocol::work::chained_digest;
use std::{
    hint::black_box,
    io::{self, Write as _},
    process::ExitCode,
    time::{Duration, Instant},
};

/// For how long hashing is timed at least: the fastest of so many parts counts, because a ceiling is what
/// nothing else slowed down.
const PARTS: u32 = 10;
const PART: Duration = Duration::from_millis(20);

/// Writes how long `asked` takes on the CPUs that were given, in nanoseconds: `HASHES:PAYLOAD_BYTES`, of a
/// single request.
pub(crate) fn tell(asked: &str, args: &Args) -> ExitCode {
    let numbers = asked.split_once(':');
    let numbers =
        numbers.and_then(|(hashes, bytes)| Some((hashes.parse().ok()?, bytes.parse().ok()?)));
    let Some((hashes, payload_bytes)) = numbers else {
        wrong_use("--hash takes hashes and bytes of the payload, such as 1000:64");
    };
    let told = args
        .pin()
        .and_then(|()| writeln!(io::stdout(), "{}", time_ns(hashes, payload_bytes)));
    match told {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn time_ns(hashes: u32, payload_bytes: u32) -> u64 {
    let payload = vec![7; payload_bytes as usize];
    let began = Instant::now();
    let mut fastest_ns = u64::MAX;
    while began.elapsed() < PARTS * PART {
        fastest_ns = fastest_ns.min(part_ns(&payload, hashes));
    }
    fastest_ns
}

fn part_ns(payload: &[u8], hashes: u32) -> u64 {
    let began = Instant::now();
    let mut times = 0;
    while began.elapsed() < PART {
        black_box(chained_digest(black_box(payload), hashes));
        times += 1;
    }
    (began.elapsed().as_nanos() / times) as u64
}
