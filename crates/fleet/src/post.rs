//! Messages between ranks, carried by MPI. Whoever waits sleeps.

use anyhow::Context as _;
use mpi::{
    point_to_point::MatchedReceiveVec as _,
    request,
    topology::{Rank, SimpleCommunicator},
    traits::{Communicator as _, Destination as _, Source as _},
};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    thread,
    time::{Duration, Instant},
};

/// A wait looks so often whether it is over. (To block in MPI keeps a CPU busy: 1.4 s of 1.5, and 0.03 so.)
pub(crate) const LOOK_UP: Duration = Duration::from_millis(1);

/// A message that nobody takes for so long: its receiver hangs.
const SEND_LIMIT: Duration = Duration::from_secs(60);

/// What a job ends with that can't go on.
const ABORTED: i32 = 3;

/// Tags of MPI's messages.
const WORDS: i32 = 1;
const READING: i32 = 2;

/// All ranks.
pub(crate) struct Post {
    world: SimpleCommunicator,
}

impl std::fmt::Debug for Post {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "rank {} of {}", self.world.rank(), self.world.size())
    }
}

impl Post {
    pub(crate) fn new(world: SimpleCommunicator) -> Self {
        Self { world }
    }

    /// Sends a message. Where its receiver takes none for a minute, the job is at its end.
    ///
    /// # Errors
    /// It can't be written as JSON.
    pub(crate) fn send(&self, to: Rank, message: &impl Serialize) -> anyhow::Result<()> {
        let bytes = serde_json::to_vec(message).context("a message can't be written")?;
        let deadline = Instant::now() + SEND_LIMIT;
        request::scope(|scope| {
            let receiver = self.world.process_at_rank(to);
            let mut sending = receiver.immediate_send_with_tag(scope, &bytes[..], WORDS);
            while let Err(unfinished) = sending.test() {
                if Instant::now() >= deadline {
                    // A buffer that MPI holds can't be given back: there is no other way.
                    self.abort(&format!("rank {to} takes no messages"));
                }
                sending = unfinished;
                thread::sleep(LOOK_UP);
            }
        });
        Ok(())
    }

    /// A message that is there already, with its sender.
    ///
    /// # Errors
    /// It isn't one of ours.
    pub(crate) fn receive<T: DeserializeOwned>(&self) -> anyhow::Result<Option<(Rank, T)>> {
        let any = self.world.any_process();
        let Some(matched) = any.immediate_matched_probe_with_tag(WORDS) else {
            return Ok(None);
        };
        let (bytes, status) = matched.matched_receive_vec::<u8>();
        let from = status.source_rank();
        let message = serde_json::from_slice(&bytes)
            .with_context(|| format!("rank {from} said something that can't be understood"))?;
        Ok(Some((from, message)))
    }

    /// The same, waited for until `deadline`; `None`: there was none.
    ///
    /// # Errors
    /// It isn't one of ours.
    pub(crate) fn receive_until<T: DeserializeOwned>(
        &self,
        deadline: Instant,
    ) -> anyhow::Result<Option<(Rank, T)>> {
        loop {
            let received = self.receive()?;
            if received.is_some() || Instant::now() >= deadline {
                return Ok(received);
            }
            thread::sleep(LOOK_UP);
        }
    }

    /// Sends a reading of a clock, which is short enough to be gone at once.
    pub(crate) fn send_reading(&self, to: Rank, ns: u64) {
        self.world.process_at_rank(to).send_with_tag(&ns, READING);
    }

    /// The next reading of this rank. It is waited for without sleeping, which is part of what is measured; `None`: it never came.
    pub(crate) fn receive_reading(&self, from: Rank, deadline: Instant) -> Option<u64> {
        let sender = self.world.process_at_rank(from);
        loop {
            if let Some((message, _)) = sender.immediate_matched_probe_with_tag(READING) {
                return Some(message.matched_receive::<u64>().0);
            }
            if Instant::now() >= deadline {
                return None;
            }
        }
    }

    /// Ends the job on all machines at once.
    pub(crate) fn abort(&self, reason: &str) -> ! {
        eprintln!("error: {reason}");
        self.world.abort(ABORTED)
    }
}
