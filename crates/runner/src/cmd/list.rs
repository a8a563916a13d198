//! `runner list`: the models, ours and external ones, and whether they can run here; the scenarios.

use crate::{
    discover::{ModelCrate, Workspace},
    exit::Exit,
    host::guard,
    output,
};
use clap::Args;
use server::{
    contract::ContractLaunch,
    external::{self, External},
};
use std::{env::consts::OS, path::PathBuf};
use toolchain::build;

#[derive(Args, Debug)]
pub(crate) struct ListArgs {
    /// Build each model that hasn't been built, to ask it whether it can run here
    #[arg(long)]
    build: bool,

    /// File that describes external models [default: models.toml of this repository, if there is one]
    #[arg(long, value_name = "FILE")]
    models: Option<PathBuf>,
}

pub(crate) fn list(args: &ListArgs) -> anyhow::Result<Exit> {
    let workspace = Workspace::find()?;
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::UTF8_HORIZONTAL_ONLY);
    table.set_header([
        "model",
        "title",
        "runtime",
        "accept",
        "cpu work",
        "block work",
        "runs here",
    ]);
    for model in &workspace.models {
        let metadata = &model.metadata;
        let version = model.runtime_version.as_deref().unwrap_or("?");
        table.add_row([
            &model.name,
            &metadata.title,
            &format!("{} {version}", metadata.runtime),
            &metadata.accept,
            &metadata.cpu,
            &metadata.block,
            &runs_here(&workspace, model, args.build),
        ]);
    }
    output::line(table);
    let externals = external::read(args.models.as_deref(), &workspace.tree.root, true)?;
    if !externals.is_empty() {
        output::line(format_args!("\n{}", external_table(&externals)));
    }
    output::line(format_args!("\n{}", scenarios(&workspace)));
    Ok(Exit::Fine)
}

/// Servers that aren't ours.
fn external_table(externals: &[External]) -> comfy_table::Table {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::UTF8_HORIZONTAL_ONLY);
    table.set_header(["external model", "title", "wire", "command", "runs here"]);
    for external in externals {
        let runs_here = match external.executable() {
            Ok(_) => "yes".to_owned(),
            Err(_) if external.build.is_some() => "unknown until built".to_owned(),
            Err(reason) => format!("no: {reason}"),
        };
        table.add_row([
            &external.name,
            &external.title,
            external.wire.word(),
            &external.shared_command(),
            &runs_here,
        ]);
    }
    table
}

/// What `--scenario` takes.
fn scenarios(workspace: &Workspace) -> comfy_table::Table {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::UTF8_HORIZONTAL_ONLY);
    table.set_header(["scenario", "title"]);
    for name in workspace.scenarios() {
        let title = match workspace.scenario(&name) {
            Ok((_, scenario)) => scenario.title,
            Err(error) => error.to_string(),
        };
        table.add_row([name, title]);
    }
    table
}

fn runs_here(workspace: &Workspace, model: &ModelCrate, may_build: bool) -> String {
    if !model
        .metadata
        .platforms
        .iter()
        .any(|platform| platform == OS)
    {
        return format!("no: it is for {}", model.metadata.platforms.join(", "));
    }
    match build::executable(&workspace.tree, &model.package(), !may_build) {
        Ok(program) => match ContractLaunch::new(&guard(), &program).preflight() {
            Ok(()) => "yes".to_owned(),
            Err(reason) => format!("no: {reason}"),
        },
        Err(error) if may_build => format!("no: {}", error.failure().reason),
        Err(_) => "unknown until built: list --build".to_owned(),
    }
}
