//! Where connections to a server come from that isn't where the plan has it.
//!
//! A server that isn't ours may listen at `[::1]` where it was told 127.0.0.1, because its `localhost`
//! means that. It is known when it runs, and the plan was made before: that spreads connections over
//! addresses of 127.0.0.0/8, none of which reaches it. The kernel takes the one that does.

use super::error::TrialError;
use plan::Plan;
use protocol::endpoint::Endpoint;
use request::network::Source;

/// Where they come from instead, in words; `None` where it is as planned. An address has so many `ports`.
///
/// # Errors
/// So many connections can't come from one address.
pub(super) fn source_instead(
    plan: &Plan,
    endpoint: &Endpoint,
    connections: u32,
    ports: Option<u32>,
) -> Result<Option<String>, TrialError> {
    let Some(addr) = endpoint.tcp() else {
        return Ok(None);
    };
    if plan.source.reaches(addr.ip()) {
        return Ok(None);
    }
    match ports.filter(|&ports| connections > ports) {
        Some(ports) => Err(TrialError::TooFewPorts {
            endpoint: endpoint.clone(),
            planned: plan.source.to_string(),
            connections,
            ports,
        }),
        None => Ok(Some(Source::Towards(addr.ip()).to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_found_elsewhere_has_one_address_to_be_reached_from() {
        let plan = Plan::of_one_thread(1);
        let of = |addr: &str, connections| {
            source_instead(&plan, &addr.parse().unwrap(), connections, Some(28_232))
        };
        assert_eq!(of("127.0.0.1:7", 90_000).unwrap(), None);
        assert_eq!(of("unix:/run/x.sock", 90_000).unwrap(), None);
        assert_eq!(of("[::1]:7", 28_232).unwrap().as_deref(), Some("::1/128"));
        let refused = of("[::1]:7", 28_233).unwrap_err().failure();
        for part in ["[::1]:7", "127.0.0.0/8", "28233", "28232"] {
            assert!(refused.reason.contains(part), "{}", refused.reason);
        }
        assert!(refused.way_out.unwrap().contains("[::1]:0"));
    }
}
