//! Raises the kernel's settings, remembers what they were, and puts them back.

use crate::{
    memory::{Memory, MemoryError},
    settings::{ALL, Scope, Setting},
    sysctls::Sysctls,
};
use rustix::process::geteuid;
use std::{io, path::PathBuf};
use thiserror::Error;

/// Why nothing was changed.
#[derive(Debug, Error)]
pub enum TuneError {
    /// Only root may write the kernel's settings.
    #[error("the kernel's settings are root's")]
    NeedsRoot,
    /// Old values can't be kept, or aren't ours.
    #[error(transparent)]
    Memory(#[from] MemoryError),
}

/// Why one setting is not as it should be.
#[derive(Debug, Error)]
pub enum NotSet {
    /// There is no such file.
    #[error("is not here: a setting of the host, or of another kernel")]
    Absent,
    /// It can't be read.
    #[error("can't be read: {0}")]
    Unreadable(io::Error),
    /// It has another value, or none that can be read, after it was written.
    #[error("is {present}: the kernel doesn't take {wanted} here")]
    NotTaken {
        /// What it is.
        present: String,
        /// What was written.
        wanted: String,
    },
    /// It is not changed, because it could not be undone.
    #[error("is left alone: {0}")]
    NotRemembered(MemoryError),
    /// It is not as it was before.
    #[error("could not be put back to {value}: {error}")]
    NotPutBack {
        /// What it was.
        value: String,
        /// Why.
        error: io::Error,
    },
}

/// What became of one setting.
#[derive(Debug)]
pub enum Outcome {
    /// It is high enough.
    Enough(String),
    /// Its module isn't loaded, so nothing is limited.
    NotLoaded,
    /// It was changed; in a dry run it would be.
    Changed {
        /// From this,
        from: String,
        /// to this.
        to: String,
    },
    /// It is not as it should be.
    NotSet(NotSet),
}

/// One setting, and what became of it.
#[derive(Debug)]
pub struct Change {
    /// With dots.
    pub name: String,
    /// What became of it.
    pub outcome: Outcome,
}

impl Change {
    /// Whether the setting is not as it should be.
    pub fn is_failed(&self) -> bool {
        matches!(self.outcome, Outcome::NotSet(_))
    }
}

/// Where settings are, and where their old values are kept.
#[derive(Clone, Debug)]
pub struct Tuner {
    /// The settings.
    pub sysctls: Sysctls,
    /// The file of old values.
    pub state: PathBuf,
    /// Only find out what would be done.
    pub is_dry: bool,
}

impl Tuner {
    /// Raises what is too low for so many connections, and lowers nothing; `net_only` leaves alone
    /// what is not the network namespace's. What was there before the first time is remembered.
    ///
    /// # Errors
    /// Nothing was changed: this isn't root, or old values can't be kept.
    pub fn apply(&self, connections: u32, net_only: bool) -> Result<Vec<Change>, TuneError> {
        let mut memory = self.begin()?;
        let settings = ALL.iter();
        let settings = settings.filter(|setting| !net_only || setting.scope == Scope::Namespace);
        Ok(settings
            .map(|setting| Change {
                name: setting.name.to_owned(),
                outcome: self.raise(setting, connections.into(), &mut memory),
            })
            .collect())
    }

    /// Puts back what [`Self::apply`] found. What can't be put back stays remembered.
    ///
    /// # Errors
    /// This isn't root, or the file of old values is not ours or can't be written.
    pub fn undo(&self) -> Result<Vec<Change>, TuneError> {
        if !self.remembers() {
            return Ok(Vec::new());
        }
        let mut memory = self.begin()?;
        let changes: Vec<Change> = memory
            .values
            .iter()
            .map(|(name, value)| Change {
                name: name.clone(),
                outcome: self.put_back(name, value),
            })
            .collect();
        if !self.is_dry {
            let failed = |name: &str| changes.iter().any(|c| c.name == name && c.is_failed());
            memory.values.retain(|(name, _)| failed(name));
            memory.save()?;
        }
        Ok(changes)
    }

    /// Whether there are old values.
    pub fn remembers(&self) -> bool {
        self.state.exists()
    }

    /// What there is to remember; an error before anything is changed, where something could not be.
    fn begin(&self) -> Result<Memory, TuneError> {
        if !self.is_dry && self.sysctls.are_the_kernels() && !geteuid().is_root() {
            return Err(TuneError::NeedsRoot);
        }
        let memory = Memory::load(&self.state)?;
        if !self.is_dry {
            memory.save()?;
        }
        Ok(memory)
    }

    fn raise(&self, setting: &Setting, connections: u64, memory: &mut Memory) -> Outcome {
        let name = setting.name;
        if !self.sysctls.has(name) {
            return match setting.scope {
                Scope::Module => Outcome::NotLoaded,
                Scope::Namespace | Scope::Machine => Outcome::NotSet(NotSet::Absent),
            };
        }
        let from = match self.sysctls.read(name) {
            Ok(value) => value,
            Err(error) => return Outcome::NotSet(NotSet::Unreadable(error)),
        };
        let to = setting.raised(&from, connections);
        if from == to {
            return Outcome::Enough(from);
        }
        if self.is_dry {
            return Outcome::Changed { from, to };
        }
        // Remembered before it changes, so that whatever happens can be undone; the first time only.
        let is_first = !memory.has(name);
        if is_first {
            memory.values.push((name.to_owned(), from.clone()));
            if let Err(error) = memory.save() {
                memory.values.pop();
                return Outcome::NotSet(NotSet::NotRemembered(error));
            }
        }
        // The kernel may refuse it, or take another value in silence: what it has then says which.
        let _ = self.sysctls.write(name, &to);
        match self.sysctls.read(name) {
            Ok(present) if present == to => Outcome::Changed { from, to },
            Ok(present) => {
                if is_first && present == from {
                    // Nothing has changed, so there is nothing to undo. A file that keeps the line
                    // all the same puts back what is there.
                    memory.values.pop();
                    let _ = memory.save();
                }
                let wanted = to;
                Outcome::NotSet(NotSet::NotTaken { present, wanted })
            }
            Err(error) => Outcome::NotSet(NotSet::Unreadable(error)),
        }
    }

    fn put_back(&self, name: &str, value: &str) -> Outcome {
        let written = self.sysctls.read(name).and_then(|from| {
            if !self.is_dry {
                self.sysctls.write(name, value)?;
            }
            Ok(from)
        });
        let to = value.to_owned();
        match written {
            Ok(from) => Outcome::Changed { from, to },
            Err(error) => Outcome::NotSet(NotSet::NotPutBack { value: to, error }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn what_can_not_be_put_back_stays_remembered() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("fs")).unwrap();
        fs::write(dir.path().join("fs/nr_open"), "9\n").unwrap();
        let state = dir.path().join("state");
        fs::write(&state, "fs/nr_open 5\nvm/gone 7\n").unwrap();
        let tuner = Tuner {
            sysctls: Sysctls::below(dir.path()),
            state: state.clone(),
            is_dry: false,
        };
        let failed: Vec<bool> = tuner
            .undo()
            .unwrap()
            .iter()
            .map(Change::is_failed)
            .collect();
        assert_eq!(failed, [false, true]);
        assert_eq!(tuner.sysctls.read("fs.nr_open").unwrap(), "5");
        assert_eq!(fs::read_to_string(&state).unwrap(), "vm/gone 7\n");
    }

    #[test]
    fn where_old_values_can_not_be_kept_nothing_changes() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("fs")).unwrap();
        fs::write(dir.path().join("fs/nr_open"), "9\n").unwrap();
        let tuner = Tuner {
            sysctls: Sysctls::below(dir.path()),
            state: dir.path().join("no/such/directory"),
            is_dry: false,
        };
        let refused = tuner.apply(1000, false);
        assert!(matches!(refused, Err(TuneError::Memory(_))), "{refused:?}");
        assert_eq!(tuner.sysctls.read("fs.nr_open").unwrap(), "9");
    }
}
