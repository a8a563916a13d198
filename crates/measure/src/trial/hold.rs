//! Connections that are held for long, in rounds: some of them are replaced, then each has its turn.

use super::{Bench, TrialError, bench::Asked, served::Served};
use generators::driven::Generators;
use plan::window::longest_us;
use report::{
    run::PlannedLoad,
    trial::{HeldRound, Step},
};
use std::time::{Duration, Instant};

impl Bench<'_> {
    /// Holds all connections of the ladder's top, if that is planned. When the user wants to stop, the
    /// rounds until then count.
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
            window_us: longest_us(planned),
            ..planned.clone()
        };
        let (began, length) = (Instant::now(), Duration::from_micros(hold.length_us));
        let mut rounds = Vec::new();
        while began.elapsed() < length {
            let step = match self.round(served, generators, &round, all, replaced) {
                // Those before it are kept.
                Err(error) if error.is_interrupt() && !rounds.is_empty() => break,
                step => step?,
            };
            let since = began.elapsed();
            rounds.push(HeldRound {
                since_us: since.as_micros() as u64,
                replaced,
                step,
            });
            self.progress.held(rounds.len(), since, length);
        }
        Ok(rounds)
    }

    /// Replaces so many connections, and gives each its turn.
    fn round(
        &self,
        served: &mut Served,
        generators: &mut Generators,
        planned: &PlannedLoad,
        all: Asked,
        replaced: u32,
    ) -> Result<Step, TrialError> {
        if replaced > 0 {
            generators.connect(all.connections - replaced)?;
        }
        self.step(served, generators, planned, all)
    }
}
