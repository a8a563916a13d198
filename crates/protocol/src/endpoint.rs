//! Where a server listens: at an address of TCP, or at a Unix socket's path.

use serde::{Deserialize, Serialize};
use std::{
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
    str::FromStr,
};
use thiserror::Error;

/// What begins the text of a Unix socket.
pub const UNIX_PREFIX: &str = "unix:";

/// The longest path of a Unix socket, in bytes: `sun_path` of unix(7) without its end.
pub const UNIX_PATH_MAX: usize = 107;

/// Where a server listens. As a text `127.0.0.1:7000`, `[::1]:7000` or `unix:/run/x.sock`, also in JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Endpoint {
    /// An address and port of TCP.
    Tcp(SocketAddr),
    /// A socket of a file, of the kind SOCK_STREAM.
    Unix(PathBuf),
}

/// A text that is no endpoint, and what would be one.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NotAnEndpoint {
    /// Neither an address with a port nor a path.
    #[error("an address is 127.0.0.1:7000, [::1]:7000 or unix:/run/x.sock")]
    Form,
    /// The kernel has no room for it.
    #[error("the path of a Unix socket has 1 to {UNIX_PATH_MAX} bytes")]
    Length,
}

impl Endpoint {
    /// The address, if it is one of TCP.
    pub fn tcp(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(addr) => Some(*addr),
            Self::Unix(_) => None,
        }
    }

    /// The path, if it is a Unix socket's.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Tcp(_) => None,
            Self::Unix(path) => Some(path),
        }
    }

    /// What a request in HTTP calls the host: the address, or for a Unix socket `localhost`, as curl does.
    pub fn http_host(&self) -> String {
        self.tcp()
            .map_or_else(|| "localhost".to_owned(), |addr| addr.to_string())
    }

    /// Whether nobody but this machine gets there.
    pub fn is_local(&self) -> bool {
        self.tcp().is_none_or(|addr| addr.ip().is_loopback())
    }
}

impl From<SocketAddr> for Endpoint {
    fn from(addr: SocketAddr) -> Self {
        Self::Tcp(addr)
    }
}

impl FromStr for Endpoint {
    type Err = NotAnEndpoint;

    fn from_str(text: &str) -> Result<Self, NotAnEndpoint> {
        let Some(path) = text.strip_prefix(UNIX_PREFIX) else {
            let addr: Result<SocketAddr, _> = text.parse();
            return addr.map(Self::Tcp).map_err(|_| NotAnEndpoint::Form);
        };
        match path.len() {
            1..=UNIX_PATH_MAX => Ok(Self::Unix(path.into())),
            _ => Err(NotAnEndpoint::Length),
        }
    }
}

impl TryFrom<String> for Endpoint {
    type Error = NotAnEndpoint;

    fn try_from(text: String) -> Result<Self, NotAnEndpoint> {
        text.parse()
    }
}

impl From<Endpoint> for String {
    fn from(endpoint: Endpoint) -> Self {
        endpoint.to_string()
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(addr) => addr.fmt(f),
            Self::Unix(path) => write!(f, "{UNIX_PREFIX}{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_comes_back_as_it_was() {
        for text in ["127.0.0.1:7000", "[::1]:7000", "unix:/run/x.sock"] {
            let endpoint: Endpoint = text.parse().unwrap();
            assert_eq!(endpoint.to_string(), text);
            let json = serde_json::to_string(&endpoint).unwrap();
            assert_eq!(json, format!("\"{text}\""));
            assert_eq!(
                serde_json::from_str::<Endpoint>(&json).unwrap(),
                endpoint,
                "{json}"
            );
            assert!(endpoint.is_local());
        }
        assert!(!"192.0.2.1:80".parse::<Endpoint>().unwrap().is_local());
    }

    #[test]
    fn what_no_socket_can_have_is_refused() {
        let long = format!("unix:/{}", "x".repeat(UNIX_PATH_MAX));
        for (text, why) in [
            ("here", NotAnEndpoint::Form),
            ("127.0.0.1", NotAnEndpoint::Form),
            ("unix:", NotAnEndpoint::Length),
            (&long, NotAnEndpoint::Length),
        ] {
            assert_eq!(text.parse::<Endpoint>(), Err(why), "{text}");
        }
    }
}
