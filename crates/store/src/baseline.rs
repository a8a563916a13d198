//! Runs that are kept under a name, so that later ones are held against them: `baselines/NAME` in the
//! directory that runs are made in. Each is a run's directory like any other.

use crate::{
    error::StoreError,
    read::{self, Saved},
    save::RunDirectory,
};
use report::{model::ModelReport, run::RunReport};
use rustix::{
    fs::{CWD, RenameFlags, renameat_with},
    io::Errno,
};
use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    str::FromStr,
};

/// The name of a baseline: letters, digits, `.`, `-` and `_`, and no `.` at its beginning. So it is the
/// name of a directory, and can't lead elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaselineName(String);

impl FromStr for BaselineName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_fit = |char: char| char.is_ascii_alphanumeric() || ".-_".contains(char);
        if text.is_empty() || text.starts_with('.') || !text.chars().all(is_fit) {
            return Err(
                "a name such as main or v1.2: letters, digits, '.', '-' and '_'".to_owned(),
            );
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for BaselineName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where the baselines of the runs in `runs` are.
fn directory(runs: &Path) -> PathBuf {
    runs.join("baselines")
}

/// The models of a baseline, with the run that it was. `runs` is the directory that runs are made in.
///
/// # Errors
/// There is none of this name, with those that there are; or it can't be read.
pub fn read(runs: &Path, name: &BaselineName) -> Result<Vec<Saved>, StoreError> {
    let parent = directory(runs);
    let path = parent.join(&name.0);
    if path.is_dir() {
        return read::models(&path);
    }
    Err(StoreError::NoBaseline {
        name: name.0.clone(),
        parent,
        there: names(runs),
    })
}

/// The names of the baselines that there are. `runs` is the directory that runs are made in.
pub fn names(runs: &Path) -> Vec<String> {
    let there = fs::read_dir(directory(runs))
        .into_iter()
        .flatten()
        .flatten();
    let mut names: Vec<String> = there
        .filter_map(|entry| entry.file_name().into_string().ok())
        // Others are being written.
        .filter(|name| name.parse::<BaselineName>().is_ok())
        .collect();
    names.sort();
    names
}

/// Keeps a run under a name, instead of what had that name before; returns where. A reader finds the
/// one or the other and never a part.
///
/// # Errors
/// It can't be written; what had the name before stays.
pub fn save(
    runs: &Path,
    name: &BaselineName,
    run: &RunReport,
    models: &[ModelReport],
) -> Result<PathBuf, StoreError> {
    let parent = directory(runs);
    let path = parent.join(&name.0);
    let failed = |error| StoreError::write(&path, error);
    fs::create_dir_all(&parent).map_err(failed)?;
    // With a dot in front it is no baseline. What is left there in the end is removed.
    let new = tempfile::tempdir_in(&parent).map_err(failed)?;
    let written = RunDirectory::open(new.path());
    for model in models {
        written.write_model(model)?;
    }
    written.write_run(run)?;
    let readable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(new.path(), readable).map_err(failed)?;
    put_in_place(new.path(), &path).map_err(failed)?;
    Ok(path)
}

/// Exchanges both directories, or moves the first where the second isn't there.
fn put_in_place(new: &Path, path: &Path) -> io::Result<()> {
    let is_there = path.exists();
    let flags = match is_there {
        true => RenameFlags::EXCHANGE,
        false => RenameFlags::NOREPLACE,
    };
    match renameat_with(CWD, new, CWD, path, flags) {
        // Network file systems know neither. Then there is none for a moment.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) if is_there => {
            let aside = new.with_extension("old");
            fs::rename(path, &aside)?;
            if let Err(error) = fs::rename(new, path) {
                fs::rename(&aside, path)?;
                return Err(error);
            }
            // The new one is there: what is left of the old one has no baseline's name.
            let _ = fs::remove_dir_all(aside);
            Ok(())
        }
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => fs::rename(new, path),
        moved => moved.map_err(io::Error::from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_not_lead_elsewhere() {
        for name in ["", ".", "..", "../main", "a/b", "/tmp", ".hidden", "a b"] {
            assert!(name.parse::<BaselineName>().is_err(), "{name:?}");
        }
        assert!("v1.2_rc-3".parse::<BaselineName>().is_ok());
    }
}
