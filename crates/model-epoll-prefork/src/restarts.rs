//! How often a worker is started again: at once when one dies, later and later when they die again
//! and again, and not for ever. A fault that ends each of them would otherwise use a CPU for nothing,
//! and nobody would hear of it.

use std::time::Duration;

/// A worker that has served for so long was no failure from the start.
const LIVED: Duration = Duration::from_secs(10);

/// Before the second start in a row; twice as long before each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(10);

/// Deaths in a row, sooner than [`LIVED`], from which on it is given up: 2.6 s of pauses.
const DEATHS_MAX: u32 = 10;

/// The deaths in a row of workers in one place that hadn't lived for long.
#[derive(Default)]
pub(crate) struct Restarts(u32);

impl Restarts {
    /// How long to wait with the next start, after a worker has died that was ready for so long;
    /// `None`: no other is to be started.
    pub(crate) fn after(&mut self, lived: Duration) -> Option<Duration> {
        self.0 = if lived < LIVED { self.0 + 1 } else { 1 };
        match self.0 {
            DEATHS_MAX.. => None,
            0..=1 => Some(Duration::ZERO),
            deaths => Some(FIRST_PAUSE * (1 << (deaths - 2))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_that_dies_now_and_then_is_started_again_at_once() {
        let mut restarts = Restarts::default();
        for _ in 0..100 {
            assert_eq!(restarts.after(LIVED), Some(Duration::ZERO));
        }
    }

    #[test]
    fn workers_that_die_in_a_row_are_started_later_and_later_and_then_given_up() {
        let mut restarts = Restarts::default();
        let pauses: Vec<_> = std::iter::from_fn(|| restarts.after(Duration::ZERO)).collect();
        assert_eq!(pauses.len(), 9);
        assert!(pauses.is_sorted_by(|a, b| a < b), "{pauses:?}");
        assert!(pauses.iter().sum::<Duration>() < Duration::from_secs(3));
    }

    #[test]
    fn one_that_lives_ends_the_row() {
        let mut restarts = Restarts::default();
        for _ in 0..8 {
            assert!(restarts.after(Duration::ZERO).is_some());
        }
        assert_eq!(restarts.after(LIVED), Some(Duration::ZERO));
        assert_eq!(restarts.after(Duration::ZERO), Some(FIRST_PAUSE));
    }
}
