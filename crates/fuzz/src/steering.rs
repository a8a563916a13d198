//! Bytes of an input that steer what is done with the rest of it.

/// Takes bytes off the front of an input, which steer what is done with the rest of it. An input that
/// is used up has zeros.
#[derive(Debug)]
pub(crate) struct Steering<'a>(&'a [u8]);

impl<'a> Steering<'a> {
    /// Of an input.
    pub(crate) fn new(input: &'a [u8]) -> Self {
        Self(input)
    }

    /// The next byte.
    pub(crate) fn byte(&mut self) -> u8 {
        self.0.split_off_first().copied().unwrap_or_default()
    }

    /// The next two.
    pub(crate) fn number(&mut self) -> usize {
        usize::from(u16::from_be_bytes([self.byte(), self.byte()]))
    }

    /// Whether nothing is left.
    pub(crate) fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    /// What is left, in pieces as a network might deliver it: each piece is as long as the byte before
    /// it says, from 1 to 256.
    pub(crate) fn pieces(mut self) -> Vec<&'a [u8]> {
        let mut pieces = Vec::new();
        while !self.0.is_empty() {
            let length = usize::from(self.byte()) + 1;
            let (piece, rest) = self.0.split_at(length.min(self.0.len()));
            self.0 = rest;
            pieces.push(piece);
        }
        pieces
    }
}
