//! How a completion is told from another.

/// What a completion is about: a number below 8, beside a connection's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// An accept.
    Accept,
    /// A listener's pause.
    PauseOver,
    /// A receive.
    Receive,
    /// A send.
    Send,
    /// A send of a reply from where it lies, with its turn: reported only when the kernel didn't take
    /// all of it.
    Echo,
    /// The time of a request that waits.
    WaitOver,
    /// Reported only when it fails, and then nothing has to be done.
    Nothing,
}

impl About {
    const ALL: [Self; 7] = [
        Self::Accept,
        Self::PauseOver,
        Self::Receive,
        Self::Send,
        Self::Echo,
        Self::WaitOver,
        Self::Nothing,
    ];

    /// What the kernel keeps for a request.
    #[inline]
    pub fn user_data(self, key: usize) -> u64 {
        (key as u64) << 3 | self as u64
    }

    #[inline]
    pub(crate) fn of(user_data: u64) -> (Self, usize) {
        (Self::ALL[user_data as usize & 7], (user_data >> 3) as usize)
    }
}
