//! Settings of the kernel: files under /proc/sys, or under a directory that looks like it.

use crate::wanted::Wanted;
use pseudofiles::{read, settings};
use std::{
    fs::OpenOptions,
    io::{self, Write as _},
    path::PathBuf,
};

/// A setting, and the value that connections take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    /// Its file under /proc/sys.
    pub(crate) name: &'static str,
    pub(crate) place: Place,
    /// Where a setting has several numbers, each has a bound.
    pub(crate) value: fn(&Wanted) -> Vec<Bound>,
}

/// Whose a setting is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The network namespace's, so a container may have its own.
    Namespace,
    Machine,
    /// The machine's, once a module is loaded.
    Module,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Bound {
    AtLeast(u64),
    AtMost(u64),
}

impl Setting {
    /// The command that sets it.
    pub(crate) fn command(&self, wanted: &Wanted) -> String {
        let value = self.raised("", wanted);
        let quote = if value.contains(' ') { "'" } else { "" };
        format!("sysctl -w {}={quote}{value}{quote}", dotted(self.name))
    }

    /// The present value made as high as the wanted one, number by number: it lowers nothing.
    pub(crate) fn raised(&self, present: &str, wanted: &Wanted) -> String {
        let mut present = present.split_whitespace().map(str::parse::<u64>);
        let numbers = (self.value)(wanted).into_iter().map(|bound| {
            let present = present.next().and_then(Result::ok);
            let number = match bound {
                Bound::AtLeast(least) => present.map_or(least, |now| now.max(least)),
                Bound::AtMost(most) => present.map_or(most, |now| now.min(most)),
            };
            number.to_string()
        });
        numbers.collect::<Vec<_>>().join(" ")
    }
}

/// All settings under one directory. Names are paths below it.
#[derive(Clone, Debug)]
pub(crate) struct Sysctls {
    root: PathBuf,
}

impl Sysctls {
    pub(crate) fn under(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Its numbers or words, apart by one space.
    pub(crate) fn read(&self, name: &str) -> io::Result<String> {
        Ok(settings::words(&read::text(self.root.join(name))?))
    }

    /// Whether the setting has the value now: the kernel may refuse it, or take another one in
    /// silence.
    pub(crate) fn set(&self, name: &str, value: &str) -> bool {
        let write = || {
            let mut file = OpenOptions::new()
                .write(true)
                .truncate(true)
                .open(self.root.join(name))?;
            // In one piece: the kernel takes each write for a whole value.
            file.write_all(format!("{value}\n").as_bytes())?;
            self.read(name)
        };
        write().is_ok_and(|now| now == value)
    }
}

/// As people and sysctl(8) name a setting.
pub(crate) fn dotted(name: &str) -> String {
    name.replace('/', ".")
}
