//! The command line of the launch contract.

use clap::{Parser, ValueEnum};
use protocol::wire;
use std::net::SocketAddr;

/// The arguments that every model takes. Opaque: a program that takes more of them flattens
/// these into its own.
#[derive(Debug, Parser)]
#[command(
    about = "One concurrency model of Millionfold as a TCP server",
    after_help = "Writes one JSON line when it is ready, serves until standard input ends \
                  (or SIGTERM), and writes one JSON line with its counts."
)]
pub struct Args {
    /// Address to listen on; port 0 takes a free one, and the ready line names it
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,

    /// I/O threads: loops, executors, workers
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) threads: u32,

    /// How requests lie in the stream
    #[arg(long, value_enum, default_value = "framed")]
    pub(crate) wire: WireArg,

    /// CPUs to run on, such as 0,2 (any, if not given)
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub(crate) cpus: Vec<usize>,

    /// Length of the queue of connections that wait to be accepted
    #[arg(long, value_name = "N", default_value_t = 4096)]
    pub(crate) backlog: i32,

    /// Share the port with other processes (SO_REUSEPORT)
    #[arg(long)]
    pub(crate) reuse_port: bool,

    /// Check that the model can run here, say what is missing, and exit
    #[arg(long)]
    pub(crate) preflight: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum WireArg {
    /// A header, then a payload
    Framed,
    /// Bytes are echoed as they come
    Raw,
}

impl From<WireArg> for wire::Wire {
    fn from(arg: WireArg) -> Self {
        match arg {
            WireArg::Framed => Self::Framed,
            WireArg::Raw => Self::Raw,
        }
    }
}
