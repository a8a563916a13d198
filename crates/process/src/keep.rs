//! The keeper: runs a program, and lets nothing of it outlive the keeper's own standard input.
//!
//! A server that isn't ours doesn't watch its input, may start processes, and these may leave its
//! process group. Whatever they do, they stay this process' descendants: an orphan's parent becomes
//! the nearest ancestor that asked for that (PR_SET_CHILD_SUBREAPER). When the input ends, because
//! the runner wants that or is gone, all of them get SIGTERM, and those that are left after a while
//! SIGKILL. When the program ends by itself, one line on standard output says how.
//!
//! Source: prctl(2).

use crate::{guard::Guard, tree::descendants};
use protocol::launch::STOP_LIMIT_S;
use rustix::process::{
    Pid, Signal, WaitOptions, getpid, kill_process, set_child_subreaper,
    set_parent_process_death_signal, waitpid,
};
use std::{
    ffi::OsString,
    io::{self, Read as _, Write as _},
    os::unix::process::ExitStatusExt as _,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread,
    time::{Duration, Instant},
};

/// How often it is looked whether all have ended.
const LOOK: Duration = Duration::from_millis(5);

/// What SIGKILL takes at most, where nothing is wrong with the kernel.
const KILL_LIMIT: Duration = Duration::from_secs(3);

/// The subcommand of the guard's program that keeps another one.
pub const KEEP: &str = "keep";

/// What to run, and in which surroundings.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// Working directory.
    pub directory: PathBuf,
    /// Environment to be added, by name.
    pub environment: Vec<(String, String)>,
    /// CPUs to run on; empty: any.
    pub cpus: Vec<usize>,
    /// Program and arguments.
    pub command: Vec<OsString>,
}

/// What happens meanwhile.
enum Event {
    /// The program has ended.
    Ended(ExitStatus),
    /// There is no descendant left to wait for.
    Alone,
    /// Standard input has ended.
    Told,
}

/// Runs the program until it ends, or this is told to end it.
///
/// # Errors
/// It can't be started there.
pub fn keep(guard: &Guard, kept: &Kept) -> io::Result<()> {
    // The guard has asked the kernel to kill this process with the runner. It has work to do then.
    set_parent_process_death_signal(None)?;
    set_child_subreaper(Some(getpid()))?;
    let (sender, events) = channel();
    let (started, program) = channel();
    // Both threads are there before the program is: where one can't be made nothing has to be ended.
    thread::Builder::new().spawn({
        let sender = sender.clone();
        move || {
            let _ = io::stdin().read_to_end(&mut Vec::new());
            let _ = sender.send(Event::Told);
        }
    })?;
    thread::Builder::new().spawn(move || {
        if let Ok(program) = program.recv() {
            reap(program, &sender);
        }
    })?;
    let _ = started.send(start(guard, kept)?);
    if let Ok(Event::Ended(status)) = events.recv() {
        // Nobody may be left to read it.
        let _ = writeln!(io::stdout(), "{status}");
    }
    end_all(&events);
    Ok(())
}

fn start(guard: &Guard, kept: &Kept) -> io::Result<Pid> {
    let (program, args) = kept
        .command
        .split_first()
        .ok_or_else(|| io::Error::other("nothing to run"))?;
    let child = guard
        .command_for(program, None, &kept.cpus)
        .args(args)
        .envs(kept.environment.iter().cloned())
        .current_dir(&kept.directory)
        .stdin(Stdio::null())
        // What it says there is nothing that the runner understands, and good to know afterwards.
        .stdout(io::stderr())
        .spawn()?;
    Ok(Pid::from_child(&child))
}

/// Waits for every descendant that ends, so that none stays a zombie.
fn reap(program: Pid, events: &Sender<Event>) {
    loop {
        match waitpid(None, WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid == program => {
                let status = ExitStatus::from_raw(status.as_raw());
                let _ = events.send(Event::Ended(status));
            }
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => {
                let _ = events.send(Event::Alone);
                return;
            }
        }
    }
}

fn end_all(events: &Receiver<Event>) {
    let stop_limit = Duration::from_secs(STOP_LIMIT_S);
    for (signal, limit) in [(Signal::TERM, stop_limit), (Signal::KILL, KILL_LIMIT)] {
        let deadline = Instant::now() + limit;
        let mut told: Vec<u32> = Vec::new();
        loop {
            // What can't be listed now can be in a moment, or the time is over.
            let left = descendants(std::process::id());
            if left.as_ref().is_ok_and(Vec::is_empty) {
                return;
            }
            // Once each, but all of them: one may be born while another is told.
            for pid in left.into_iter().flatten() {
                if !told.contains(&pid)
                    && let Some(raw) = i32::try_from(pid).ok().and_then(Pid::from_raw)
                {
                    let _ = kill_process(raw, signal);
                    told.push(pid);
                }
            }
            match events.recv_timeout(LOOK) {
                Ok(Event::Alone) => return,
                Err(RecvTimeoutError::Disconnected) => thread::sleep(LOOK),
                Ok(_) | Err(RecvTimeoutError::Timeout) => {}
            }
            if Instant::now() >= deadline {
                break;
            }
        }
    }
}
