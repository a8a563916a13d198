//! Where connections come from, as plans say it.

#![allow(
    clippy::unwrap_used,
    reason = "a test that can't go on fails, and says where"
)]

use request::network::Source;
use std::net::IpAddr;

#[test]
fn a_source_is_named_as_it_is_taken() {
    let loopback = Source::LOOPBACK;
    let [v4, v6, far]: [IpAddr; 3] =
        ["127.9.9.9", "::1", "192.0.2.1"].map(|ip| ip.parse().unwrap());
    let reached = [v4, v6, far].map(|server| loopback.reaches(server));
    assert_eq!(reached, [true, false, false]);
    assert_eq!(loopback.to_string(), "127.0.0.0/8");
    assert_eq!(Source::Towards(v6).to_string(), "::1/128");
    assert!(!Source::Towards(far).to_string().contains("127"));
    assert_eq!(Source::Nowhere.to_string(), "none: Unix sockets");
}
