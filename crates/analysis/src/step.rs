//! Figures of one window: what others are made of.

use report::trial::{ProcessUse, Step};

/// Requests answered per second of the window.
pub fn rate_per_s(step: &Step) -> f64 {
    step.window.requests as f64 / (step.window.length_us as f64 / 1e6)
}

/// CPU time of the server, user and system, per request; `None` when the server's processes aren't known.
pub fn cpu_us_per_request(step: &Step) -> Option<f64> {
    per_request(step.server.cpu_total_s()? * 1e6, step.window.requests)
}

/// CPU time of all that ran on the server's CPUs, other programs aside, per request; `None` when
/// the server had none of its own.
pub fn server_cpus_us_per_request(step: &Step) -> Option<f64> {
    per_request(step.machine.server_cpus_s? * 1e6, step.window.requests)
}

/// A sum over a window, by its requests; `None` when there were none.
pub(crate) fn per_request(value: f64, requests: u64) -> Option<f64> {
    (requests > 0).then(|| value / requests as f64)
}

/// CPU time of the generator, user and system, per request; `None` when it isn't known.
pub fn generator_cpu_us_per_request(step: &Step) -> Option<f64> {
    per_request(step.generator.cpu_total_s()? * 1e6, step.window.requests)
}

/// CPUs that processes used in the window; 1.0 is one CPU.
pub(crate) fn cpus_used(step: &Step, process: &ProcessUse) -> Option<f64> {
    Some(process.cpu_total_s()? / (step.window.length_us as f64 / 1e6))
}
