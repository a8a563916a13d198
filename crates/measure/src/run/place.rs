//! Where a run has come to, in words.

use std::fmt;

/// Which block it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// Counted from 1 over all blocks, as in the trials.
    pub(super) number: u32,
    /// With those that are made again, as far as known.
    of: u32,
    /// The one that it is made instead of.
    again: Option<u32>,
    /// So often its turn was taken before.
    turns_before: u32,
}

impl Place {
    pub(super) fn new(planned: u32) -> Self {
        Self {
            number: 0,
            of: planned,
            again: None,
            turns_before: 0,
        }
    }

    /// The same, where a turn was taken so often before.
    pub(super) fn after_turns(self, turns_before: u32) -> Self {
        Self {
            turns_before,
            ..self
        }
    }

    /// The next one, which may be one made again.
    pub(super) fn go_on(&mut self, again: Option<u32>) {
        self.number += 1;
        self.of += u32::from(again.is_some());
        self.again = again;
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "block {}/{}", self.number, self.of)?;
        self.again
            .map_or(Ok(()), |again| write!(f, " (block {again} again)"))?;
        match self.turns_before {
            0 => Ok(()),
            _ => write!(f, " (once more)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_that_is_made_again_says_so_and_no_number_is_beyond_the_last() {
        let mut at = Place::new(2);
        let said = [None, None, Some(2), Some(3)].map(|again| {
            at.go_on(again);
            at.to_string()
        });
        let expected = [
            "block 1/2",
            "block 2/2",
            "block 3/3 (block 2 again)",
            "block 4/4 (block 3 again)",
        ];
        assert_eq!(said, expected);
    }
}
