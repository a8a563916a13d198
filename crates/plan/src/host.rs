//! What a plan has to know of the machine.

/// The machine, as far as plans depend on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Host {
    /// CPUs that may be used, by number.
    pub cpus: Vec<usize>,
    /// The hard limit of open files of a process; `None`: there is no limit.
    pub open_files_max: Option<u64>,
    /// Memory that could be had without swapping; `None`: not known.
    pub memory_available_bytes: Option<u64>,
}

impl Host {
    /// CPUs for servers, and CPUs for generators; the former are empty (any) when there is only one.
    pub fn halves(&self) -> (&[usize], &[usize]) {
        self.cpus.split_at(self.cpus.len() / 2)
    }
}
