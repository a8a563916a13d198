//! What trials are made with, and what a window of one is asked to be.

use crate::progress::Progress;
use generators::host::GeneratorHost;
use plan::Plan;
use process::guard::Guard;
use std::path::Path;

/// What one window is to be over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) connections: u32,
    pub(super) rate_per_s: Option<f64>,
}

/// What a trial is made with.
#[derive(Clone, Copy)]
pub struct Bench<'a> {
    /// What the run does.
    pub plan: &'a Plan,
    /// Where generators are started.
    pub generators: &'a dyn GeneratorHost,
    /// Through what programs are started.
    pub guard: &'a Guard,
    /// The null server's program: the backend of servers that relay.
    pub backend: Option<&'a Path>,
    /// Servers may be beyond loopback.
    pub allow_remote: bool,
    /// Is told what happens.
    pub progress: &'a dyn Progress,
    /// Windows under load are followed by a short one in which read lag is sampled.
    pub samples: bool,
    /// Those of closed load by another, in which system calls are counted.
    pub counts_syscalls: bool,
    /// What calibration has otherwise; in a run nothing.
    pub deviation: Deviation,
}

/// How a trial deviates from all others, for what that proves of the instrument.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Deviation {
    /// Not at all.
    #[default]
    None,
    /// Nothing is read at a window's edges, and so nothing known of CPU time: reading has to disturb
    /// nothing.
    Blind,
    /// The generator lets replies lie unread for so long: read lag has to find that.
    ReadsLate {
        /// Microseconds.
        us: u64,
    },
}

impl Deviation {
    pub(super) fn read_late_us(self) -> u64 {
        match self {
            Self::ReadsLate { us } => us,
            Self::None | Self::Blind => 0,
        }
    }
}
