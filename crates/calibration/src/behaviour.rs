//! The behaviours, as the command line names them.

use clap::Subcommand;

/// How the server treats requests.
///
/// "Each N-th request" counts the echo requests of the whole server in the order in which it
/// read them, from 1: so the N-th, the 2N-th and so on. The requests with which a generator
/// makes sure of its connections count too, so a fault that shall not meet those needs an N
/// above their number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Subcommand)]
pub enum Behaviour {
    /// Echo at once: what the instrument costs by itself
    Null,

    /// Echo at once, after spending CPU time: the null server with a known surcharge
    Burn {
        /// Nanoseconds of CPU time per request; 0 is the null server
        #[arg(long, value_name = "NS", value_parser = clap::value_parser!(u64).range(..=1_000_000_000))]
        extra_ns: u64,
    },

    /// Send every reply exactly this long after its request was read
    Delay {
        /// Microseconds from read to sent
        #[arg(long, value_name = "US", value_parser = clap::value_parser!(u64).range(..=60_000_000))]
        delay_us: u64,
    },

    /// Delay one in N requests of each connection, and no others
    ///
    /// Those whose sequence number (the lower 32 bits of the id) leaves N - 1 when divided by N.
    Mixture {
        /// N: the share of slow requests is exactly 1/N
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        one_in: u32,
        /// Microseconds from read to sent of a slow request
        #[arg(long, value_name = "US", value_parser = clap::value_parser!(u64).range(..=60_000_000))]
        slow_us: u64,
    },

    /// Do nothing at all for a while, again and again
    ///
    /// With the first request read at time S, the stalls are S + kE - F .. S + kE, k = 1, 2, ...
    Stall {
        /// E: microseconds from the end of one stall to the end of the next
        #[arg(long, value_name = "US", value_parser = clap::value_parser!(u64).range(1..=3_600_000_000))]
        every_us: u64,
        /// F: length of a stall in microseconds, shorter than E
        #[arg(long, value_name = "US", value_parser = clap::value_parser!(u64).range(1..=60_000_000))]
        for_us: u64,
    },

    /// Send at most so many replies a second, in the order of their requests
    ///
    /// After a pause no more than a millisecond's worth is made up for.
    Cap {
        /// Replies per second, over all connections
        #[arg(long, value_name = "R", value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
        rate: u32,
    },

    /// Flip a bit of the last byte of each N-th reply
    WrongByte {
        /// N
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
        one_in: u64,
    },

    /// Never answer each N-th request
    LoseReply {
        /// N
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
        one_in: u64,
    },

    /// Close, once, the connection that the N-th request came on instead of answering it
    DropConnection {
        /// N
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
        after: u64,
    },

    /// On every second connection answer nothing but the first request
    ///
    /// The first is answered because a generator may ask once while it connects.
    ServeHalf,

    /// On some connections answer nothing but the first request, on all others everything
    ///
    /// Of each hundred connections the first P are starved, in the order of accepting.
    Starve {
        /// P
        #[arg(long, value_name = "P", value_parser = clap::value_parser!(u32).range(1..=99))]
        percent: u32,
    },

    /// Send at a rate that falls all the time, from the first request on
    ///
    /// After t seconds it is R x (1 - P/100)^t.
    SlowDown {
        /// R: replies per second in the beginning, over all connections
        #[arg(long, value_name = "R", value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
        rate: u32,
        /// P: what each second takes of the rate
        #[arg(long, value_name = "P", value_parser = clap::value_parser!(u32).range(1..=50))]
        percent_per_s: u32,
    },

    /// Echo at once, and keep memory for each connection that was ever accepted
    Leak {
        /// Bytes for each, written to
        #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(1..=1 << 20))]
        bytes_per_connection: u32,
    },

    /// The same, and more all at once with one of the connections
    Step {
        /// Bytes for each connection, written to
        #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(1..=1 << 20))]
        bytes_per_connection: u32,
        /// Bytes that come once
        #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(1..=1 << 30))]
        step_bytes: u32,
        /// With which connection, counted from 1
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
        at_connection: u64,
    },

    /// Echo at once, with threads that do nothing
    IdleThreads {
        /// How many
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=20_000))]
        count: u32,
    },

    /// Echo at once, and have the kernel's own threads do something for each read
    ///
    /// It asks for a file in memory to be synchronised, N times: nothing to do, which a kworker of
    /// this CPU finds out. That takes a microsecond or less each, and is in no process' CPU time.
    KernelWork {
        /// N
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
        times: u32,
    },
}

impl Behaviour {
    /// What the flags alone can't say.
    ///
    /// # Errors
    /// A stall that never ends.
    pub fn check(&self) -> Result<(), String> {
        match *self {
            Self::Stall { every_us, for_us } if for_us >= every_us => Err(format!(
                "--for-us {for_us} leaves no time to serve: it has to be shorter than --every-us {every_us}"
            )),
            _ => Ok(()),
        }
    }
}
