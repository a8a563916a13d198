//! Everything that comes from outside, as functions of bytes that may be anything.
//!
//! | module | |
//! |---|---|
//! | [`session`] | what a server reads: its session, framed and raw |
//! | [`replies`] | what a generator reads: replies on every wire |
//! | [`lines`] | what programs print to each other: ready and done lines, a generator's lines |
//! | [`texts`] | what people write: scenarios, models.toml, values of options |
//! | [`saved`] | what was saved: reports of both versions, histograms |
//!
//! A target returns nothing. It panics where a promise isn't kept: bytes that are understood twice or
//! never, numbers that don't add up, a reader that falls over. `tests/targets.rs` tries each for a
//! moment, `scripts/fuzz` for as long as one likes, by libFuzzer (`src/bin/libfuzzer.rs`).

#![forbid(unsafe_code)]

pub mod lines;
pub mod replies;
pub mod saved;
pub mod session;
pub mod texts;

/// A target.
pub type Target = fn(&[u8]);

/// All of them, by their names, which are those of the folders in `corpus`, too.
pub const TARGETS: [(&str, Target); 17] = [
    ("session-framed", session::framed),
    ("session-raw", session::raw),
    ("replies-framed", replies::framed),
    ("replies-raw", replies::raw),
    ("replies-http1", replies::http1),
    ("replies-websocket", replies::websocket),
    ("greeting-websocket", replies::greeting),
    ("lines-of-servers", lines::server),
    ("lines-of-generators", lines::generator),
    ("lines-of-coordinators", lines::coordinator),
    ("scenario", texts::scenario),
    ("models-toml", texts::models_toml),
    ("command-line", texts::command_line),
    ("options", texts::options),
    ("histogram", saved::histogram),
    ("report", saved::report),
    ("report-of-version-1", saved::old_report),
];

/// Takes bytes off the front of an input, which steer what is done with the rest of it. An input that
/// is used up has zeros.
#[derive(Debug)]
pub struct Steering<'a>(&'a [u8]);

impl<'a> Steering<'a> {
    /// Of an input.
    pub fn new(input: &'a [u8]) -> Self {
        Self(input)
    }

    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        self.0.split_off_first().copied().unwrap_or_default()
    }

    /// The next two.
    pub fn number(&mut self) -> usize {
        usize::from(u16::from_be_bytes([self.byte(), self.byte()]))
    }

    /// Whether nothing is left.
    pub fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    /// What is left, in pieces as a network might deliver it: each piece is as long as the byte before
    /// it says, from 1 to 256.
    pub fn pieces(mut self) -> Vec<&'a [u8]> {
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
