//! The command line.

use crate::cmd::{self, run::RunArgs};
use clap::{Parser, Subcommand};

/// Compares ways of building a TCP server, in numbers that can be believed.
///
/// With --model it builds, starts, loads and measures each model and writes JSON reports. The
/// table goes to standard error, the paths of the reports to standard output.
#[derive(Debug, Parser)]
#[command(
    name = "runner",
    args_conflicts_with_subcommands = true,
    arg_required_else_help = true,
    max_term_width = 80,
    after_help = "Examples and exit codes: --help",
    after_long_help = "Examples:\n  \
        runner --model epoll                     memory, peak rate and CPU of one model\n  \
        runner --model 'tok*,epoll' --trials 6   a comparison\n  \
        runner --model all --dry-run             what would be done\n  \
        runner list                              which models there are\n  \
        runner doctor                            can figures from this machine be trusted?\n  \
        runner calibrate                         does the instrument measure what is true?\n\n\
        Exit codes: 0 fine, 1 a bug of ours, 2 wrong use, 3 a model failed or a verdict\n\
        is invalid, 4 a comparison shows a regression or a gate was missed, 5 that could\n\
        not be told, 130 interrupted."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Subcommands>,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Subcommands {
    /// Show the models, and whether they can run here
    List(cmd::list::ListArgs),
    /// Make a new model crate, like one that is there
    ///
    /// Copies a model under another name: it builds, passes 'runner check' and is in 'runner list'
    /// at once. What is yours, you then change.
    New(cmd::new::NewArgs),
    /// Hold models to the conformance suite
    Check(cmd::check::CheckArgs),
    /// Hold the instrument itself to servers whose truth is known
    ///
    /// Takes three minutes on a machine that has nothing else to do, and prints what had to be
    /// measured beside what was. Exit code 3 when a row fails.
    Calibrate(cmd::calibrate::CalibrateArgs),
    /// Measure what this machine's loopback can do at all
    ///
    /// It does so with the cheapest echo there is.
    /// Rates of models are held against this. It takes about half a minute.
    Ceiling(cmd::ceiling::CeilingArgs),
    /// Look at this machine: what would spoil its figures
    ///
    /// What stops many connections is looked for, too.
    /// It looks for two seconds, changes nothing unless --apply or --undo asks for it, and names the
    /// command that mends each finding.
    /// "problem" bears on the figures or breaks a run with the default options, "note" is worth
    /// knowing. The commands are for root, and last until the next boot or the end of the shell.
    Doctor(cmd::doctor::DoctorArgs),
    /// Compare models, or one before and after a change, by figures
    Compare(cmd::compare::CompareArgs),
    /// Show saved reports again
    Report(cmd::report::ReportArgs),
    /// Put a saved run into a format that another tool reads
    ///
    /// Spreadsheets, HdrHistogram's plotters, Prometheus, services that follow figures from commit to
    /// commit. What is invalid is marked where the format has room for it, and left out elsewhere.
    Export(cmd::export::ExportArgs),
    /// Print the JSON Schema of the reports
    Schema,
    /// Print a script with which a shell completes our arguments
    ///
    /// It completes models and scenarios, too: those that there are when it is made. For bash:
    /// runner completions bash > ~/.local/share/bash-completion/completions/runner
    Completions(cmd::completions::CompletionsArgs),
    /// Print the manual page, or write the pages of all subcommands
    Man(cmd::man::ManArgs),
    /// Become another program that can't outlive the runner
    #[command(hide = true)]
    Guard(cmd::guard::GuardArgs),
    /// Run another program, all of which ends with the runner
    #[command(hide = true)]
    Keep(cmd::keep::KeepArgs),
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
