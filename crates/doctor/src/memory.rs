//! What settings were before they were raised: a file of lines, each a name with slashes and a
//! value.

use std::{
    ffi::OsString,
    fs,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};
use thiserror::Error;

/// Why the file can't be used.
#[derive(Debug, Error)]
pub enum MemoryError {
    /// It can't be read.
    #[error("{} can't be read: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It can't be written.
    #[error("{}, where old values are kept, can't be written: {error}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The file decides what is written where, so it is believed only where we wrote it.
    #[error("{} holds a line that tune didn't write: '{line}'", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The line.
        line: String,
    },
}

/// Old values, by the names of their settings.
#[derive(Debug)]
pub(super) struct Memory {
    path: PathBuf,
    /// Names have dots here.
    pub(super) values: Vec<(String, String)>,
}

impl Memory {
    /// No file is an empty one.
    pub(super) fn load(path: &Path) -> Result<Self, MemoryError> {
        let text = match fs::read_to_string(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            read => read.map_err(|error| MemoryError::Read {
                path: path.to_owned(),
                error,
            })?,
        };
        let values = text.lines().map(|line| {
            parse(line).ok_or_else(|| MemoryError::Foreign {
                path: path.to_owned(),
                line: line.to_owned(),
            })
        });
        Ok(Self {
            values: values.collect::<Result<_, _>>()?,
            path: path.to_owned(),
        })
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.values.iter().any(|(known, _)| known == name)
    }

    /// Writes the file anew, or removes it where there is nothing to remember.
    pub(super) fn save(&self) -> Result<(), MemoryError> {
        self.replace().map_err(|error| MemoryError::Write {
            path: self.path.clone(),
            error,
        })
    }

    fn replace(&self) -> io::Result<()> {
        let lines = self.values.iter();
        let lines: String = lines
            .map(|(name, value)| format!("{} {value}\n", name.replace('.', "/")))
            .collect();
        // By another file and its new name: old values that are lost halfway can't be put back.
        let mut new = OsString::from(&self.path);
        new.push(".new");
        fs::write(&new, &lines)?;
        if !lines.is_empty() {
            return fs::rename(&new, &self.path);
        }
        fs::remove_file(&new)?;
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// A name below four known directories, and numbers.
fn parse(line: &str) -> Option<(String, String)> {
    let (name, value) = line.split_once(' ')?;
    let mut parts = name.split('/');
    let is_known = ["fs", "kernel", "net", "vm"].contains(&parts.next()?);
    let is_plain = |part: &str| {
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(c);
        !part.is_empty() && part.chars().all(is_plain)
    };
    let is_number = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_digit());
    let is_right =
        is_known && name.contains('/') && parts.all(is_plain) && value.split(' ').all(is_number);
    is_right.then(|| (name.replace('/', "."), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_believed_where_it_is_one_of_ours() {
        let line = parse("net/ipv4/tcp_mem 1 2 3").unwrap();
        assert_eq!(line, ("net.ipv4.tcp_mem".to_owned(), "1 2 3".to_owned()));
        for line in [
            "../etc/passwd 1",
            "net/../x 1",
            "net//x 1",
            "net 1",
            "/fs/x 1",
            "fs/x",
            "fs/x ",
            "fs/x 1  2",
            "fs/x $(reboot)",
        ] {
            assert_eq!(parse(line), None, "{line}");
        }
    }

    #[test]
    fn nothing_to_remember_leaves_no_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        let mut memory = Memory::load(&path).unwrap();
        memory.values.push(("fs.nr_open".into(), "5".into()));
        memory.save().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "fs/nr_open 5\n");
        assert!(Memory::load(&path).unwrap().has("fs.nr_open"));
        memory.values.clear();
        memory.save().unwrap();
        memory.save().unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
