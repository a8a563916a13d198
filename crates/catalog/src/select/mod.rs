//! From what a person named to the servers that take part.

mod asked;
mod external;
mod selected;

pub use asked::Asked;
pub use external::{ExternalOptions, build_external, speech};
pub use selected::{Selected, Wanted, check_reach};

use crate::{
    error::{CatalogError, wrong},
    workspace::Workspace,
};
use rustix::fs::{Access, access};
use selected::check_name;
use std::fs;
use wildmatch::WildMatch;

/// The servers that were named, each once, in the order in which they are named.
///
/// # Errors
/// A name or glob that fits nothing, a program that can't be run, or external models that can't be
/// understood.
pub fn select(
    asked: &Asked,
    workspace: &Workspace,
    options: &ExternalOptions,
) -> Result<Vec<Selected>, CatalogError> {
    let mut known = known(asked, workspace)?;
    let described = external::described(asked, &workspace.tree.root, options)?;
    let named = external::named(asked, options)?;
    for one in described.into_iter().chain(named.iter().cloned()) {
        if known.iter().any(|other| other.name == one.name) {
            return Err(wrong(format!("there are two models {:?}", one.name)));
        }
        known.push(one);
    }
    if asked.names.is_empty() && named.is_empty() {
        return Err(wrong(format!(
            "--model is missing; there are: all, {}",
            names(&known).join(", ")
        )));
    }
    let mut selected: Vec<Selected> = Vec::new();
    for wanted in &asked.names {
        let pattern = WildMatch::new(if wanted == "all" { "*" } else { wanted });
        let mut fitting: Vec<&Selected> = known
            .iter()
            .filter(|one| pattern.matches(&one.name))
            .collect();
        // One of another wire would change it for all, so it is meant only where ours can't be.
        let is_ours = |one: &&Selected| !one.is_external();
        if fitting.iter().any(is_ours) {
            fitting.retain(is_ours);
        }
        if fitting.is_empty() {
            return Err(unknown("model", wanted, &names(&known)));
        }
        for one in fitting {
            if !selected.contains(one) {
                selected.push(one.clone());
            }
        }
    }
    for one in named {
        if !selected.contains(&one) {
            selected.push(one);
        }
    }
    Ok(selected)
}

fn known(asked: &Asked, workspace: &Workspace) -> Result<Vec<Selected>, CatalogError> {
    let mut known: Vec<Selected> = workspace
        .models
        .iter()
        .map(|model| Selected {
            name: model.name.clone(),
            server: Wanted::Model {
                model: model.clone(),
                program: None,
            },
        })
        .collect();
    for (name, path) in &asked.programs {
        check_name(name).map_err(|what| wrong(format!("--bin {name}=...: {what}")))?;
        let given = fs::canonicalize(path)
            .map_err(|error| wrong(format!("--bin {name}={}: {error}", path.display())))?;
        if !given.is_file() || access(&given, Access::EXEC_OK).is_err() {
            return Err(wrong(format!(
                "--bin {name}={}: not an executable file; chmod +x?",
                path.display()
            )));
        }
        let same_name = known.iter_mut().find(|one| one.name == *name);
        match same_name.map(|one| &mut one.server) {
            Some(Wanted::Model { program, .. }) => *program = Some(given),
            _ => known.push(Selected {
                name: name.clone(),
                server: Wanted::Program(given),
            }),
        }
    }
    Ok(known)
}

/// Nothing of this sort (`model`, `case`) has this name; those that are near, and all of them.
pub fn unknown(sort: &str, wanted: &str, known: &[&str]) -> CatalogError {
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
    wrong(format!("no {sort} fits {wanted:?}; {hint}"))
}

fn names(known: &[Selected]) -> Vec<&str> {
    known.iter().map(|one| one.name.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::ModelCrate;
    use std::{io::Write as _, path::PathBuf};
    use toolchain::build::Tree;

    /// Of three models and two described servers that aren't ours; `ours-not` takes part unasked.
    fn select_of(wanted: &[&str]) -> Result<Vec<String>, CatalogError> {
        let model = |name: &str| ModelCrate {
            name: name.to_owned(),
            metadata: Default::default(),
            runtime_version: None,
        };
        let workspace = Workspace {
            tree: Tree {
                root: PathBuf::new(),
                target: PathBuf::new(),
            },
            models: ["alpha", "beta", "beta-local"].map(model).to_vec(),
            template: None,
        };
        let mut descriptions = tempfile::NamedTempFile::new().unwrap();
        for name in ["beta-theirs", "theirs"] {
            writeln!(descriptions, "[models.{name}]\ncommand = 'x {{addr}}'").unwrap();
        }
        let external = [("ours-not".to_owned(), "x {addr}".to_owned())];
        let asked = Asked {
            names: wanted.iter().map(|&name| name.to_owned()).collect(),
            descriptions: Some(descriptions.path().to_owned()),
            externals: external.into_iter().take(wanted.len()).collect(),
            ..Asked::default()
        };
        Ok(select(&asked, &workspace, &ExternalOptions::default())?
            .into_iter()
            .map(|one| one.name)
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
        // By its glob, and because it was named.
        assert_eq!(select_of(&["ours*"]).unwrap(), ["ours-not"]);
    }

    #[test]
    fn a_glob_means_what_is_not_ours_only_where_nothing_of_ours_fits() {
        let selected = |wanted: &[&str]| {
            let all = select_of(wanted).unwrap();
            all.into_iter().filter(|name| name != "ours-not").collect()
        };
        let fitting: Vec<String> = selected(&["beta-*"]);
        assert_eq!(fitting, ["beta-local"]);
        let fitting: Vec<String> = selected(&["beta-theirs", "th*"]);
        assert_eq!(fitting, ["beta-theirs", "theirs"]);
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
