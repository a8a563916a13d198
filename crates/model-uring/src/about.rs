//! How a completion is told from another.

/// What a completion is about: a number below 8, beside a connection's key.
#[derive(Clone, Copy)]
pub(crate) enum About {
    Accept,
    PauseOver,
    Receive,
    Send,
    WaitOver,
    /// Reported only when it fails, and then nothing has to be done.
    Nothing,
}

impl About {
    const ALL: [Self; 6] = [
        Self::Accept,
        Self::PauseOver,
        Self::Receive,
        Self::Send,
        Self::WaitOver,
        Self::Nothing,
    ];

    pub(crate) fn user_data(self, key: usize) -> u64 {
        (key as u64) << 3 | self as u64
    }

    pub(crate) fn of(user_data: u64) -> (Self, usize) {
        (Self::ALL[user_data as usize & 7], (user_data >> 3) as usize)
    }
}
