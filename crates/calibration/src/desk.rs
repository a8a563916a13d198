//! Where requests get their fates: from received bytes to replies that are sent now, or that
//! wait in a heap until they are due.

use crate::{burner::Burner, client::Client, clock::now_ns};
use calibration::fate::{Fate, Fates, Request};
use model_kit::Closed;
use protocol::wire::{Header, Kind};
use std::{cmp::Reverse, collections::BinaryHeap};

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Desk {
    fates: Fates,
    burner: Burner,
    waiting: BinaryHeap<Reverse<Due>>,
    /// Replies that had to wait so far.
    delayed: u64,
    /// Replies that go out together, when all that a read brought has been worked through.
    ready: Vec<u8>,
    ready_responses: u64,
}

/// A reply that waits. Ordered by its first two fields: those due at the same time go in the
/// order in which they came.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Due {
    pub(crate) at_ns: u64,
    order: u64,
    /// Where the client is to be found.
    pub(crate) index: usize,
    /// The client's number: another may be found there meanwhile.
    pub(crate) number: u64,
    pub(crate) reply: Box<[u8]>,
}

impl Desk {
    pub(crate) fn new(fates: Fates, burner: Burner) -> Self {
        Self {
            fates,
            burner,
            waiting: BinaryHeap::new(),
            delayed: 0,
            ready: Vec::new(),
            ready_responses: 0,
        }
    }

    /// The end of the stall that `now_ns` falls into, if it falls into one.
    pub(crate) fn stalled_until(&self, now_ns: u64) -> Option<u64> {
        self.fates.stalled_until(now_ns)
    }

    /// When the next waiting reply is due.
    pub(crate) fn next_due_ns(&self) -> Option<u64> {
        self.waiting.peek().map(|Reverse(due)| due.at_ns)
    }

    /// The next waiting reply, if it is due by now. Behaviours that delay nothing don't pay for
    /// a look at the clock.
    pub(crate) fn take_due(&mut self) -> Option<Due> {
        if self.next_due_ns()? > now_ns() {
            return None;
        }
        self.waiting.pop().map(|Reverse(due)| due)
    }

    /// Works through what a client sent, of which the last byte was read at `now_ns`.
    pub(crate) fn answer(
        &mut self,
        client: &mut Client,
        received: &[u8],
        now_ns: u64,
    ) -> Result<(), Closed> {
        let bytes = client.gather(received);
        let mut used = 0;
        let outcome = loop {
            match Header::first_frame(&bytes[used..]) {
                Ok(Some((header, frame))) => {
                    used += frame.len();
                    if let Err(closed) = self.meet(client, header, frame, now_ns) {
                        break Err(closed);
                    }
                }
                Ok(None) => break Ok(()),
                Err(_) => {
                    client.malformed();
                    break Ok(());
                }
            }
        };
        client.keep(bytes, used);
        let sent = client.send(&self.ready, self.ready_responses);
        self.ready.clear();
        self.ready_responses = 0;
        sent.and(outcome)
    }

    /// Asks for a request's fate and carries it out.
    fn meet(
        &mut self,
        client: &mut Client,
        header: Header,
        frame: &[u8],
        now_ns: u64,
    ) -> Result<(), Closed> {
        client.count_request();
        // Nothing to answer, and so nothing to decide.
        if header.kind == Kind::Discard {
            return Ok(());
        }
        let request = Request {
            now_ns,
            id: header.id,
            connection: client.number,
            place: client.echoes,
        };
        client.echoes += 1;
        match self.fates.decide(&request) {
            Fate::At(at_ns) => self.delay(client, at_ns, frame),
            // What may go at once must not overtake what waits.
            Fate::Now { .. } if client.waiting > 0 => self.delay(client, now_ns, frame),
            Fate::Now { burn_ns } => {
                self.burner.burn(burn_ns);
                self.put_out(frame);
            }
            Fate::Corrupt => {
                self.put_out(frame);
                if let Some(last) = self.ready.last_mut() {
                    *last ^= 1;
                }
            }
            Fate::Never => {}
            Fate::Close => return Err(Closed::ByClient),
        }
        Ok(())
    }

    fn put_out(&mut self, reply: &[u8]) {
        self.ready.extend_from_slice(reply);
        self.ready_responses += 1;
    }

    fn delay(&mut self, client: &mut Client, at_ns: u64, reply: &[u8]) {
        self.delayed += 1;
        self.waiting.push(Reverse(Due {
            at_ns: client.delayed(at_ns, reply.len()),
            order: self.delayed,
            index: client.index(),
            number: client.number,
            reply: reply.into(),
        }));
    }
}
