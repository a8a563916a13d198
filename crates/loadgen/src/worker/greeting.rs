//! What a wire has to say on a new connection before its first request, and between requests.

use super::state::Worker;
use crate::{
    clock::now_ns,
    connection::{Broken, Stage},
};
use rustix::io::Errno;

impl Worker<'_> {
    /// An established connection greets if its wire does so; says whether it waits for an answer now,
    /// or is lost.
    pub(super) fn greet(&mut self, index: usize) -> bool {
        let Some(greeting) = self.shared.requests.greeting() else {
            return false;
        };
        let Some(connection) = &mut self.connections[index] else {
            return true;
        };
        connection.stage = Stage::Greeting;
        match connection.say(greeting) {
            Ok(true) => self.totals.bytes_out += greeting.len() as u64,
            // Nothing has been sent before, so there is room.
            Ok(false) => self.lose(index, Broken::Failed(Errno::NOBUFS)),
            Err(broken) => self.lose(index, broken),
        }
        true
    }

    /// Something has come on a connection that has greeted.
    pub(super) fn take_greeting(&mut self, index: usize, buffer: &mut [u8]) {
        while let Some(connection) = &self.connections[index] {
            let bytes = match connection.receive(buffer) {
                Ok(Some((bytes, _))) => bytes,
                Ok(None) => return,
                Err(broken) => return self.lose(index, broken),
            };
            self.totals.bytes_in += bytes as u64;
            let received = &buffer[..bytes];
            let (requests, replies) = (self.shared.requests, &mut self.shared.replies);
            match requests.take_greeting(replies, index, received) {
                Ok(None) => {}
                Ok(Some(taken)) => {
                    self.welcome(index);
                    if taken == bytes || self.take_replies(index, &received[taken..], None) {
                        // Perhaps the end has come with it.
                        self.receive(index, buffer, true);
                    }
                    return;
                }
                Err(error) => return self.lose(index, Broken::Reply(error)),
            }
        }
    }

    /// Its greeting has been answered.
    fn welcome(&mut self, index: usize) {
        match self.source.churns() {
            false => self.enter(index, now_ns()),
            true => self.enter_churned(index, now_ns()),
        }
    }

    /// Sends what a reply asks for that isn't the next request.
    #[inline]
    pub(super) fn answer_pings(&mut self, index: usize) {
        let Some(pong) = self.shared.replies.pong(index) else {
            return;
        };
        let Some(connection) = &self.connections[index] else {
            return;
        };
        match connection.say(&pong) {
            Ok(true) => self.totals.bytes_out += pong.len() as u64,
            // It goes when something else has come.
            Ok(false) => self.shared.replies.put_back(index, pong),
            Err(broken) => self.lose(index, broken),
        }
    }
}
