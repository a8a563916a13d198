//! Models and scenarios that there are: every workspace member that describes itself as a model.
//!
//! There is no list. A model is a crate `model-<name>` with `[package.metadata.model]`; cargo
//! finds it by the workspace's glob.

use crate::error::{CatalogError, unexpected, wrong};
use request::scenario::Scenario;
use serde::Deserialize;
use std::{
    env, fs, io,
    path::{Path, PathBuf},
};
use toolchain::{build::Tree, cargo, package};

/// The workspace as cargo sees it.
#[derive(Debug)]
pub struct Workspace {
    /// Where it lies, and what is built of it.
    pub tree: Tree,
    /// In the order of their names.
    pub models: Vec<ModelCrate>,
    /// The model that new ones are made like, as `[workspace.metadata.models]` says.
    pub template: Option<String>,
}

/// A crate that is a model.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelCrate {
    /// Without `model-`.
    pub name: String,
    /// As its Cargo.toml says.
    pub metadata: ModelMetadata,
    /// As resolved in Cargo.lock.
    pub runtime_version: Option<String>,
}

/// `[package.metadata.model]`: what a report has to say about the model.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct ModelMetadata {
    /// A line for people.
    pub title: String,
    /// Name of a dependency.
    pub runtime: String,
    /// `shared`, `sharded` or `handoff`.
    pub accept: String,
    /// `inline` or `offload`.
    pub cpu: String,
    /// `inline` or `offload`.
    pub block: String,
    /// Whether it offers to relay.
    #[serde(default)]
    pub relay: bool,
    /// As in `std::env::consts::OS`.
    pub platforms: Vec<String>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_root: PathBuf,
    target_directory: PathBuf,
    /// `[workspace.metadata]`
    metadata: Option<WorkspaceMetadata>,
}

#[derive(Deserialize)]
struct WorkspaceMetadata {
    models: Option<ModelsMetadata>,
}

#[derive(Deserialize)]
struct ModelsMetadata {
    template: Option<String>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    metadata: Option<PackageMetadata>,
}

#[derive(Deserialize)]
struct PackageMetadata {
    model: Option<ModelMetadata>,
}

#[derive(Deserialize)]
struct Lock {
    package: Vec<LockedPackage>,
}

#[derive(Deserialize)]
struct LockedPackage {
    name: String,
    version: String,
    #[serde(default)]
    dependencies: Vec<String>,
}

impl ModelCrate {
    /// What cargo builds.
    pub fn package(&self) -> String {
        format!("model-{}", self.name)
    }
}

impl Workspace {
    /// Names of the scenarios that come with the project.
    pub fn scenarios(&self) -> Vec<String> {
        let files = fs::read_dir(self.tree.root.join("scenarios"));
        let files = files.into_iter().flatten().flatten();
        let mut names: Vec<String> = files
            .filter_map(|file| Some(file.file_name().to_str()?.strip_suffix(".toml")?.to_owned()))
            .collect();
        names.sort();
        names
    }

    /// Reads a scenario: `name` is one of the project's, or a path if it looks like one. Its name
    /// comes back without the path that leads to it: reports are made to be shared.
    ///
    /// # Errors
    /// There is no such file, or it is no scenario; file, line and field are named.
    pub fn scenario(&self, name: &str) -> Result<(String, Scenario), CatalogError> {
        let is_path = name.contains('/') || name.ends_with(".toml");
        let path = if is_path {
            PathBuf::from(name)
        } else {
            self.tree
                .root
                .join("scenarios")
                .join(name)
                .with_extension("toml")
        };
        let text = fs::read_to_string(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound if !is_path => wrong(format!(
                "there is no scenario {name:?}; there are: {}. A file of your own is named by its \
                 path, such as ./{name}.toml",
                self.scenarios().join(", ")
            )),
            _ => wrong(format!("--scenario {}: {error}", path.display())),
        })?;
        let scenario = Scenario::parse(&text)
            .map_err(|error| wrong(format!("--scenario {}: {error}", path.display())))?;
        let stem = path.file_stem().unwrap_or_default();
        Ok((stem.to_string_lossy().into_owned(), scenario))
    }

    /// Asks cargo about the workspace of the current directory or, elsewhere, about the one that
    /// this program lies in or was built from.
    ///
    /// # Errors
    /// There is no workspace, or a model's description can't be understood.
    pub fn find() -> Result<Self, CatalogError> {
        let has_us = |found: &Metadata| {
            let mut names = found.packages.iter().map(|package| package.name.as_str());
            names.any(|name| name == env!("CARGO_PKG_NAME"))
        };
        let program = env::current_exe().unwrap_or_default();
        let metadata = match package::around(&program) {
            Some(package) => metadata(package)?,
            None => match metadata(Path::new(".")) {
                Ok(found) if has_us(&found) => found,
                // It is meant, and broken: another one would be a surprise.
                Err(error) if is_in_workspace() => return Err(error),
                Ok(_) | Err(_) => metadata(&own_tree()?)?,
            },
        };
        let lock =
            fs::read_to_string(metadata.workspace_root.join("Cargo.lock")).unwrap_or_default();
        let lock: Option<Lock> = toml::from_str(&lock).ok();
        let mut models: Vec<ModelCrate> = metadata
            .packages
            .into_iter()
            .filter_map(|package| {
                let name = package.name.strip_prefix("model-")?.to_owned();
                let metadata = package.metadata?.model?;
                let runtime_version = lock
                    .as_ref()
                    .and_then(|lock| lock.version(&package.name, &metadata.runtime));
                Some(ModelCrate {
                    name,
                    metadata,
                    runtime_version,
                })
            })
            .collect();
        models.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Self {
            tree: Tree {
                root: metadata.workspace_root,
                target: metadata.target_directory,
            },
            models,
            template: metadata.metadata.and_then(|own| own.models?.template),
        })
    }
}

impl Lock {
    /// The version of a package's dependency.
    fn version(&self, package: &str, dependency: &str) -> Option<String> {
        let package = self.package.iter().find(|p| p.name == package)?;
        // `name`, or `name version` where several versions are locked.
        let entry = package
            .dependencies
            .iter()
            .find(|entry| entry.split(' ').next() == Some(dependency))?;
        let wanted = entry.split(' ').nth(1);
        self.package
            .iter()
            .find(|p| p.name == dependency && wanted.is_none_or(|version| p.version == version))
            .map(|p| p.version.clone())
    }
}

/// Whether the current directory is in a clone of this workspace.
fn is_in_workspace() -> bool {
    tree_around(&env::current_dir().unwrap_or_default()).is_some()
}

/// The clone of this workspace that a path leads through.
fn tree_around(path: &Path) -> Option<&Path> {
    path.ancestors()
        .find(|directory| directory.join("crates/runner/Cargo.toml").is_file())
}

/// The clone that this program lies in: it may have been moved after the build. Otherwise, as with a
/// target directory of its own, the one that it was built from.
///
/// # Errors
/// That isn't there any more.
fn own_tree() -> Result<PathBuf, CatalogError> {
    let program = env::current_exe().unwrap_or_default();
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let built_from = own.ancestors().nth(2).unwrap_or(own);
    let tree = tree_around(&program).unwrap_or(built_from);
    if tree.is_dir() {
        return Ok(tree.to_owned());
    }
    Err(wrong(format!(
        "the sources that this program was built from are not there any more (moved, or deleted): \
         run it in a clone of Millionfold, or build it again there ({})",
        built_from.display()
    )))
}

fn metadata(directory: &Path) -> Result<Metadata, CatalogError> {
    if let Some(package) = package::Package::at(directory) {
        let found: Metadata = serde_json::from_value(package.metadata)
            .map_err(unexpected("the package's description"))?;
        return Ok(Metadata {
            workspace_root: directory.to_owned(),
            target_directory: directory.join("target"),
            ..found
        });
    }
    let output = cargo()
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(directory)
        .output()
        .map_err(|error| {
            wrong(format!(
                "can't run cargo: {error}; install Rust from rustup.rs"
            ))
        })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(wrong(format!(
            "cargo finds no workspace here; run this in a clone of Millionfold ({})",
            said.trim()
        )));
    }
    serde_json::from_slice(&output.stdout).map_err(unexpected("what cargo metadata says"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_that_of_the_models_own_dependency() {
        let lock: Lock = toml::from_str(
            r#"
            [[package]]
            name = "model-x"
            version = "0.1.0"
            dependencies = ["kit", "runtime 2.0.0"]
            [[package]]
            name = "runtime"
            version = "1.0.0"
            [[package]]
            name = "runtime"
            version = "2.0.0"
            [[package]]
            name = "kit"
            version = "0.3.0"
            "#,
        )
        .unwrap();
        assert_eq!(lock.version("model-x", "runtime").as_deref(), Some("2.0.0"));
        assert_eq!(lock.version("model-x", "kit").as_deref(), Some("0.3.0"));
        assert_eq!(lock.version("model-x", "other"), None);
    }
}
