//! `models.toml`: external models, as people describe them. `models.example.toml` explains every
//! field.

use super::{
    command::{Places, arguments},
    description::{External, READY_LIMIT, absolute},
    error::ExternalError,
};
use protocol::{
    endpoint::Endpoint,
    wire::{Kind, MAX_PAYLOAD_BYTES, RAW_PREFIX_BYTES, Wire},
};
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};
use toml::Spanned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    models: BTreeMap<Spanned<String>, Description>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    title: Option<String>,
    command: Spanned<Command>,
    relay: Option<Spanned<Command>>,
    build: Option<Spanned<Command>>,
    needs: Option<String>,
    #[serde(default)]
    directory: PathBuf,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    address: Option<Spanned<Endpoint>>,
    port: Option<Spanned<u16>>,
    #[serde(default = "raw")]
    wire: Wire,
    message_bytes: Option<Spanned<u32>>,
    #[serde(default = "echo")]
    workloads: Spanned<Vec<Kind>>,
    processes: Option<u32>,
    reuse_port: Option<Spanned<bool>>,
    ready_s: Option<Spanned<f64>>,
    user_bytes_per_connection: Option<u32>,
}

/// A line, or its words.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a command: a text, or a list of texts")]
enum Command {
    Line(String),
    Words(Vec<String>),
}

fn raw() -> Wire {
    Wire::Raw
}

fn echo() -> Spanned<Vec<Kind>> {
    Spanned::new(0..0, vec![Kind::Echo])
}

/// What is wrong, and where in the text.
struct Wrong {
    at: usize,
    what: String,
}

/// Descriptions that are read unasked, from a workspace's root: people's own, and the examples. Of two
/// with one name the first counts.
const UNASKED: [&str; 2] = ["models.toml", "examples/external/models.toml"];

/// The external models of a file. Without `named` they are those of the workspace's own files, which
/// needn't be there.
///
/// # Errors
/// It can't be read, or understood: file, line and field are named.
pub fn read(
    named: Option<&Path>,
    root: &Path,
    allow_remote: bool,
) -> Result<Vec<External>, ExternalError> {
    if let Some(named) = named {
        return read_file(&absolute(named), &named.display().to_string(), allow_remote);
    }
    let mut models: Vec<External> = Vec::new();
    for file in UNASKED {
        let path = root.join(file);
        if path.exists() {
            let mut more = read_file(&path, file, allow_remote)?;
            more.retain(|model| models.iter().all(|other| other.name != model.name));
            models.append(&mut more);
        }
    }
    Ok(models)
}

fn read_file(path: &Path, shown: &str, allow_remote: bool) -> Result<Vec<External>, ExternalError> {
    let text = fs::read_to_string(path)
        .map_err(|error| ExternalError::Description(format!("can't read {shown}: {error}")))?;
    parse(&text, shown, path.parent().unwrap_or(path), allow_remote)
}

/// The external models of such a file's text; `shown` is what the file is called in errors, `base` where
/// its paths begin.
///
/// # Errors
/// It can't be understood: file, line and field are named.
pub fn parse(
    text: &str,
    shown: &str,
    base: &Path,
    allow_remote: bool,
) -> Result<Vec<External>, ExternalError> {
    let file: File = toml::from_str(text).map_err(|error| {
        ExternalError::Description(format!("{shown}: {}", error.to_string().trim_end()))
    })?;
    let models = file.models.into_iter().map(|(name, description)| {
        description
            .check(name, base, allow_remote)
            .map_err(|wrong| {
                let line = text[..wrong.at.min(text.len())].lines().count().max(1);
                ExternalError::Description(format!("{shown}, line {line}: {}", wrong.what))
            })
    });
    models.collect()
}

impl Description {
    fn check(
        self,
        name: Spanned<String>,
        base: &Path,
        allow_remote: bool,
    ) -> Result<External, Wrong> {
        // The end of a value: of the lines up to there it stands on the last.
        let end = name.span().end;
        let name = name.into_inner();
        let wrong = |at: usize, field: &str, what: String| Wrong {
            at,
            what: format!("models.{name}.{field}: {what}"),
        };
        let directory = base.join(&self.directory);
        let address = self.address(&directory, allow_remote, &wrong)?;
        let message_bytes = match (self.message_bytes, self.wire) {
            (Some(bytes), Wire::Framed | Wire::Http1 | Wire::Websocket) => {
                let what = "it is for wire = \"raw\"; others have any size".to_owned();
                return Err(wrong(bytes.span().end, "message_bytes", what));
            }
            (Some(bytes), Wire::Raw)
                if !(RAW_PREFIX_BYTES as u32..=MAX_PAYLOAD_BYTES).contains(bytes.get_ref()) =>
            {
                let what = format!("it takes {RAW_PREFIX_BYTES} to {MAX_PAYLOAD_BYTES}");
                return Err(wrong(bytes.span().end, "message_bytes", what));
            }
            (bytes, _) => bytes.map(Spanned::into_inner),
        };
        let ready_limit = match self.ready_s {
            Some(limit) if !(0.1..=3600.0).contains(limit.get_ref()) => {
                let what = "it takes 0.1 to 3600 seconds".to_owned();
                return Err(wrong(limit.span().end, "ready_s", what));
            }
            limit => limit.map_or(READY_LIMIT, |s| Duration::from_secs_f64(s.into_inner())),
        };
        let at = self.workloads.span().end;
        let workloads = self.workloads.into_inner();
        let only_echo = workloads.iter().all(|kind| *kind == Kind::Echo);
        if workloads.is_empty() || (self.wire != Wire::Framed && !only_echo) {
            let what = format!("the {} wire has echoes only: [\"echo\"]", self.wire.word());
            return Err(wrong(at.max(end), "workloads", what));
        }
        if name.is_empty() {
            return Err(wrong(end, "command", "a model has a name".to_owned()));
        }
        let words = |field: &str, command: Spanned<Command>| {
            let at = command.span().end;
            let words = match command.into_inner() {
                Command::Line(line) => arguments(&line),
                Command::Words(words) if words.is_empty() => Err(ExternalError::EmptyCommand),
                Command::Words(words) => Ok(words),
            };
            words.map_err(|error| wrong(at, field, error.to_string()))
        };
        let relay = self.relay.map(|relay| {
            let at = relay.span().end;
            let told = words("relay", relay)?;
            match Places::has_backend(&told) {
                true => Ok(told),
                false => Err(wrong(
                    at,
                    "relay",
                    ExternalError::NobodyToRelayTo.to_string(),
                )),
            }
        });
        let at = self.command.span().end;
        let external = External {
            title: self.title.unwrap_or_else(|| name.clone()),
            command: words("command", self.command)?,
            relay: relay.transpose()?,
            build: self.build.map(|build| words("build", build)).transpose()?,
            directory,
            environment: self.environment,
            needs: self.needs,
            user_bytes_per_connection: self.user_bytes_per_connection,
            address,
            wire: self.wire,
            message_bytes,
            workloads,
            processes: self.processes,
            reuse_port: self.reuse_port.as_ref().is_some_and(|it| *it.get_ref()),
            ready_limit,
            name: name.clone(),
        };
        external
            .check_place()
            .map_err(|error| wrong(at, "command", format!("{error}; or give address or port")))?;
        match self.reuse_port {
            Some(said) if external.reuse_port && external.is_unix() => {
                let what = "a Unix socket has one listener".to_owned();
                Err(wrong(said.span().end, "reuse_port", what))
            }
            _ => Ok(external),
        }
    }

    fn address(
        &self,
        directory: &Path,
        allow_remote: bool,
        wrong: &impl Fn(usize, &str, String) -> Wrong,
    ) -> Result<Option<Endpoint>, Wrong> {
        let addr = match (&self.address, &self.port) {
            (Some(_), Some(port)) => {
                let what = "address has a port already".to_owned();
                return Err(wrong(port.span().end, "port", what));
            }
            (Some(address), None) => address,
            (None, Some(port)) => {
                let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, *port.get_ref()));
                return Ok(Some(addr.into()));
            }
            (None, None) => return Ok(None),
        };
        match addr.get_ref() {
            Endpoint::Unix(path) => Ok(Some(Endpoint::Unix(directory.join(path)))),
            own if own.is_local() || allow_remote => Ok(Some(own.clone())),
            own => {
                let what = format!(
                    "{own} is not on loopback; --allow-remote lets it be loaded all the same"
                );
                Err(wrong(addr.span().end, "address", what))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Vec<External>, ExternalError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("mine.toml");
        fs::write(&path, text).unwrap();
        read(Some(&path), Path::new("/"), false)
    }

    #[test]
    fn the_example_is_read_with_all_its_fields() {
        let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
        let models = read(Some(&root.join("models.example.toml")), root, false).unwrap();
        assert!(models.len() >= 3, "{models:?}");
        assert!(models.iter().any(|model| model.build.is_some()));
        assert!(models.iter().any(|model| model.address.is_some()));
    }

    #[test]
    fn ones_own_description_counts_before_that_of_an_example() {
        let root = tempfile::tempdir().unwrap();
        let examples = root.path().join("examples/external");
        fs::create_dir_all(&examples).unwrap();
        let both =
            "[models.both]\ncommand = 'theirs {addr}'\n[models.more]\ncommand = 'x {addr}'\n";
        fs::write(examples.join("models.toml"), both).unwrap();
        let own = "[models.both]\ncommand = 'mine {addr}'\n";
        fs::write(root.path().join("models.toml"), own).unwrap();
        let models = read(None, root.path(), false).unwrap();
        let programs: Vec<_> = models.iter().map(|model| &*model.command[0]).collect();
        assert_eq!(programs, ["mine", "x"]);
        assert_eq!(models[1].directory, examples.join(""));
    }

    #[test]
    fn the_shipped_servers_say_how_to_get_what_they_need() {
        let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
        let file = root.join("examples/external/models.toml");
        let models = read(Some(&file), root, false).unwrap();
        assert!(models.len() >= 10, "{models:?}");
        for model in models {
            assert!(model.needs.is_some(), "{model:?}");
        }
    }

    #[test]
    fn a_file_that_is_not_there_matters_only_when_it_was_named() {
        let nowhere = Path::new("/nonexistent");
        assert_eq!(read(None, nowhere, false).unwrap(), []);
        let error = read(Some(&nowhere.join("x.toml")), nowhere, false).unwrap_err();
        assert!(error.to_string().contains("/nonexistent/x.toml"), "{error}");
    }

    #[test]
    fn each_mistake_is_named_with_file_line_and_field() {
        for (text, line, field) in [
            ("[models.x]\ncommand = 7\n", "2", "command"),
            ("[models.x]\ncomand = 'x {addr}'\n", "2", "comand"),
            ("[models.x]\n\ncommand = 'x'\n", "3", "command"),
            ("[models.x]\ncommand = \"x {addr} 'y\"\n", "2", "command"),
            (
                "[models.x]\ncommand = 'x {addr}'\nwire = 'morse'\n",
                "3",
                "wire",
            ),
            (
                "[models.x]\ncommand = 'x'\naddress = 'here'\n",
                "3",
                "address",
            ),
            (
                "[models.x]\ncommand = 'x'\naddress = '192.0.2.1:7'\n",
                "3",
                "loopback",
            ),
            ("[models.x]\ncommand = 'x'\nport = 70000\n", "3", "port"),
            (
                "[models.x]\ncommand = 'x {path}'\naddress = '[::1]:0'\n",
                "2",
                "where does it listen",
            ),
            (
                "[models.x]\ncommand = 'x {path}'\nreuse_port = true\n",
                "3",
                "reuse_port",
            ),
            (
                "[models.x]\ncommand = 'x {addr}'\nmessage_bytes = 4\n",
                "3",
                "message_bytes",
            ),
            (
                "[models.x]\ncommand = 'x {addr}'\nworkloads = ['echo', 'cpu']\n",
                "3",
                "workloads",
            ),
            ("[models.x]\ntitle = 'no command'\n", "1", "command"),
        ] {
            let error = read_text(text).unwrap_err().to_string();
            for part in ["mine.toml", &format!("line {line}"), field] {
                assert!(error.contains(part), "{text}: {error} lacks {part}");
            }
        }
    }

    #[test]
    fn a_socket_of_a_file_lies_where_the_command_runs() {
        let text = "[models.x]\ncommand = 'x'\ndirectory = 'here'\naddress = 'unix:x.sock'\n";
        let [model] = &read_text(text).unwrap()[..] else {
            panic!("one model");
        };
        let address = model.address.as_ref().and_then(Endpoint::path);
        assert_eq!(address, Some(&*model.directory.join("x.sock")));
        assert!(model.is_unix());
    }

    #[test]
    fn a_short_description_is_enough() {
        let models = read_text("[models.x]\ncommand = 'x --at {addr}'\n").unwrap();
        let [model] = &models[..] else {
            panic!("{models:?}");
        };
        assert_eq!((&*model.name, model.wire), ("x", Wire::Raw));
        assert_eq!(model.workloads, [Kind::Echo]);
        assert_eq!(model.command, ["x", "--at", "{addr}"]);
    }
}
