//! What the server's CPU time goes to, from a window of its own.

use super::error::TrialError;
use generators::driven::Generators;
use probe::profile::{CantProfile, Profile, Recording};
use process::guard::Guard;
use report::trial::Step;
use server::launch::Server;
use std::time::Duration;

/// A profile, or why there is none.
pub type Profiled = Result<Profile, CantProfile>;

/// Some thousand samples of each busy thread.
const RECORDING: Duration = Duration::from_secs(2);

/// perf takes so long at most, or misses a little, until it records. The server is idle before its
/// load begins, and an idle server leaves no samples.
const PERF_STARTS: Duration = Duration::from_secs(2);

/// Another window of the load of the last step, in which stacks are sampled and nothing is measured.
/// Inside `Ok`: why there is no profile.
pub(super) fn profile(
    guard: &Guard,
    server: &mut Server,
    generators: &mut Generators,
    step: &mut Step,
) -> Result<Profiled, TrialError> {
    let recording = match Recording::start(guard, &server.pids(), RECORDING) {
        Ok(recording) => recording,
        Err(reason) => return Ok(Err(reason)),
    };
    generators.begin(step.rate_per_s)?;
    let result = generators.measure(RECORDING + PERF_STARTS, |_| {})?;
    server.check_alive()?;
    // Late and missing replies are due to perf. Wrong ones and lost connections never are.
    step.window.replies_wrong += result.counts.replies_wrong;
    step.window.connections_lost += result.counts.connections_lost;
    Ok(recording.finish())
}
