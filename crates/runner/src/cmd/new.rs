//! `runner new`: a new model crate, like one that is there.

use crate::{exit::Exit, output};
use catalog::{
    draft::{self, Draft},
    workspace::Workspace,
};
use clap::Args;

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
    let draft = draft::make(&workspace, &args.name, args.like.as_deref())?;
    output::line(next_steps(&args.name, &draft));
    Ok(Exit::Fine)
}

fn next_steps(name: &str, draft: &Draft) -> String {
    let Draft { like, files } = draft;
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
