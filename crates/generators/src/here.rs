//! Generators on this machine: child processes, heard over pipes.

use crate::host::{Generator, GeneratorHost};
use process::{
    child::{Child, PostMortem, Silence},
    guard::Guard,
};
use protocol::generator::Plan;
use std::{io, path::PathBuf, time::Instant};

/// This machine.
#[derive(Clone, Debug)]
pub struct Here {
    /// The generator's program.
    pub program: PathBuf,
    /// Through what it is started, in its network.
    pub guard: Guard,
}

impl GeneratorHost for Here {
    fn start(&self, _: &Plan) -> io::Result<Box<dyn Generator>> {
        let no_args: [&str; 0] = [];
        let child = Child::spawn(&self.guard, &self.program, no_args, None)?;
        Ok(Box::new(child))
    }
}

impl Generator for Child {
    fn pid(&self) -> Option<u32> {
        Some(Child::pid(self))
    }

    fn machine(&self) -> Option<&str> {
        None
    }

    fn say(&mut self, line: &str) -> io::Result<()> {
        Child::say(self, line)
    }

    fn next_line(&mut self, deadline: Instant) -> Result<String, Silence> {
        Child::next_line(self, deadline)
    }

    fn post_mortem(&mut self) -> PostMortem {
        Child::post_mortem(self)
    }
}
