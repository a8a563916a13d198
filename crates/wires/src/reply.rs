//! Which reply is expected, and what came of received bytes.

use protocol::client::MessageId;

/// Which reply is expected next on a connection.
#[derive(Clone, Copy, Debug)]
pub struct At {
    /// The connection's place in its thread.
    pub index: usize,
    /// The request.
    pub id: MessageId,
    /// Bytes of the reply that have come before.
    pub offset: usize,
    /// Whether something of the request has been sent.
    pub is_asked: bool,
}

/// What came of received bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// So many have been understood; at least one.
    pub bytes: usize,
    /// Where the connection stands after them. Unless a reply is whole, these were all that came.
    pub after: After,
}

/// Where a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// The reply is complete, and right.
    Whole,
    /// A part of something has come.
    Part,
    /// What came was no reply, such as a ping: nothing has come of the next one.
    Between,
}

impl Taken {
    pub(crate) fn whole(bytes: usize) -> Self {
        let after = After::Whole;
        Self { bytes, after }
    }

    pub(crate) fn part(bytes: usize) -> Self {
        let after = After::Part;
        Self { bytes, after }
    }

    pub(crate) fn between(bytes: usize) -> Self {
        let after = After::Between;
        Self { bytes, after }
    }
}
