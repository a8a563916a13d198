//! What a server ought to have counted, to be compared with its done line.

use crate::request::Work;
use anyhow::{Result, ensure};
use protocol::{launch::Done, wire::Wire};
use serde_json::to_value;

/// Counts kept by the client's side.
#[derive(Debug)]
pub(super) struct Tally(Done);

impl Tally {
    pub(super) fn new(wire: Wire) -> Self {
        let frames = (wire == Wire::Framed).then_some(0);
        Self(Done {
            requests: frames,
            responses: frames,
            ..Done::default()
        })
    }

    /// Connections were accepted.
    pub(super) fn accepted(&mut self, connections: u64) {
        self.0.accepted += connections;
    }

    /// An echo was answered.
    pub(super) fn echo(&mut self, message: &[u8]) {
        self.answered(message, message);
    }

    /// Work was done.
    pub(super) fn work(&mut self, work: &Work) {
        self.answered(&work.request, &work.reply);
    }

    fn answered(&mut self, request: &[u8], reply: &[u8]) {
        self.discard(request);
        self.0.responses = self.0.responses.map(|n| n + 1);
        self.0.bytes_out += reply.len() as u64;
    }

    /// A discard was sent.
    pub(super) fn discard(&mut self, message: &[u8]) {
        self.0.requests = self.0.requests.map(|n| n + 1);
        self.part(message);
    }

    /// Bytes were sent that make no request.
    pub(super) fn part(&mut self, bytes: &[u8]) {
        self.0.bytes_in += bytes.len() as u64;
    }

    /// A malformed header was sent.
    pub(super) fn malformed(&mut self, header: &[u8]) {
        self.part(header);
        self.0.malformed += 1;
    }

    /// Compares these counts with the server's, if it tells any.
    pub(super) fn expect(&self, done: Option<&Done>) -> Result<()> {
        let Some(done) = done else {
            return Ok(());
        };
        // Which thread it was is the server's own affair.
        let done = Done {
            by_thread: Vec::new(),
            ..done.clone()
        };
        let (came, wanted) = (to_value(done)?, to_value(&self.0)?);
        let counts = came.as_object().into_iter().flatten();
        let wrong: Vec<String> = counts
            .filter(|(name, came)| wanted[name] != **came)
            .map(|(name, came)| format!("{name} is {came} instead of {}", wanted[name]))
            .collect();
        ensure!(
            wrong.is_empty(),
            "the done line disagrees with what was sent: {}",
            wrong.join(", ")
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_wrong_count_is_named() {
        let mut tally = Tally::new(Wire::Raw);
        tally.accepted(3);
        tally.echo(b"12345678");
        let right = Done {
            accepted: 3,
            bytes_in: 8,
            bytes_out: 8,
            ..Done::default()
        };
        assert!(tally.expect(Some(&right)).is_ok());
        let wrong = Done {
            accepted: 4,
            requests: Some(1),
            ..right
        };
        assert_eq!(
            tally.expect(Some(&wrong)).unwrap_err().to_string(),
            "the done line disagrees with what was sent: accepted is 4 instead of 3, \
             requests is 1 instead of null"
        );
    }
}
