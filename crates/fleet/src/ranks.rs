//! The generators of all other ranks, as rank 0 sees them.

use crate::{
    clock::{Offset, RoundTrip},
    messages::{Answer, FromRank, Question, ToRank},
    post::{LOOK_UP, Post},
};
use generators::host::{Generator, GeneratorHost};
use mpi::topology::Rank;
use plan::others::Others;
use process::{
    child::{PostMortem, Silence},
    interrupt,
    watch::now_ns,
};
use protocol::generator::Plan;
use report::hosts::{HostClock, HostUse};
use std::{
    cell::RefCell,
    collections::{HashMap, VecDeque},
    fs, io,
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::ExitStatus,
    rc::Rc,
    thread,
    time::{Duration, Instant},
};
use toolchain::digest::sha256;

/// A generator is started within this: its rank reads the program once, to see that it is the same.
const START_LIMIT: Duration = Duration::from_secs(20);

/// For the last words of one that is told to end.
const END_LIMIT: Duration = Duration::from_secs(3);

/// For an answer about a machine, which takes a look at each of its processes.
const ANSWER_LIMIT: Duration = Duration::from_secs(20);

/// Round trips to each machine, before and after a trial: some 50 us each, and so many times as many
/// where none of them is short.
const ROUNDS: u32 = 200;
const BATCHES_MAX: u32 = 10;
const GOOD_NS: u64 = 100_000;
const ROUNDS_LIMIT: Duration = Duration::from_secs(10);

/// A machine that generates.
#[derive(Clone, Debug)]
pub(crate) struct Neighbour {
    pub(crate) rank: Rank,
    /// In reports: never what it calls itself.
    pub(crate) name: String,
    /// Its processes are this machine's, too.
    pub(crate) is_here: bool,
    /// Others of the run are on the same machine.
    pub(crate) shares_machine: bool,
}

/// All machines that generate, for one program.
#[derive(Debug)]
pub(crate) struct Ranks {
    line: Rc<Line>,
    program: String,
    program_sha256: String,
}

/// What is said and heard.
#[derive(Debug)]
struct Line {
    post: Rc<Post>,
    neighbours: Vec<Neighbour>,
    heard: RefCell<HashMap<u64, Heard>>,
    answers: RefCell<HashMap<Rank, Answer>>,
    /// Their clocks when the trial began.
    clocks: RefCell<Vec<Offset>>,
    next_id: RefCell<u64>,
}

/// Of one generator.
#[derive(Debug, Default)]
struct Heard {
    started: Option<Result<u32, String>>,
    lines: VecDeque<String>,
    ended: Option<(Option<i32>, String)>,
}

/// A generator beside another rank.
#[derive(Debug)]
struct Remote {
    line: Rc<Line>,
    neighbour: Neighbour,
    id: u64,
    /// Where it is a process of this machine.
    pid: Option<u32>,
}

impl Ranks {
    /// # Errors
    /// The program can't be read.
    pub(crate) fn new(
        post: &Rc<Post>,
        neighbours: Vec<Neighbour>,
        program: &Path,
    ) -> io::Result<Self> {
        let program = fs::canonicalize(program).unwrap_or_else(|_| PathBuf::from(program));
        let bytes = fs::read(&program)?;
        let line = Line {
            post: Rc::clone(post),
            neighbours,
            heard: RefCell::default(),
            answers: RefCell::default(),
            clocks: RefCell::default(),
            next_id: RefCell::default(),
        };
        Ok(Self {
            line: Rc::new(line),
            program: program.to_string_lossy().into_owned(),
            program_sha256: sha256(&bytes),
        })
    }
}

impl GeneratorHost for Ranks {
    fn held_bytes(&self) -> io::Result<Option<u64>> {
        let answers = self.line.ask_all(Question::Held)?;
        let held = answers.into_iter().map(|answer| match answer {
            Answer::Held(bytes) => bytes,
            _ => None,
        });
        Ok(held.sum())
    }

    fn before_window(&self) -> io::Result<()> {
        self.line.ask_all(Question::Ready).map(drop)
    }

    fn after_window(&self) -> io::Result<Vec<(String, HostUse)>> {
        let answers = self.line.ask_all(Question::Used)?;
        let all = self.line.neighbours.iter().zip(answers);
        let of_each = all.map(|(neighbour, answer)| match answer {
            Answer::Used(Some(used)) => Ok((neighbour.name.clone(), neighbour.told_apart(*used))),
            _ => Err(io::Error::other(format!(
                "{} wasn't awake when the window opened or closed",
                neighbour.name
            ))),
        });
        of_each.collect()
    }

    fn begin_trial(&self) -> io::Result<()> {
        let clocks = self.line.clocks()?;
        for (neighbour, clock) in self.line.neighbours.iter().zip(&clocks) {
            let ahead_ns = clock.ahead_ns;
            self.line.say(neighbour, &ToRank::Ahead { ahead_ns })?;
        }
        self.line.clocks.replace(clocks);
        Ok(())
    }

    fn start(&self, plan: &Plan) -> io::Result<Box<dyn Generator>> {
        let line = &self.line;
        let machines = line.neighbours.len() as u32;
        let neighbour = &line.neighbours[Others::machine_of(plan.process, machines)];
        let id = line.next_id.replace_with(|id| *id + 1);
        line.heard.borrow_mut().insert(id, Heard::default());
        let mut generator = Remote {
            line: Rc::clone(line),
            neighbour: neighbour.clone(),
            id,
            pid: None,
        };
        let start = ToRank::Start {
            id,
            program: self.program.clone(),
            program_sha256: self.program_sha256.clone(),
        };
        line.say(neighbour, &start)?;
        let deadline = Instant::now() + START_LIMIT;
        let name = &neighbour.name;
        match line.wait(id, deadline, |heard| heard.started.take()) {
            Ok(Ok(pid)) => {
                generator.pid = neighbour.is_here.then_some(pid);
                Ok(Box::new(generator))
            }
            Ok(Err(reason)) => Err(io::Error::other(format!("{name} {reason}"))),
            Err(silence) => Err(io::Error::other(format!("{name} {silence}"))),
        }
    }

    fn end_trial(&self) -> io::Result<Vec<HostClock>> {
        let before = self.line.clocks.borrow().clone();
        let after = self.line.clocks()?;
        let both = before.iter().zip(&after).zip(&self.line.neighbours);
        let us = |ns: i64| ns as f64 / 1e3;
        let clocks = both.map(|((before, after), neighbour)| HostClock {
            host: neighbour.name.clone(),
            ahead_us: us(before.ahead_ns),
            bound_us: us(before.bound_ns.max(after.bound_ns) as i64),
            drift_us: us(after.ahead_ns - before.ahead_ns),
        });
        Ok(clocks.collect())
    }
}

impl Neighbour {
    /// Where others of the run are on the same machine, nobody there can tell them from strangers.
    fn told_apart(&self, mut used: HostUse) -> HostUse {
        if self.shares_machine {
            let machine = &mut used.machine;
            (machine.other_cpus_used, machine.programs_cpus_used) = (None, None);
            machine.programs_s.clear();
            for field in ["other_cpus_used", "programs_cpus_used"] {
                let reason = "other hosts of this run are on the same machine".to_owned();
                machine.not_measured.insert(field.to_owned(), reason);
            }
        }
        used
    }
}

impl Line {
    /// Asks all neighbours at once; their answers are in the neighbours' order.
    fn ask_all(&self, question: Question) -> io::Result<Vec<Answer>> {
        self.answers.borrow_mut().clear();
        for neighbour in &self.neighbours {
            self.say(neighbour, &ToRank::Tell(question))?;
        }
        let deadline = Instant::now() + ANSWER_LIMIT;
        let answer = |neighbour: &Neighbour| loop {
            self.hear();
            if let Some(answer) = self.answers.borrow_mut().remove(&neighbour.rank) {
                return Ok(answer);
            }
            if Instant::now() >= deadline {
                let said = format!("{} says nothing of what is used there", neighbour.name);
                return Err(io::Error::other(said));
            }
            thread::sleep(LOOK_UP);
        };
        self.neighbours.iter().map(answer).collect()
    }

    fn say(&self, to: &Neighbour, message: &ToRank) -> io::Result<()> {
        let sent = self.post.send(to.rank, message);
        sent.map_err(|error| io::Error::other(format!("{error:#}")))
    }

    /// The clocks of all neighbours, in their order.
    fn clocks(&self) -> io::Result<Vec<Offset>> {
        let clock = |neighbour| self.clock(neighbour);
        self.neighbours.iter().map(clock).collect()
    }

    /// On a busy machine short trips are rare, so there may be more of them.
    fn clock(&self, neighbour: &Neighbour) -> io::Result<Offset> {
        let mut best: Option<Offset> = None;
        for _ in 0..BATCHES_MAX {
            let one = self.batch(neighbour)?;
            best = best
                .filter(|best| best.bound_ns <= one.bound_ns)
                .or(Some(one));
            if best.is_some_and(|best| best.bound_ns <= GOOD_NS) {
                break;
            }
        }
        best.ok_or_else(|| io::Error::other("no clock was asked"))
    }

    fn batch(&self, neighbour: &Neighbour) -> io::Result<Offset> {
        self.say(neighbour, &ToRank::Clock { rounds: ROUNDS })?;
        let deadline = Instant::now() + ROUNDS_LIMIT;
        let trip = |_| {
            let left_ns = now_ns();
            self.post.send_reading(neighbour.rank, left_ns);
            let there_ns = self.post.receive_reading(neighbour.rank, deadline)?;
            let back_ns = now_ns();
            Some(RoundTrip {
                left_ns,
                there_ns,
                back_ns,
            })
        };
        let trips: Option<Vec<RoundTrip>> = (0..ROUNDS).map(trip).collect();
        trips
            .and_then(|trips| Offset::of(&trips))
            .ok_or_else(|| io::Error::other(format!("{} doesn't tell its time", neighbour.name)))
    }

    /// Takes what has come.
    fn hear(&self) {
        loop {
            match self.post.receive::<FromRank>() {
                Ok(Some((rank, message))) => self.take(rank, message),
                Ok(None) => return,
                Err(error) => self.post.abort(&format!("{error:#}")),
            }
        }
    }

    fn take(&self, from: Rank, message: FromRank) {
        let mut all = self.heard.borrow_mut();
        // Of a generator that nobody waits for any more there is nothing to keep.
        match message {
            FromRank::Answer(answer) => {
                self.answers.borrow_mut().insert(from, answer);
            }
            FromRank::Started { id, outcome } => {
                all.entry(id)
                    .and_modify(|heard| heard.started = Some(outcome));
            }
            FromRank::Line { id, line } => {
                all.entry(id)
                    .and_modify(|heard| heard.lines.push_back(line));
            }
            FromRank::Ended {
                id,
                wait_status,
                stderr_tail,
            } => {
                let ended = Some((wait_status, stderr_tail));
                all.entry(id).and_modify(|heard| heard.ended = ended);
            }
        }
    }

    /// Waits for something of one generator.
    fn wait<T>(
        &self,
        id: u64,
        deadline: Instant,
        take: impl Fn(&mut Heard) -> Option<T>,
    ) -> Result<T, Silence> {
        loop {
            self.hear();
            if let Some(heard) = self.heard.borrow_mut().get_mut(&id) {
                if let Some(taken) = take(heard) {
                    return Ok(taken);
                }
                if heard.ended.is_some() && heard.lines.is_empty() {
                    return Err(Silence::Ended);
                }
            }
            if Instant::now() >= deadline {
                return Err(Silence::TimedOut);
            }
            thread::sleep(LOOK_UP);
        }
    }
}

impl Generator for Remote {
    fn pid(&self) -> Option<u32> {
        self.pid
    }

    fn machine(&self) -> Option<&str> {
        Some(&self.neighbour.name)
    }

    fn say(&mut self, line: &str) -> io::Result<()> {
        let line = line.to_owned();
        self.line
            .say(&self.neighbour, &ToRank::Say { id: self.id, line })
    }

    fn next_line(&mut self, deadline: Instant) -> Result<String, Silence> {
        loop {
            if interrupt::asked() {
                return Err(Silence::Interrupted);
            }
            let look_up = deadline.min(Instant::now() + Duration::from_millis(50));
            match self
                .line
                .wait(self.id, look_up, |heard| heard.lines.pop_front())
            {
                Err(Silence::TimedOut) if Instant::now() < deadline => {}
                other => return other,
            }
        }
    }

    fn post_mortem(&mut self) -> PostMortem {
        let end = ToRank::End { id: self.id };
        // Where that can't be said, nobody answers.
        let _ = self.line.say(&self.neighbour, &end);
        let deadline = Instant::now() + END_LIMIT;
        let ended = self
            .line
            .wait(self.id, deadline, |heard| heard.ended.clone());
        let (status, stderr_tail) = ended.unwrap_or_default();
        PostMortem {
            status: status.map(ExitStatus::from_raw),
            stderr_tail,
        }
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        let heard = self.line.heard.borrow_mut().remove(&self.id);
        if heard.is_some_and(|heard| heard.ended.is_none()) {
            let _ = self.line.say(&self.neighbour, &ToRank::End { id: self.id });
        }
    }
}
