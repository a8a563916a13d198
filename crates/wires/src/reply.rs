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
    /// So many belong to the reply; at least one.
    pub bytes: usize,
    /// With them it is complete. Otherwise these were all bytes that there are.
    pub is_whole: bool,
}
