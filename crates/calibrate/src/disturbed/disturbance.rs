//! What there is to disturb trials by. Strengths are multiples of the threshold that the disturbance
//! belongs to: from there on the checks of `analysis::rules` speak.

use super::published::Published::{self, *};

/// One way to disturb trials.
#[derive(Debug)]
pub struct Disturbance {
    /// As on the command line.
    pub name: &'static str,
    /// What happens, at a strength.
    pub what: fn(f64) -> String,
    /// Which trials it disturbs.
    pub setting: Setting,
    /// What is done.
    pub how: How,
    /// At which strengths.
    pub strengths: &'static [f64],
    /// At which in the short form.
    pub short: f64,
    /// Figures that it can move.
    pub moves: &'static [Published],
    /// Figures whose threshold the strengths are multiples of.
    pub belongs: &'static [Published],
    /// Up to this strength they stay valid.
    pub stands_up_to: f64,
    /// What the figures would be without it.
    pub truth: Truth,
}

/// What is measured, disturbed or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// The null server in closed load.
    Closed,
    /// The null server in open load.
    Open,
    /// A server of known capacity in closed load.
    PacedClosed,
    /// The same in open load, below its capacity.
    PacedOpen,
    /// A ladder of idle connections, on a server that keeps memory for each.
    Idle,
}

/// What is done.
#[derive(Clone, Copy, Debug)]
pub enum How {
    /// The server behaves otherwise.
    Server(fn(f64) -> String),
    /// Another program uses this share of a CPU, times the strength.
    Hog(Side, f64),
    /// The same by programs that end at once.
    Brief(Side, f64),
    /// The generator is stopped for this time, times the strength.
    PauseGenerator {
        /// Microseconds.
        us: f64,
    },
    /// Another program lists the open files of all processes.
    ListDescriptors,
    /// A CPU quota stops server, generator and runner for this share of the time, times the strength.
    Quota(f64),
    /// The strength is the share of its capacity that the server is offered.
    Offer,
}

/// On whose CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The server's.
    Server,
    /// The generator's.
    Generator,
}

/// What a figure would be without the disturbance.
#[derive(Clone, Copy, Debug)]
pub enum Truth {
    /// What it is in the undisturbed trials.
    Undisturbed,
    /// So much more than in those: the server really costs that.
    More(fn(f64) -> f64),
    /// It is off by this share, by arithmetic.
    Off(fn(f64) -> f64),
    /// Whether what the figure claims happens at all, at this strength.
    Happens(fn(f64) -> bool),
}

/// Of the servers of known capacity, a second.
pub const CAPACITY_PER_S: f64 = 20_000.0;

/// Seconds of a window.
pub const WINDOW_S: f64 = 2.0;

/// The ladder of idle connections.
pub const IDLE: [u32; 4] = [500, 1_000, 1_500, 2_000];

/// What the server of the ladder keeps for each.
pub const IDLE_BYTES: f64 = 4_096.0;

/// Rates and CPU per request are touched by what takes more than this share of the window.
const OF_RATE: f64 = 0.02;

/// A quarter of the requests beyond the percentile.
const OF_P90: f64 = 0.1 / 4.0;
const OF_P99: f64 = 0.01 / 4.0;

/// What is added to the memory of all connections at once, at strength 1: a fiftieth of it.
fn step_bytes(times: f64) -> f64 {
    times * 0.02 * IDLE_BYTES * f64::from(IDLE[IDLE.len() - 1])
}

/// `1.2 %`
fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

const STRENGTHS: &[f64] = &[0.5, 1.0, 2.0, 4.0];
const CLOSED: &[Published] = &[Rate, ProcessCpu, CpusCpu, P50, P90, P99, P99_9];
const OPEN: &[Published] = &[ProcessCpu, CpusCpu, P50, P90, P99, P99_9];
const TIMES: &[Published] = &[P50, P90, P99, P99_9];
const OF_WINDOW: &[Published] = &[Rate, P50, P90, P99, P99_9];

const PLAIN: Disturbance = Disturbance {
    name: "",
    what: |_| String::new(),
    setting: Setting::Closed,
    how: How::ListDescriptors,
    strengths: STRENGTHS,
    short: 4.0,
    moves: CLOSED,
    belongs: &[Rate],
    stands_up_to: 0.5,
    truth: Truth::Undisturbed,
};

/// All of them.
pub static DISTURBANCES: &[Disturbance] = &[
    Disturbance {
        name: "hog-server",
        what: |times| percent(times * OF_RATE) + " of the server's CPU used by a program",
        how: How::Hog(Side::Server, OF_RATE),
        belongs: &[Rate, ProcessCpu],
        ..PLAIN
    },
    Disturbance {
        name: "hog-generator",
        what: |times| percent(times * OF_RATE) + " of the generator's CPU used by a program",
        how: How::Hog(Side::Generator, OF_RATE),
        belongs: &[Rate, ProcessCpu],
        ..PLAIN
    },
    Disturbance {
        name: "hog-brief",
        what: |times| {
            percent(times * OF_RATE) + " of the server's CPU used by programs that end at once"
        },
        how: How::Brief(Side::Server, OF_RATE),
        belongs: &[Rate, ProcessCpu],
        ..PLAIN
    },
    Disturbance {
        name: "hog-open",
        what: |times| percent(times * OF_P90) + " of the server's CPU used by a program",
        setting: Setting::Open,
        how: How::Hog(Side::Server, OF_P90),
        moves: OPEN,
        belongs: &[P90],
        ..PLAIN
    },
    Disturbance {
        name: "quota",
        what: |times| {
            format!(
                "a CPU quota of {:.0} % less than is used",
                times * OF_RATE * 100.0
            )
        },
        how: How::Quota(OF_RATE),
        // What it takes away depends on what the trial would have used, in which trials differ by
        // more than that: no strength is known to be below a threshold.
        belongs: &[],
        ..PLAIN
    },
    Disturbance {
        name: "pause-generator",
        what: |times| {
            format!(
                "the generator stopped for {:.0} ms",
                times * OF_P99 * WINDOW_S * 1e3
            )
        },
        setting: Setting::Open,
        how: How::PauseGenerator {
            us: OF_P99 * WINDOW_S * 1e6,
        },
        // 2, 10 and 50 ms of 2 s.
        strengths: &[0.4, 2.0, 10.0],
        short: 10.0,
        moves: OPEN,
        belongs: &[P99],
        ..PLAIN
    },
    Disturbance {
        name: "slow-down",
        what: |times| {
            format!(
                "a server that slows by {} % a second",
                slow_down_percent(times)
            )
        },
        setting: Setting::PacedClosed,
        how: How::Server(|times| {
            format!(
                "slow-down --rate {CAPACITY_PER_S} --percent-per-s {}",
                slow_down_percent(times)
            )
        }),
        // 1, 2, 5 and 8 % a second.
        strengths: &[0.5, 1.0, 2.5, 4.0],
        short: 2.5,
        moves: &[Rate],
        // The window's mean is that of its middle.
        truth: Truth::Off(|times| f64::from(slow_down_percent(times)) / 100.0 * WINDOW_S / 2.0),
        ..PLAIN
    },
    Disturbance {
        name: "starve",
        what: |times| format!("{times} of 100 connections starved"),
        how: How::Server(|times| format!("starve --percent {times}")),
        strengths: &[1.0, 5.0, 9.0],
        short: 5.0,
        moves: OF_WINDOW,
        belongs: &[],
        truth: Truth::Happens(|_| false),
        ..PLAIN
    },
    Disturbance {
        name: "idle-threads",
        what: |times| format!("{:.0} threads that do nothing", times * 500.0),
        how: How::Server(|times| format!("idle-threads --count {:.0}", times * 500.0)),
        strengths: &[1.0, 4.0],
        short: 1.0,
        belongs: CLOSED,
        stands_up_to: f64::INFINITY,
        ..PLAIN
    },
    Disturbance {
        name: "offered",
        what: |times| format!("{times} of the server's capacity offered"),
        setting: Setting::PacedOpen,
        how: How::Offer,
        strengths: &[0.99, 1.01, 1.05],
        short: 1.05,
        moves: TIMES,
        belongs: TIMES,
        stands_up_to: 0.99,
        // Beyond it they are as long as the window is.
        truth: Truth::Happens(|times| times <= 1.0),
    },
    Disturbance {
        name: "leak",
        what: |times| format!("{:.0} bytes kept for each connection", times * 1024.0),
        setting: Setting::Idle,
        how: How::Server(|times| {
            format!(
                "leak --bytes-per-connection {:.0}",
                IDLE_BYTES + times * 1024.0
            )
        }),
        moves: &[UserMemory],
        belongs: &[UserMemory],
        stands_up_to: f64::INFINITY,
        truth: Truth::More(|times| times * 1024.0),
        ..PLAIN
    },
    Disturbance {
        name: "step",
        what: |times| format!("{:.0} kB kept once", step_bytes(times) / 1e3),
        setting: Setting::Idle,
        how: How::Server(|times| {
            format!(
                "step --bytes-per-connection {IDLE_BYTES} --step-bytes {:.0} --at-connection 1250",
                step_bytes(times)
            )
        }),
        moves: &[UserMemory],
        belongs: &[UserMemory],
        ..PLAIN
    },
    Disturbance {
        name: "list-descriptors",
        what: |_| "all open files listed again and again".to_owned(),
        setting: Setting::Idle,
        how: How::ListDescriptors,
        strengths: &[1.0],
        short: 1.0,
        moves: &[KernelMemory],
        belongs: &[KernelMemory],
        stands_up_to: f64::INFINITY,
        ..PLAIN
    },
];

fn slow_down_percent(times: f64) -> u32 {
    (times * OF_RATE * 100.0 / (WINDOW_S / 2.0)).round() as u32
}

impl Setting {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Closed,
        Self::Open,
        Self::PacedClosed,
        Self::PacedOpen,
        Self::Idle,
    ];

    /// The name of its directory of reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Closed => "disturbed-closed",
            Self::Open => "disturbed-open",
            Self::PacedClosed => "disturbed-paced-closed",
            Self::PacedOpen => "disturbed-paced-open",
            Self::Idle => "disturbed-idle",
        }
    }

    /// What the server does when nothing disturbs.
    pub fn behaviour(self) -> String {
        match self {
            Self::Closed | Self::Open => "null".to_owned(),
            Self::PacedClosed | Self::PacedOpen => format!("cap --rate {CAPACITY_PER_S}"),
            Self::Idle => format!("leak --bytes-per-connection {IDLE_BYTES}"),
        }
    }
}

impl Disturbance {
    /// What the server does at a strength.
    pub fn behaviour(&self, times: f64) -> String {
        match self.how {
            How::Server(behaviour) => behaviour(times),
            _ => self.setting.behaviour(),
        }
    }

    /// Whether figures that it belongs to have to stay valid. Programs beside a hog, which use this
    /// share of a CPU, count with it: they are told together.
    pub(crate) fn is_below(&self, times: f64, strangers_cpus: f64) -> bool {
        let is_below_with_them = match self.how {
            How::Hog(_, share) | How::Brief(_, share) => strangers_cpus + times * share <= share,
            _ => true,
        };
        times <= self.stands_up_to && is_below_with_them
    }

    /// Whether its figures are held against those of undisturbed trials.
    pub(crate) fn needs_undisturbed(&self) -> bool {
        matches!(self.truth, Truth::Undisturbed | Truth::More(_))
    }

    /// The check from outside that speaks of it.
    pub(crate) fn own_check(&self) -> Option<&'static str> {
        match self.how {
            How::Hog(..) | How::Brief(..) => Some("other_load"),
            How::Quota(_) => Some("throttled"),
            _ => None,
        }
    }
}
