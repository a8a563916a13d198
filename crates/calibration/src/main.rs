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
use clap::{CommandFactory as _, Parser, error::ErrorKind};
use desk::Desk;
use event_loop::EventLoop;
use model_kit::{Args, Ended, Listeners, Model, Server};
use protocol::wire::Wire;
use std::{env, ffi::OsString, process::ExitCode, sync::Arc};

/// A TCP server that answers in a way known beforehand, to prove measuring instruments by
///
/// One thread, whatever --threads says, so that nothing depends on chance; only --wire framed. The
/// arguments of the launch contract (--listen ADDR, --threads N and so on) follow the behaviour's.
#[derive(Debug, Parser)]
#[command(
    name = "calibration",
    subcommand_value_name = "BEHAVIOUR",
    subcommand_help_heading = "Behaviours"
)]
struct Cli {
    #[command(subcommand)]
    behaviour: Behaviour,
}

/// The command line's own part, then the contract's.
fn split(mut line: Vec<OsString>) -> (Vec<OsString>, Vec<OsString>) {
    let of_contract = |argument: &OsString| argument.to_str().is_some_and(Args::is_option);
    let at = line.iter().position(of_contract).unwrap_or(line.len());
    let contract = line.split_off(at);
    (line, contract)
}

fn main() -> ExitCode {
    if env::args_os()
        .nth(1)
        .is_some_and(|first| first == disturb::DISTURB)
    {
        return disturb::main();
    }
    let (own, contract) = split(env::args_os().collect());
    let Cli { behaviour } = Cli::parse_from(own);
    if let Err(problem) = behaviour.check() {
        Cli::command()
            .error(ErrorKind::ValueValidation, problem)
            .exit();
    }
    Model {
        listeners: Listeners::One,
        needs: &[],
        run: move |server| run(&server, behaviour),
    }
    .main_with(Args::parse_rest(contract))
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
        Cli::command().debug_assert();
    }

    #[test]
    fn the_contracts_arguments_follow_the_behaviour() {
        let line = "calibration stall --every-us 9 --for-us 2 --listen 127.0.0.1:0 --threads 2 \
                    --wire framed --cpus 0,1 --preflight";
        let (own, contract) = split(line.split_whitespace().map(OsString::from).collect());
        let (every_us, for_us) = (9, 2);
        let behaviour = Cli::parse_from(own).behaviour;
        assert_eq!(behaviour, Behaviour::Stall { every_us, for_us });
        assert_eq!(contract[0], "--listen");
        assert!(format!("{:?}", Args::parse_rest(contract)).contains("threads: 2"));
    }
}
