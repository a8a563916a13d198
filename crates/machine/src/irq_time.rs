//! Whether the kernel accounts interrupts and softirqs apart. Where it does, their time isn't in the
//! CPU clock of the process that they interrupt, which on loopback is the one that sends.
//!
//! The kernel's configuration tells it (CONFIG_IRQ_TIME_ACCOUNTING), where it can be read. Otherwise
//! a thread finds out: it sends to itself over loopback, and looks how much of the time that it
//! neither waited nor ran is missing from its clock.
//!
//! Sources: kernel/sched/cputime.c (irqtime_account_irq), Documentation/scheduler/sched-stats.rst
//! (/proc/<pid>/schedstat).

use flate2::read::GzDecoder;
use pseudofiles::{counters::waited_for_cpu, read, settings::is_built_in};
use rustix::time::{ClockId, clock_gettime};
use std::{
    fs::File,
    net::UdpSocket,
    time::{Duration, Instant},
};

const OPTION: &str = "CONFIG_IRQ_TIME_ACCOUNTING";

/// Long enough for thousands of packets.
const LOOK: Duration = Duration::from_millis(30);

/// Sending over loopback is softirq by a third or so; what a host steals is missing from the clock,
/// too, and a loop without packets tells how much that is.
const MISSING_SURE: f64 = 0.10;
const MISSING_NONE: f64 = 0.03;

/// Whether it does; `None` where that can't be told.
pub(crate) fn is_accounted() -> Option<bool> {
    match configuration() {
        Some(text) if !is_built_in(&text, OPTION) => Some(false),
        // It may be off all the same: where the clock is too slow for it, or by tsc=noirqtime.
        Some(_) => observe().or(Some(true)),
        None => observe(),
    }
}

/// What the running kernel was built with.
fn configuration() -> Option<String> {
    let packed = || {
        let file = File::open("/proc/config.gz").ok()?;
        read::text_of(GzDecoder::new(file)).ok()
    };
    let plain = || {
        let release = read::text("/proc/sys/kernel/osrelease").ok()?;
        let release = release.trim();
        let places = [
            format!("/boot/config-{release}"),
            format!("/lib/modules/{release}/config"),
        ];
        places.iter().find_map(|place| read::text(place).ok())
    };
    packed().or_else(plain)
}

fn observe() -> Option<bool> {
    let receiver = UdpSocket::bind("127.0.0.1:0").ok()?;
    let sender = UdpSocket::bind("127.0.0.1:0").ok()?;
    sender.connect(receiver.local_addr().ok()?).ok()?;
    // What finds no room in the receiver's buffer is dropped, after all the work.
    let sending = missing_share(|| drop(sender.send(&[0; 64])))?;
    let spinning = missing_share(|| ())?;
    judge(sending, spinning)
}

fn judge(sending: f64, spinning: f64) -> Option<bool> {
    if spinning > MISSING_NONE {
        return None;
    }
    if sending > MISSING_SURE {
        Some(true)
    } else if sending < MISSING_NONE {
        Some(false)
    } else {
        None
    }
}

/// The share of a time in which this thread neither ran, by its own clock, nor waited for a CPU.
fn missing_share(mut work: impl FnMut()) -> Option<f64> {
    let waited = || waited_for_cpu(&read::text("/proc/thread-self/schedstat").ok()?);
    let ran = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
    };
    let (waited_before, began, ran_before) = (waited()?, Instant::now(), ran());
    while began.elapsed() < LOOK {
        work();
    }
    let (ran, passed) = (ran() - ran_before, began.elapsed());
    let waited = waited()?.saturating_sub(waited_before);
    let missing = passed.saturating_sub(ran).saturating_sub(waited);
    Some(missing.as_secs_f64() / passed.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_lacks_much_while_sending_is_without_softirqs() {
        assert_eq!(judge(0.3, 0.001), Some(true));
        assert_eq!(judge(0.005, 0.001), Some(false));
        assert_eq!(judge(0.06, 0.001), None);
        assert_eq!(judge(0.3, 0.2), None, "the host takes as much");
    }

    #[test]
    fn what_is_observed_does_not_contradict_the_configuration() {
        if configuration().is_some_and(|text| !is_built_in(&text, OPTION)) {
            assert_ne!(observe(), Some(true));
        }
    }
}
