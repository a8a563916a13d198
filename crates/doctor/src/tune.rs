//! Raises the kernel's settings that connections meet, remembers what they were, puts them back.
//!
//! Not among them is net.ipv4.tcp_tw_recycle, which older guides to many connections name: it
//! refused connections of clients that share an address behind NAT, and Linux 4.12 took it out.
//! Nor is it needed here, because the generator resets its connections and leaves no TIME_WAIT.

use crate::{
    limits,
    setting::{Place, Setting, Sysctls, dotted},
    wanted::Wanted,
};
use std::{collections::BTreeMap, fs, io, path::PathBuf};
use thiserror::Error;

/// Settings, and what they were.
#[derive(Debug)]
pub struct Tuning {
    settings: Sysctls,
    /// The file of the old values: a line `name value` for each.
    path: PathBuf,
    old: BTreeMap<String, String>,
    dry_run: bool,
}

/// Why nothing can be changed.
#[derive(Debug, Error)]
pub enum TuneError {
    /// Old values can't be kept.
    #[error("{0:?} can't be used: {1}: name another file with --state")]
    State(PathBuf, #[source] io::Error),
    /// The file decides what is written where, so it is believed only where we wrote it.
    #[error("{0:?} holds a line that scripts/tune didn't write: '{1}'")]
    Foreign(PathBuf, String),
}

/// What became of one setting.
#[derive(Debug)]
pub struct Change {
    /// For people: its name, from what to what, or why not.
    pub line: String,
    /// The setting isn't what it should be.
    pub is_failure: bool,
}

/// From what to what, or why not.
type Outcome = Result<String, String>;

impl Change {
    fn new(name: &str, outcome: Outcome) -> Self {
        let is_failure = outcome.is_err();
        let (Ok(what) | Err(what)) = outcome;
        Self {
            line: format!("{:<30} {what}", dotted(name)),
            is_failure,
        }
    }
}

impl Tuning {
    /// Settings under a directory, /proc/sys or one that looks like it, and the file `state` of
    /// what they were, if there is one. A dry run says what would be done, and does nothing.
    ///
    /// # Errors
    /// There is such a file, and it can't be read or isn't to be believed.
    pub fn new(settings: PathBuf, state: PathBuf, dry_run: bool) -> Result<Self, TuneError> {
        let text = match fs::read_to_string(&state) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(TuneError::State(state, error)),
        };
        let known = limits::settings();
        let mut old = BTreeMap::new();
        for line in text.lines() {
            let ours = line.split_once(' ').filter(|(name, value)| {
                known.iter().any(|setting| setting.name == *name)
                    && value.split(' ').all(|number| number.parse::<u64>().is_ok())
            });
            let Some((name, value)) = ours else {
                return Err(TuneError::Foreign(state, line.to_owned()));
            };
            old.insert(name.to_owned(), value.to_owned());
        }
        Ok(Self {
            settings: Sysctls::under(settings),
            path: state,
            old,
            dry_run,
        })
    }

    /// Whether there is anything to put back.
    pub fn is_tuned(&self) -> bool {
        !self.old.is_empty()
    }

    /// Raises what is too low for so many connections in whichever model, or only what belongs to
    /// the network namespace. It lowers nothing, and a second time keeps what the first one found.
    ///
    /// # Errors
    /// Old values can't be kept.
    pub fn apply(&mut self, connections: u32, net_only: bool) -> Result<Vec<Change>, TuneError> {
        let wanted = Wanted::most(connections);
        limits::settings()
            .iter()
            .filter(|setting| !net_only || setting.place == Place::Namespace)
            .map(|setting| Ok(Change::new(setting.name, self.raise(setting, &wanted)?)))
            .collect()
    }

    fn raise(&mut self, setting: &Setting, wanted: &Wanted) -> Result<Outcome, TuneError> {
        let name = setting.name;
        let from = match self.settings.read(name) {
            Ok(from) => from,
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Ok(Err(format!("can't be read: {error}")));
            }
            Err(_) if setting.place == Place::Module => return Ok(Ok("not loaded".to_owned())),
            Err(_) => {
                let reason = "is not here: a setting of the host, or of another kernel";
                return Ok(Err(reason.to_owned()));
            }
        };
        let to = setting.raised(&from, wanted);
        if from == to {
            return Ok(Ok(format!("{from} is enough")));
        }
        if self.dry_run {
            return Ok(Ok(format!("{from} -> {to} (not done)")));
        }
        // Remembered before it changes, so that whatever happens can be undone; once only.
        let is_first = !self.old.contains_key(name);
        if is_first {
            self.old.insert(name.to_owned(), from.clone());
            self.save()?;
        }
        if self.settings.set(name, &to) {
            return Ok(Ok(format!("{from} -> {to}")));
        }
        let now = self.settings.read(name).unwrap_or_default();
        if is_first && now == from {
            // Nothing has changed, so there is nothing to undo.
            self.old.remove(name);
            self.save()?;
        }
        Ok(Err(format!("is {now}: the kernel doesn't take {to} here")))
    }

    /// Puts back what [`Tuning::apply`] found, and forgets it. What can't be put back is remembered
    /// still.
    ///
    /// # Errors
    /// Old values can't be kept.
    pub fn undo(&mut self) -> Result<Vec<Change>, TuneError> {
        let mut changes = Vec::new();
        for (name, to) in self.old.clone() {
            let from = self.settings.read(&name).unwrap_or_default();
            let outcome = if self.dry_run {
                Ok(format!("{from} -> {to} (not done)"))
            } else if self.settings.set(&name, &to) {
                self.old.remove(&name);
                self.save()?;
                Ok(format!("{from} -> {to}"))
            } else {
                Err(format!("could not be put back to {to}"))
            };
            changes.push(Change::new(&name, outcome));
        }
        Ok(changes)
    }

    /// No file is half written, and none is left without values.
    fn save(&self) -> Result<(), TuneError> {
        let line = |(name, value)| format!("{name} {value}\n");
        let write = || {
            if self.old.is_empty() {
                return fs::remove_file(&self.path);
            }
            let new = self.path.with_extension("new");
            fs::write(&new, self.old.iter().map(line).collect::<String>())?;
            fs::rename(new, &self.path)
        };
        write().map_err(|error| TuneError::State(self.path.clone(), error))
    }
}
