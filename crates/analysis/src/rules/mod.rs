//! Which checks there are: pure functions from trials to checks.
//!
//! Each rule looks at one thing. Thresholds stand at the top of each file, so that they can be
//! read without the code.
//!
//! | module | asks |
//! |---|---|
//! | [`served`] | was everything there, and right? |
//! | [`load`] | is the figure what it is called? |
//! | [`machine`] | was the machine to itself? |
//! | [`figures`] | do the figures over all trials rest on enough? |

mod figures;
mod load;
mod machine;
mod served;

pub use machine::{OTHER_CPUS_MAX, STEAL_MAX};

use report::{
    check::{Check, Status},
    model::{Failure, ModelReport},
    slo::Slo,
    trial::{Load, Step, Trial},
};

/// All checks of one trial.
pub fn of_trial(trial: &Trial) -> Vec<Check> {
    let name = format!("block {}, {}", trial.block, trial.load.word());
    let mut checks = Vec::from_iter(served::counts_agree(trial));
    for step in &trial.steps {
        let mut of_step = of_step(step, trial.load);
        if trial.steps.len() > 1 {
            let place = match step.rate_per_s {
                Some(rate) => format!("{name}, {rate:.0}/s"),
                None => format!("{name}, {} connections", step.connections),
            };
            of_step
                .iter_mut()
                .for_each(|check| check.trial = Some(place.clone()));
        }
        checks.extend(of_step);
    }
    for check in &mut checks {
        check.trial.get_or_insert_with(|| name.clone());
    }
    checks
}

fn of_step(step: &Step, load: Load) -> Vec<Check> {
    // A search finds out which rates are too high: that these are is no fault.
    if matches!(load, Load::Capacity { slo, .. } if !meets(step, &slo)) {
        return vec![
            served::connections_open(step),
            served::replies_right(step),
            served::window_length(step),
        ];
    }
    let mut checks = Vec::new();
    // First: a rate that can't be followed has replies missing, too.
    if let Some(window) = &step.window.scheduled {
        checks.extend(load::of_schedule(step, window));
    }
    if !matches!(load, Load::Churn { .. }) {
        checks.push(served::connections_open(step));
        checks.push(served::every_connection_served(step, load));
    }
    checks.extend([
        served::replies_right(step),
        served::replies_complete(step),
        served::window_length(step),
        machine::accept_queue(step),
    ]);
    checks.extend(served::cpu_measured(step));
    checks.extend(machine::steal(step));
    checks.extend(machine::other_load(step));
    checks.extend(machine::swap(step));
    checks.extend(machine::throttled(step));
    checks.extend(machine::pressure(step));
    checks.extend(load::steady_state(step));
    if let Load::Closed { outstanding } = load {
        checks.push(load::littles_law(step, outstanding));
        checks.push(served::often_enough(step));
        checks.push(load::generator_bound(step));
    }
    if matches!(load, Load::Capacity { .. }) {
        // The generator's lateness counts against the rate: what was found is a floor.
        checks.retain(|check| check.id != "lag");
    }
    checks
}

/// Checks of the figures over all trials.
pub fn of_summary(report: &ModelReport) -> Vec<Check> {
    figures::of_summary(report)
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
    Check::new(
        "model_ran",
        Status::Invalid,
        false,
        format!("{} failed: {}", failure.phase.word(), failure.reason),
        &advice,
    )
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
