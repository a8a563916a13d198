//! Which rank is the first, and so the runner's and the servers': the launcher's, or that of the host
//! which `--server-host` names.

use crate::{addresses, beside::hostname};
use mpi::{
    topology::{Color, SimpleCommunicator},
    traits::{Communicator as _, CommunicatorCollectives as _},
};
use std::{env, ffi::OsString};

const SERVER_HOST: &str = "--server-host";

/// What Slurm calls a machine.
const SLURM_NODE: &str = "SLURMD_NODENAME";

/// What Linux allows a machine to call itself.
const HOST_NAME_MAX: usize = 64;

/// What `--server-host` says, in whichever form.
pub(crate) fn server_host(args: &[OsString]) -> Option<String> {
    let mut words = args.iter().map(|word| word.to_string_lossy());
    while let Some(word) = words.next() {
        if word == SERVER_HOST {
            return words.next().map(Into::into);
        }
        if let Some((SERVER_HOST, value)) = word.split_once('=') {
            return Some(value.to_owned());
        }
    }
    None
}

/// All ranks, with the one first whose host is called so.
///
/// # Errors
/// No host is called so, or several are, in words. Every rank hears of it.
pub(crate) fn with_first(
    world: &SimpleCommunicator,
    wanted: &str,
) -> Result<SimpleCommunicator, String> {
    let own = hostname();
    let addresses = addresses::all().into_iter().map(|ip| ip.to_string());
    let names: Vec<String> = addresses.chain(env::var(SLURM_NODE)).collect();
    let claims = is_called(wanted, world.rank(), &own, &names);
    let mut said = [0; 1 + HOST_NAME_MAX];
    said[0] = u8::from(claims);
    for (into, from) in said[1..].iter_mut().zip(own.bytes()) {
        *into = from;
    }
    let mut all = vec![0; said.len() * world.size() as usize];
    world.all_gather_into(&said[..], &mut all[..]);
    let hosts: Vec<&[u8]> = all.chunks(said.len()).collect();
    if hosts.iter().filter(|host| host[0] == 1).count() != 1 {
        let name = |host: &&[u8]| {
            let name = String::from_utf8_lossy(&host[1..]);
            name.trim_end_matches('\0').to_owned()
        };
        let names: Vec<String> = hosts.iter().map(name).collect();
        return Err(format!(
            "{SERVER_HOST} {wanted}: it takes a rank's number, a name or an address that one host \
             has; in the order of their ranks the hosts call themselves {}",
            names.join(", ")
        ));
    }
    let place = if claims { 0 } else { world.rank() + 1 };
    world
        .split_by_color_with_key(Color::with_value(0), place)
        .ok_or_else(|| "MPI puts its ranks into no other order".to_owned())
}

fn is_called(wanted: &str, rank: i32, hostname: &str, others: &[String]) -> bool {
    let short = hostname.split('.').next().unwrap_or(hostname);
    match wanted.parse::<i32>() {
        Ok(number) => number == rank,
        Err(_) => wanted == hostname || wanted == short || others.iter().any(|one| one == wanted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_host_is_named_in_both_forms_or_not_at_all() {
        let of = |args: &[&str]| server_host(&args.iter().map(OsString::from).collect::<Vec<_>>());
        assert_eq!(of(&["fleet", "--server-host", "b"]).as_deref(), Some("b"));
        assert_eq!(of(&["fleet", "--server-host=2"]).as_deref(), Some("2"));
        assert_eq!(of(&["fleet", "--server-hosts=2", "--model", "x"]), None);
    }

    #[test]
    fn a_host_goes_by_its_rank_its_names_and_its_addresses() {
        let called = |wanted| is_called(wanted, 3, "b.example.org", &["192.0.2.7".to_owned()]);
        assert!(["3", "b", "b.example.org", "192.0.2.7"].map(called) == [true; 4]);
        assert!(["2", "a", "b.example", "192.0.2.8"].map(called) == [false; 4]);
    }
}
