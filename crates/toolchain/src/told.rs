//! What cargo has been told: where it puts programs, and with which flags and settings it builds
//! them. Its own commands tell neither before they build.
//!
//! Sources: The Cargo Book, "Configuration" (hierarchical structure, `build.target`,
//! `build.rustflags`, `profile`) and "Environment Variables".

use serde::Deserialize;
use std::{
    collections::BTreeMap,
    env, fs, iter,
    path::{Path, PathBuf},
};
use toml::{Table, Value};

/// What decides how cargo builds in one directory.
#[derive(Debug, Default)]
pub struct Told {
    /// Cargo.toml of the workspace.
    manifest: Table,
    /// Files of the configuration, the nearest first: what it says goes before the others.
    files: Vec<Table>,
    /// Variables that it heeds, which go before all files.
    variables: BTreeMap<String, String>,
}

/// A list as cargo takes it: words in one text, or one in each.
#[derive(Deserialize)]
#[serde(untagged)]
enum Words {
    One(String),
    More(Vec<String>),
}

impl Words {
    fn list(self) -> Vec<String> {
        match self {
            Self::One(text) => text.split_whitespace().map(str::to_owned).collect(),
            Self::More(words) => words,
        }
    }
}

impl Told {
    /// For the workspace at `root`.
    pub fn read(root: &Path) -> Self {
        let home = env::var_os("CARGO_HOME").map(PathBuf::from);
        let home = home.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cargo")));
        let directories = root.ancestors().map(|above| above.join(".cargo"));
        let mut directories: Vec<PathBuf> = directories.collect();
        directories.extend(home.filter(|home| !directories.contains(home)));
        let in_directory = |directory: &PathBuf| {
            // The name without an ending goes first: see the book.
            ["config", "config.toml"]
                .iter()
                .find_map(|name| table(&directory.join(name)))
        };
        Self {
            manifest: table(&root.join("Cargo.toml")).unwrap_or_default(),
            files: directories.iter().filter_map(in_directory).collect(),
            variables: env::vars_os()
                .filter_map(|(name, value)| {
                    Some((name.into_string().ok()?, value.into_string().ok()?))
                })
                .filter(|(name, _)| name.starts_with("CARGO_") || name == "RUSTFLAGS")
                .collect(),
        }
    }

    /// The directories, below cargo's target directory, of what it builds in `profile`: one for each
    /// platform that it builds for.
    pub fn directories(&self, profile: &str) -> Vec<PathBuf> {
        let platforms = self.platforms();
        if platforms.is_empty() {
            return vec![profile.into()];
        }
        let named = |platform: &String| {
            // A description of a platform is a file, and gives its directory the name.
            let name = platform.strip_suffix(".json").and_then(|path| {
                let stem = Path::new(path).file_name()?;
                Some(stem.to_string_lossy().into_owned())
            });
            Path::new(&name.unwrap_or_else(|| platform.clone())).join(profile)
        };
        platforms.iter().map(named).collect()
    }

    /// What cargo builds for, where it has been told.
    fn platforms(&self) -> Vec<String> {
        if let Some(platform) = self.variables.get("CARGO_BUILD_TARGET") {
            return vec![platform.clone()];
        }
        self.words(&["build", "target"]).unwrap_or_default()
    }

    /// Flags for the compiler, of the one source that cargo takes (its files are one), without directories.
    ///
    /// # Errors
    /// Why they can't be told.
    pub fn rustflags(&self) -> Result<Vec<String>, &'static str> {
        let flags = self.flags()?;
        Ok(flags.iter().map(|flag| without_directories(flag)).collect())
    }

    fn flags(&self) -> Result<Vec<String>, &'static str> {
        let words = |text: &String| text.split_whitespace().map(str::to_owned).collect();
        if let Some(encoded) = self.variables.get("CARGO_ENCODED_RUSTFLAGS") {
            let flags = encoded.split('\x1f').filter(|flag| !flag.is_empty());
            return Ok(flags.map(str::to_owned).collect());
        }
        if let Some(flags) = self.variables.get("RUSTFLAGS") {
            return Ok(words(flags));
        }
        let of_platform =
            |name: &String| name.starts_with("CARGO_TARGET_") && name.ends_with("_RUSTFLAGS");
        let of_target = |file: &Table| {
            let targets = file.get("target").and_then(Value::as_table);
            let mut targets = targets.into_iter().flat_map(Table::values);
            targets.any(|target| target.get("rustflags").is_some())
        };
        if self.files.iter().any(of_target) || self.variables.keys().any(of_platform) {
            return Err("cargo's configuration has flags that depend on the platform");
        }
        if let Some(flags) = self.variables.get("CARGO_BUILD_RUSTFLAGS") {
            return Ok(words(flags));
        }
        let path = ["build", "rustflags"];
        let given: Vec<_> = self
            .files
            .iter()
            .filter_map(|file| get(file, &path))
            .collect();
        // Cargo joins the lists of all files, with the nearest last; of texts it takes the nearest.
        match given.iter().all(|value| value.is_array()) {
            true => Ok(given
                .into_iter()
                .rev()
                .filter_map(listed)
                .flatten()
                .collect()),
            false => Ok(self.words(&path).unwrap_or_default()),
        }
    }

    /// The settings of a profile that somebody has given a value, by name: those of the manifest,
    /// over them those of the configuration, over them the environment's.
    pub fn profile(&self, profile: &str) -> BTreeMap<String, String> {
        let mut settings = BTreeMap::new();
        for table in iter::once(&self.manifest).chain(self.files.iter().rev()) {
            let own = get(table, &["profile", profile]).and_then(Value::as_table);
            for (name, value) in own.into_iter().flatten() {
                let text = match value {
                    Value::String(text) => text.clone(),
                    Value::Integer(number) => number.to_string(),
                    Value::Boolean(is_on) => is_on.to_string(),
                    // Of single packages.
                    _ => continue,
                };
                settings.insert(name.clone(), text);
            }
        }
        let prefix = format!(
            "CARGO_PROFILE_{}_",
            profile.to_uppercase().replace('-', "_")
        );
        for (name, value) in &self.variables {
            if let Some(name) = name.strip_prefix(&prefix) {
                settings.insert(name.to_lowercase().replace('_', "-"), value.clone());
            }
        }
        settings
    }

    fn words(&self, path: &[&str]) -> Option<Vec<String>> {
        listed(self.files.iter().find_map(|file| get(file, path))?)
    }
}

fn listed(value: &Value) -> Option<Vec<String>> {
    Some(value.clone().try_into::<Words>().ok()?.list())
}

/// A flag with its paths cut to their last part: reports are made to be shared.
fn without_directories(flag: &str) -> String {
    let parts = flag.split('=').map(|part| match part.split_once('/') {
        Some((before, path)) => format!("{before}{}", path.rsplit('/').next().unwrap_or_default()),
        None => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join("=")
}

fn get<'a>(table: &'a Table, path: &[&str]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    let value = table.get(*first)?;
    match rest {
        [] => Some(value),
        _ => get(value.as_table()?, rest),
    }
}

fn table(file: &Path) -> Option<Table> {
    fs::read_to_string(file).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(files: &[&str], variables: &[(&str, &str)]) -> Told {
        let manifest = "[profile.release]\nlto = \"thin\"\ncodegen-units = 1";
        Told {
            manifest: manifest.parse().unwrap(),
            files: files.iter().map(|file| file.parse().unwrap()).collect(),
            variables: variables
                .iter()
                .map(|&(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        }
    }

    #[test]
    fn programs_are_where_cargo_was_told_to_build_for() {
        let directories = |files: &[&str], variables: &[(&str, &str)]| {
            let found = told(files, variables).directories("release");
            let shown = found.iter().map(|path| path.display().to_string());
            shown.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(directories(&[], &[]), "release");
        let near = "[build]\ntarget = \"a-b-c\"";
        let far = "[build]\ntarget = [\"d\", \"e/f.json\"]";
        assert_eq!(directories(&[near, far], &[]), "a-b-c/release");
        assert_eq!(directories(&["", far], &[]), "d/release f/release");
        let variable = [("CARGO_BUILD_TARGET", "g")];
        assert_eq!(directories(&[near], &variable), "g/release");
    }

    #[test]
    fn flags_come_from_one_source_only() {
        let file = "[build]\nrustflags = \"-C a\"";
        assert_eq!(told(&[file], &[]).rustflags().unwrap(), ["-C", "a"]);
        let [near, far] =
            ["a", "z"].map(|flag| format!("[build]\nrustflags = [\"-C\", \"{flag}\"]"));
        let joined = told(&[&near, &far], &[]).rustflags().unwrap();
        assert_eq!(joined, ["-C", "z", "-C", "a"]);
        let text = "[build]\nrustflags = \"-C z\"";
        assert_eq!(told(&[file, text], &[]).rustflags().unwrap(), ["-C", "a"]);
        let variable = ("RUSTFLAGS", "-C b");
        assert_eq!(told(&[file], &[variable]).rustflags().unwrap(), ["-C", "b"]);
        let encoded = ("CARGO_ENCODED_RUSTFLAGS", "-C\x1fc d");
        let both = told(&[], &[variable, encoded]).rustflags().unwrap();
        assert_eq!(both, ["-C", "c d"]);
        assert!(told(&[], &[]).rustflags().unwrap().is_empty());
        let by_condition = "[target.'cfg(unix)']\nrustflags = [\"-C\", \"e\"]";
        assert!(told(&[by_condition], &[]).rustflags().is_err());
        let path = ("RUSTFLAGS", "-L/home/me/lib --remap-path-prefix=/home/me=x");
        let shared = told(&[], &[path]).rustflags().unwrap();
        assert_eq!(shared, ["-Llib", "--remap-path-prefix=me=x"]);
    }

    #[test]
    fn a_setting_of_the_environment_goes_before_that_of_a_file() {
        let file = "[profile.release]\nlto = \"fat\"\nopt-level = 2";
        let variable = ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1");
        let settings = told(&[file], &[variable]).profile("release");
        let shown: Vec<_> = settings
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        assert_eq!(shown, ["codegen-units=1", "lto=fat", "opt-level=1"]);
        assert!(told(&[], &[]).profile("dev").is_empty());
    }
}
