//! The kernel's settings as files.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Where the kernel shows them.
const PROC_SYS: &str = "/proc/sys";

/// Settings below a directory: those of the kernel, or a directory that looks like them.
#[derive(Clone, Debug)]
pub struct Sysctls {
    root: PathBuf,
}

impl Default for Sysctls {
    /// Those of the kernel.
    fn default() -> Self {
        Self::below(PROC_SYS)
    }
}

impl Sysctls {
    /// Those below a directory.
    pub fn below(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    pub(super) fn are_the_kernels(&self) -> bool {
        self.root == Path::new(PROC_SYS)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    /// The value of a setting, its numbers apart by one space.
    pub(super) fn read(&self, name: &str) -> io::Result<String> {
        let text = fs::read_to_string(self.path(name))?;
        Ok(text.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    pub(super) fn write(&self, name: &str, value: &str) -> io::Result<()> {
        // Not created: a setting that isn't there can't be made by writing it.
        let mut file = fs::OpenOptions::new()
            .write(true)
            .truncate(true)
            .open(self.path(name))?;
        // One call of write(2), because the kernel takes each as a whole value.
        io::Write::write_all(&mut file, format!("{value}\n").as_bytes())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.join(name.replace('.', "/"))
    }
}
