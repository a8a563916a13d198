//! What a server's CPU time goes to: samples of its stacks, a flame graph of them, and the
//! functions that were found running most often.
//!
//! `perf record` looks at the server's CPU clock, a timer of the kernel's, because most virtual
//! machines have no hardware counters. The timer can't interrupt what runs with interrupts off: that
//! time shows at the end of such a section, in `_raw_spin_unlock_irqrestore` or
//! `finish_task_switch` for instance.
//!
//! Stacks are unwound from copies of 8 KiB of them by the tables that every binary has
//! (`--call-graph dwarf`). Frame pointers would be cheaper, but then everything that is measured
//! had to be built with them: without, of some 200 samples of two models every stack ended at the
//! C library's wrapper of a system call, and with the copies every one of them reached the thread's
//! beginning, at 2 MB of data and half a second of work for two seconds of recording. A recording
//! slows the server down, so it has a window of its own, after the one that is measured.
//!
//! Sources: perf-record(1), perf-script(1), Documentation/admin-guide/perf-security.rst.

pub use crate::perf::{CantProfile, check};
use crate::{
    perf::{USER_ONLY, event_here},
    usage::UNKNOWN,
};
use inferno::{
    collapse::{Collapse as _, perf},
    flamegraph::{self, color::MultiPalette},
};
use process::{child::Child, guard::Guard, interrupt};
use report::model::ProfiledFunction;
use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufReader},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Samples of each thread in a second of its CPU time. Not a round number, so that it doesn't go
/// in step with timers.
const SAMPLES_PER_S: u32 = 997;

/// Functions that a report names.
const TOP: usize = 20;

/// How long perf may take beyond the time it records, until its file is complete.
const RECORD_PATIENCE: Duration = Duration::from_secs(30);

/// How long making stacks of a recording may take.
const SCRIPT_PATIENCE: Duration = Duration::from_secs(120);

/// What is told of each sample: not its period, by which it would be weighed. Each counts as one.
const FIELDS: &str = "comm,tid,time,event,ip,sym,dso";

const KERNEL_SUFFIX: &str = "_[k]";

/// A recording that is under way.
#[derive(Debug)]
pub struct Recording {
    perf: Child,
    until: Instant,
    directory: TempDir,
    user_only: bool,
}

/// Sampled stacks.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// One line for each stack, outermost function first, and how often it was found.
    folded: String,
    /// What the kernel does for the server isn't among them: this user may not see it.
    pub user_only: bool,
}

impl Recording {
    /// Begins to record these processes for a time.
    ///
    /// # Errors
    /// Why that isn't possible here, in words, with the way out.
    pub fn start(guard: &Guard, pids: &[u32], time: Duration) -> Result<Self, CantProfile> {
        let event = event_here()?;
        if pids.is_empty() {
            return Err(CantProfile(UNKNOWN.to_owned()));
        }
        let directory = tempfile::Builder::new()
            .prefix("millionfold-profile-")
            .tempdir()
            .map_err(|error| CantProfile(format!("no place for a recording: {error}")))?;
        let pids: Vec<String> = pids.iter().map(u32::to_string).collect();
        let file = recording_in(&directory);
        let args = [
            "record",
            "--quiet",
            "--event",
            event,
            "--freq",
            &SAMPLES_PER_S.to_string(),
            "--call-graph",
            "dwarf",
            "--pid",
            &pids.join(","),
            "--output",
            &file.display().to_string(),
            // It records as long as this runs.
            "--",
            "sleep",
            &time.as_secs_f64().to_string(),
        ]
        .map(str::to_owned);
        let perf = Child::spawn(guard, Path::new("perf"), args, None)
            .map_err(|error| CantProfile(format!("perf can't be started: {error}")))?;
        Ok(Self {
            perf,
            until: Instant::now() + time,
            directory,
            user_only: event == USER_ONLY,
        })
    }

    /// Waits for the end of the recording, and makes stacks of it.
    ///
    /// # Errors
    /// What went wrong, in words.
    pub fn finish(mut self) -> Result<Profile, CantProfile> {
        let deadline = self.until + RECORD_PATIENCE;
        while self.perf.ended().is_none() && Instant::now() < deadline {
            pause()?;
        }
        let end = self.perf.post_mortem();
        match end.status {
            Some(status) if status.success() => Ok(Profile {
                user_only: self.user_only,
                ..Profile::of(&self.directory)?
            }),
            Some(status) => Err(CantProfile(format!(
                "perf record failed ({status}): {}",
                end.stderr_tail
            ))),
            None => Err(CantProfile(
                "perf record did not end and was killed".to_owned(),
            )),
        }
    }
}

impl Profile {
    fn of(recording: &TempDir) -> Result<Self, CantProfile> {
        let stacks = recording.path().join("stacks");
        script(&recording_in(recording), &stacks)?;
        let file =
            File::open(&stacks).map_err(|error| CantProfile(format!("no stacks: {error}")))?;
        Self::collapsed(BufReader::new(file))
    }

    /// From what `perf script` writes.
    fn collapsed(stacks: impl io::BufRead) -> Result<Self, CantProfile> {
        let mut options = perf::Options::default();
        options.annotate_kernel = true;
        options.nthreads = 1;
        let mut folded = Vec::new();
        perf::Folder::from(options)
            .collapse(stacks, &mut folded)
            .map_err(|error| CantProfile(format!("perf's stacks can't be understood: {error}")))?;
        let folded = String::from_utf8_lossy(&folded).into_owned();
        if folded.is_empty() {
            return Err(CantProfile(
                "the server used no CPU time while it was recorded".to_owned(),
            ));
        }
        let user_only = false;
        Ok(Self { folded, user_only })
    }

    fn stacks(&self) -> impl Iterator<Item = (&str, u64)> {
        let lines = self.folded.lines();
        lines.filter_map(|line| {
            let (stack, count) = line.rsplit_once(' ')?;
            Some((stack, count.parse().ok()?))
        })
    }

    /// How many samples there are.
    pub fn samples(&self) -> u64 {
        self.stacks().map(|(_, count)| count).sum()
    }

    /// The functions that most samples were taken in, themselves and not what they called.
    pub fn top(&self) -> Vec<ProfiledFunction> {
        let mut by_name = BTreeMap::<&str, u64>::new();
        for (stack, count) in self.stacks() {
            let innermost = stack.rsplit(';').next().unwrap_or(stack);
            *by_name.entry(innermost).or_default() += count;
        }
        let samples = self.samples().max(1);
        let mut top: Vec<(&str, u64)> = by_name.into_iter().collect();
        top.sort_by_key(|&(name, count)| (std::cmp::Reverse(count), name));
        top.truncate(TOP);
        top.into_iter()
            .map(|(name, count)| ProfiledFunction {
                name: name.strip_suffix(KERNEL_SUFFIX).unwrap_or(name).to_owned(),
                in_kernel: name.ends_with(KERNEL_SUFFIX),
                self_share: count as f64 / samples as f64,
            })
            .collect()
    }

    /// A flame graph: one SVG that needs nothing else, to be looked at in a browser.
    ///
    /// # Errors
    /// Why it can't be drawn, in words.
    pub fn flame_graph(&self, title: &str) -> Result<String, CantProfile> {
        let mut options = flamegraph::Options::default();
        options.title = title.to_owned();
        let kernel = match self.user_only {
            true => "user space only: the kernel's part is missing",
            false => "orange: the kernel's",
        };
        options.subtitle = Some(format!("{} samples of CPU time; {kernel}", self.samples()));
        options.count_name = "samples".to_owned();
        // Kernel and user functions in colours of their own.
        options.colors = flamegraph::Palette::Multi(MultiPalette::Java);
        options.deterministic = true;
        let mut svg = Vec::new();
        flamegraph::from_lines(&mut options, self.folded.lines(), &mut svg)
            .map_err(|error| CantProfile(format!("a flame graph can't be drawn: {error}")))?;
        Ok(String::from_utf8_lossy(&svg).into_owned())
    }
}

fn recording_in(directory: &TempDir) -> std::path::PathBuf {
    directory.path().join("perf.data")
}

/// `perf script` into a file.
fn script(recording: &Path, stacks: &Path) -> Result<(), CantProfile> {
    let can_not = |error: io::Error| CantProfile(format!("perf script can't be run: {error}"));
    let mut perf = Command::new("perf")
        // Without names of inlined functions, which take a hundred times as long.
        .args(["script", "--no-inline", "--fields", FIELDS, "--input"])
        .arg(recording)
        .stdin(Stdio::null())
        .stdout(File::create(stacks).map_err(can_not)?)
        .stderr(Stdio::null())
        .spawn()
        .map_err(can_not)?;
    let deadline = Instant::now() + SCRIPT_PATIENCE;
    let status = loop {
        match perf.try_wait().map_err(can_not)? {
            Some(status) => break status,
            None if Instant::now() < deadline && pause().is_ok() => {}
            None => {
                let _ = perf.kill();
                let _ = perf.wait();
                return Err(CantProfile(
                    "perf script took too long and was killed".to_owned(),
                ));
            }
        }
    };
    if status.success() {
        Ok(())
    } else {
        Err(CantProfile(format!("perf script failed ({status})")))
    }
}

/// A moment, unless the user wants to stop.
fn pause() -> Result<(), CantProfile> {
    if interrupt::asked() {
        return Err(CantProfile("interrupted".to_owned()));
    }
    thread::sleep(Duration::from_millis(10));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `perf script` writes them: two stacks, one of them twice.
    const STACKS: &str = "\
worker  1367  3378.2: cpu-clock: 
\tffffffff81400503 tcp_sendmsg+0x13 ([kernel.kallsyms])
\t          10aba4 __send+0x64 (/usr/lib/libc.so.6)
\t           87a04 server::serve::{{closure}}+0x2b4 (/target/release/server)

worker  1367  3378.3: cpu-clock: 
\tffffffff81400503 tcp_sendmsg+0x17 ([kernel.kallsyms])
\t          10aba4 __send+0x64 (/usr/lib/libc.so.6)
\t           87a04 server::serve::{{closure}}+0x2b4 (/target/release/server)

worker  1367  3378.4: cpu-clock: 
\t           87b04 sha2::compress+0x4 (/target/release/server)
\t           87a04 server::serve::{{closure}}+0x2b4 (/target/release/server)

";

    fn profile() -> Profile {
        Profile::collapsed(STACKS.as_bytes()).unwrap()
    }

    #[test]
    fn functions_are_ranked_by_their_own_samples() {
        let profile = profile();
        assert_eq!(profile.samples(), 3);
        let function = |name: &str, in_kernel, samples: f64| ProfiledFunction {
            name: name.to_owned(),
            in_kernel,
            self_share: samples / 3.0,
        };
        assert_eq!(
            profile.top(),
            [
                function("tcp_sendmsg", true, 2.0),
                function("sha2::compress", false, 1.0)
            ]
        );
    }

    #[test]
    fn the_graph_needs_nothing_else_and_names_no_directory() {
        let svg = profile().flame_graph("a <model>").unwrap();
        assert!(svg.contains("a &lt;model&gt;"), "the title, as text");
        assert!(svg.contains("server::serve") && svg.contains("3 samples"));
        assert!(!svg.contains("/target/release"));
    }

    #[test]
    fn a_graph_without_the_kernel_says_so() {
        let user = Profile {
            user_only: true,
            ..profile()
        };
        let svg = user.flame_graph("x").unwrap();
        assert!(svg.contains("user space only"));
        assert!(
            !profile()
                .flame_graph("x")
                .unwrap()
                .contains("user space only")
        );
    }

    #[test]
    fn nothing_recorded_is_said() {
        let error = Profile::collapsed(&b""[..]).unwrap_err();
        assert!(error.to_string().contains("no CPU time"), "{error}");
    }
}
