//! Limits that the figures of a run have to keep: `--gate`.

use crate::{exit::Exit, output, usage::usage};
use clap::Args;
use compare::gate::{Gate, Judged, Passage};
use report::{model::ModelReport, run::PlannedLoad};

#[derive(Args, Debug, Default)]
pub(crate) struct GateArgs {
    /// A limit that all models have to keep: 'p99<=2ms'
    ///
    /// Others are 'cpu_us_per_request<=3.5', 'user_bytes_per_connection<=1100', 'rate_per_s>=50000'. It
    /// may be given more than once. Exit code 4 where one isn't kept, 5 where that can't be told.
    #[arg(long = "gate", help_heading = "Trust", value_name = "LIMIT")]
    gates: Vec<Gate>,
}

impl GateArgs {
    /// # Errors
    /// None of the loads that are planned has a figure that a gate is on.
    pub(crate) fn check(&self, planned: &[PlannedLoad]) -> anyhow::Result<()> {
        for gate in &self.gates {
            let loads = gate.loads();
            let is_planned = |load: &&str| planned.iter().any(|one| one.load.word() == *load);
            if !loads.is_empty() && !loads.iter().any(is_planned) {
                return Err(usage(format!(
                    "--gate {gate}: this run has no {} load, which the figure is of",
                    loads.join(" or ")
                )));
            }
        }
        Ok(())
    }

    /// Says how each model stands to each limit. The exit code is the worse of that and of what the
    /// rest came to.
    pub(crate) fn pass(&self, reports: &[ModelReport], rest: Exit) -> Exit {
        let mut is_missed = false;
        let mut cant_tell = false;
        for gate in &self.gates {
            for report in reports {
                let judged = gate.judge(report);
                is_missed |= judged.passage == Passage::Missed;
                cant_tell |= matches!(judged.passage, Passage::CantTell(_));
                output::say(line(gate, &report.model.name, &judged));
            }
        }
        rest.and(match (is_missed, cant_tell) {
            (true, _) => Exit::Regression,
            (false, true) => Exit::CantTell,
            (false, false) => Exit::Fine,
        })
    }
}

/// `gate p99<=2ms: epoll has 1183.00 us, kept`
fn line(gate: &Gate, model: &str, judged: &Judged) -> String {
    let passage = match &judged.passage {
        Passage::Kept => "kept".to_owned(),
        Passage::Missed => "MISSED".to_owned(),
        Passage::CantTell(why) => format!("can't tell: {why}"),
    };
    let value = judged.value;
    let value = value.map_or(String::new(), |value| {
        format!(" has {value:.2}{},", gate.unit())
    });
    format!("gate {gate}: {model}{value} {passage}")
}
