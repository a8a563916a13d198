//! What people write.

use protocol::{
    client::Workload,
    http::{Expect, Field, RequestLine},
};
use report::{link::Link, slo::Slo};
use request::{network::Network, options, rate::Rate, scenario::Scenario};
use server::external;
use std::{fmt::Display, path::Path, str::FromStr};

/// A scenario.
pub fn scenario(input: &[u8]) {
    let _ = Scenario::parse(&text(input));
}

/// A models.toml.
pub fn models_toml(input: &[u8]) {
    let _ = external::parse(&text(input), "models.toml", Path::new("/nowhere"), true);
}

/// A command line of a server that isn't ours.
pub fn command_line(input: &[u8]) {
    let text = text(input);
    let _ = external::arguments(&text).map(|words| {
        let shown = words.iter().map(|word| external::without_directories(word));
        shown.for_each(|word| assert!(!word.starts_with("/home/"), "{word:?}"));
    });
}

/// Values of options.
pub fn options(input: &[u8]) {
    let text = text(input);
    said_again::<Workload>(&text);
    said_again::<Expect>(&text);
    let _ = text.parse::<RequestLine>();
    let _ = text.parse::<Field>();
    let _ = text.parse::<Network>();
    let _ = text.parse::<Rate>();
    let _ = text.parse::<Slo>();
    let _ = text.parse::<Link>();
    let _ = text.parse::<options::Trials>();
    let _ = text.parse::<options::Patience>();
    let _ = text.parse::<options::LoadKind>();
    let _ = text.parse::<compare::gate::Gate>();
}

/// A value that reports show as it was given means the same when it is given again.
fn said_again<T: FromStr + Display + PartialEq + std::fmt::Debug>(text: &str) {
    if let Ok(value) = text.parse::<T>() {
        let shown = value.to_string();
        assert_eq!(
            shown.parse().ok().as_ref(),
            Some(&value),
            "{text:?}: {shown:?}"
        );
    }
}

fn text(input: &[u8]) -> String {
    String::from_utf8_lossy(input).into_owned()
}
