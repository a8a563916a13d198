//! From what the user named to the models that take part.

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
}

/// The models that the arguments name, each once, in the order in which they are named.
///
/// # Errors
/// A name or glob that fits nothing, or a program that can't be run.
pub(crate) fn select(args: &ModelArgs, workspace: &Workspace) -> anyhow::Result<Vec<Entrant>> {
    let known = known(args, workspace)?;
    if args.model.is_empty() {
        return Err(usage(format!(
            "--model is missing; there are: all, {}",
            names(&known).join(", ")
        )));
    }
    let mut selected: Vec<Entrant> = Vec::new();
    for wanted in &args.model {
        let pattern = WildMatch::new(if wanted == "all" { "*" } else { wanted });
        let fitting: Vec<&Entrant> = known
            .iter()
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
        })
        .collect();
    for (name, path) in &args.bin {
        // The name becomes a file's.
        if !name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
            || name.starts_with('.')
            || name == "run"
        {
            return Err(usage(format!(
                "--bin {name}=...: a name has letters, digits, - and _, and is not \"run\""
            )));
        }
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
            }),
        }
    }
    Ok(known)
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
        };
        Ok(select(&args, &workspace)?
            .into_iter()
            .map(|entrant| entrant.name)
            .collect())
    }

    #[test]
    fn names_globs_and_all_give_each_model_once() {
        assert_eq!(
            select_of(&["beta*", "beta", "alpha"]).unwrap(),
            ["beta", "beta-local", "alpha"]
        );
        assert_eq!(
            select_of(&["all"]).unwrap(),
            ["alpha", "beta", "beta-local"]
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
