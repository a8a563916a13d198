//! A link from servers to generators, at whose ends they run.
//!
//! It is loopback, or two interfaces, each in a network namespace of its own.
//!
//! Nothing of it is seen from outside, so two runs don't meet, and nothing has to be taken down: see
//! [`process::namespace`].

#![forbid(unsafe_code)]

use process::{child::Child, guard::Guard, namespace::Namespace};
use report::link::Link;
use request::network::{LINK_GENERATORS, LINK_SERVER, Network as Addresses};
use std::{
    fs, io,
    path::Path,
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};
use thiserror::Error;

/// For a program that only has to start.
const START_LIMIT: Duration = Duration::from_secs(15);

/// Both are seen in their own namespaces only.
const SERVER: &str = "server";
const GENERATORS: &str = "generators";

/// Packets that may be on their way, so that none are lost but those that were asked for.
const QUEUE_PACKETS: u32 = 1_000_000;
/// The same where a rate is all there is: so much of it, as in a switch.
const QUEUE: &str = "50ms";
/// So much may be sent at once, of what the rate has for a second.
const BURST_PER_S: f64 = 1e-3;
const BURST_PACKETS: u32 = 10;

/// What a new namespace has by default and this machine may have otherwise.
const SYSCTLS: [&str; 7] = [
    "core/somaxconn",
    "ipv4/ip_local_port_range",
    "ipv4/tcp_congestion_control",
    "ipv4/tcp_max_syn_backlog",
    "ipv4/tcp_rmem",
    "ipv4/tcp_syncookies",
    "ipv4/tcp_wmem",
];

/// Where the servers and generators of a run meet.
#[derive(Debug)]
pub enum Network {
    /// On loopback, in the namespace of the runner.
    Loopback,
    /// At the ends of a link.
    Linked {
        /// Where servers are, and the runner while it measures them.
        server: Namespace,
        /// Where generators are.
        generators: Arc<Namespace>,
    },
}

/// Why there is no such network.
#[derive(Debug, Error)]
pub enum NetworkError {
    /// No namespace can be made.
    #[error(
        "--network needs network namespaces, and none can be made ({0}): run it as root, or, where \
         users may be root of their own namespaces, behind 'unshare --map-root-user --net'; 'unshare' is of \
         util-linux"
    )]
    NoNamespace(io::Error),
    /// It can't be entered.
    #[error("the network namespace can't be entered: {0}")]
    NotEntered(io::Error),
    /// A program that it takes isn't there.
    #[error("--network needs 'ip' and 'tc' of iproute2, and '{command}' can't be run: {error}")]
    NoProgram {
        /// With its arguments.
        command: String,
        /// Of its start.
        error: io::Error,
    },
    /// The kernel says no.
    #[error("'{command}' failed: {stderr}{}", hint(command))]
    Refused {
        /// With its arguments.
        command: String,
        /// What it said.
        stderr: String,
    },
}

fn hint(command: &str) -> &'static str {
    match command.contains("netem") {
        true => {
            "; delay and loss take a kernel with netem (CONFIG_NET_SCH_NETEM, 'modprobe sch_netem'): \
             without them, rate and mtu can be had"
        }
        false => "",
    }
}

type Result<T> = std::result::Result<T, NetworkError>;

impl Network {
    /// The network of a plan.
    ///
    /// # Errors
    /// It can't be made here, with the way out.
    pub fn of(link: Option<&Link>, guard: &Guard) -> Result<Self> {
        let Some(link) = link else {
            return Ok(Self::Loopback);
        };
        let namespace = || new_namespace(guard).map_err(NetworkError::NoNamespace);
        let (server, generators) = (namespace()?, Arc::new(namespace()?));
        let settings = SYSCTLS.map(|name| (name, fs::read_to_string(path_of(name)).ok()));
        let path = generators.path();
        let (sources, path) = (Addresses::OF_GENERATORS, path.display());
        let at_server = [
            format!("ip link add {SERVER} type veth peer name {GENERATORS} netns {path}"),
            format!("ip address add {LINK_SERVER}/30 dev {SERVER}"),
            up(SERVER, link),
            format!("ip route add {sources} via {LINK_GENERATORS}"),
        ];
        let at_generators = [
            format!("ip address add {LINK_GENERATORS}/30 dev {GENERATORS}"),
            up(GENERATORS, link),
            // All of them are addresses of this namespace, without being added one by one.
            format!("ip route add local {sources} dev lo"),
        ];
        for (namespace, interface, commands) in [
            (&server, SERVER, &at_server[..]),
            (&*generators, GENERATORS, &at_generators[..]),
        ] {
            let set = || {
                settings.iter().for_each(set_sysctl);
                run("ip link set lo up")?;
                commands.iter().try_for_each(|command| run(command))?;
                discipline(interface, link).map_or(Ok(()), |command| run(&command))
            };
            namespace.inside(set).map_err(NetworkError::NotEntered)??;
        }
        Ok(Self::Linked { server, generators })
    }

    /// Does something where the servers are, and starts them there.
    ///
    /// # Errors
    /// That can't be entered or left.
    pub fn at_server<T>(&self, act: impl FnOnce() -> T) -> Result<T> {
        match self {
            Self::Loopback => Ok(act()),
            Self::Linked { server, .. } => server.inside(act).map_err(NetworkError::NotEntered),
        }
    }

    /// Through what generators are started.
    pub fn generator_guard(&self, guard: &Guard) -> Guard {
        match self {
            Self::Loopback => guard.clone(),
            Self::Linked { generators, .. } => guard.within(Arc::clone(generators)),
        }
    }
}

/// Without any interface that is up.
fn new_namespace(guard: &Guard) -> io::Result<Namespace> {
    // cat tells by its echo that it is there, and so the namespace, which stays when it is gone.
    let mut holder = Child::spawn(guard, Path::new("unshare"), ["--net", "cat"], None)?;
    let is_said = holder.say("there").is_ok();
    match holder.next_line(Instant::now() + START_LIMIT) {
        Ok(_) if is_said => Namespace::of(holder.pid()),
        _ => Err(io::Error::other(holder.post_mortem().stderr_tail)),
    }
}

/// Without segmentation: what the link carries are packets, not the 64 KiB that one `send` may have.
fn up(interface: &str, link: &Link) -> String {
    let mtu = link.mtu_bytes;
    format!("ip link set {interface} mtu {mtu} gso_max_segs 1 up")
}

/// What makes an interface slow, lossy or far, if it is to be; see tc-netem(8), tc-tbf(8).
fn discipline(interface: &str, link: &Link) -> Option<String> {
    let begin = format!("tc qdisc add dev {interface} root");
    let rate = link.rate_bit_per_s;
    if link.delay_us == 0.0 && link.loss_percent == 0.0 {
        let rate = rate?;
        let least = f64::from(BURST_PACKETS * link.mtu_bytes);
        let burst_bytes = (rate / 8.0 * BURST_PER_S).max(least);
        return Some(format!(
            "{begin} tbf rate {rate:.0}bit burst {burst_bytes:.0} latency {QUEUE}"
        ));
    }
    let rate = rate.map_or_else(String::new, |rate| format!(" rate {rate:.0}bit"));
    let (delay_us, loss) = (link.delay_us, link.loss_percent);
    Some(format!(
        "{begin} netem limit {QUEUE_PACKETS} delay {delay_us:.0}us loss {loss}%{rate}"
    ))
}

fn path_of(sysctl: &str) -> String {
    format!("/proc/sys/net/{sysctl}")
}

/// The kernel may refuse: the report's environment has what is in force.
fn set_sysctl((name, value): &(&str, Option<String>)) {
    if let Some(value) = value {
        let _ = fs::write(path_of(name), value);
    }
}

fn run(command: &str) -> Result<()> {
    let mut words = command.split(' ');
    let program = words.next().unwrap_or_default();
    let output = Command::new(program).args(words).output();
    let output = output.map_err(|error| NetworkError::NoProgram {
        command: command.to_owned(),
        error,
    })?;
    if output.status.success() {
        return Ok(());
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    Err(NetworkError::Refused {
        command: command.to_owned(),
        stderr: stderr.trim().trim_end_matches('.').to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_does_what_was_asked_for_and_nothing_else() {
        let of = |text: &str| discipline("x", &text.parse().unwrap());
        assert_eq!(of("mtu=9000"), None);
        let tc = "tc qdisc add dev x root";
        let rate = format!("{tc} tbf rate 10000000000bit burst 1250000 latency 50ms");
        assert_eq!(of("rate=10gbit"), Some(rate));
        let slow = format!("{tc} tbf rate 1000000bit burst 15000 latency 50ms");
        assert_eq!(of("rate=1mbit"), Some(slow));
        let all = format!("{tc} netem limit 1000000 delay 1000us loss 0.01% rate 1000000000bit");
        assert_eq!(of("delay=1ms,loss=0.01%,rate=1gbit"), Some(all));
    }

    #[test]
    fn a_kernel_without_netem_is_told_from_one_without_anything() {
        let refused = |command: &str| {
            let error = NetworkError::Refused {
                command: command.to_owned(),
                stderr: "Error: Specified qdisc kind is unknown".to_owned(),
            };
            error.to_string()
        };
        let delay = refused("tc qdisc add dev x root netem delay 1000us");
        assert!(delay.contains("sch_netem"), "{delay}");
        assert!(delay.contains("rate and mtu can be had"), "{delay}");
        assert!(!refused("tc qdisc add dev x root tbf rate 1bit").contains("netem"));
    }
}
