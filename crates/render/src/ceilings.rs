//! What this machine's loopback can do at all: the null server's figures.

use crate::numbers::whole;
use analysis::{
    rules,
    step::{cpu_us_per_request, generator_cpu_us_per_request, rate_per_s},
};
use comfy_table::{CellAlignment, Table, presets};
use report::trial::Step;
use serde::Serialize;

/// The null server's best window on an engine, over so many connections.
#[derive(Clone, Debug, Serialize)]
pub struct Ceiling {
    /// All busy.
    pub connections: u32,
    /// What the null server is built on.
    pub engine: &'static str,
    /// Echoes.
    pub rate_per_s: f64,
    /// Their median.
    pub service_time_p50_us: f64,
    /// One in a hundred took longer.
    pub service_time_p99_us: f64,
    /// Of the null server; `None`: not measured.
    pub server_cpu_us_per_request: Option<f64>,
    /// Of the generator; `None`: not measured.
    pub generator_cpu_us_per_request: Option<f64>,
    /// The generator was the limit.
    pub generator_bound: bool,
}

impl Ceiling {
    /// From its window's step.
    pub fn of(engine: &'static str, step: &Step) -> Self {
        Self {
            connections: step.connections,
            engine,
            rate_per_s: rate_per_s(step),
            service_time_p50_us: step.window.service_time_us.p50,
            service_time_p99_us: step.window.service_time_us.p99,
            server_cpu_us_per_request: cpu_us_per_request(step),
            generator_cpu_us_per_request: generator_cpu_us_per_request(step),
            generator_bound: rules::is_generator_bound(step),
        }
    }
}

/// As a table, which fits into 80 columns.
pub fn table(ceilings: &[Ceiling]) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    table.set_header([
        "connec-\ntions",
        "null\nserver\non",
        "echoes\n1/s",
        "service time\nus, p50/p99",
        "server\nCPU us\n/echo",
        "genera-\ntor's",
        "limited\nby the",
    ]);
    for one in ceilings {
        table.add_row([
            whole(one.connections.into()),
            one.engine.to_owned(),
            whole(one.rate_per_s),
            format!(
                "{}/{}",
                whole(one.service_time_p50_us),
                whole(one.service_time_p99_us)
            ),
            cpu(one.server_cpu_us_per_request),
            cpu(one.generator_cpu_us_per_request),
            if one.generator_bound {
                "generator"
            } else {
                "server"
            }
            .to_owned(),
        ]);
    }
    for column in table.column_iter_mut() {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
}

fn cpu(us_per_request: Option<f64>) -> String {
    us_per_request.map_or_else(|| "-".to_owned(), |us| format!("{us:.2}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn great_figures_fit_into_80_columns() {
        let one = Ceiling {
            connections: 100_000,
            engine: "io_uring",
            rate_per_s: 1_234_567.0,
            service_time_p50_us: 12_345.0,
            service_time_p99_us: 123_456.0,
            server_cpu_us_per_request: Some(12.34),
            generator_cpu_us_per_request: Some(12.34),
            generator_bound: true,
        };
        let text = table(&[one]);
        let widest = text.lines().map(|line| line.chars().count()).max();
        assert!(widest <= Some(80), "{text}");
        assert!(text.contains("1,234,567"), "{text}");
    }
}
