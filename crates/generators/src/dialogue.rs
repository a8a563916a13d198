//! What is said between us and one generator, line by line.

use crate::{
    error::{GeneratorError, Result},
    host::Generator,
};
use process::child::{PostMortem, Silence};
use protocol::generator::Event;
use serde::Serialize;
use std::{
    io,
    time::{Duration, Instant},
};

/// A generator that says nothing for this long, not even how far it has come, hangs.
const SILENCE_LIMIT: Duration = Duration::from_secs(15);

/// For the reason of one that takes nothing any more.
const LAST_WORDS_LIMIT: Duration = Duration::from_secs(1);

pub(crate) fn say(generator: &mut dyn Generator, message: &impl Serialize) -> Result<()> {
    let line = serde_json::to_string(message)
        .map_err(|error| GeneratorError::Unexpected(error.to_string()))?;
    generator
        .say(&line)
        .map_err(|error| why_not_told(generator, error).of(generator))
}

/// One that is gone has mostly said why. One that lives goes on with what it was told before, and
/// tells of that for ever.
fn why_not_told(generator: &mut dyn Generator, error: io::Error) -> GeneratorError {
    let until = Instant::now() + LAST_WORDS_LIMIT;
    loop {
        match generator.next_line(until).map(|line| event_in(&line)) {
            Ok(Err(failed)) => return failed,
            Err(Silence::TimedOut) => return GeneratorError::NotTold(error),
            Err(silence) => return why_silent(generator, silence),
            Ok(Ok(_)) if Instant::now() >= until => return GeneratorError::NotTold(error),
            Ok(Ok(_)) => {}
        }
    }
}

/// The next event that isn't about how it goes.
pub(crate) fn next_event(generator: &mut dyn Generator) -> Result<Event> {
    loop {
        match next_event_or_interval(generator)? {
            // Told before the window was announced.
            Event::Interval(_) => {}
            event => return Ok(event),
        }
    }
}

pub(crate) fn next_event_or_interval(generator: &mut dyn Generator) -> Result<Event> {
    hear(generator).map_err(|error| error.of(generator))
}

fn hear(generator: &mut dyn Generator) -> Result<Event> {
    loop {
        let line = generator.next_line(Instant::now() + SILENCE_LIMIT);
        match event_in(&line.map_err(|silence| why_silent(generator, silence))?)? {
            Event::Progress { .. } => {}
            event => return Ok(event),
        }
    }
}

fn event_in(line: &str) -> Result<Event> {
    match serde_json::from_str(line) {
        Ok(Event::Failed { message }) => Err(GeneratorError::Failed(message)),
        Ok(event) => Ok(event),
        Err(_) => Err(GeneratorError::Unexpected(line.chars().take(200).collect())),
    }
}

fn why_silent(generator: &mut dyn Generator, silence: Silence) -> GeneratorError {
    if silence == Silence::Interrupted {
        return GeneratorError::Interrupted;
    }
    let PostMortem {
        status,
        stderr_tail,
    } = generator.post_mortem();
    match status {
        Some(how) if silence == Silence::Ended => GeneratorError::Ended { how, stderr_tail },
        _ => GeneratorError::Silent {
            silence,
            stderr_tail,
        },
    }
}

pub(crate) fn unexpected(event: &Event) -> GeneratorError {
    GeneratorError::Unexpected(format!("{event:?}"))
}
