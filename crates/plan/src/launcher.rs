//! The command that starts the same command line over several machines.

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

/// Which machines, by whom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Launcher {
    /// Their names; empty: a file has them.
    pub hosts: Vec<String>,
    /// A machine a line.
    pub hostfile: Option<PathBuf>,
    /// Inside of a Slurm job, which has a launcher of its own.
    pub is_slurm: bool,
}

impl Launcher {
    /// One rank for each machine, with our arguments but for those that say which machines.
    pub fn command(&self, fleet: &Path, args: impl Iterator<Item = OsString>) -> Vec<OsString> {
        let hosts = self.hosts.join(",");
        let file = self
            .hostfile
            .as_ref()
            .map(|file| file.as_os_str().to_owned());
        let mut words: Vec<OsString> = Vec::new();
        if self.is_slurm {
            words.extend(["srun", "--ntasks-per-node=1"].map(Into::into));
            match file {
                Some(file) => words.extend(["--nodefile".into(), file]),
                None => {
                    words.push(format!("--nodes={}", self.hosts.len()).into());
                    words.extend(["--nodelist".into(), hosts.into()]);
                }
            }
        } else {
            words.extend(["mpirun", "--map-by", "ppr:1:node"].map(Into::into));
            match file {
                Some(file) => words.extend(["--hostfile".into(), file]),
                None => words.extend(["--host".into(), hosts.into()]),
            }
        }
        words.extend([fleet.as_os_str().to_owned(), "--".into()]);
        words.extend(without_hosts(args));
        words
    }
}

fn without_hosts(mut args: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut left = Vec::new();
    while let Some(arg) = args.next() {
        let text = arg.to_string_lossy();
        if text == "--hosts" || text == "--hostfile" {
            args.next();
        } else if !text.starts_with("--hosts=") && !text.starts_with("--hostfile=") {
            left.push(arg);
        }
    }
    left
}

/// As a shell takes it.
pub fn quoted(word: &OsStr) -> String {
    let text = word.to_string_lossy();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    match !text.is_empty() && text.chars().all(is_plain) {
        true => text.into_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(launcher: &Launcher, given: &[&str]) -> String {
        let given = given.iter().map(OsString::from);
        let words = launcher.command(Path::new("/x/fleet"), given);
        words
            .iter()
            .map(|word| quoted(word))
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn a_launcher_is_told_the_machines_and_the_runner_is_not() {
        let ssh = Launcher {
            hosts: vec!["a".to_owned(), "b".to_owned()],
            ..Launcher::default()
        };
        let slurm = Launcher {
            is_slurm: true,
            ..ssh.clone()
        };
        let given = ["--hosts", "a,b", "--model", "tok*", "--load=open"];
        assert_eq!(
            command(&ssh, &given),
            "mpirun --map-by ppr:1:node --host a,b /x/fleet -- --model 'tok*' --load=open"
        );
        assert_eq!(
            command(&slurm, &["--hosts=a,b", "--model", "epoll"]),
            "srun --ntasks-per-node=1 --nodes=2 --nodelist a,b /x/fleet -- --model epoll"
        );
        let of_file = Launcher {
            hostfile: Some("my hosts".into()),
            ..Launcher::default()
        };
        assert_eq!(
            command(&of_file, &["--hostfile", "my hosts", "--model", "epoll"]),
            "mpirun --map-by ppr:1:node --hostfile 'my hosts' /x/fleet -- --model epoll"
        );
    }
}
