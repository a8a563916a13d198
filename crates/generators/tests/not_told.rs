//! A generator that lives and can't be told anything.

#![allow(
    clippy::unwrap_used,
    reason = "a test that can't go on fails, and says where"
)]

use generators::{
    driven::Generators,
    error::GeneratorError,
    host::{Generator, GeneratorHost},
};
use process::child::{PostMortem, Silence};
use protocol::generator::{Event, Plan};
use std::{io, net::SocketAddr, time::Instant};

/// Tells how it goes, again and again, and takes nothing.
#[derive(Clone, Debug)]
struct Deaf;

impl GeneratorHost for Deaf {
    fn start(&self, _: &Plan) -> io::Result<Box<dyn Generator>> {
        Ok(Box::new(Self))
    }
}

impl Generator for Deaf {
    fn pid(&self) -> Option<u32> {
        None
    }

    fn machine(&self) -> Option<&str> {
        None
    }

    fn say(&mut self, _: &str) -> io::Result<()> {
        Err(io::ErrorKind::StorageFull.into())
    }

    fn next_line(&mut self, _: Instant) -> Result<String, Silence> {
        let goes_on = Event::Progress {
            connections: 1,
            requests: 2,
        };
        Ok(serde_json::to_string(&goes_on).unwrap())
    }

    fn post_mortem(&mut self) -> PostMortem {
        PostMortem {
            status: None,
            stderr_tail: String::new(),
        }
    }
}

#[test]
fn it_is_an_error_and_not_waited_for() {
    let plan = Plan::least(SocketAddr::from(([127, 0, 0, 1], 1)));
    let error = Generators::start(&Deaf, &[plan]).err().unwrap();
    assert!(matches!(error, GeneratorError::NotTold(_)), "{error}");
}
