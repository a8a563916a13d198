//! A child process that speaks in lines: started, heard with a limit on every wait, and gone
//! when it is dropped.
//!
//! Children run in process groups of their own, so that Ctrl-C reaches the runner alone and it
//! can end them in order. They start through a guard, which asks the kernel to kill them when the
//! runner dies, whatever the reason: see [`crate::guard`].

use crate::{guard::Guard, interrupt};
use procfs::process::Process;
use rustix::process::{Pid, Signal, kill_process_group};
use std::{
    ffi::OsStr,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    os::unix::process::CommandExt as _,
    path::Path,
    process::{ChildStdin, ExitStatus, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};
use thiserror::Error;

/// How often a wait looks whether the user wants to stop.
const LOOK_UP: Duration = Duration::from_millis(50);

/// What is kept of standard error.
const STDERR_TAIL_BYTES: usize = 4 << 10;

/// The longest line that is taken (a result with its histograms is some 100 KiB).
const LINE_BYTES_MAX: u64 = 16 << 20;

/// Why a line didn't come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Silence {
    /// It takes too long.
    #[error("said nothing for too long")]
    TimedOut,
    /// The child has closed its output, by ending mostly.
    #[error("closed its output")]
    Ended,
    /// The user wants to stop.
    #[error("interrupted")]
    Interrupted,
}

/// A running child. Dropping it kills it.
#[derive(Debug)]
pub struct Child {
    process: std::process::Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    stderr: Arc<Mutex<Vec<u8>>>,
    stderr_reader: Option<thread::JoinHandle<()>>,
}

impl Child {
    /// Starts a program; `open_files_max` lowers its limit of open files.
    ///
    /// # Errors
    /// It can't be started. (A program that doesn't exist or isn't executable is heard of
    /// later, from the guard: it ends at once and its standard error says why.)
    pub fn spawn<S: AsRef<OsStr>>(
        guard: &Guard,
        program: &Path,
        args: impl IntoIterator<Item = S>,
        open_files_max: Option<u64>,
    ) -> io::Result<Self> {
        let mut process = guard
            .command_for(program.as_os_str(), open_files_max, &[])
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()?;
        let (stdout, stderr) = (process.stdout.take(), process.stderr.take());
        let (line_sender, lines) = sync_channel(64);
        // Ended when it is dropped, also where no thread can be made to hear it.
        let mut child = Self {
            stdin: process.stdin.take(),
            process,
            lines,
            stderr: Arc::default(),
            stderr_reader: None,
        };
        if let Some(stdout) = stdout {
            let listen = move || read_lines(BufReader::new(stdout), &line_sender);
            thread::Builder::new().spawn(listen)?;
        }
        if let Some(stderr) = stderr {
            let tail = Arc::clone(&child.stderr);
            let listen = move || keep_tail(stderr, &tail);
            child.stderr_reader = Some(thread::Builder::new().spawn(listen)?);
        }
        Ok(child)
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Whether a process is the child or one that it started.
    pub fn has_in_group(&self, pid: u32) -> bool {
        let Ok(pid) = i32::try_from(pid) else {
            return false;
        };
        let stat = Process::new(pid).and_then(|process| process.stat());
        stat.is_ok_and(|stat| u32::try_from(stat.pgrp) == Ok(self.pid()))
    }

    /// Writes a line to the child's standard input.
    ///
    /// # Errors
    /// The child has closed it, by ending mostly.
    pub fn say(&mut self, line: &str) -> io::Result<()> {
        let stdin = self.stdin.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        // In one piece: half of a line would be the beginning of the next.
        stdin.write_all(format!("{line}\n").as_bytes())?;
        stdin.flush()
    }

    /// Ends the child's standard input.
    pub fn end_input(&mut self) {
        self.stdin = None;
    }

    /// The next line of the child's standard output, at most until `deadline`.
    ///
    /// # Errors
    /// Why there is none.
    pub fn next_line(&self, deadline: Instant) -> Result<String, Silence> {
        loop {
            if interrupt::asked() {
                return Err(Silence::Interrupted);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left.min(LOOK_UP)) {
                Ok(line) => return Ok(line),
                Err(RecvTimeoutError::Disconnected) => return Err(Silence::Ended),
                Err(RecvTimeoutError::Timeout) if left.is_zero() => return Err(Silence::TimedOut),
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// A line that is already there, or comes within `limit`, whether the user wants to stop
    /// or not: for the last words of a child that has been told to end.
    pub fn last_words(&self, limit: Duration) -> Option<String> {
        self.lines.recv_timeout(limit).ok()
    }

    /// Whether the child has ended, and how.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.process.try_wait().ok().flatten()
    }

    /// Waits for the child's end until `deadline`.
    pub fn wait_until(&mut self, deadline: Instant) -> Option<ExitStatus> {
        loop {
            let ended = self.ended();
            if ended.is_some() || Instant::now() >= deadline {
                return ended;
            }
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Kills the child (if it still lives) and tells how it ended and what it wrote last to
    /// its standard error.
    pub fn post_mortem(&mut self) -> PostMortem {
        // A child that is just dying shall tell its own end rather than be killed.
        let status = self.wait_until(Instant::now() + Duration::from_millis(200));
        self.kill();
        // Not `join`: something that the child started may hold the pipe open for ever.
        let patience = Instant::now() + Duration::from_millis(300);
        while self
            .stderr_reader
            .as_ref()
            .is_some_and(|reader| !reader.is_finished())
            && Instant::now() < patience
        {
            thread::sleep(Duration::from_millis(2));
        }
        PostMortem {
            status,
            stderr_tail: self.stderr_tail(),
        }
    }

    /// Kills the child and whatever it started: they are a process group.
    fn kill(&mut self) {
        if let Some(group) = i32::try_from(self.pid()).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    fn stderr_tail(&self) -> String {
        let tail = self.stderr.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&tail).trim().to_owned()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
    }
}

/// How a child came to its end.
#[derive(Clone, Debug)]
pub struct PostMortem {
    /// `None`: it didn't end by itself and was killed.
    pub status: Option<ExitStatus>,
    /// What it wrote last to its standard error.
    pub stderr_tail: String,
}

fn read_lines(mut stdout: impl io::BufRead, lines: &SyncSender<String>) {
    loop {
        let mut line = Vec::new();
        match stdout
            .by_ref()
            .take(LINE_BYTES_MAX)
            .read_until(b'\n', &mut line)
        {
            Ok(1..) => {}
            _ => return,
        }
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        if lines.send(line).is_err() {
            return;
        }
    }
}

fn keep_tail(mut pipe: impl io::Read, tail: &Mutex<Vec<u8>>) {
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = pipe.read(&mut buffer) {
        let mut tail = tail.lock().unwrap_or_else(PoisonError::into_inner);
        tail.extend_from_slice(&buffer[..length]);
        let excess = tail.len().saturating_sub(STDERR_TAIL_BYTES);
        tail.drain(..excess);
    }
}
