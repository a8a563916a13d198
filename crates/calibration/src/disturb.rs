//! What disturbs a trial from outside, under a name of its own, until it is killed. Not for people.

use crate::clock::{now_ns, thread_cpu_ns};
use clap::{Parser, Subcommand};
use rustix::{
    process::{Pid, Signal, kill_process},
    thread::{CpuSet, sched_setaffinity, set_name},
};
use std::{
    ffi::CStr,
    fs, hint, io,
    process::{Command, ExitCode},
    thread,
    time::Duration,
};

/// The word that comes first.
pub(crate) const DISTURB: &str = "disturb";

const PERIOD_NS: u64 = 20_000_000;

/// To start a program takes up to 3 ms of its CPU time, which has to be less than it is to use: 4 ms at
/// one percent.
const BRIEF_PERIOD_NS: u64 = 400_000_000;

/// Between two listings: as when somebody runs `lsof` again and again.
const LISTING_PAUSE: Duration = Duration::from_millis(50);

#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    disturbance: Disturbance,
}

#[derive(Clone, Copy, Debug, Subcommand)]
enum Disturbance {
    /// Use a share of a CPU, in pieces of 20 ms
    Hog {
        /// Thousandths of the CPU's time
        #[arg(long, value_parser = clap::value_parser!(u64).range(1..=1000))]
        permille: u64,
        /// Which CPU
        #[arg(long)]
        cpu: Option<usize>,
    },
    /// The same by programs that end at once, one each 400 ms
    Brief {
        /// Thousandths of the CPU's time
        #[arg(long, value_parser = clap::value_parser!(u64).range(1..=1000))]
        permille: u64,
        /// Which CPU
        #[arg(long)]
        cpu: Option<usize>,
    },
    /// Use so much CPU time, and end
    Once {
        /// Microseconds, starting included
        #[arg(long)]
        us: u64,
    },
    /// List all open files of all processes, again and again
    ListDescriptors,
    /// Stop a process once
    Pause {
        /// Which
        #[arg(long)]
        pid: i32,
        /// From now on
        #[arg(long)]
        after_us: u64,
        /// For how long
        #[arg(long)]
        for_us: u64,
    },
}

pub(crate) fn main() -> ExitCode {
    let args = std::env::args_os().skip(1);
    let done = match Cli::parse_from(args).disturbance {
        Disturbance::Hog { permille, cpu } => hog(permille, cpu),
        Disturbance::Brief { permille, cpu } => brief(permille, cpu),
        Disturbance::Once { us } => once(us),
        Disturbance::ListDescriptors => list_descriptors(),
        Disturbance::Pause {
            pid,
            after_us,
            for_us,
        } => pause(pid, after_us, for_us),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn hog(permille: u64, cpu: Option<usize>) -> io::Result<()> {
    be_called(c"hog")?;
    keep_to(cpu)?;
    repeat(PERIOD_NS, || {
        // By its own CPU time: where it has to wait for the CPU it uses no less.
        burn_until(thread_cpu_ns() + PERIOD_NS * permille / 1000);
        Ok(())
    })
}

/// Programs of which nothing is left to be seen in /proc.
fn brief(permille: u64, cpu: Option<usize>) -> io::Result<()> {
    be_called(c"starter")?;
    keep_to(cpu)?;
    let program = std::env::current_exe()?;
    let us = (BRIEF_PERIOD_NS * permille / 1_000_000).to_string();
    repeat(BRIEF_PERIOD_NS, || {
        let args = [DISTURB, "once", "--us", &us];
        Command::new(&program).args(args).status().map(drop)
    })
}

fn once(us: u64) -> io::Result<()> {
    be_called(c"brief")?;
    burn_until(us * 1000);
    Ok(())
}

fn keep_to(cpu: Option<usize>) -> io::Result<()> {
    let Some(cpu) = cpu else {
        return Ok(());
    };
    let mut cpus = CpuSet::new();
    cpus.set(cpu);
    Ok(sched_setaffinity(None, &cpus)?)
}

fn repeat(period_ns: u64, mut each: impl FnMut() -> io::Result<()>) -> io::Result<()> {
    let mut next_ns = now_ns();
    loop {
        each()?;
        next_ns = (next_ns + period_ns).max(now_ns().saturating_sub(period_ns));
        thread::sleep(Duration::from_nanos(next_ns.saturating_sub(now_ns())));
    }
}

/// Of this thread's CPU time.
fn burn_until(cpu_ns: u64) {
    while thread_cpu_ns() < cpu_ns {
        hint::spin_loop();
    }
}

fn list_descriptors() -> io::Result<()> {
    be_called(c"lister")?;
    loop {
        // A process may end meanwhile, and some aren't ours to look at.
        for process in fs::read_dir("/proc")?.flatten() {
            if let Ok(descriptors) = fs::read_dir(process.path().join("fd")) {
                let _ = descriptors.count();
            }
        }
        thread::sleep(LISTING_PAUSE);
    }
}

fn pause(pid: i32, after_us: u64, for_us: u64) -> io::Result<()> {
    be_called(c"pauser")?;
    let pid = Pid::from_raw(pid).ok_or(io::ErrorKind::InvalidInput)?;
    thread::sleep(Duration::from_micros(after_us));
    kill_process(pid, Signal::STOP)?;
    thread::sleep(Duration::from_micros(for_us));
    Ok(kill_process(pid, Signal::CONT)?)
}

/// In /proc, and so in a report's list of other programs.
fn be_called(name: &CStr) -> io::Result<()> {
    Ok(set_name(name)?)
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
