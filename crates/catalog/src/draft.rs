//! A new model, like one that is there.
//!
//! A model is found by its name and described by its own Cargo.toml, so a copy under another name
//! is a model already.

use crate::{
    error::{CatalogError, unexpected, wrong},
    select::unknown,
    workspace::Workspace,
};
use std::{
    fs, io,
    path::{Path, PathBuf},
};
use toml_edit::{DocumentMut, value};

/// What crates.io takes.
const PACKAGE_NAME_MAX: usize = 64;

/// Names that mean something else: all models, and the file of a run beside those of its models.
const RESERVED: [&str; 2] = ["all", "run"];

/// A model that was made.
#[derive(Debug)]
pub struct Draft {
    /// The model that it is a copy of.
    pub like: String,
    /// Its files, relative to the workspace.
    pub files: Vec<PathBuf>,
}

/// Makes the model `name`, a copy of `like` or else of the workspace's template.
///
/// # Errors
/// A name that no crate can have or another has, a model that isn't there, files that can't be
/// written.
pub fn make(workspace: &Workspace, name: &str, like: Option<&str>) -> Result<Draft, CatalogError> {
    check_name(name).map_err(|reason| wrong(format!("{name:?} can't be a model: {reason}")))?;
    if let Some(there) = entry_like(&workspace.tree.root.join("crates"), name)? {
        return Err(wrong(format!(
            "crates/{there} is there already, and nothing of it has been changed: choose another \
             name"
        )));
    }
    let like = template(like, workspace)?;
    let files = write(workspace, &like, name)?;
    Ok(Draft { like, files })
}

/// Whether a crate, a report and an argument may have this name.
fn check_name(name: &str) -> Result<(), String> {
    let is_inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
    if let Some(rest) = name.strip_prefix("model-") {
        return Err(format!("its crate is model-NAME anyway: say {rest:?}"));
    }
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        return Err("a name begins with a lower-case letter".to_owned());
    }
    if let Some(wrong) = name.chars().find(|&c| !is_inner(c)) {
        return Err(format!(
            "a name has lower-case letters, digits, - and _, but no {wrong:?}"
        ));
    }
    if name.ends_with(['-', '_']) {
        return Err("a name ends with a letter or a digit".to_owned());
    }
    if "model-".len() + name.len() > PACKAGE_NAME_MAX {
        return Err(format!(
            "a crate's name has at most {PACKAGE_NAME_MAX} characters, model- included"
        ));
    }
    if RESERVED.contains(&name) {
        return Err("it means something else".to_owned());
    }
    Ok(())
}

/// What is there under this name, or under one that cargo can't tell from it: - and _ are the
/// same in the name of a library.
fn entry_like(crates: &Path, name: &str) -> Result<Option<String>, CatalogError> {
    let alike = |name: &str| name.replace('_', "-").to_lowercase();
    let wanted = alike(&format!("model-{name}"));
    let entries = fs::read_dir(crates)
        .map_err(|error| wrong(format!("can't list {}: {error}", crates.display())))?;
    let mut names = entries
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned());
    Ok(names.find(|there| alike(there) == wanted))
}

/// The model to copy.
fn template(like: Option<&str>, workspace: &Workspace) -> Result<String, CatalogError> {
    let names: Vec<&str> = workspace.models.iter().map(|m| m.name.as_str()).collect();
    match like.or(workspace.template.as_deref()) {
        None => Err(wrong(format!(
            "which model to copy? --like NAME; there are: {}",
            names.join(", ")
        ))),
        Some(like) if names.contains(&like) => Ok(like.to_owned()),
        Some(like) => Err(unknown("model", like, &names)),
    }
}

/// Writes the crate; returns its files, relative to the workspace.
///
/// It comes to its place whole, by a rename: an error before that leaves nothing.
fn write(workspace: &Workspace, like: &str, name: &str) -> Result<Vec<PathBuf>, CatalogError> {
    let from = workspace.tree.root.join(format!("crates/model-{like}"));
    let to = PathBuf::from(format!("crates/model-{name}"));
    let can_not = |error: io::Error| wrong(format!("can't write {}: {error}", to.display()));
    // On the same file system as its place, and not where cargo looks for crates.
    let scratch = tempfile::Builder::new()
        .prefix(".new-model-")
        .tempdir_in(&workspace.tree.root)
        .map_err(can_not)?;
    let draft = scratch.path().join("crate");
    copy(&from, &draft).map_err(can_not)?;
    let manifest = draft.join("Cargo.toml");
    let text = fs::read_to_string(&manifest).map_err(can_not)?;
    let renamed = renamed(&text, like, name)
        .map_err(unexpected(format!("crates/model-{like}/Cargo.toml")))?;
    fs::write(&manifest, renamed).map_err(can_not)?;
    let files = files_in(&draft).map_err(can_not)?;
    // It replaces nothing: a directory that holds something can't be renamed onto.
    fs::rename(&draft, workspace.tree.root.join(&to)).map_err(can_not)?;
    let below = |file: PathBuf| Some(to.join(file.strip_prefix(&draft).ok()?));
    Ok(files.into_iter().filter_map(below).collect())
}

/// Copies a crate's files, but nothing hidden and no build results.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if name.as_encoded_bytes().starts_with(b".") || name == "target" {
            continue;
        }
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to.join(name))?;
        } else {
            fs::copy(entry.path(), to.join(name))?;
        }
    }
    Ok(())
}

fn files_in(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(files_in(&path)?);
        } else {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The template's Cargo.toml for a crate of another name, whose reports can't be mistaken for
/// the template's.
fn renamed(manifest: &str, like: &str, name: &str) -> Result<String, toml_edit::TomlError> {
    let mut manifest: DocumentMut = manifest.parse()?;
    let package = &mut manifest["package"];
    package["name"] = value(format!("model-{name}"));
    package["description"] = value(format!("To be described: so far a copy of model-{like}"));
    package["metadata"]["model"]["title"] = value(format!("{name}, so far a copy of {like}"));
    Ok(manifest.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_crates() {
        for fine in ["mine", "io-uring2", "a_b", "x"] {
            assert_eq!(check_name(fine), Ok(()), "{fine}");
        }
        let long = "x".repeat(59);
        for (wrong, reason) in [
            ("", "begins"),
            ("9lives", "begins"),
            ("-x", "begins"),
            ("Mine", "begins"),
            ("mINE", "'I'"),
            ("a/b", "'/'"),
            ("../x", "begins"),
            ("a b", "' '"),
            ("größe", "'ö'"),
            ("tok*", "'*'"),
            ("mine-", "ends"),
            ("all", "something else"),
            ("run", "something else"),
            ("model-mine", "\"mine\""),
            (&long, "64"),
        ] {
            let said = check_name(wrong).unwrap_err();
            assert!(said.contains(reason), "{wrong}: {said}");
        }
    }

    #[test]
    fn names_that_cargo_can_not_tell_apart_are_the_same() {
        let crates = tempfile::tempdir().unwrap();
        fs::create_dir(crates.path().join("model-one-loop")).unwrap();
        let found = |name| entry_like(crates.path(), name).unwrap();
        assert_eq!(found("one_loop").as_deref(), Some("model-one-loop"));
        assert_eq!(found("one-loop").as_deref(), Some("model-one-loop"));
        assert_eq!(found("one"), None);
    }

    #[test]
    fn a_copy_has_its_own_name_and_keeps_comments() {
        let manifest = "[package]\nname = \"model-a\"\ndescription = \"A\"\n\n\
                        [package.metadata.model]\ntitle = \"a\"\nruntime = \"r\"\n\n\
                        [dependencies]\n# Why it is needed.\nr = \"1\"\n";
        let copy = renamed(manifest, "a", "b").unwrap();
        assert_eq!(
            copy,
            "[package]\nname = \"model-b\"\n\
             description = \"To be described: so far a copy of model-a\"\n\n\
             [package.metadata.model]\ntitle = \"b, so far a copy of a\"\nruntime = \"r\"\n\n\
             [dependencies]\n# Why it is needed.\nr = \"1\"\n"
        );
    }
}
