//! Values of arguments that have names, with what each of them means.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use protocol::wire::Wire;
use report::trial::Arrivals;
use request::options::LoadKind;
use std::{error::Error, str::FromStr};

/// How requests arrive.
pub(crate) fn load() -> impl TypedValueParser<Value = LoadKind> {
    named(&[
        (
            "closed",
            "The next request when a reply arrives: the highest rate",
        ),
        (
            "idle",
            "Connections that are held open and hardly used: what one costs",
        ),
        (
            "open",
            "Requests on a schedule that doesn't care how the server is doing: response times",
        ),
        ("churn", "Connections on a schedule, each for one request"),
    ])
}

/// What servers speak.
pub(crate) fn wire() -> impl TypedValueParser<Value = Wire> {
    named(&[
        ("framed", "A header, then a payload"),
        ("raw", "Bytes are echoed as they come"),
        (
            "http1",
            "HTTP/1.1 over connections that are kept: servers that aren't ours only",
        ),
        (
            "websocket",
            "Messages in frames of RFC 6455: servers that aren't ours only",
        ),
    ])
}

/// How the requests of a schedule lie in time.
pub(crate) fn arrivals() -> impl TypedValueParser<Value = Arrivals> {
    named(&[
        (
            "poisson",
            "Independently of each other, as from many clients",
        ),
        ("uniform", "At equal distances"),
    ])
}

fn named<T>(values: &[(&'static str, &'static str)]) -> impl TypedValueParser<Value = T>
where
    T: FromStr<Err: Error + Send + Sync + 'static> + Clone + Send + Sync + 'static,
{
    let values = values
        .iter()
        .map(|(name, help)| PossibleValue::new(*name).help(*help));
    PossibleValuesParser::new(values).try_map(|text| text.parse::<T>())
}
