//! What is asked of a server that speaks HTTP, and which replies are right: as command lines say
//! it, and as a generator is told it. Bytes of HTTP are made and read in the crate `wires`.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use thiserror::Error;

/// A longer path or field is refused: servers refuse it, too.
const LENGTH_MAX: usize = 8 << 10;

/// Fields that say how long a message is, or to whom it goes over: the generator writes them.
const OWN_FIELDS: [&str; 7] = [
    "content-length",
    "transfer-encoding",
    "upgrade",
    "sec-websocket-key",
    "sec-websocket-version",
    "sec-websocket-extensions",
    "expect",
];

/// One request, which is sent again and again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpRequest {
    /// Method and path.
    pub line: RequestLine,
    /// Header fields beside those that every request has.
    pub fields: Vec<Field>,
    /// Which replies are right.
    pub expect: Expect,
}

/// The first line of a request, without the version: `GET /path`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestLine {
    /// `GET`.
    pub method: String,
    /// From the first slash on, a query with it.
    pub path: String,
}

/// A header field: `Accept: text/plain`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Before the colon.
    pub name: String,
    /// After the colon, without blanks around it.
    pub value: String,
}

/// Which replies are right: `status=204`, `body=echo`, `body-length=12`, or two of them with a comma.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expect {
    /// The only status that is right; `None`: any from 200 to 299.
    pub status: Option<u16>,
    /// What the body has to be.
    pub body: Body,
}

/// Which bodies of replies are right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Body {
    /// That which came first.
    #[default]
    Same,
    /// That of its own request.
    Echo,
    /// One of so many bytes.
    Length(u32),
    /// Each.
    Any,
}

/// A text that isn't what it should be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum HttpTextError {
    /// Not a request line.
    #[error(
        "it takes a method and a path such as 'GET /index.html'; the address is said elsewhere"
    )]
    RequestLine,
    /// Not a field.
    #[error("it takes a header field such as 'Accept: text/plain'")]
    Field,
    /// A field that the generator writes itself.
    #[error("the generator writes {0} itself")]
    OwnField(String),
    /// Not a rule for replies.
    #[error(
        "it takes status=204, body=same, body=echo, body=any or body-length=12, or a status and a \
         body with a comma between them"
    )]
    Expect,
    /// More than servers take.
    #[error("it has more than {LENGTH_MAX} bytes")]
    TooLong,
}

impl RequestLine {
    /// Whether its requests have a body: those of `POST`, `PUT` and `PATCH`.
    pub fn has_body(&self) -> bool {
        ["POST", "PUT", "PATCH"].contains(&self.method.as_str())
    }
}

impl Default for RequestLine {
    fn default() -> Self {
        Self {
            method: "GET".to_owned(),
            path: "/".to_owned(),
        }
    }
}

impl fmt::Display for RequestLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

impl FromStr for RequestLine {
    type Err = HttpTextError;

    fn from_str(text: &str) -> Result<Self, HttpTextError> {
        let (method, path) = text.split_once(' ').ok_or(HttpTextError::RequestLine)?;
        let is_method = !method.is_empty() && method.bytes().all(|b| b.is_ascii_uppercase());
        let is_path = path.starts_with('/') && path.bytes().all(|b| b.is_ascii_graphic());
        // Of a CONNECT the reply has no end.
        if !is_method || !is_path || path.contains('#') || method == "CONNECT" {
            return Err(HttpTextError::RequestLine);
        }
        if text.len() > LENGTH_MAX {
            return Err(HttpTextError::TooLong);
        }
        Ok(Self {
            method: method.to_owned(),
            path: path.to_owned(),
        })
    }
}

impl FromStr for Field {
    type Err = HttpTextError;

    fn from_str(text: &str) -> Result<Self, HttpTextError> {
        let (name, value) = text.split_once(':').ok_or(HttpTextError::Field)?;
        let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        let value = value.trim();
        let is_value = value.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
        if name.is_empty() || !name.bytes().all(is_token) || !is_value {
            return Err(HttpTextError::Field);
        }
        if OWN_FIELDS.contains(&name.to_ascii_lowercase().as_str()) {
            return Err(HttpTextError::OwnField(name.to_owned()));
        }
        if text.len() > LENGTH_MAX {
            return Err(HttpTextError::TooLong);
        }
        Ok(Self {
            name: name.to_owned(),
            value: value.to_owned(),
        })
    }
}

impl FromStr for Expect {
    type Err = HttpTextError;

    fn from_str(text: &str) -> Result<Self, HttpTextError> {
        let wrong = HttpTextError::Expect;
        let (mut status, mut body) = (None, None);
        for rule in text.split(',') {
            let (name, value) = rule.split_once('=').ok_or(wrong.clone())?;
            match name {
                "status" if status.is_none() => {
                    let code = value.parse().ok().filter(|code| (200..600).contains(code));
                    status = Some(code.ok_or(wrong.clone())?);
                }
                "body" | "body-length" if body.is_none() => {
                    body = Some(match (name, value) {
                        ("body", "same") => Body::Same,
                        ("body", "echo") => Body::Echo,
                        ("body", "any") => Body::Any,
                        ("body-length", _) => {
                            Body::Length(value.parse().map_err(|_| wrong.clone())?)
                        }
                        _ => return Err(wrong),
                    });
                }
                _ => return Err(wrong),
            }
        }
        Ok(Self {
            status,
            body: body.unwrap_or_default(),
        })
    }
}

impl fmt::Display for Expect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(status) = self.status {
            write!(f, "status={status},")?;
        }
        match self.body {
            Body::Same => f.write_str("body=same"),
            Body::Echo => f.write_str("body=echo"),
            Body::Any => f.write_str("body=any"),
            Body::Length(bytes) => write!(f, "body-length={bytes}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_line_is_a_method_and_a_path() {
        let line: RequestLine = "POST /a?b=c".parse().unwrap();
        assert_eq!(
            (line.to_string().as_str(), line.has_body()),
            ("POST /a?b=c", true)
        );
        assert!(!RequestLine::default().has_body());
        for wrong in [
            "",
            "GET",
            "/",
            "GET path",
            "get /",
            "GET http://x/",
            "GET /a b",
            "GET /\r\nX: y",
            "GET /é",
            "CONNECT /",
        ] {
            let error = HttpTextError::RequestLine;
            assert_eq!(wrong.parse::<RequestLine>(), Err(error), "{wrong:?}");
        }
        let long = format!("GET /{}", "x".repeat(LENGTH_MAX));
        assert_eq!(long.parse::<RequestLine>(), Err(HttpTextError::TooLong));
    }

    #[test]
    fn a_field_can_bring_no_second_line_and_no_length() {
        let field: Field = "Accept:  a b ".parse().unwrap();
        assert_eq!((&*field.name, &*field.value), ("Accept", "a b"));
        for wrong in ["x", ": y", "a b: c", "a: b\r\nc: d", "a: \u{e9}"] {
            assert_eq!(
                wrong.parse::<Field>(),
                Err(HttpTextError::Field),
                "{wrong:?}"
            );
        }
        let own = "content-length: 7".parse::<Field>();
        assert_eq!(
            own,
            Err(HttpTextError::OwnField("content-length".to_owned()))
        );
    }

    #[test]
    fn what_is_expected_reads_as_it_is_written() {
        for text in [
            "body=same",
            "status=204,body=any",
            "body-length=7",
            "body=echo",
        ] {
            assert_eq!(text.parse::<Expect>().unwrap().to_string(), text);
        }
        let status: Expect = "status=302".parse().unwrap();
        assert_eq!((status.status, status.body), (Some(302), Body::Same));
        for wrong in [
            "",
            "204",
            "status=99",
            "status=1000",
            "body=x",
            "body-length=-1",
            "body=any,body=same",
            "status=200,",
        ] {
            assert_eq!(
                wrong.parse::<Expect>(),
                Err(HttpTextError::Expect),
                "{wrong}"
            );
        }
    }
}
