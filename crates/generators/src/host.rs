//! How generators are reached: what is different for those of another machine.

use process::child::{PostMortem, Silence};
use protocol::generator::Plan;
use report::hosts::{HostClock, HostUse};
use std::{fmt, io, time::Instant};

/// Where generators are started.
pub trait GeneratorHost: fmt::Debug {
    /// A trial begins, and none of its generators is there yet.
    ///
    /// # Errors
    /// No trial can be made there.
    fn begin_trial(&self) -> io::Result<()> {
        Ok(())
    }

    /// A trial's generators have done their work: what is known of other machines' clocks; of this one
    /// there is nothing to say.
    ///
    /// # Errors
    /// A machine doesn't answer.
    fn end_trial(&self) -> io::Result<Vec<HostClock>> {
        Ok(Vec::new())
    }

    /// What generators on other machines hold now, as proportional set size; `None` where there are none,
    /// or it can't be read.
    ///
    /// # Errors
    /// A machine doesn't answer.
    fn held_bytes(&self) -> io::Result<Option<u64>> {
        Ok(None)
    }

    /// A window comes next that is to be sampled: other machines read what takes long, and are ready
    /// when this returns.
    ///
    /// # Errors
    /// A machine doesn't answer.
    fn before_window(&self) -> io::Result<()> {
        Ok(())
    }

    /// That window's results are there: what was used in it on each other machine, by its name.
    ///
    /// # Errors
    /// A machine doesn't answer.
    fn after_window(&self) -> io::Result<Vec<(String, HostUse)>> {
        Ok(Vec::new())
    }

    /// Starts the generator that this plan is for. It isn't told the plan yet.
    ///
    /// # Errors
    /// It can't be started.
    fn start(&self, plan: &Plan) -> io::Result<Box<dyn Generator>>;
}

/// A generator that runs. Dropping it ends it.
pub trait Generator: fmt::Debug {
    /// Its number, if it is a process of this machine: what it uses can be read here then.
    fn pid(&self) -> Option<u32>;

    /// The machine it is on, by the name that reports have for it; `None`: this one.
    fn machine(&self) -> Option<&str>;

    /// Tells it a line of `protocol::generator`. Moments in it are of this machine's clock, and are
    /// translated where another machine's clock counts.
    ///
    /// # Errors
    /// It is gone.
    fn say(&mut self, line: &str) -> io::Result<()>;

    /// Its next line, at most until `deadline`.
    ///
    /// # Errors
    /// Why there is none.
    fn next_line(&mut self, deadline: Instant) -> Result<String, Silence>;

    /// Ends it, if it still runs, and tells how it ended and what it wrote last.
    fn post_mortem(&mut self) -> PostMortem;
}
