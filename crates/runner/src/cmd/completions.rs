//! `runner completions`: a script with which a shell completes our arguments.

use crate::{exit::Exit, output};
use catalog::workspace::Workspace;
use clap::{Args, Command, builder::PossibleValuesParser};
use clap_complete::{Shell, generate};
use store::baseline;

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
            let runs = workspace.tree.root.join("bench-results");
            let names = Names {
                models: lasting(models.collect()),
                scenarios: lasting(workspace.scenarios()),
                baselines: lasting(baseline::names(&runs)),
            };
            with_names(command, &names)
        }
        Err(_) => command,
    };
    let mut script = Vec::new();
    generate(args.shell, &mut command, "runner", &mut script);
    output::write(String::from_utf8(script)?);
    if args.shell == Shell::Bash {
        output::write(BASH_LISTS);
    }
    Ok(Exit::Fine)
}

/// What is generated completes a whole word; of a list that is what stands behind its last comma.
const BASH_LISTS: &str = r#"
_runner_lists() {
    local before=""
    case "$3" in
        --model|--load) [[ "$2" == *,* ]] && before="${2%,*}," ;;
    esac
    _runner "$1" "${2#"$before"}" "$3"
    [[ -z "$before" ]] || COMPREPLY=("${COMPREPLY[@]/#/"$before"}")
}
complete -F _runner_lists -o bashdefault -o default runner
"#;

/// What there is to name.
struct Names {
    models: Vec<&'static str>,
    scenarios: Vec<&'static str>,
    baselines: Vec<&'static str>,
}

/// A command line keeps names for as long as there is one, and this process ends with the script.
fn lasting(names: Vec<String>) -> Vec<&'static str> {
    names.into_iter().map(|name| &*name.leak()).collect()
}

/// The same command line, in which arguments that name a model, a scenario or a baseline take what there
/// is, so that a shell offers it. This is for the script alone: elsewhere globs and paths are names, too.
fn with_names(command: Command, names: &Names) -> Command {
    let of = |names: &[&'static str]| PossibleValuesParser::new(names.iter().copied());
    let named = command.mut_args(|arg| match arg.get_long() {
        Some("model") => arg.value_parser(of(&[&*names.models, &["all"]].concat())),
        Some("like") => arg.value_parser(of(&names.models)),
        Some("scenario") => arg.value_parser(of(&names.scenarios)),
        Some("baseline") => arg.value_parser(of(&names.baselines)),
        _ => arg,
    });
    named.mut_subcommands(|subcommand| with_names(subcommand, names))
}
