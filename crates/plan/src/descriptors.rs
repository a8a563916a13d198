//! Whether the runner can have pipes to all processes of a run.

use crate::{host::Host, plan::Plan};
use request::refusal::Refusal;

/// Descriptors that the runner has open for each process of a server: three pipes, and the file that
/// its CPU time is in.
const PER_SERVER: u64 = 4;

/// The same for each generator, and one by which its end is noticed.
const PER_GENERATOR: u64 = 5;

/// And besides.
const OTHERS: u64 = 40;

/// Descriptors that the runner takes for a trial of so many processes.
pub fn runner_descriptors(servers: u64, generators: u64) -> u64 {
    servers * PER_SERVER + generators * PER_GENERATOR + OTHERS
}

/// Refuses a run whose processes the runner can't all have pipes to.
///
/// # Errors
/// The arithmetic, and the way out.
pub fn check_descriptors(plan: &Plan, host: &Host) -> Result<(), Refusal> {
    let (servers, clients) = (plan.server_processes, plan.client_processes);
    let needed = runner_descriptors(servers.into(), clients.into());
    let Some(max) = host.open_files_max.filter(|&max| max < needed) else {
        return Ok(());
    };
    Err(Refusal::new(format!(
        "{} connections take {servers} server and {clients} generator processes, and the runner has \
         pipes to each: {servers} x {PER_SERVER} + {clients} x {PER_GENERATOR} + {OTHERS} = {needed} \
         descriptors, and it may have {max} files open (hard limit, 'ulimit -Hn'): fewer \
         --connections, or a higher limit, with which fewer processes do",
        plan.connections_max()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runner_has_pipes_to_every_process() {
        let check = |server_processes, client_processes| {
            let plan = Plan {
                server_processes,
                client_processes,
                ..Plan::of_one_thread(1)
            };
            let host = Host {
                open_files_max: Some(1024),
                ..Host::default()
            };
            check_descriptors(&plan, &host)
        };
        assert_eq!(check(53, 51), Ok(()));
        assert_eq!(check(1, 196), Ok(()), "just as many as it may have");
        assert!(check(1, 197).is_err());
        let said = check(132, 109).unwrap_err().to_string();
        assert!(said.contains("it may have 1024 files open"), "{said}");
        assert!(said.contains("132 x 4 + 109 x 5 + 40 = 1113"), "{said}");
    }
}
