//! What bears on a window from outside: other programs, other guests, scarce CPU or memory.
//!
//! Sources: proc(5), Documentation/accounting/psi.rst, Documentation/admin-guide/cgroup-v2.rst.

use crate::{
    cgroup::throttled_us, clocks::Stamped, cpus::CpuStat, kernel::vmstat, programs::OthersUse,
    usage::UNKNOWN,
};
use pseudofiles::{
    counters::some_total_us,
    cpus::{CpuTicks, Cpus},
    read,
};
use report::{explain_missing, trial::MachineUse};
use std::{collections::BTreeMap, time::Duration};

/// Of what a server's CPUs did, other programs' share is known to some ticks and by where they ran
/// last. When it is more than this, the rest isn't known.
const STRANGERS_MAX: f64 = 0.1;

const STAT: &str = "/proc/stat can't be read";

/// Three of the kernel's ticks, on fewer of which nothing is judged.
const JUDGED_FROM_S: f64 = 0.03;

/// Programs that are named, those that used most.
const PROGRAMS_NAMED: usize = 5;

/// Counters of the whole machine, at one moment.
#[derive(Clone, Debug)]
pub(crate) struct MachineCounters {
    /// Time so far in which some task waited for CPU, memory or I/O, in microseconds.
    pressure_us: [Option<u64>; 3],
    swap_in: Option<u64>,
    swap_out: Option<u64>,
    throttled_us: Option<u64>,
    cpus: Cpus,
}

impl MachineCounters {
    /// `server`: processes whose groups may be others than this process'.
    pub(crate) fn read(server: &[u32]) -> Self {
        Self {
            pressure_us: ["cpu", "memory", "io"]
                .map(|what| some_total_us(&read::text(format!("/proc/pressure/{what}")).ok()?)),
            swap_in: vmstat("pswpin"),
            swap_out: vmstat("pswpout"),
            throttled_us: throttled_us(server),
            cpus: CpuStat::open().read(),
        }
    }

    /// What the CPUs had to give between two readings, in ticks: the time in which they weren't idle.
    /// Nobody knows where there is no /proc/stat.
    pub(crate) fn room((from, to): (&Stamped<Self>, &Stamped<Self>)) -> u64 {
        let cpus = &from.value.cpus;
        cpus.until(&to.value.cpus, None).map_or(u64::MAX, |ticks| {
            let busy_s = not_idle_s(&ticks, from.until(to), cpus.0.len());
            (busy_s * procfs::ticks_per_second() as f64) as u64
        })
    }

    /// What happened between two readings around a window.
    pub(crate) fn between((from, to): (&Stamped<Self>, &Stamped<Self>)) -> MachineUse {
        let span_us = (from.until(to).as_micros() as f64).max(1.0);
        let (from, to) = (&from.value, &to.value);
        let grown = |a: Option<u64>, b: Option<u64>| Some(b?.saturating_sub(a?));
        let [cpu, memory, io] = [0, 1, 2].map(|index| {
            let waited = grown(from.pressure_us[index], to.pressure_us[index]);
            // Read one after the other, so a share can come out a little over 1.
            waited.map(|us| (us as f64 / span_us).min(1.0))
        });
        let mut machine = MachineUse {
            pressure_cpu_share: cpu,
            pressure_memory_share: memory,
            pressure_io_share: io,
            swap_in_pages: grown(from.swap_in, to.swap_in),
            swap_out_pages: grown(from.swap_out, to.swap_out),
            throttled_us: grown(from.throttled_us, to.throttled_us),
            ..MachineUse::default()
        };
        const PSI: &str = "no PSI in this kernel, or it is off: psi=1 on the kernel's command line";
        explain_missing!(
            machine,
            PSI,
            [pressure_cpu_share, pressure_memory_share, pressure_io_share]
        );
        const SWAP: &str = "not shown in /proc/vmstat";
        explain_missing!(machine, SWAP, [swap_in_pages, swap_out_pages]);
        const CGROUP: &str = "no cpu.stat of this process' cgroup can be read";
        explain_missing!(machine, CGROUP, [throttled_us]);
        machine
    }
}

/// Adds how busy the CPUs were. `ours_s` is the CPU time of everything that is ours.
pub(crate) fn add_cpus(
    machine: &mut MachineUse,
    (from, to): (&Cpus, &Cpus),
    read_span: Duration,
    ours_s: Option<f64>,
) {
    if let Some(ticks) = from.until(to, None) {
        let all = (ticks.all() as f64).max(1.0);
        machine.steal_share = Some(ticks.steal as f64 / all);
        machine.softirq_share = Some(ticks.softirq as f64 / all);
        let others_s = ours_s.map(|ours_s| (seconds(ticks.busy) - ours_s).max(0.0));
        // Others don't stop when the window ends. Ticks are whole, and a look may be shorter than one.
        let of_each = |s: f64| s / read_span.as_secs_f64().max(1e-3);
        machine.other_cpus_used = others_s.map(|s| of_each(s).min(from.0.len() as f64));
        let why = "what the server used isn't known";
        explain_missing!(machine, why, [other_cpus_used]);
    } else {
        explain_missing!(machine, STAT, [other_cpus_used]);
    }
    explain_missing!(machine, STAT, [steal_share, softirq_share]);
}

/// Adds what was stolen from those of ours that lost most; `places` are the CPUs of each, none for all.
pub(crate) fn add_ours_steal(
    machine: &mut MachineUse,
    (from, to): (&Cpus, &Cpus),
    places: [&[usize]; 2],
) {
    let shares = places.into_iter().filter_map(|numbers| {
        let numbers = Some(numbers).filter(|numbers| !numbers.is_empty());
        let ticks = from.until(to, numbers)?;
        let share = ticks.steal as f64 / (ticks.all() as f64).max(1.0);
        Some((share, seconds(ticks.steal)))
    });
    (machine.ours_steal_share, machine.ours_steal_s) = most(shares).unzip();
    explain_missing!(machine, STAT, [ours_steal_share, ours_steal_s]);
}

/// Of shares, each with the seconds behind it, the greatest; one of a few ticks only where all are.
fn most(shares: impl Iterator<Item = (f64, f64)>) -> Option<(f64, f64)> {
    shares.max_by(|a, b| {
        let is_judged = |of: &(f64, f64)| of.1 >= JUDGED_FROM_S;
        let by_share = a.0.total_cmp(&b.0);
        is_judged(a).cmp(&is_judged(b)).then(by_share)
    })
}

/// Adds what other programs used over the time in which they were seen; `None` where it isn't known
/// which of them are the server. Where `places` has none, as above, nobody knows on which CPU they were: as
/// if there were one.
pub(crate) fn add_programs(
    machine: &mut MachineUse,
    others: Option<&OthersUse>,
    seen_for: Duration,
    places: [&[usize]; 2],
) {
    let Some(others) = others else {
        explain_missing!(
            machine,
            UNKNOWN,
            [programs_cpus_used, programs_ours_share, programs_ours_s]
        );
        return;
    };
    let ticks: u64 = others.programs.values().sum();
    let seen_s = seen_for.as_secs_f64().max(1e-3);
    machine.programs_cpus_used = Some(seconds(ticks) / seen_s);
    let shares = places.into_iter().zip(others.seen_on).map(|(numbers, on)| {
        let (on, cpus) = match numbers.len() {
            0 => (ticks, 1),
            own => (on, own),
        };
        (seconds(on) / seen_s / cpus as f64, seconds(on))
    });
    (machine.programs_ours_share, machine.programs_ours_s) = most(shares).unzip();
    let mut by_use: Vec<_> = others.programs.iter().collect();
    by_use.sort_by_key(|(_, ticks)| std::cmp::Reverse(**ticks));
    machine.programs_s = in_seconds(by_use.into_iter().take(PROGRAMS_NAMED));
    machine.kernel_threads_s = in_seconds(others.kernel_threads.iter());
}

/// What is known of the CPUs that the server has to itself.
pub(crate) struct ServerCpus<'a> {
    pub(crate) numbers: &'a [usize],
    pub(crate) cpus: (&'a Cpus, &'a Cpus),
    /// Between both readings of the CPUs.
    pub(crate) read_span: Duration,
    /// The part of it in which load went on.
    pub(crate) span: Duration,
    pub(crate) others: &'a OthersUse,
    pub(crate) seen_for: Duration,
    pub(crate) window: Duration,
}

/// Adds all that ran on the server's CPUs in the window, other programs' share aside: the kernel
/// works for a server outside of its process, too, and for each server differently.
pub(crate) fn add_server_cpus(machine: &mut MachineUse, of: ServerCpus<'_>) {
    const SHARED: &str =
        "the server has no CPUs that generator and backend keep off, or /proc/stat can't be read";
    const STRANGERS: &str = "other programs used too much of the server's CPUs";
    let (from, to) = of.cpus;
    let ticks = from.until(to, Some(of.numbers));
    machine.server_cpus_idle_share =
        ticks.map(|ticks| ticks.idle as f64 / (ticks.all() as f64).max(1.0));
    explain_missing!(machine, SHARED, [server_cpus_idle_share]);
    let in_window = |ticks: u64, span: Duration| {
        seconds(ticks) * of.window.as_secs_f64() / span.as_secs_f64().max(1e-3)
    };
    machine.server_cpus_s = ticks.and_then(|ticks| {
        let busy_s = busy_s(&ticks, &of);
        let strangers_s = in_window(of.others.on_server_cpus, of.seen_for);
        (strangers_s <= STRANGERS_MAX * busy_s).then_some(busy_s - strangers_s)
    });
    let reason = if ticks.is_some() { STRANGERS } else { SHARED };
    explain_missing!(machine, reason, [server_cpus_s]);
}

/// What isn't idle or stolen. The kernel measures how long a CPU is idle, and samples at its ticks what
/// it is busy with: what comes at an even rate may always be met in one phase.
fn busy_s(ticks: &CpuTicks, of: &ServerCpus<'_>) -> f64 {
    let busy_s = not_idle_s(ticks, of.read_span, of.numbers.len());
    let in_window_s = busy_s * of.window.as_secs_f64() / of.span.as_secs_f64().max(1e-3);
    // What others did between the window's end and a late reading isn't of the window.
    in_window_s.min(of.window.as_secs_f64() * of.numbers.len() as f64)
}

/// Of so many CPUs.
fn not_idle_s(ticks: &CpuTicks, read_span: Duration, cpus: usize) -> f64 {
    let all_s = read_span.as_secs_f64() * cpus as f64;
    (all_s - seconds(ticks.idle) - seconds(ticks.steal)).max(0.0)
}

fn in_seconds<'a>(ticks: impl Iterator<Item = (&'a String, &'a u64)>) -> BTreeMap<String, f64> {
    ticks
        .map(|(name, &ticks)| (name.clone(), seconds(ticks)))
        .collect()
}

fn seconds(ticks: u64) -> f64 {
    ticks as f64 / procfs::ticks_per_second() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counters(pressure_us: u64, swap: u64, throttled_us: u64) -> MachineCounters {
        MachineCounters {
            pressure_us: [Some(pressure_us), Some(0), None],
            swap_in: Some(swap),
            swap_out: Some(2 * swap),
            throttled_us: Some(throttled_us),
            cpus: cpus([0, 0], 0),
        }
    }

    #[test]
    fn a_window_holds_the_difference() {
        let from = Stamped::of(|| counters(100, 10, 50));
        let mut to = Stamped::of(|| counters(250_100, 12, 70));
        to.at = from.at + Duration::from_secs(1);
        let machine = MachineCounters::between((&from, &to));
        assert_eq!(machine.pressure_cpu_share, Some(0.25));
        assert_eq!(machine.pressure_memory_share, Some(0.0));
        assert_eq!(machine.swap_in_pages, Some(2));
        assert_eq!(machine.swap_out_pages, Some(4));
        assert_eq!(machine.throttled_us, Some(20));
        assert_eq!(machine.pressure_io_share, None);
        let reasons: Vec<_> = machine.not_measured.into_keys().collect();
        assert_eq!(reasons, ["pressure_io_share"]);
    }

    fn cpus(busy: [u64; 2], idle: u64) -> Cpus {
        let of = |busy| CpuTicks {
            busy,
            idle,
            softirq: busy / 10,
            steal: 0,
        };
        Cpus(BTreeMap::from([(0, of(busy[0])), (1, of(busy[1]))]))
    }

    #[test]
    fn there_is_as_much_room_as_the_cpus_were_not_idle() {
        let from = Stamped::of(|| counters(0, 0, 0));
        let mut to = from.clone();
        to.at = from.at + Duration::from_secs(1);
        to.value.cpus = cpus([20, 90], 40);
        let hz = procfs::ticks_per_second();
        assert_eq!(MachineCounters::room((&from, &to)), 2 * hz - 2 * 40);
        to.value.cpus = cpus([0, 0], 10 * hz);
        assert_eq!(MachineCounters::room((&from, &to)), 0);
        to.value.cpus = Cpus::default();
        assert_eq!(MachineCounters::room((&from, &to)), u64::MAX);
    }

    #[test]
    fn steal_is_of_the_cpus_that_are_used() {
        let ticks = |stolen: [u64; 4]| {
            let of = |steal| CpuTicks {
                busy: 50,
                idle: 50 - steal,
                softirq: 0,
                steal,
            };
            Cpus(stolen.map(of).into_iter().enumerate().collect())
        };
        let to = ticks([40, 0, 0, 0]);
        let from = Cpus(to.0.keys().map(|&cpu| (cpu, CpuTicks::default())).collect());
        let stolen = |places| {
            let mut machine = MachineUse::default();
            add_ours_steal(&mut machine, (&from, &to), places);
            machine.ours_steal_share
        };
        assert_eq!(stolen([&[0], &[1]]), Some(0.4));
        assert_eq!(stolen([&[1], &[0, 1]]), Some(0.2));
        assert_eq!(stolen([&[1], &[2]]), Some(0.0));
        assert_eq!(
            stolen([&[1], &[]]),
            Some(0.1),
            "the generator runs anywhere"
        );
        let mut machine = MachineUse::default();
        let unread = Cpus::default();
        add_ours_steal(&mut machine, (&unread, &unread), [&[], &[]]);
        assert_eq!(machine.ours_steal_share, None);
        assert!(machine.not_measured.contains_key("ours_steal_share"));
    }

    /// As when the runner is kept from reading: 200 ms late, of a window of half a second.
    #[test]
    fn no_cpu_is_used_for_longer_than_there_was() {
        let (window, read_span) = (Duration::from_millis(500), Duration::from_millis(700));
        let hz = procfs::ticks_per_second();
        let cpus = (&cpus([0, 0], 0), &cpus([hz * 7 / 10, hz * 7 / 10], 0));
        let mut machine = MachineUse::default();
        add_cpus(&mut machine, cpus, read_span, Some(0.0));
        let others = machine.other_cpus_used.unwrap();
        assert!((others - 2.0).abs() < 1e-9, "{others}");
        add_cpus(&mut machine, cpus, Duration::from_millis(1), Some(0.0));
        assert_eq!(machine.other_cpus_used, Some(2.0));
        let of_both = ServerCpus {
            numbers: &[0, 1],
            cpus,
            read_span,
            span: window,
            others: &OthersUse::default(),
            seen_for: read_span,
            window,
        };
        add_server_cpus(&mut machine, of_both);
        assert_eq!(machine.server_cpus_s, Some(1.0));
    }

    #[test]
    fn the_servers_cpus_are_charged_for_all_but_other_programs() {
        let second = Duration::from_secs(1);
        let ticks = cpus([0, 0], 0);
        let later = cpus([100, 80], 20);
        let mut others = OthersUse::default();
        others.programs.insert("hog".to_owned(), 30);
        (others.on_server_cpus, others.seen_on) = (5, [5, 0]);
        let mut machine = MachineUse::default();
        add_programs(&mut machine, Some(&others), second, [&[1], &[0]]);
        assert_eq!(machine.programs_cpus_used, Some(seconds(30)));
        assert_eq!(machine.programs_ours_share, Some(seconds(5)));
        // Without CPUs of its own a generator may run anywhere.
        add_programs(&mut machine, Some(&others), second, [&[1], &[]]);
        assert_eq!(machine.programs_ours_share, Some(seconds(30)));
        assert_eq!(machine.programs_ours_s, Some(seconds(30)));
        assert_eq!(machine.programs_s["hog"], seconds(30));
        let of = |numbers| ServerCpus {
            numbers,
            cpus: (&ticks, &later),
            read_span: second,
            span: second,
            others: &others,
            seen_for: second,
            window: second,
        };
        add_server_cpus(&mut machine, of(&[1]));
        let server_cpus_s = machine.server_cpus_s.unwrap();
        assert!(
            (server_cpus_s - seconds(75)).abs() < 1e-9,
            "{server_cpus_s}"
        );
        assert_eq!(machine.server_cpus_idle_share, Some(0.2));
        let mut machine = MachineUse::default();
        let greedy = OthersUse {
            on_server_cpus: 30,
            ..OthersUse::default()
        };
        let of_greedy = ServerCpus {
            others: &greedy,
            ..of(&[1])
        };
        add_server_cpus(&mut machine, of_greedy);
        assert_eq!(machine.server_cpus_s, None);
        assert!(machine.not_measured["server_cpus_s"].contains("other programs"));
        let mut machine = MachineUse::default();
        add_server_cpus(&mut machine, of(&[]));
        assert_eq!(machine.server_cpus_s, None);
        assert!(machine.not_measured.contains_key("server_cpus_s"));
        add_cpus(&mut machine, (&ticks, &later), second, Some(0.5));
        let others = machine.other_cpus_used.unwrap();
        assert!((others - (seconds(180) - 0.5)).abs() < 1e-9, "{others}");
    }
}
