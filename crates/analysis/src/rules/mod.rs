//! Which checks there are: pure functions from trials to checks.
//!
//! Each rule looks at one thing, and says which kinds of figures that touches and how far.
//! Thresholds stand at the top of each file, so that they can be read without the code. What a
//! figure over all trials becomes by them is for [`crate::verdict`].
//!
//! | module | asks |
//! |---|---|
//! | `served` | was everything there, and right? |
//! | `load` | is the figure what it is called? |
//! | `window` | is what happened in the window one thing? |
//! | `search` | did what was found to be too much come from outside? |
//! | `lag` | how much of a time is the generator's own? |
//! | `host_lag` | which machine's, where several generate? |
//!
//! Whether machines were to themselves, and several of them one instrument, is for [`hosts`]; whether
//! memory grows with connections, and adds up, for [`memory`].

mod host_lag;
mod lag;
mod load;
mod search;
mod served;
mod window;

pub use hosts::machine::{FROM_OUTSIDE, OTHER_LOAD_MAX, STEAL_MAX, is_disturbed};
pub use search::bounds;
pub(crate) use search::is_decisive;

use hosts::{
    instrument, machine,
    touch::{of_window, spoils},
};
use report::{
    check::{Check, FigureKind},
    model::Failure,
    slo::Slo,
    trial::{Load, Step, Trial},
};

/// Checks that say why others fail, too: what they name comes first, wherever one cause is told.
const CAUSES: [&str; 2] = ["backend_reached", "generator_ports"];

/// Where a check stands among those of one window: causes before what follows from them, which
/// otherwise keep their order.
pub(crate) fn place_by_cause(check: &Check) -> usize {
    let mut causes = CAUSES.iter();
    causes
        .position(|id| *id == check.id)
        .unwrap_or(CAUSES.len())
}

/// All checks of one trial.
pub fn of_trial(trial: &Trial) -> Vec<Check> {
    let mut checks = of_whole(trial);
    for step in trial.windows() {
        checks.extend(of_step(trial, step));
    }
    checks
}

/// Checks of a trial as a whole: they touch the figures of each of its steps.
pub(crate) fn of_whole(trial: &Trial) -> Vec<Check> {
    let mut checks = Vec::from_iter(served::backend_reached(trial));
    checks.extend(served::counts_agree(trial));
    let windows = trial.steps.iter().map(|step| step.window.length_us);
    checks.extend(instrument::start_skew(
        &trial.hosts,
        windows.min().unwrap_or(0),
    ));
    if matches!(trial.load, Load::Idle { .. }) {
        checks.extend(memory::checks::of_trial(trial));
    }
    named(checks, trial, None)
}

/// Checks of one step of a trial.
pub(crate) fn of_step(trial: &Trial, step: &Step) -> Vec<Check> {
    let checks = match trial.load {
        // A search finds out which rates are too high: that these are is no fault.
        Load::Capacity { slo, .. } if !meets(step, &slo) => {
            let mut checks = vec![
                served::connections_open(step),
                served::replies_right(step),
                served::window_length(step),
            ];
            checks.extend(search::disturbances(trial, &slo, step));
            checks.extend(search::generator_at_limit(step));
            checks
        }
        load => of_window_of(step, load),
    };
    named(checks, trial, (trial.windows().count() > 1).then_some(step))
}

/// Each with the trial it belongs to, and with the step where there are several.
fn named(mut checks: Vec<Check>, trial: &Trial, step: Option<&Step>) -> Vec<Check> {
    let mut name = format!("block {}, {}", trial.block, trial.load.word());
    if let Some(step) = step {
        name.push_str(&match step.rate_per_s {
            Some(rate) => format!(", {rate:.0}/s"),
            None => format!(", {} connections", step.connections),
        });
    }
    for check in &mut checks {
        check.trial = Some(name.clone());
    }
    checks
}

fn of_window_of(step: &Step, load: Load) -> Vec<Check> {
    let mut checks = Vec::from_iter(served::generator_ports(step));
    // First: a rate that can't be followed has replies missing, too.
    if let Some(scheduled) = &step.window.scheduled {
        checks.push(window::sustained(step, scheduled));
        checks.extend(window::rising(step));
        checks.extend(lag::stall(step, scheduled));
        checks.extend(load::polls_left(step));
        // In a search the generator's lateness counts against the rate: what was found is a floor.
        if !matches!(load, Load::Capacity { .. }) {
            checks.extend(lag::send_lag(step, scheduled));
            checks.extend(host_lag::send_lags(step, scheduled));
        }
    }
    if !matches!(load, Load::Churn { .. }) {
        checks.push(served::connections_open(step));
        checks.push(served::every_connection_served(step, load));
    }
    checks.extend([
        served::replies_right(step),
        served::replies_complete(step, load),
        served::window_length(step),
    ]);
    checks.extend(served::cpu_measured(step));
    checks.extend(instrument::host_balance(&step.hosts));
    checks.extend(served::times_clipped(step));
    if matches!(load, Load::Idle { .. }) {
        checks.extend(machine::of_step(step, load).into_iter().map(of_memory));
    } else {
        checks.extend(machine::of_step(step, load));
        checks.extend(window::pause(step));
        checks.extend(window::steady(step));
        checks.extend(lag::read_lag(step));
        checks.extend(host_lag::read_lags(step));
        checks.extend(lag::heard_late(step));
    }
    if let Load::Closed { outstanding } = load {
        checks.push(load::littles_law(step, outstanding));
        checks.push(served::often_enough(step));
        checks.extend(served::sends_blocked(step));
        checks.push(load::generator_bound(step));
    }
    checks
}

/// An idle load has no figure but memory.
fn of_memory(check: Check) -> Check {
    let of_memory = [FigureKind::UserMemory, FigureKind::KernelMemory];
    let mut touches = check.touches.clone();
    touches.retain(|touch| of_memory.contains(&touch.figure));
    check.touching(touches)
}

/// The model could not be measured, or not to the end.
pub fn failed(failure: &Failure) -> Check {
    let way_out = failure
        .way_out
        .as_deref()
        .unwrap_or("drive the model by hand, or run the conformance suite on it");
    let advice = if failure.stderr_tail.is_empty() {
        way_out.to_owned()
    } else {
        format!("{way_out}; its last words are below, and in the report as failure.stderr_tail")
    };
    let detail = format!("{} failed: {}", failure.phase.word(), failure.reason);
    Check::new("model_ran", spoils(&of_window()), detail, &advice)
}

/// Whether the generator set the rate of this step rather than the server.
pub fn is_generator_bound(step: &Step) -> bool {
    load::is_generator_bound(step)
}

/// Answered of offered in the window; `None` without a schedule, or when nothing was due.
pub fn achieved_share(step: &Step) -> Option<f64> {
    load::achieved_share(step)
}

/// Whether the rate of this step was answered, and within the target.
pub fn meets(step: &Step, slo: &Slo) -> bool {
    load::meets(step, slo)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use report::trial::{MachineUse, ProcessUse, Window};

    /// One second of nothing.
    pub(crate) fn step() -> Step {
        Step {
            connections: 100,
            connections_open: 100,
            rate_per_s: None,
            connect_elapsed_us: 0,
            connect_time_us: report::model::Percentiles::default(),
            warm_up_us: 1_000_000,
            steady: Some(true),
            window_asked_us: 1_000_000,
            window: Window {
                length_us: 1_000_000,
                ..Window::default()
            },
            server: ProcessUse::default(),
            generator: ProcessUse::default(),
            message_interval_us: None,
            server_threads: Some(1),
            server_cpus_max: Some(1),
            machine: MachineUse::default(),
            memory: None,
            runner_cpu_s: None,
            backend_cpu_s: None,
            syscall_window: None,
            hosts: Vec::new(),
        }
    }
}
