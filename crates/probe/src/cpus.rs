//! /proc/stat, read from a descriptor that is open already.

use pseudofiles::cpus::Cpus;
use std::fs::File;

/// With a line for each CPU and one for all interrupts; what is cut off isn't read anyway.
const STAT_BYTES_MAX: usize = 256 << 10;

/// /proc/stat, open, with room for what it says.
#[derive(Debug)]
pub(crate) struct CpuStat {
    file: Option<File>,
}

impl CpuStat {
    pub(crate) fn open() -> Self {
        Self {
            file: File::open("/proc/stat").ok(),
        }
    }

    /// No CPU at all where it can't be read.
    pub(crate) fn read(&self) -> Cpus {
        let Some(file) = &self.file else {
            return Cpus::default();
        };
        let mut bytes = vec![0; STAT_BYTES_MAX];
        let length = rustix::io::pread(file, &mut bytes, 0).unwrap_or(0);
        Cpus::parse(&String::from_utf8_lossy(&bytes[..length]))
    }
}
