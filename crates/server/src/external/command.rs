//! Command lines: words, places for the address, and what of them goes into reports.

use super::error::ExternalError;
use protocol::endpoint::Endpoint;
use std::net::SocketAddr;

/// What stands in a command for where to listen, with how many threads, and whom to relay to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Places<'a> {
    pub(super) endpoint: &'a Endpoint,
    pub(super) threads: u32,
    pub(super) backend: Option<SocketAddr>,
}

/// Where a relay has its backend.
const BACKEND: &str = "{backend}";

/// What a command has a place for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// An address and port.
    Address,
    /// The path of a Unix socket.
    Path,
}

impl Told {
    /// Where a command can be told to listen; `None` where it can't.
    pub(super) fn by(command: &[String]) -> Option<Self> {
        let has = |place: &str| command.iter().any(|word| word.contains(place));
        match has("{addr}") || has("{port}") {
            true => Some(Self::Address),
            false => has("{path}").then_some(Self::Path),
        }
    }
}

impl Places<'_> {
    /// Whether a command can be told whom to relay to.
    pub(super) fn has_backend(command: &[String]) -> bool {
        command.iter().any(|word| word.contains(BACKEND))
    }

    /// The command with everything in its place.
    pub(super) fn fill(self, command: &[String]) -> Vec<String> {
        let mut places = match self.endpoint {
            Endpoint::Tcp(addr) => vec![
                ("{addr}", addr.to_string()),
                ("{host}", addr.ip().to_string()),
                ("{port}", addr.port().to_string()),
            ],
            Endpoint::Unix(path) => vec![("{path}", path.display().to_string())],
        };
        places.push(("{threads}", self.threads.to_string()));
        let backend = self.backend.map(|addr| addr.to_string());
        places.push((BACKEND, backend.unwrap_or_default()));
        let fill = |word: &String| {
            let begin = word.clone();
            places
                .iter()
                .fold(begin, |word, (place, value)| word.replace(place, value))
        };
        command.iter().map(fill).collect()
    }
}

/// The words of a command, as a shell would split them; no shell runs it.
///
/// # Errors
/// A quote that is never closed, or no word.
pub fn arguments(command: &str) -> Result<Vec<String>, ExternalError> {
    match shlex::split(command) {
        Some(words) if !words.is_empty() => Ok(words),
        Some(_) => Err(ExternalError::EmptyCommand),
        None => Err(ExternalError::OpenQuote(command.to_owned())),
    }
}

/// A word of a command with absolute paths cut to their last part: reports are made to be shared.
pub fn without_directories(word: &str) -> String {
    let begins_path = |before: Option<char>| before.is_none_or(|c| "=:,;'\"( ".contains(c));
    let mut shared = String::new();
    let mut rest = word;
    while let Some(slash) = rest.find('/') {
        let (before, path) = rest.split_at(slash);
        shared.push_str(before);
        let end = path
            .find(|c: char| ",:;'\") ".contains(c))
            .unwrap_or(path.len());
        let (path, after) = path.split_at(end);
        // A URL's slashes follow a colon, too.
        if begins_path(before.chars().next_back()) && !path.starts_with("//") {
            let last = path.trim_end_matches('/').rsplit('/').next();
            shared.push_str(last.unwrap_or_default());
        } else {
            shared.push_str(path);
        }
        rest = after;
    }
    shared.push_str(rest);
    shared
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_split_as_in_a_shell_and_told_where_to_listen() {
        let command =
            arguments("python3 'my echo.py' --bind={addr} {host} {port} -j{threads} {backend}");
        let command = command.unwrap();
        assert_eq!(Told::by(&command), Some(Told::Address));
        assert_eq!(Told::by(&["nc".to_owned(), "{host}".to_owned()]), None);
        let places = Places {
            endpoint: &"127.0.0.1:4567".parse().unwrap(),
            threads: 2,
            backend: Some("127.0.0.1:9".parse().unwrap()),
        };
        assert_eq!(
            places.fill(&command),
            [
                "python3",
                "my echo.py",
                "--bind=127.0.0.1:4567",
                "127.0.0.1",
                "4567",
                "-j2",
                "127.0.0.1:9"
            ]
        );
        let command = arguments("nc -lkU {path}").unwrap();
        assert_eq!(Told::by(&command), Some(Told::Path));
        let places = Places {
            endpoint: &"unix:/run/x.sock".parse().unwrap(),
            threads: 1,
            backend: None,
        };
        assert_eq!(places.fill(&command)[2], "/run/x.sock");
        assert!(arguments("echo 'half").is_err());
        assert!(arguments("  ").is_err());
    }

    #[test]
    fn no_directory_leaves_in_a_report() {
        for (word, shared) in [
            ("python3", "python3"),
            ("/usr/bin/python3", "python3"),
            ("/home/me/secret-project/", "secret-project"),
            ("./server", "./server"),
            ("target/release/server", "target/release/server"),
            ("--config=/etc/a/b.conf", "--config=b.conf"),
            ("--paths=/a/b:/c/d,/e", "--paths=b:d,e"),
            ("SYSTEM:'exec /bin/cat -u'", "SYSTEM:'exec cat -u'"),
            ("http://127.0.0.1:80/x", "http://127.0.0.1:80/x"),
            ("a/b /c/d", "a/b d"),
        ] {
            assert_eq!(without_directories(word), shared, "{word}");
        }
    }
}
