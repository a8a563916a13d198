//! What other machines that generate come to, for a plan and for whoever reads of it.

use measure::fleet::{Fleet, Machine};
use report::environment::Environment;
use std::{io, path::Path};

fn machine(cpus: u32, open_files_max: Option<u64>, shares_cpus: bool) -> Machine {
    Machine {
        name: "host 1".to_owned(),
        cpus,
        open_files_max,
        ports: Some(28_232),
        shares_cpus,
        addresses: Vec::new(),
        environment: Environment {
            cpus: Some(cpus),
            kernel: Some("6.1.0".to_owned()),
            ..Environment::default()
        },
    }
}

#[test]
fn a_plan_asks_no_machine_for_more_than_the_least_has() {
    let fleet = Fleet {
        hostname: "a".to_owned(),
        machines: vec![machine(8, None, false), machine(4, Some(20_000), false)],
        generators: Box::new(|_| Err(io::ErrorKind::NotFound.into())),
    };
    let said = fleet.place_of_reports(Path::new("/x/y"));
    assert!(
        said.contains("on a, which had the servers, in /x/y"),
        "{said}"
    );
    let others = fleet.others();
    assert_eq!((others.machines, others.cpus), (2, 4));
    assert_eq!(others.open_files_max, Some(20_000));
    assert!(!others.shares_cpus);
    let kinds = fleet.kinds(&Environment::default());
    assert_eq!(kinds[0], "unknown x unknown, Linux unknown");
    assert_eq!(kinds[2], "4 x unknown, Linux 6.1.0");
}
