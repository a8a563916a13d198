//! A server whose truth is known.
//!
//! `calibration <BEHAVIOUR> [its flags] --listen 127.0.0.1:0 --threads N ...`: what a behaviour
//! is comes first, then the arguments of the launch contract, which it keeps like a model. It
//! speaks the framed wire alone.
//!
//! `calibration disturb <WHAT>` is no server: it disturbs a trial of one, for as long as it lives.

mod burden;
mod burner;
mod client;
mod clock;
mod desk;
mod disturb;
mod event_loop;
mod kernel_work;

use burden::Burden;
use burner::Burner;
use calibration::{behaviour::Behaviour, fate::Fates};
use clap::{Command, CommandFactory as _, FromArgMatches as _, Parser, error::ErrorKind};
use desk::Desk;
use event_loop::EventLoop;
use model_kit::{Args, Ended, Listeners, Model, Server};
use protocol::wire::Wire;
use std::{process::ExitCode, sync::Arc};

/// A TCP server that answers in a way known beforehand, to prove measuring instruments by
///
/// One thread, whatever --threads says, so that nothing depends on chance; only --wire framed.
#[derive(Debug, Parser)]
#[command(
    name = "calibration",
    subcommand_value_name = "BEHAVIOUR",
    subcommand_help_heading = "Behaviours"
)]
struct Cli {
    #[command(subcommand)]
    behaviour: Behaviour,
    #[command(flatten)]
    contract: Args,
}

/// The contract's arguments are global, so that they may follow the behaviour.
fn command() -> Command {
    Cli::command().mut_args(|arg| arg.global(true))
}

fn main() -> ExitCode {
    if std::env::args_os()
        .nth(1)
        .is_some_and(|first| first == disturb::DISTURB)
    {
        return disturb::main();
    }
    let mut command = command();
    let parsed = Cli::from_arg_matches(&command.clone().get_matches());
    let Cli {
        behaviour,
        contract,
    } = parsed.unwrap_or_else(|error| error.format(&mut command).exit());
    if let Err(problem) = behaviour.check() {
        command.error(ErrorKind::ValueValidation, problem).exit();
    }
    Model {
        listeners: Listeners::One,
        needs: &[],
        run: move |server| run(&server, behaviour),
    }
    .main_with(contract)
}

fn run(server: &Arc<Server>, behaviour: Behaviour) -> Ended {
    if server.wire() != Wire::Framed {
        return Err("only --wire framed: faults are placed by request, and raw has none".into());
    }
    // Before the ready line, so that whoever measures the server doesn't measure this.
    let burner = Burner::calibrated();
    let burden = Burden::taken_on(behaviour)?;
    let desk = Desk::new(Fates::new(behaviour), burner);
    EventLoop::new(server, desk, burden)?.run()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn the_contracts_arguments_may_follow_the_behaviour() {
        let line = "calibration stall --every-us 9 --for-us 2 --listen 127.0.0.1:0 --threads 2 \
                    --wire framed --cpus 0,1 --preflight";
        let matches = command().try_get_matches_from(line.split_whitespace());
        let cli = Cli::from_arg_matches(&matches.unwrap()).unwrap();
        let (every_us, for_us) = (9, 2);
        assert_eq!(cli.behaviour, Behaviour::Stall { every_us, for_us });
        assert!(format!("{:?}", cli.contract).contains("threads: 2"));
    }
}
