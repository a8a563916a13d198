//! `runner completions`: a script with which a shell completes our arguments.

use crate::{exit::Exit, output};
use catalog::workspace::Workspace;
use clap::{Args, Command, builder::PossibleValuesParser};
use clap_complete::{Shell, generate};

#[derive(Args, Debug)]
pub(crate) struct CompletionsArgs {
    /// The shell that is to read it
    shell: Shell,
}

pub(crate) fn completions(args: &CompletionsArgs, command: Command) -> anyhow::Result<Exit> {
    // Elsewhere there is nothing to name, and everything else is completed all the same.
    let mut command = match Workspace::find() {
        Ok(workspace) => {
            let models = workspace.models.iter().map(|model| model.name.clone());
            with_names(
                command,
                &lasting(models.collect()),
                &lasting(workspace.scenarios()),
            )
        }
        Err(_) => command,
    };
    let mut script = Vec::new();
    generate(args.shell, &mut command, "runner", &mut script);
    output::write(String::from_utf8(script)?);
    Ok(Exit::Fine)
}

/// A command line keeps names for as long as there is one, and this process ends with the script.
fn lasting(names: Vec<String>) -> Vec<&'static str> {
    names.into_iter().map(|name| &*name.leak()).collect()
}

/// The same command line, in which arguments that name a model or a scenario take what there is, so
/// that a shell offers it. This is for the script alone: elsewhere globs and paths are names, too.
fn with_names(command: Command, models: &[&'static str], scenarios: &[&'static str]) -> Command {
    let named = command.mut_args(|arg| match arg.get_id().as_str() {
        "model" => {
            let names = models.iter().copied().chain(["all"]);
            arg.value_parser(PossibleValuesParser::new(names))
        }
        "like" => arg.value_parser(PossibleValuesParser::new(models.iter().copied())),
        "scenario" => arg.value_parser(PossibleValuesParser::new(scenarios.iter().copied())),
        _ => arg,
    });
    named.mut_subcommands(|subcommand| with_names(subcommand, models, scenarios))
}
