//! Rules of the firewall that packets meet.
//!
//! Source: linux/netfilter/nf_tables.h.

use crate::netlink::Question;
use pseudofiles::read;
use rustix::net::netlink::NETFILTER;
use std::io;

const SUBSYSTEM: u16 = 10 << 8;
const GET_RULE: u16 = SUBSYSTEM | 7;
const NEW_RULE: u16 = SUBSYSTEM | 6;

/// Rules of nftables, those of iptables by way of it included, in this network namespace.
///
/// # Errors
/// Why they can't be counted, in words.
pub(crate) fn rules() -> Result<u32, String> {
    // Tables of iptables as it was before nftables, which that doesn't know of.
    let old = read::text("/proc/net/ip_tables_names").unwrap_or_default();
    if !old.trim().is_empty() {
        return Err(
            "there are tables of the old iptables, whose rules can't be counted".to_owned(),
        );
    }
    let question = Question {
        protocol: NETFILTER,
        kind: GET_RULE,
        is_dump: true,
        // Any family, version 0.
        body: &[0; 4],
    };
    match question.ask() {
        Ok(messages) => {
            let rules = messages.iter().filter(|(kind, _)| *kind == NEW_RULE);
            Ok(rules.count() as u32)
        }
        Err(error) => Err(why(&error)),
    }
}

fn why(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => "only root may see them".to_owned(),
        _ => format!("the kernel doesn't tell them: {error}"),
    }
}
