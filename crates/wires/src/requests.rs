//! The wires, each behind the same few functions.

use crate::{
    error::ReplyError,
    http1::{self, Http1},
    reply::{At, Taken},
    websocket::{self, Websocket},
};
use protocol::{
    client::{MessageId, Messages, Unspeakable, Workload},
    generator::{Load, Plan},
    wire::Wire,
};

/// What the connections of a generator ask.
#[derive(Debug)]
pub enum Requests {
    /// On the wires that our own servers speak.
    Messages(Messages),
    /// In HTTP.
    Http1(Http1),
    /// In WebSockets.
    Websocket(Websocket),
}

/// What a thread remembers of replies that have come in part.
#[derive(Debug, Default)]
pub struct Replies {
    http: http1::Partials,
    websocket: websocket::Partials,
}

impl Requests {
    /// Those of a generator's plan.
    ///
    /// # Errors
    /// The plan's wire can't say its workload.
    pub fn of_plan(plan: &Plan) -> Result<Self, Unspeakable> {
        let batch = match (&plan.workload, plan.load) {
            (Workload::Echo | Workload::Relay | Workload::Mix(_), _) => 1,
            (Workload::Discard, Load::Closed { outstanding }) => outstanding.saturating_add(1),
            (Workload::Discard, _) => 2,
        };
        let messages = Messages::new(plan.wire, &plan.workload, plan.payload_bytes, batch)?;
        let messages = messages.mixed_by(plan.mix_seed);
        Ok(match plan.wire {
            Wire::Framed | Wire::Raw => Self::Messages(messages),
            Wire::Http1 => Self::Http1(Http1::new(plan, messages)),
            Wire::Websocket => Self::Websocket(Websocket::new(plan, messages)),
        })
    }

    /// Requests per batch; one reply comes back for each batch.
    #[inline]
    pub fn batch(&self) -> u32 {
        match self {
            Self::Messages(messages) => messages.batch(),
            Self::Http1(_) | Self::Websocket(_) => 1,
        }
    }

    /// The batch that a request belongs to.
    #[inline]
    pub fn batch_of(&self, sequence: u32) -> u32 {
        match self {
            Self::Messages(messages) => messages.batch_of(sequence),
            Self::Http1(_) | Self::Websocket(_) => sequence,
        }
    }

    /// Length of one request in bytes, the same for all.
    #[inline]
    pub fn request_bytes(&self) -> usize {
        match self {
            Self::Messages(messages) => messages.message_bytes(),
            Self::Http1(http) => http.request_bytes(),
            Self::Websocket(websocket) => websocket.request_bytes(),
        }
    }

    /// Copies the request's bytes from `offset` on into `out`, as many as there are or fit;
    /// returns how many.
    #[inline]
    pub fn write(&self, id: MessageId, offset: usize, out: &mut [u8]) -> usize {
        match self {
            Self::Messages(messages) => messages.write(id, offset, out),
            Self::Http1(http) => http.write(id, offset, out),
            Self::Websocket(websocket) => websocket.write(id, offset, out),
        }
    }

    /// How long a server has to take for this request at least, in nanoseconds.
    #[inline]
    pub fn takes_at_least_ns(&self, id: MessageId) -> u64 {
        match self {
            Self::Messages(messages) => u64::from(messages.takes_at_least_us(id)) * 1000,
            Self::Http1(_) | Self::Websocket(_) => 0,
        }
    }

    /// Holds received bytes, at least one, against the reply that is expected.
    ///
    /// # Errors
    /// They are not that reply: the connection is of no more use.
    #[inline(always)]
    pub fn take(
        &self,
        replies: &mut Replies,
        at: At,
        received: &[u8],
    ) -> Result<Taken, ReplyError> {
        match self {
            Self::Messages(messages) => take_message(messages, at, received),
            Self::Http1(http) => http.take(&mut replies.http, at, received),
            Self::Websocket(websocket) => websocket.take(&mut replies.websocket, at, received),
        }
    }

    /// What a new connection has to send before its first request, if anything.
    pub fn greeting(&self) -> Option<&[u8]> {
        match self {
            Self::Websocket(websocket) => Some(&websocket.greeting),
            Self::Messages(_) | Self::Http1(_) => None,
        }
    }

    /// Takes what comes back to that. Once it is whole and right, this is how many bytes of
    /// `received` belong to it; until then all do.
    ///
    /// # Errors
    /// It isn't right: the connection is of no use.
    pub fn take_greeting(
        &self,
        replies: &mut Replies,
        index: usize,
        received: &[u8],
    ) -> Result<Option<usize>, ReplyError> {
        match self {
            Self::Websocket(websocket) => {
                websocket.take_greeting(&mut replies.websocket, index, received)
            }
            Self::Messages(_) | Self::Http1(_) => Ok(Some(0)),
        }
    }

    /// What a connection sends last, before it closes; may be empty.
    pub fn farewell(&self) -> &[u8] {
        match self {
            Self::Websocket(websocket) => &websocket.farewell,
            Self::Messages(_) | Self::Http1(_) => &[],
        }
    }
}

impl Replies {
    /// The connection at this place is gone.
    #[inline]
    pub fn forget(&mut self, index: usize) {
        self.http.forget(index);
        self.websocket.forget(index);
    }

    /// What a connection has to send between two requests, if anything.
    #[inline]
    pub fn pong(&mut self, index: usize) -> Option<Box<[u8]>> {
        self.websocket.pong(index)
    }

    /// It couldn't.
    pub fn put_back(&mut self, index: usize, pong: Box<[u8]>) {
        self.websocket.put_back(index, pong);
    }

    /// All connections are.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

#[inline(always)]
fn take_message(messages: &Messages, at: At, received: &[u8]) -> Result<Taken, ReplyError> {
    if !at.is_asked {
        return Err(ReplyError::Unasked);
    }
    let left = messages.reply_bytes(at.id) - at.offset;
    let part = &received[..received.len().min(left)];
    if !messages.matches(at.id, at.offset, part) {
        return Err(ReplyError::Wrong);
    }
    Ok(match part.len() == left {
        true => Taken::whole(left),
        false => Taken::part(part.len()),
    })
}
