//! Reports on disk. Each is written whole to another name and then renamed, so that a reader,
//! or a crash at any moment, finds the old file or the new one and never half of one.

use crate::usage::usage;
use serde::Serialize;
use std::{
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
};
use tempfile::NamedTempFile;

/// The directory of one run.
#[derive(Debug)]
pub(crate) struct RunDirectory {
    pub(crate) path: PathBuf,
    pub(crate) name: String,
}

impl RunDirectory {
    /// Makes a new directory in `parent` that is named after `label`.
    ///
    /// # Errors
    /// It can't be made there, with what would help.
    pub(crate) fn create(parent: &Path, label: &str) -> anyhow::Result<Self> {
        fs::create_dir_all(parent).map_err(|error| explain(parent, &error))?;
        for attempt in 1..100 {
            let name = match attempt {
                1 => label.to_owned(),
                more => format!("{label}-{more}"),
            };
            let path = parent.join(&name);
            match fs::create_dir(&path) {
                Ok(()) => return Ok(Self { path, name }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(explain(&path, &error)),
            }
        }
        Err(usage(format!(
            "{} has too many runs of this second",
            parent.display()
        )))
    }

    /// Writes `<stem>.json`; returns its path.
    ///
    /// # Errors
    /// It can't be written, with what would help; the file of before stays.
    pub(crate) fn write(&self, stem: &str, report: &impl Serialize) -> anyhow::Result<PathBuf> {
        let mut text = serde_json::to_string_pretty(report)?;
        text.push('\n');
        self.write_text(&format!("{stem}.json"), &text)
    }

    /// Writes a file of this name; returns its path.
    ///
    /// # Errors
    /// As with [`RunDirectory::write`].
    pub(crate) fn write_text(&self, name: &str, text: &str) -> anyhow::Result<PathBuf> {
        let path = self.path.join(name);
        self.replace(&path, text)
            .map_err(|error| explain(&path, &error))?;
        Ok(path)
    }

    fn replace(&self, path: &Path, text: &str) -> io::Result<()> {
        let mut file = NamedTempFile::new_in(&self.path)?;
        file.write_all(text.as_bytes())?;
        // Reports are made to be shared: not the 0600 of temporary files.
        let readable = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        file.as_file().set_permissions(readable)?;
        file.as_file().sync_data()?;
        file.persist(path)?;
        Ok(())
    }

    /// Removes the directory if nothing could be written to it.
    pub(crate) fn remove_if_empty(&self) {
        let _ = fs::remove_dir(&self.path);
    }
}

fn explain(path: &Path, error: &io::Error) -> anyhow::Error {
    let advice = match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "take another directory with --out"
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "free some space, or take another directory with --out"
        }
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            "a part of this path is a file; take another directory with --out"
        }
        _ => "take another directory with --out",
    };
    usage(format!("can't write {}: {error}; {advice}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_the_same_second_get_directories_of_their_own() {
        let parent = tempfile::tempdir().unwrap();
        let first = RunDirectory::create(parent.path(), "now").unwrap();
        let second = RunDirectory::create(parent.path(), "now").unwrap();
        assert_eq!((&*first.name, &*second.name), ("now", "now-2"));
        let path = first.write("a", &[1, 2]).unwrap();
        first.write("a", &[3]).unwrap();
        assert_eq!(fs::read_to_string(path).unwrap(), "[\n  3\n]\n");
        assert_eq!(
            fs::read_dir(&first.path).unwrap().count(),
            1,
            "no leftovers"
        );
    }

    #[test]
    fn a_full_disk_is_called_that() {
        let full = io::Error::from(io::ErrorKind::StorageFull);
        let error = explain(Path::new("out/x.json"), &full).to_string();
        assert!(
            error.contains("out/x.json") && error.contains("free some space"),
            "{error}"
        );
    }

    #[test]
    fn a_file_in_the_way_is_named() {
        let file = NamedTempFile::new().unwrap();
        let error = RunDirectory::create(&file.path().join("x"), "now")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("is a file") && error.contains("--out"),
            "{error}"
        );
    }
}
