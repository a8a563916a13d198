//! From what the user named to the models that take part.

mod foreign;

pub(crate) use foreign::{Foreign, Outside, speech};

use crate::{
    discover::{ModelCrate, Workspace},
    usage::usage,
};
use clap::Args;
use rustix::fs::{Access, access};
use std::{fs, path::PathBuf};
use wildmatch::WildMatch;

/// Which models, and where their programs are.
#[derive(Args, Debug, Default)]
pub(crate) struct ModelArgs {
    /// Models to take: names, globs such as 'tok*', or all
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(crate) model: Vec<String>,

    /// Use what has been built before
    #[arg(long)]
    pub(crate) no_build: bool,

    /// A program to take for the model NAME, instead of building it; NAME may be new
    #[arg(long, value_name = "NAME=PATH", value_parser = name_and_path)]
    pub(crate) bin: Vec<(String, PathBuf)>,

    /// File that describes external models, servers that aren't ours; --model names them, and 'all'
    /// doesn't mean them [default: models.toml of this repository, if there is one]
    #[arg(long, value_name = "FILE")]
    pub(crate) models: Option<PathBuf>,

    /// An external model: a server that echoes bytes, started by this command, in which {addr},
    /// {host} and {port} stand for where it is to listen; takes part without --model
    #[arg(long, value_name = "NAME=COMMAND", value_parser = name_and_command)]
    pub(crate) external: Vec<(String, String)>,
}

/// A model that takes part.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entrant {
    pub(crate) name: String,
    /// What cargo builds, unless there is a program.
    pub(crate) package: String,
    /// `None` for a program that isn't a crate of the workspace.
    pub(crate) model: Option<ModelCrate>,
    /// A program to take instead of building one.
    pub(crate) program: Option<PathBuf>,
    /// A server that isn't ours; then nothing of the above is.
    pub(crate) foreign: Option<Foreign>,
}

/// The models that the arguments name, each once, in the order in which they are named.
///
/// # Errors
/// A name or glob that fits nothing, a program that can't be run, or external models that can't be
/// understood.
pub(crate) fn select(
    args: &ModelArgs,
    workspace: &Workspace,
    outside: &Outside,
) -> anyhow::Result<Vec<Entrant>> {
    let mut known = known(args, workspace)?;
    let described = foreign::described(args, &workspace.root, outside)?;
    let named = foreign::named(args, outside)?;
    for entrant in described.into_iter().chain(named.iter().cloned()) {
        if known.iter().any(|other| other.name == entrant.name) {
            return Err(usage(format!("there are two models {:?}", entrant.name)));
        }
        known.push(entrant);
    }
    if args.model.is_empty() && named.is_empty() {
        return Err(usage(format!(
            "--model is missing; there are: all, {}",
            names(&known).join(", ")
        )));
    }
    let mut selected: Vec<Entrant> = Vec::new();
    for wanted in &args.model {
        let is_all = wanted == "all";
        let pattern = WildMatch::new(if is_all { "*" } else { wanted });
        let fitting: Vec<&Entrant> = known
            .iter()
            // One of another wire would change it for all.
            .filter(|entrant| !is_all || entrant.foreign.is_none())
            .filter(|entrant| pattern.matches(&entrant.name))
            .collect();
        if fitting.is_empty() {
            return Err(unknown(wanted, &names(&known)));
        }
        for entrant in fitting {
            if !selected.contains(entrant) {
                selected.push(entrant.clone());
            }
        }
    }
    selected.extend(
        named
            .into_iter()
            .filter(|entrant| !args.model.contains(&entrant.name)),
    );
    Ok(selected)
}

fn known(args: &ModelArgs, workspace: &Workspace) -> anyhow::Result<Vec<Entrant>> {
    let mut known: Vec<Entrant> = workspace
        .models
        .iter()
        .map(|model| Entrant {
            name: model.name.clone(),
            package: format!("model-{}", model.name),
            model: Some(model.clone()),
            program: None,
            foreign: None,
        })
        .collect();
    for (name, path) in &args.bin {
        check_name(name).map_err(|what| usage(format!("--bin {name}=...: {what}")))?;
        let program = fs::canonicalize(path)
            .map_err(|error| usage(format!("--bin {name}={}: {error}", path.display())))?;
        if !program.is_file() || access(&program, Access::EXEC_OK).is_err() {
            return Err(usage(format!(
                "--bin {name}={}: not an executable file; chmod +x?",
                path.display()
            )));
        }
        match known.iter_mut().find(|entrant| entrant.name == *name) {
            Some(entrant) => entrant.program = Some(program),
            None => known.push(Entrant {
                name: name.clone(),
                package: String::new(),
                model: None,
                program: Some(program),
                foreign: None,
            }),
        }
    }
    Ok(known)
}

/// The name becomes a file's.
fn check_name(name: &str) -> Result<(), &'static str> {
    let is_fine = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let is_name = !name.is_empty() && name.chars().all(is_fine) && !name.starts_with('.');
    if is_name && !["run", "all"].contains(&name) {
        return Ok(());
    }
    Err("a name has letters, digits, - and _, and is neither \"run\" nor \"all\"")
}

/// No model has this name; those that are near, and all of them.
pub(crate) fn unknown(wanted: &str, known: &[&str]) -> anyhow::Error {
    let near: Vec<&str> = known
        .iter()
        .copied()
        .filter(|name| strsim::jaro_winkler(name, wanted) > 0.75)
        .collect();
    let all = known.join(", ");
    let hint = if near.is_empty() {
        format!("there are: {all}")
    } else {
        format!("did you mean {}? There are: {all}", near.join(" or "))
    };
    usage(format!("no model fits {wanted:?}; {hint}"))
}

fn names(known: &[Entrant]) -> Vec<&str> {
    known.iter().map(|entrant| entrant.name.as_str()).collect()
}

fn name_and_path(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, path)) if !name.is_empty() && !path.is_empty() => {
            Ok((name.to_owned(), path.into()))
        }
        _ => Err("NAME=PATH, such as mine=./my-server".to_owned()),
    }
}

fn name_and_command(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, command)) if !name.is_empty() && !command.is_empty() => {
            Ok((name.to_owned(), command.to_owned()))
        }
        _ => Err("NAME=COMMAND, such as 'mine=./my-server --listen {addr}'".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn select_of(wanted: &[&str]) -> anyhow::Result<Vec<String>> {
        let model = |name: &str| ModelCrate {
            name: name.to_owned(),
            metadata: Default::default(),
            runtime_version: None,
        };
        let workspace = Workspace {
            root: PathBuf::new(),
            target: PathBuf::new(),
            models: ["alpha", "beta", "beta-local"].map(model).to_vec(),
            template: None,
        };
        let args = ModelArgs {
            model: wanted.iter().map(|&name| name.to_owned()).collect(),
            no_build: false,
            bin: Vec::new(),
            models: None,
            external: vec![("ours-not".to_owned(), "x {addr}".to_owned())],
        };
        let args = ModelArgs {
            external: if wanted.is_empty() {
                Vec::new()
            } else {
                args.external
            },
            ..args
        };
        Ok(select(&args, &workspace, &Outside::default())?
            .into_iter()
            .map(|entrant| entrant.name)
            .collect())
    }

    #[test]
    fn names_globs_and_all_give_each_model_once() {
        assert_eq!(
            select_of(&["beta*", "beta", "alpha"]).unwrap(),
            ["beta", "beta-local", "alpha", "ours-not"]
        );
        assert_eq!(
            select_of(&["all"]).unwrap(),
            ["alpha", "beta", "beta-local", "ours-not"]
        );
    }

    #[test]
    fn an_unknown_name_brings_near_ones() {
        let error = select_of(&["apha"]).unwrap_err().to_string();
        assert!(error.contains("did you mean alpha?"), "{error}");
        assert!(
            select_of(&["zzz"])
                .unwrap_err()
                .to_string()
                .contains("beta-local")
        );
        assert!(
            select_of(&[])
                .unwrap_err()
                .to_string()
                .contains("--model is missing")
        );
    }
}
