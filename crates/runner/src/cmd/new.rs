//! `runner new`: a new model crate, like one that is there.
//!
//! A model is found by its name and described by its own Cargo.toml, so a copy under another name
//! is a model already.

use crate::{discover::Workspace, exit::Exit, output, select::unknown, usage::usage};
use anyhow::Context as _;
use clap::Args;
use std::{
    fs, io,
    path::{Path, PathBuf},
};
use toml_edit::{DocumentMut, value};

/// What crates.io takes.
const PACKAGE_NAME_MAX: usize = 64;

/// Names that mean something else: all models, and the file of a run beside those of its models.
const RESERVED: [&str; 2] = ["all", "run"];

#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
        runner new mine               like the model that most people can read\n  \
        runner new mine --like epoll  like another one")]
pub(crate) struct NewArgs {
    /// The new model's name: lower-case letters, digits, - and _; its crate is model-NAME
    name: String,

    /// The model to copy [default: the template that the workspace's Cargo.toml names]
    #[arg(long, value_name = "NAME")]
    like: Option<String>,
}

pub(crate) fn new(args: &NewArgs) -> anyhow::Result<Exit> {
    let workspace = Workspace::find()?;
    let name = &args.name;
    let crates = workspace.tree.root.join("crates");
    check_name(name).map_err(|reason| usage(format!("{name:?} can't be a model: {reason}")))?;
    if let Some(there) = entry_like(&crates, name)? {
        return Err(usage(format!(
            "crates/{there} is there already, and nothing of it has been changed: choose another \
             name"
        )));
    }
    let like = template(args, &workspace)?;
    let files = write(&workspace, &like, name)?;
    output::line(next_steps(name, &like, &files));
    Ok(Exit::Fine)
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
fn entry_like(crates: &Path, name: &str) -> anyhow::Result<Option<String>> {
    let alike = |name: &str| name.replace('_', "-").to_lowercase();
    let wanted = alike(&format!("model-{name}"));
    let entries =
        fs::read_dir(crates).with_context(|| format!("can't list {}", crates.display()))?;
    let mut names = entries
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned());
    Ok(names.find(|there| alike(there) == wanted))
}

/// The model to copy.
fn template(args: &NewArgs, workspace: &Workspace) -> anyhow::Result<String> {
    let names: Vec<&str> = workspace.models.iter().map(|m| m.name.as_str()).collect();
    let like = args.like.as_ref().or(workspace.template.as_ref());
    match like {
        None => Err(usage(format!(
            "which model to copy? --like NAME; there are: {}",
            names.join(", ")
        ))),
        Some(like) if names.contains(&like.as_str()) => Ok(like.clone()),
        Some(like) => Err(unknown(like, &names)),
    }
}

/// Writes the crate; returns its files, relative to the workspace.
///
/// It comes to its place whole, by a rename: an error before that leaves nothing.
fn write(workspace: &Workspace, like: &str, name: &str) -> anyhow::Result<Vec<PathBuf>> {
    let from = workspace.tree.root.join(format!("crates/model-{like}"));
    let to = PathBuf::from(format!("crates/model-{name}"));
    let can_not = |error: io::Error| usage(format!("can't write {}: {error}", to.display()));
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
        .with_context(|| format!("crates/model-{like}/Cargo.toml can't be understood"))?;
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

fn next_steps(name: &str, like: &str, files: &[PathBuf]) -> String {
    let files: Vec<String> = files
        .iter()
        .map(|file| format!("  {}\n", file.display()))
        .collect();
    format!(
        "{}\
         This is a model already, the same as {like}. Next:\n  \
         1. in src, change how connections are served, and say in the module docs how it works\n  \
         2. in Cargo.toml, change description, dependencies and [package.metadata.model], which\n     \
            is what reports say: title, runtime (a dependency), accept (shared, sharded, handoff),\n     \
            cpu and block (inline, offload)\n  \
         3. cargo run -p runner -- check --model {name}    is it a correct server?\n  \
         4. cargo run -p runner -- --model {name},{like}   and what does it cost?\n\
         Cargo.lock gets its entry by itself; commit it, too.",
        files.concat()
    )
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
