//! `runner list`: the models, ours and external ones, and whether they can run here; the scenarios.

use crate::{exit::Exit, host::guard, output};
use catalog::workspace::{ModelCrate, Workspace};
use clap::Args;
use comfy_table::{ColumnConstraint, ContentArrangement, Table, presets};
use server::{
    contract::ContractLaunch,
    external::{self, External},
};
use std::{env::consts::OS, io::stdout, path::PathBuf};
use toolchain::build;

#[derive(Args, Debug)]
pub(crate) struct ListArgs {
    /// Build each model that hasn't been built, to ask it whether it can run here
    #[arg(long)]
    build: bool,

    /// File that describes external models [default: models.toml of this repository,
    /// if there is one, with examples/external/models.toml]
    #[arg(long, value_name = "FILE")]
    models: Option<PathBuf>,
}

const HEADER: [&str; 7] = [
    "model",
    "title",
    "runtime",
    "accept",
    "cpu work",
    "block work",
    "runs here",
];

/// All columns take about so many of a terminal's.
const WHOLE_COLUMNS: u16 = 130;

pub(crate) fn list(args: &ListArgs) -> anyhow::Result<Exit> {
    let workspace = Workspace::find()?;
    let is_narrow = output::columns(stdout()).is_some_and(|columns| columns < WHOLE_COLUMNS);
    // Where and how it works is for a wider terminal: the names and titles say the most.
    let shown = |all: [String; 7]| match is_narrow {
        true => {
            let [model, title, runtime, _, _, _, runs_here] = all;
            vec![model, title, runtime, runs_here]
        }
        false => all.into(),
    };
    let mut table = columns(&shown(HEADER.map(str::to_owned)));
    for model in &workspace.models {
        let metadata = &model.metadata;
        let version = model.runtime_version.as_deref().unwrap_or("?");
        table.add_row(shown([
            model.name.clone(),
            metadata.title.clone(),
            format!("{} {version}", metadata.runtime),
            metadata.accept.clone(),
            metadata.cpu.clone(),
            metadata.block.clone(),
            runs_here(&workspace, model, args.build),
        ]));
    }
    output::line(table);
    let externals = external::read(args.models.as_deref(), &workspace.tree.root, true)?;
    if !externals.is_empty() {
        output::line(format_args!("\n{}", external_table(&externals)));
    }
    output::line(format_args!("\n{}", scenarios(&workspace)));
    Ok(Exit::Fine)
}

/// A list, without lines. On a terminal cells are broken to fit it.
fn columns(header: &[impl ToString]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(header.iter().map(ToString::to_string));
    if let Some(columns) = output::columns(stdout()) {
        table.set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(columns);
    }
    // Names are to be typed again.
    if let Some(names) = table.column_mut(0) {
        names.set_constraint(ColumnConstraint::ContentWidth);
    }
    table
}

/// Servers that aren't ours.
fn external_table(externals: &[External]) -> Table {
    let mut table = columns(&["external model", "title", "wire", "command", "runs here"]);
    for external in externals {
        let needs = external.needs_text();
        let runs_here = match (external.builder(), external.executable()) {
            (Err(reason), _) => format!("no: {reason}{needs}"),
            // What it is built for may be a library of the one who runs it.
            (Ok(Some(_)), Ok(program)) if !program.starts_with(&external.directory) => {
                "unknown until built".to_owned()
            }
            (Ok(_), Ok(_)) => "yes".to_owned(),
            (Ok(Some(_)), Err(_)) => "unknown until built".to_owned(),
            (Ok(None), Err(reason)) => format!("no: {reason}{needs}"),
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
fn scenarios(workspace: &Workspace) -> Table {
    let mut table = columns(&["scenario", "title"]);
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
