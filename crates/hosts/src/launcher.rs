//! The command that starts the same command line over several machines.

use std::{
    ffi::{OsStr, OsString},
    path::Path,
};

/// What a Slurm job finds in its environment.
const SLURM_JOB: &str = "SLURM_JOB_ID";

/// What says how ranks find each other there, and what Open MPI takes where nothing says it.
const SLURM_MPI: &str = "SLURM_MPI_TYPE";
const OF_OPEN_MPI: &str = "pmix";

/// Which machines, by whom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Launcher {
    /// Their names, that of the first rank first.
    pub hosts: Vec<String>,
    /// Inside of a Slurm job, which has a launcher of its own: how its ranks find each other.
    pub slurm: Option<Slurm>,
}

/// What is different from one Slurm to the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slurm {
    /// `srun --mpi`.
    pub mpi: String,
}

impl Launcher {
    /// For these machines, from where the environment has these variables.
    pub fn of(hosts: Vec<String>, variable: impl Fn(&str) -> Option<String>) -> Self {
        let slurm = variable(SLURM_JOB).map(|_| Slurm {
            mpi: variable(SLURM_MPI).unwrap_or_else(|| OF_OPEN_MPI.to_owned()),
        });
        Self { hosts, slurm }
    }

    /// One rank for each machine, in their order and on all of its CPUs, with our arguments but for
    /// those that say which machines.
    pub fn command(&self, fleet: &Path, args: impl Iterator<Item = OsString>) -> Vec<OsString> {
        let hosts = self.hosts.join(",");
        let words: Vec<String> = match &self.slurm {
            Some(Slurm { mpi }) => vec![
                "srun".to_owned(),
                format!("--mpi={mpi}"),
                "--cpu-bind=none".to_owned(),
                "--distribution=arbitrary".to_owned(),
                format!("--nodes={}", self.hosts.len()),
                format!("--ntasks={}", self.hosts.len()),
                format!("--nodelist={hosts}"),
            ],
            None => [
                "mpirun",
                "--map-by",
                "seq",
                "--bind-to",
                "none",
                "--host",
                &hosts,
            ]
            .map(str::to_owned)
            .to_vec(),
        };
        let mut words: Vec<OsString> = words.into_iter().map(Into::into).collect();
        words.extend([fleet.as_os_str().to_owned(), "--".into()]);
        words.extend(without_hosts(args));
        words
    }
}

/// The machines of a file that launchers of MPI take: one a line, with more about it behind its name.
pub fn hosts_of_file(text: &str) -> Vec<String> {
    let names = text.lines().filter_map(|line| {
        let line = line.split('#').next()?;
        line.split_whitespace().next()
    });
    names.map(str::to_owned).collect()
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
        let within = |variables: &[(&str, &str)]| {
            let hosts = vec!["a".to_owned(), "b".to_owned()];
            Launcher::of(hosts, |name| {
                let found = variables.iter().find(|(is, _)| *is == name);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        let (ssh, slurm) = (within(&[]), within(&[("SLURM_JOB_ID", "7")]));
        let of_mpich = within(&[("SLURM_JOB_ID", "7"), ("SLURM_MPI_TYPE", "pmi2")]);
        let given = ["--hosts", "a,b", "--model", "tok*", "--load=open"];
        assert_eq!(
            command(&ssh, &given),
            "mpirun --map-by seq --bind-to none --host a,b /x/fleet -- --model 'tok*' --load=open"
        );
        assert_eq!(
            command(
                &slurm,
                &["--hostfile=hosts", "--server-host", "b", "--model", "epoll"]
            ),
            "srun --mpi=pmix --cpu-bind=none --distribution=arbitrary --nodes=2 --ntasks=2 \
             --nodelist=a,b /x/fleet -- --server-host b --model epoll"
        );
        assert!(command(&of_mpich, &given).starts_with("srun --mpi=pmi2 "));
    }

    #[test]
    fn a_file_has_a_machine_a_line() {
        let text = "# ours\n a slots=2\n\nb:1 # the old one\n";
        assert_eq!(hosts_of_file(text), ["a", "b:1"]);
    }
}
