//! Which load profiles are taken under, and where they go.

use crate::trial::Profiled;
use report::{
    model::{ModelReport, Profile},
    run::PlannedLoad,
    trial::{Load, Trial},
};
use store::save::RunDirectory;

/// A profile is wanted, and goes here.
#[derive(Clone, Copy, Debug)]
pub(super) struct ProfileWish<'a> {
    pub(super) directory: &'a RunDirectory,
}

/// The load that a profile says most about: closed load keeps a server busiest. `None` when all that
/// there is is idle.
pub fn load_of(loads: &[PlannedLoad]) -> Option<&PlannedLoad> {
    let first = |fits: fn(&Load) -> bool| loads.iter().find(|load| fits(&load.load));
    first(|load| matches!(load, Load::Closed { .. }))
        .or_else(|| first(|load| !matches!(load, Load::Idle { .. })))
}

impl ProfileWish<'_> {
    /// Writes the flame graph, and the rest into the model's report: or why there is none.
    pub(super) fn keep(self, profiled: Profiled, trial: &Trial, report: &mut ModelReport) {
        let name = &report.model.name;
        let graph = profiled.and_then(|profile| {
            let svg = profile.flame_graph(&format!("{name}, {} load", trial.load.word()))?;
            Ok((profile, svg))
        });
        // A profile is taken at the end of a trial, so there is a last step.
        let (profile, svg, step) = match (graph, trial.steps.last()) {
            (Ok((profile, svg)), Some(step)) => (profile, svg, step),
            (Err(reason), _) => {
                report
                    .not_measured
                    .insert("profile".to_owned(), reason.to_string());
                return;
            }
            (Ok(_), None) => return,
        };
        let flame_graph = format!("{name}.svg");
        if self.directory.write_text(&flame_graph, &svg).is_err() {
            // Without the error: it names the path, and reports are made to be shared.
            let reason = "the flame graph could not be written".to_owned();
            report.not_measured.insert("profile".to_owned(), reason);
            return;
        }
        report.profile = Some(Profile {
            load: trial.load,
            connections: step.connections,
            rate_per_s: step.rate_per_s,
            samples: profile.samples(),
            user_only: profile.user_only,
            flame_graph,
            top: profile.top(),
        });
    }
}
