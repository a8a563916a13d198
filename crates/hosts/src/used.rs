//! What generators used on all machines together.

use report::{
    hosts::{HostShare, HostUse},
    trial::ProcessUse,
};
use std::iter::Sum;

/// Puts what was used on each machine beside what its generators did.
pub fn put_beside(shares: &mut [HostShare], used: Vec<(String, HostUse)>) {
    for (host, used) in used {
        if let Some(share) = shares.iter_mut().find(|share| share.host == host) {
            share.used = Some(used);
        }
    }
}

/// The sum over all machines. What isn't known of one of them isn't known of all, for that reason.
pub fn by_generators(shares: &[HostShare]) -> ProcessUse {
    let known = || {
        shares
            .iter()
            .filter_map(|one| Some((&one.host, one.used.as_ref()?)))
    };
    let of_each: Vec<&ProcessUse> = known().map(|(_, used)| &used.generator).collect();
    let mut sum = ProcessUse {
        processes: of_each.iter().map(|one| one.processes).sum(),
        cpu_user_s: of_all(&of_each, |one| one.cpu_user_s),
        cpu_system_s: of_all(&of_each, |one| one.cpu_system_s),
        cpu_s: of_all(&of_each, |one| one.cpu_s),
        voluntary_switches: of_all(&of_each, |one| one.voluntary_switches),
        involuntary_switches: of_all(&of_each, |one| one.involuntary_switches),
        pss_bytes: of_all(&of_each, |one| one.pss_bytes),
        swapped_bytes: of_all(&of_each, |one| one.swapped_bytes),
        peak_resident_bytes: of_all(&of_each, |one| one.peak_resident_bytes),
        page_tables_bytes: of_all(&of_each, |one| one.page_tables_bytes),
        descriptors: of_all(&of_each, |one| one.descriptors),
        syscalls: of_all(&of_each, |one| one.syscalls),
        ..ProcessUse::default()
    };
    for (host, used) in known() {
        for (field, reason) in &used.generator.not_measured {
            let reasons = sum.not_measured.entry(field.clone());
            reasons.or_insert_with(|| format!("{host}: {reason}"));
        }
    }
    sum
}

fn of_all<T: Sum>(all: &[&ProcessUse], of: fn(&ProcessUse) -> Option<T>) -> Option<T> {
    if all.is_empty() {
        return None;
    }
    all.iter().map(|one| of(one)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(host: &str) -> HostShare {
        HostShare {
            host: host.to_owned(),
            ..HostShare::default()
        }
    }

    fn used(cpu_s: Option<f64>) -> HostUse {
        let mut generator = ProcessUse {
            processes: 2,
            cpu_s,
            pss_bytes: Some(1_000),
            ..ProcessUse::default()
        };
        if cpu_s.is_none() {
            let field = "cpu_s".to_owned();
            generator.not_measured.insert(field, "why".to_owned());
        }
        HostUse {
            generator,
            ..HostUse::default()
        }
    }

    #[test]
    fn what_is_known_of_all_is_added_and_what_is_not_has_its_reason() {
        let of = |second: Option<f64>| {
            let mut shares = [share("host 1"), share("host 2")];
            let known = [("host 2", second), ("host 1", Some(0.5))];
            let known = known.map(|(host, cpu_s)| (host.to_owned(), used(cpu_s)));
            put_beside(&mut shares, known.into());
            by_generators(&shares)
        };
        let both = of(Some(0.25));
        assert_eq!((both.processes, both.cpu_s), (4, Some(0.75)));
        assert_eq!(both.pss_bytes, Some(2_000));
        let one = of(None);
        assert_eq!((one.cpu_s, one.pss_bytes), (None, Some(2_000)));
        assert_eq!(one.not_measured["cpu_s"], "host 2: why");
    }

    #[test]
    fn where_nothing_was_sampled_nothing_is_zero() {
        assert_eq!(by_generators(&[share("host 1")]).cpu_s, None);
    }
}
