//! How much of a reply is read at most: memory has a bound, whatever a server sends.

/// The longest head that is read, and the most that may stand beside a body's bytes.
pub const HEAD_BYTES_MAX: usize = 64 << 10;

/// The most header fields of a reply.
pub const FIELDS_MAX: usize = 128;

/// The longest body.
pub const BODY_BYTES_MAX: usize = 16 << 20;

/// What may come at once on a connection without a reply that it completes: the longest body fits,
/// in chunks of eight bytes.
pub const BYTES_WITHOUT_REPLY_MAX: usize = 32 << 20;
