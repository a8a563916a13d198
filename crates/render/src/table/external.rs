//! What has to be known beside the figures of a server that isn't ours.

use report::model::ModelReport;

/// What it is, and what could not be held against it.
pub(super) fn note(report: &ModelReport) -> Option<String> {
    let external = report.model.external.as_ref()?;
    let name = &report.model.name;
    let mut trials = report.trials.iter();
    let counts = match trials.any(|trial| trial.backend_counts.is_some()) {
        true => "it tells no counts; its replies were verified, and what its backend counted",
        false => "it tells no counts, so only its replies were verified",
    };
    Some(match (&external.command, &external.target) {
        (Some(command), _) => format!("{name} is external ({command}): {counts}"),
        (None, target) => {
            let target = target.as_deref().unwrap_or("somewhere");
            let not_known = match external.processes.as_str() {
                "unknown" => ", and what it uses isn't known (--pid)",
                _ => "",
            };
            format!(
                "{name} was running already at {target}, the same process for all trials: \
                 {counts}{not_known}"
            )
        }
    })
}
