//! Connections that are held for long, in rounds: some of them are replaced, then each has its turn.

use super::{Bench, TrialError, bench::Asked, served::Served};
use generators::driven::Generators;
use report::{run::PlannedLoad, trial::HeldRound};
use std::time::{Duration, Instant};

/// More rounds than this tell nothing new, and fill the report: they are longer then.
const ROUNDS_MAX: u64 = 120;

impl Bench<'_> {
    /// Holds all connections of the ladder's top, if that is planned.
    pub(super) fn hold(
        &self,
        served: &mut Served,
        generators: &mut Generators,
        planned: &PlannedLoad,
    ) -> Result<Vec<HeldRound>, TrialError> {
        let Some(hold) = planned.hold else {
            return Ok(Vec::new());
        };
        let connections = planned.connections_max();
        let replaced = hold.replaced(connections);
        let all = Asked {
            connections,
            rate_per_s: None,
        };
        let round = PlannedLoad {
            window_us: planned.window_us.max(hold.length_us / ROUNDS_MAX),
            ..planned.clone()
        };
        let (began, length) = (Instant::now(), Duration::from_micros(hold.length_us));
        let mut rounds = Vec::new();
        while began.elapsed() < length {
            if replaced > 0 {
                generators.connect(connections - replaced)?;
            }
            let step = self.step(served, generators, &round, all)?;
            rounds.push(HeldRound {
                since_us: began.elapsed().as_micros() as u64,
                replaced,
                step,
            });
        }
        Ok(rounds)
    }
}
