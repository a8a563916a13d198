//! Which processes descend from which. Source: proc(5), /proc/PID/stat.

use procfs::process::{Process, Stat};
use std::{collections::BTreeMap, fs, io};

/// These processes and all that descend from them: a server may have started workers. Without those
/// that have ended and were not waited for yet.
///
/// # Errors
/// /proc can't be listed. (A list that lacks some would be one of processes that nobody ends.)
pub fn with_descendants(pids: &[u32]) -> io::Result<Vec<u32>> {
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // One that can't be read has ended meanwhile.
        if let Ok(stat) = Process::new(pid).and_then(|process| process.stat())
            && !has_ended(&stat)
        {
            let of = children.entry(stat.ppid as u32).or_default();
            of.push(stat.pid as u32);
        }
    }
    let (mut family, mut looked_at) = (pids.to_vec(), 0);
    while let Some(parent) = family.get(looked_at) {
        looked_at += 1;
        family.extend(children.remove(parent).unwrap_or_default());
    }
    Ok(family)
}

/// The first thread may have ended while others go on, or are still giving back the memory of them all.
fn has_ended(stat: &Stat) -> bool {
    ['Z', 'X'].contains(&stat.state) && stat.num_threads <= 1
}

/// Processes that descend from this one, in the order of their numbers.
///
/// # Errors
/// As [`with_descendants`].
pub fn descendants(of: u32) -> io::Result<Vec<u32>> {
    let mut found = with_descendants(&[of])?;
    found.remove(0);
    found.sort_unstable();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        io::Read as _,
        process::{Command, Stdio},
        thread,
    };

    #[test]
    fn a_family_has_all_generations() {
        let mut parent = Command::new("sh")
            .args(["-c", "sh -c 'echo born; read word; :'; :"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut born = [0; 5];
        parent.stdout.take().unwrap().read_exact(&mut born).unwrap();
        let family = with_descendants(&[parent.id()]).unwrap();
        drop(parent.stdin.take());
        parent.wait().unwrap();
        assert_eq!((family.len(), family[0]), (2, parent.id()), "{family:?}");
    }

    #[test]
    fn a_process_whose_first_thread_has_ended_has_not() {
        let program = "import ctypes, sys, threading\n\
                       threading.Thread(target=sys.stdin.read).start()\n\
                       print('born', flush=True)\n\
                       ctypes.CDLL(None).pthread_exit(None)";
        let mut leaderless = Command::new("python3")
            .args(["-c", program])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut born = [0; 5];
        leaderless
            .stdout
            .take()
            .unwrap()
            .read_exact(&mut born)
            .unwrap();
        let pid = leaderless.id();
        let state = || Process::new(pid as i32).unwrap().stat().unwrap().state;
        while state() != 'Z' {
            thread::yield_now();
        }
        let is_there = descendants(std::process::id()).unwrap().contains(&pid);
        drop(leaderless.stdin.take());
        leaderless.wait().unwrap();
        assert!(is_there);
    }
}
