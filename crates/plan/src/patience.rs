//! For how much longer a run may take than it takes at least.

use crate::plan::Plan;
use std::time::Duration;

/// Of the planned time so much may be spent on making blocks again, where nobody said otherwise.
const TIME_SHARE: f64 = 0.5;

/// What is left of the time that blocks may take which aren't needed at least: those that are made
/// again and, where a person said how long, those after the first look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patience {
    left: Duration,
    /// More blocks than these take patience.
    least: u32,
}

impl Patience {
    /// That of a run which has not begun.
    pub fn of(plan: &Plan) -> Self {
        let s = plan.patience_s.unwrap_or(plan.expected_s * TIME_SHARE);
        let first_look = plan.looks.first().filter(|_| plan.patience_s.is_some());
        Self {
            left: Duration::try_from_secs_f64(s).unwrap_or(Duration::MAX),
            least: first_look.copied().unwrap_or(plan.blocks),
        }
    }

    /// Whether a block that took so long may be made again.
    pub fn allows(&self, took: Duration) -> bool {
        took <= self.left
    }

    /// What is left.
    pub fn left(&self) -> Duration {
        self.left
    }

    /// So long nothing was measured, because the machine wasn't as usual.
    pub fn wait(&mut self, waited: Duration) {
        self.left = self.left.saturating_sub(waited);
    }

    /// A block took so long, which was made again, or came after so many others that count.
    pub fn spend(&mut self, took: Duration, is_again: bool, counted: u32) {
        if is_again || counted >= self.least {
            self.left = self.left.saturating_sub(took);
        }
    }

    /// Whether this look is the last for want of it.
    pub fn is_over(&self, counted: u32) -> bool {
        counted >= self.least && self.left.is_zero()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn auto(patience_s: Option<f64>) -> Patience {
        Patience::of(&Plan {
            blocks: 18,
            looks: vec![6, 9, 13, 18],
            patience_s,
            expected_s: 18.0 * 60.0,
            ..Plan::of_one_thread(1)
        })
    }

    /// Measures so many blocks of a minute, none of which is made again.
    fn after(mut patience: Patience, blocks: u32) -> Patience {
        (0..blocks).for_each(|counted| patience.spend(MINUTE, false, counted));
        patience
    }

    #[test]
    fn the_first_look_is_not_the_last_where_nothing_was_made_again() {
        let short = auto(Some(120.0));
        assert!(
            !after(short.clone(), 6).is_over(6),
            "whatever six blocks took"
        );
        assert!(
            after(short.clone(), 9).is_over(9),
            "three more were three minutes"
        );
        let long = auto(Some(1_800.0));
        assert!(!after(long, 13).is_over(13));
        // Who has none waits for no second look.
        assert!(after(auto(Some(0.0)), 6).is_over(6));
    }

    #[test]
    fn blocks_that_are_made_again_take_of_the_same_time() {
        let mut short = after(auto(Some(120.0)), 5);
        assert!(short.allows(MINUTE));
        short.spend(MINUTE, true, 5);
        short.spend(MINUTE, true, 5);
        assert!(!short.allows(MINUTE));
        assert!(short.is_over(6));
    }

    #[test]
    fn where_nobody_said_how_long_there_are_as_many_looks_as_planned() {
        let mut patience = after(auto(None), 13);
        assert!(patience.allows(9 * MINUTE) && !patience.allows(10 * MINUTE));
        patience.spend(9 * MINUTE, true, 13);
        assert!(!patience.is_over(13));
    }
}
