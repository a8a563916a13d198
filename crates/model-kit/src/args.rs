//! The command line of the launch contract.
//!
//! Read with `lexopt`: a server has a handful of options, and every model would otherwise spend
//! seconds of its build on what a large parser can do beside.

use lexopt::{Arg, Error, Parser, ValueExt as _};
use protocol::wire::Wire;
use rustix::thread::{CpuSet, sched_setaffinity};
use std::{ffi::OsString, io, net::SocketAddr, ops::RangeInclusive, process::exit};

/// What each option of the contract is for.
const HELP: &str = "\
      --listen <ADDR>    Address to listen on; port 0 takes a free one, and the ready line
                         names it [default: 127.0.0.1:0]
      --threads <N>      I/O threads: loops, executors, workers [default: 1]
      --wire <WIRE>      How requests lie in the stream: framed (a header, then a payload) or
                         raw (bytes are echoed as they come) [default: framed]
      --cpus <LIST>      CPUs to run on, such as 0,2 [default: any]
      --backlog <N>      Length of the queue of connections that wait to be accepted
                         [default: 4096]
      --reuse-port       Share the port with other processes (SO_REUSEPORT)
      --relay <ADDR>     Pass each client's bytes to the backend there and its bytes back, over a
                         connection for each client
      --preflight        Check that the model can run here, say what is missing, and exit";

/// What a server writes, and when it ends.
const LINES: &str = "\
Writes one JSON line when it is ready, serves until standard input ends (or SIGTERM), and writes one
JSON line with its counts.";

const THREADS: RangeInclusive<u32> = 1..=1024;

/// What a program says of itself when it was started wrongly.
const WRONG_USE: i32 = 2;

/// The arguments that every model takes. Opaque: a program that takes more of them names those to
/// [`Args::parse_with`].
#[derive(Debug, PartialEq, Eq)]
pub struct Args {
    pub(crate) listen: SocketAddr,
    pub(crate) threads: u32,
    pub(crate) wire: Wire,
    pub(crate) cpus: Vec<usize>,
    pub(crate) backlog: i32,
    pub(crate) reuse_port: bool,
    pub(crate) relay: Option<SocketAddr>,
    pub(crate) preflight: bool,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            threads: 1,
            wire: Wire::Framed,
            cpus: Vec::new(),
            backlog: 4096,
            reuse_port: false,
            relay: None,
            preflight: false,
        }
    }
}

impl Args {
    /// Takes the process' arguments, or ends the process with what is wrong with them.
    pub(crate) fn parse() -> Self {
        let (args, []) = Self::parse_with([]);
        args
    }

    /// The same for a program that has options of its own, each with a value: `names` without the
    /// dashes. The values are those that were given, if any.
    #[must_use]
    pub fn parse_with<const N: usize>(names: [&str; N]) -> (Self, [Option<String>; N]) {
        let given = std::env::args_os().skip(1);
        Self::read(given, names).unwrap_or_else(|problem| wrong_use(&problem.to_string()))
    }

    /// The same for a program that has taken its own arguments from the line before: `given` is what
    /// is left.
    #[must_use]
    pub fn parse_rest(given: impl IntoIterator<Item = OsString>) -> Self {
        let read = Self::read(given, []);
        let (args, []) = read.unwrap_or_else(|problem| wrong_use(&problem.to_string()));
        args
    }

    /// Keeps this thread, and those that it starts, to the CPUs that were given, if any were.
    ///
    /// # Errors
    /// There is no such CPU, or it can't be had.
    pub fn pin(&self) -> io::Result<()> {
        let cpus = &self.cpus;
        if cpus.is_empty() {
            return Ok(());
        }
        let mut set = CpuSet::new();
        for &cpu in cpus {
            if cpu >= CpuSet::MAX_CPU {
                return Err(io::Error::other(format!("--cpus {cpu}: no such CPU")));
            }
            set.set(cpu);
        }
        sched_setaffinity(None, &set)
            .map_err(|errno| io::Error::other(format!("can't run on CPUs {cpus:?}: {errno}")))
    }

    /// Whether this is an option of the contract, by its name or with its value behind `=`.
    #[must_use]
    pub fn is_option(argument: &str) -> bool {
        let name = argument.split('=').next().unwrap_or(argument);
        name.starts_with("--") && HELP.split_whitespace().any(|word| word == name)
    }

    fn read<const N: usize>(
        given: impl IntoIterator<Item = OsString>,
        names: [&str; N],
    ) -> Result<(Self, [Option<String>; N]), Error> {
        let mut args = Self::default();
        let mut own = [const { None }; N];
        let mut line = Parser::from_args(given);
        while let Some(arg) = line.next()? {
            match arg {
                Arg::Long("listen") => args.listen = line.value()?.parse_with(address)?,
                Arg::Long("threads") => args.threads = line.value()?.parse_with(threads)?,
                Arg::Long("wire") => args.wire = line.value()?.parse_with(wire)?,
                Arg::Long("cpus") => args.cpus = line.value()?.parse_with(cpus)?,
                Arg::Long("backlog") => args.backlog = line.value()?.parse_with(backlog)?,
                Arg::Long("reuse-port") => args.reuse_port = true,
                Arg::Long("relay") => args.relay = Some(line.value()?.parse_with(address)?),
                Arg::Long("preflight") => args.preflight = true,
                Arg::Long("help") | Arg::Short('h') => help(&names),
                other => {
                    let Some(at) = names.iter().position(|name| other == Arg::Long(name)) else {
                        return Err(other.unexpected());
                    };
                    own[at] = Some(line.value()?.string()?);
                }
            }
        }
        Ok((args, own))
    }
}

fn address(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse()
        .map_err(|_| "it takes an address with its port, such as 127.0.0.1:7000")
}

fn threads(text: &str) -> Result<u32, &'static str> {
    let number = text.parse().ok().filter(|number| THREADS.contains(number));
    number.ok_or("--threads takes 1 to 1024")
}

/// The other wires are those of servers that aren't ours.
fn wire(text: &str) -> Result<Wire, &'static str> {
    let wire = text
        .parse()
        .ok()
        .filter(|wire: &Wire| wire.is_of_contract());
    wire.ok_or("--wire takes framed or raw")
}

fn cpus(text: &str) -> Result<Vec<usize>, &'static str> {
    let cpus: Result<_, _> = text.split(',').map(str::parse).collect();
    cpus.map_err(|_| "--cpus takes numbers, with commas between them")
}

fn backlog(text: &str) -> Result<i32, &'static str> {
    text.parse().map_err(|_| "--backlog takes a number")
}

fn program() -> String {
    let path = std::env::args_os().next().unwrap_or_default();
    let name = std::path::Path::new(&path).file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

fn help(own: &[&str]) -> ! {
    println!("One TCP server of Millionfold.\n{LINES}\n");
    println!("Usage: {} [OPTIONS]\n\nOptions:\n{HELP}", program());
    for name in own {
        println!("      --{name} <VALUE>");
    }
    println!("  -h, --help             Say this");
    exit(0);
}

/// Ends a process that was started wrongly, with `problem` and the way out.
pub fn wrong_use(problem: &str) -> ! {
    eprintln!(
        "error: {problem}\n\nFor more information, try '{} --help'.",
        program()
    );
    exit(WRONG_USE);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Args, String> {
        let given = line.split_whitespace().map(OsString::from);
        let read = Args::read(given, []);
        read.map(|(args, [])| args)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn every_argument_of_the_contract_is_taken() {
        let line = "--listen [::1]:80 --threads 3 --wire=raw --cpus 0,2 --backlog 9 --reuse-port \
                    --relay 127.0.0.1:9 --preflight";
        let args = Args {
            listen: "[::1]:80".parse().unwrap(),
            threads: 3,
            wire: Wire::Raw,
            cpus: vec![0, 2],
            backlog: 9,
            reuse_port: true,
            relay: Some("127.0.0.1:9".parse().unwrap()),
            preflight: true,
        };
        assert_eq!(read(line), Ok(args));
        assert_eq!(read(""), Ok(Args::default()));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (line, named) in [
            ("--threads 0", "--threads takes 1 to 1024"),
            ("--threads", "--threads"),
            ("--wire http1", "--wire takes"),
            ("--cpus 0-3", "--cpus takes"),
            ("--listen 80", "\"80\": it takes an address"),
            ("--relay there", "\"there\": it takes an address"),
            ("--fast", "--fast"),
            ("tokio", "tokio"),
        ] {
            let problem = read(line).unwrap_err();
            assert!(problem.contains(named), "{line}: {problem}");
        }
    }

    #[test]
    fn a_programs_own_options_come_along() {
        let given = ["--threads", "2", "--engine", "epoll"].map(OsString::from);
        let (args, [engine, other]) = Args::read(given, ["engine", "other"]).unwrap();
        assert_eq!(args.threads, 2);
        assert_eq!((engine.as_deref(), other), (Some("epoll"), None));
    }

    #[test]
    fn the_contracts_options_are_told_from_others() {
        for option in ["--listen", "--wire=raw", "--reuse-port"] {
            assert!(Args::is_option(option), "{option}");
        }
        for other in ["--for-us", "stall", "framed", "--listening", "--help"] {
            assert!(!Args::is_option(other), "{other}");
        }
    }
}
