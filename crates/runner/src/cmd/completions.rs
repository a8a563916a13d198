//! `runner completions`: a script with which a shell completes our arguments.

use crate::{exit::Exit, output};
use catalog::workspace::Workspace;
use clap::{Arg, Args, Command, builder::PossibleValuesParser};
use clap_complete::{Shell, generate};
use store::baseline;

#[derive(Args, Debug)]
pub(crate) struct CompletionsArgs {
    /// The shell that is to read it
    shell: Shell,
}

pub(crate) fn completions(args: &CompletionsArgs, command: Command) -> anyhow::Result<Exit> {
    // Elsewhere there are no names, and everything else is completed all the same.
    let names =
        Workspace::find().map_or_else(|_| Names::default(), |workspace| Names::of(&workspace));
    let mut command = with_names(command, &names);
    let mut script = Vec::new();
    generate(args.shell, &mut command, "runner", &mut script);
    output::write(with_lists(args.shell, String::from_utf8(script)?, &names));
    Ok(Exit::Fine)
}

/// A script that completes lists, too. What is generated completes a whole word; of a list that is what
/// stands behind its last comma.
fn with_lists(shell: Shell, script: String, names: &Names) -> String {
    let models = names.of_models().join(" ");
    match shell {
        Shell::Bash => script + BASH_LISTS,
        Shell::Fish => {
            let list = format!("__fish_complete_list , 'printf %s\\n {models}'");
            let lists = format!("complete -c runner -l model -x -a \"({list})\"\n");
            script.replace(FISH_GIVES_UP, FISH_GOES_ON) + &lists
        }
        Shell::Zsh => script.replace(
            &format!(":NAMES:({models})'"),
            &format!(":NAMES:_sequence compadd - {models}'"),
        ),
        _ => script,
    }
}

/// An option whose value is still to be written is an error to fish's `argparse`; what is generated
/// then offers nothing, where that value is what is asked for.
const FISH_GIVES_UP: &str = "(__fish_runner_global_optspecs) -- $cmd 2>/dev/null\n    or return\n";
const FISH_GOES_ON: &str = "(__fish_runner_global_optspecs) -- $cmd 2>/dev/null\n    or return 0\n";

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
#[derive(Default)]
struct Names {
    models: Vec<&'static str>,
    scenarios: Vec<&'static str>,
    baselines: Vec<&'static str>,
}

impl Names {
    fn of(workspace: &Workspace) -> Self {
        let models = workspace.models.iter().map(|model| model.name.clone());
        let runs = workspace.tree.root.join("bench-results");
        Self {
            models: lasting(models.collect()),
            scenarios: lasting(workspace.scenarios()),
            baselines: lasting(baseline::names(&runs)),
        }
    }

    /// What `--model` takes.
    fn of_models(&self) -> Vec<&'static str> {
        [&*self.models, &["all"]].concat()
    }
}

/// A command line keeps names for as long as there is one, and this process ends with the script.
fn lasting(names: Vec<String>) -> Vec<&'static str> {
    names.into_iter().map(|name| &*name.leak()).collect()
}

/// The same command line, in which arguments that name a model, a scenario or a baseline take what there
/// is, so that a shell offers it. This is for the script alone: elsewhere globs and paths are names, too.
fn with_names(command: Command, names: &Names) -> Command {
    let of = |arg: Arg, names: &[&'static str]| {
        if names.is_empty() {
            return arg;
        }
        arg.value_parser(PossibleValuesParser::new(names.iter().copied()))
    };
    let named = command.mut_args(|arg| match arg.get_long() {
        Some("model") => of(arg, &names.of_models()),
        Some("like") => of(arg, &names.models),
        Some("scenario") => of(arg, &names.scenarios),
        Some("baseline") => of(arg, &names.baselines),
        _ => arg,
    });
    named.mut_subcommands(|subcommand| with_names(subcommand, names))
}
