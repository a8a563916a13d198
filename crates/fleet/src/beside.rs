//! Any rank but the first: stands beside the generators of its machine, and carries lines.

use crate::{
    addresses,
    clock::Offset,
    messages::{Answer, Facts, FromRank, Hello, Question, ToRank},
    post::{LOOK_UP, Post},
    sampler::Sampler,
};
use anyhow::Context as _;
use machine::{environment, host};
use probe::{net::NetEvents, usage::pss_bytes};
use process::{
    child::{Child, Silence},
    guard::Guard,
    watch::{Watch, now_ns},
};
use protocol::generator::Command;
use rustix::{
    process::{Resource, getrlimit},
    system::uname,
};
use std::{
    collections::BTreeMap,
    env, fs,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};
use toolchain::digest::sha256;

/// The first rank, which is the runner.
const RUNNER: i32 = 0;

/// Without any generator there is nothing to carry: its lines are looked for less often.
const IDLE_LOOK_UP: Duration = Duration::from_millis(5);

const ROUNDS_LIMIT: Duration = Duration::from_secs(10);

/// Its whole life. What it can't go on with ends the job: the runner's finished blocks are on disk.
pub(crate) fn serve(post: &Post) -> ExitCode {
    let served = introduce(post).and_then(|()| Beside::new(post).serve());
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let hostname = hostname();
            post.abort(&format!("the rank at {hostname}: {error:#}"))
        }
    }
}

/// What this machine calls itself.
pub(crate) fn hostname() -> String {
    uname().nodename().to_string_lossy().into_owned()
}

/// What a runner has to know of this machine.
pub(crate) fn facts() -> Facts {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let namespace = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    let boot = read("/proc/sys/kernel/random/boot_id");
    Facts {
        cpus: host::allowed_cpus().len().try_into().unwrap_or(u32::MAX),
        open_files_max: getrlimit(Resource::Nofile).maximum,
        ports: host::ephemeral_ports(),
        addresses: addresses::with_prefixes(),
        boot: boot.trim().to_owned(),
        process_namespace: namespace.to_string_lossy().into_owned(),
        environment: environment::read(),
    }
}

fn introduce(post: &Post) -> anyhow::Result<()> {
    post.send(RUNNER, &Hello::of_this(hostname()))?;
    post.send(RUNNER, &facts())
}

struct Beside<'a> {
    post: &'a Post,
    guard: Guard,
    ahead_ns: i64,
    generators: BTreeMap<u64, Child>,
    /// Programs whose digest is known.
    programs: BTreeMap<PathBuf, String>,
    /// Generators that have been told of a window, and when it closes by our clock.
    told: Vec<u64>,
    /// Of the window that comes next, where it is to be sampled.
    sampler: Option<Sampler>,
    /// When the trial began, or its last window was over.
    net_before: NetEvents,
}

/// When a window is open, by our clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Opening {
    opens_at_ns: u64,
    window_us: u64,
}

impl Opening {
    fn closes_at_ns(self) -> u64 {
        self.opens_at_ns + self.window_us * 1000
    }
}

impl<'a> Beside<'a> {
    fn new(post: &'a Post) -> Self {
        Self {
            post,
            guard: Guard::new("/proc/self/exe"),
            ahead_ns: 0,
            generators: BTreeMap::new(),
            programs: BTreeMap::new(),
            told: Vec::new(),
            sampler: None,
            net_before: NetEvents::here(),
        }
    }

    fn serve(mut self) -> anyhow::Result<()> {
        loop {
            while let Some((_, message)) = self.post.receive()? {
                if message == ToRank::Leave {
                    return Ok(());
                }
                self.obey(message)?;
            }
            self.carry_lines()?;
            thread::sleep(match self.generators.is_empty() {
                true => IDLE_LOOK_UP,
                false => LOOK_UP,
            });
        }
    }

    fn obey(&mut self, message: ToRank) -> anyhow::Result<()> {
        match message {
            ToRank::Clock { rounds } => self.tell_time(rounds),
            ToRank::Ahead { ahead_ns } => {
                self.ahead_ns = ahead_ns;
                // A trial begins.
                self.net_before = NetEvents::here();
                Ok(())
            }
            ToRank::Start {
                id,
                program,
                program_sha256,
            } => self.start(id, Path::new(&program), &program_sha256),
            ToRank::Say { id, line } => {
                self.say(id, line);
                Ok(())
            }
            ToRank::End { id } => self.end(id),
            ToRank::Tell(question) => {
                let answer = self.answer(question);
                self.post.send(RUNNER, &FromRank::Answer(answer))
            }
            ToRank::Leave => Ok(()),
        }
    }

    fn answer(&mut self, question: Question) -> Answer {
        let pids: Vec<u32> = self.generators.values().map(Child::pid).collect();
        match question {
            Question::Held => Answer::Held(pss_bytes(&pids)),
            Question::Ready => {
                self.sampler = Some(Sampler::look(pids, self.net_before));
                Answer::Ready
            }
            Question::Used => {
                let used = self.sampler.take().and_then(Sampler::sum);
                self.net_before = NetEvents::here();
                Answer::Used(used.map(Box::new))
            }
        }
    }

    fn tell_time(&self, rounds: u32) -> anyhow::Result<()> {
        let deadline = Instant::now() + ROUNDS_LIMIT;
        for _ in 0..rounds {
            self.post
                .receive_reading(RUNNER, deadline)
                .context("rank 0 asks for the time no more")?;
            self.post.send_reading(RUNNER, now_ns());
        }
        Ok(())
    }

    fn start(&mut self, id: u64, program: &Path, sha256: &str) -> anyhow::Result<()> {
        let outcome = self.program(program, sha256).and_then(|program| {
            let no_args: [&str; 0] = [];
            Child::spawn(&self.guard, &program, no_args, None)
                .map_err(|error| format!("can't start a generator: {error}"))
        });
        let outcome = outcome.map(|child| {
            let pid = child.pid();
            self.generators.insert(id, child);
            pid
        });
        self.post.send(RUNNER, &FromRank::Started { id, outcome })
    }

    /// The runner's generator: where the runner has it, or beside this program.
    fn program(&mut self, there: &Path, wanted_sha256: &str) -> Result<PathBuf, String> {
        let beside = env::current_exe().ok();
        let beside = beside.and_then(|own| Some(own.with_file_name(there.file_name()?)));
        for path in [Some(there.to_owned()), beside].into_iter().flatten() {
            if !self.programs.contains_key(&path) {
                let Ok(bytes) = fs::read(&path) else {
                    continue;
                };
                self.programs.insert(path.clone(), sha256(&bytes));
            }
            if self.programs[&path] == wanted_sha256 {
                return Ok(path);
            }
        }
        // Without paths: this stands in reports.
        Err(format!(
            "has no generator that is rank 0's (its digest begins with {:.12}), neither where rank 0 has \
             it nor beside 'fleet': all machines need the programs of one build",
            wanted_sha256
        ))
    }

    fn say(&mut self, id: u64, line: String) {
        let Some(child) = self.generators.get_mut(&id) else {
            // It has ended, which has been said.
            return;
        };
        let (line, opening) = match serde_json::from_str(&line) {
            Ok(command) => translated(command, self.ahead_ns, line),
            // A plan.
            Err(_) => (line, None),
        };
        // One that is gone is heard of from its output.
        let _ = child.say(&line);
        let Some(opening) = opening else {
            return;
        };
        self.told.push(id);
        if self.told.len() >= self.generators.len() {
            self.told.clear();
            self.sleep_through(opening);
        }
    }

    /// In a window nothing runs on this machine but generators, unless one of them dies: then that is
    /// looked into at once.
    fn sleep_through(&mut self, opening: Opening) {
        let Ok(watch) = Watch::over(self.generators.values().map(Child::pid)) else {
            return;
        };
        let closes_at_ns = opening.closes_at_ns();
        if let Some(sampler) = &mut self.sampler {
            if watch
                .sleep_until(Sampler::woken_at_ns(opening.opens_at_ns))
                .is_err()
            {
                return;
            }
            sampler.opens();
        }
        if watch.sleep_until(closes_at_ns).is_err() {
            return;
        }
        if let Some(sampler) = &mut self.sampler {
            sampler.closes(closes_at_ns, Duration::from_micros(opening.window_us));
        }
    }

    fn end(&mut self, id: u64) -> anyhow::Result<()> {
        match self.generators.remove(&id) {
            Some(child) => self.bury(id, child),
            None => Ok(()),
        }
    }

    fn carry_lines(&mut self) -> anyhow::Result<()> {
        let mut ended = Vec::new();
        for (&id, child) in &self.generators {
            loop {
                match child.next_line(Instant::now()) {
                    Ok(line) => self.post.send(RUNNER, &FromRank::Line { id, line })?,
                    Err(Silence::TimedOut | Silence::Interrupted) => break,
                    Err(Silence::Ended) => {
                        ended.push(id);
                        break;
                    }
                }
            }
        }
        ended.into_iter().try_for_each(|id| self.end(id))
    }

    /// Kills it, if it still lives, and tells how it ended.
    fn bury(&mut self, id: u64, mut child: Child) -> anyhow::Result<()> {
        self.told.retain(|told| *told != id);
        let found = child.post_mortem();
        let ended = FromRank::Ended {
            id,
            wait_status: found.status.map(ExitStatusExt::into_raw),
            stderr_tail: found.stderr_tail,
        };
        self.post.send(RUNNER, &ended)
    }
}

/// A command as this machine's clock has it, and the window that it announces.
fn translated(mut command: Command, ahead_ns: i64, line: String) -> (String, Option<Opening>) {
    let here = |moment_ns: &mut u64| *moment_ns = Offset::translate(ahead_ns, *moment_ns);
    let mut opening = None;
    match &mut command {
        Command::Start { begins_at_ns, .. } => here(begins_at_ns),
        Command::Measure {
            opens_at_ns,
            window_us,
        } => {
            here(opens_at_ns);
            opening = Some(Opening {
                opens_at_ns: *opens_at_ns,
                window_us: *window_us,
            });
        }
        _ => {}
    }
    (serde_json::to_string(&command).unwrap_or(line), opening)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_of_the_generators_own_clock_and_nothing_else_is_touched() {
        let measure = Command::Measure {
            opens_at_ns: 1_000_000,
            window_us: 2,
        };
        let (line, opening) = translated(measure, -400, String::new());
        assert!(line.contains("\"opens_at_ns\":999600"), "{line}");
        assert_eq!(opening.unwrap().closes_at_ns(), 999_600 + 2000);
        let start = Command::Start {
            begins_at_ns: 5,
            rate_per_s: Some(2.5),
            samples: true,
        };
        let (line, opening) = translated(start, 10, String::new());
        assert!(
            line.contains("\"begins_at_ns\":15") && line.contains("2.5"),
            "{line}"
        );
        assert_eq!(opening, None);
        let (line, opening) = translated(Command::Finish, 10, String::new());
        assert_eq!((line.as_str(), opening), ("{\"command\":\"finish\"}", None));
    }
}
