//! What the table says of figures that aren't quite what they seem.

#![allow(
    clippy::unwrap_used,
    reason = "a test that can't go on fails, and says where"
)]

use render::table::table;
use report::model::ModelReport;

#[test]
fn a_rate_of_which_the_generator_was_the_limit_is_a_floor() {
    let text = include_str!("../../store/tests/old-reports/first/epoll.json");
    let mut report: ModelReport = serde_json::from_str(text).unwrap();
    for is_bound in [false, true] {
        report.summary.peak.as_mut().unwrap().generator_bound = is_bound;
        let shown = table(std::slice::from_ref(&report));
        let (rows, _legend) = shown.split_once("* of both").unwrap();
        assert_eq!(rows.contains(">= "), is_bound, "{shown}");
    }
}
