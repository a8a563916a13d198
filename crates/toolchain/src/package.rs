//! A package: programs that were built elsewhere, with what they say of themselves, for machines
//! without a toolchain. `scripts/package` makes one.
//!
//! It looks like the tree that it was made of, as far as its programs ask: `Cargo.toml`, `scenarios`
//! and `target/release`, with this description beside them.

use serde::Deserialize;
use serde_json::Value;
use std::{fs, path::Path};

/// The description's name. Where it is, nothing is built.
const FILE: &str = "package.json";

/// What a package says of itself.
#[derive(Clone, Debug, Deserialize)]
pub struct Package {
    /// What `cargo metadata --no-deps` said, without paths.
    pub metadata: Value,
    /// The compiler's version.
    pub rustc: String,
    /// The revision of its sources; `None`: they were no checkout of git.
    pub git_revision: Option<String>,
    /// Whether they differed from it.
    pub git_dirty: Option<bool>,
}

impl Package {
    /// The description at `root`; `None` where there is none, and so a tree of sources.
    pub fn at(root: &Path) -> Option<Self> {
        let text = fs::read(root.join(FILE)).ok()?;
        serde_json::from_slice(&text).ok()
    }
}

/// The package that a program is in; `None`: it is in none.
pub fn around(program: &Path) -> Option<&Path> {
    program
        .ancestors()
        .skip(1)
        .find(|directory| is_at(directory))
}

/// Whether there are programs at `root`, and no sources.
pub(crate) fn is_at(root: &Path) -> bool {
    root.join(FILE).is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_found_around_its_programs_and_says_what_it_was_made_of() {
        let root = tempfile::tempdir().unwrap();
        let program = root.path().join("target/release/runner");
        assert_eq!(around(&program), None);
        assert!(Package::at(root.path()).is_none());
        let text =
            r#"{"metadata": {}, "rustc": "rustc 1.89.0", "git_revision": null, "git_dirty": null}"#;
        fs::write(root.path().join(FILE), text).unwrap();
        assert_eq!(around(&program), Some(root.path()));
        assert_eq!(crate::rustc(root.path()).as_deref(), Some("rustc 1.89.0"));
        assert_eq!(
            crate::revision(root.path()),
            Err("the package was made of no git checkout")
        );
    }
}
