//! The ceiling is measured alone, and stands in every report of an echo.

use crate::common::{Fixture, runner, stderr};
use serde_json::Value;

#[test]
fn the_null_server_is_measured_at_each_count_of_connections() {
    let output = runner()
        .args(["ceiling", "--connections", "10,20", "--duration", "0.2"])
        .args(["--trials", "1", "--json"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let rows: Value = serde_json::from_slice(&output.stdout).unwrap();
    // Where io_uring isn't allowed there is a row less for each count.
    let on_epoll: Vec<&Value> = rows
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["engine"] == "epoll")
        .collect();
    let counts: Vec<&Value> = on_epoll.iter().map(|row| &row["connections"]).collect();
    assert_eq!(counts, [10, 20]);
    for row in on_epoll {
        assert!(row["rate_per_s"].as_f64().unwrap() > 0.0, "{row}");
        assert!(row["server_cpu_us_per_request"].as_f64().unwrap() > 0.0);
    }
}

#[test]
fn an_echo_has_the_null_servers_rate_beside_it() {
    let fixture = Fixture::new();
    let output = fixture.run("good", &["--load", "closed", "--workload", "echo"]);
    let ceiling = fixture.report().ceiling.unwrap();
    assert!(ceiling.rate_per_s > 0.0);
    assert!(ceiling.what.contains("the null server on"), "{ceiling:?}");
    assert!(stderr(&output).contains("% of ceiling"));
}
