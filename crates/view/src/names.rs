//! Figures by their ids: what they are called, what they are counted in.

use render::numbers::whole;

/// The unit of the figure of this id.
pub fn unit(id: &str) -> &'static str {
    match id {
        id if id.ends_with("per_connection") => "B/conn",
        id if id.ends_with("us_per_request") => "us/request",
        id if id.ends_with("rate_per_s") => "1/s",
        _ => "us",
    }
}

/// The figure of this id in words: `peak rate over 100 connections`, `p90 at 66,200/s`.
pub fn label(id: &str) -> String {
    let number = |text: &str| {
        text.split('_')
            .next()
            .and_then(|n| n.parse::<f64>().ok())
            .map_or_else(String::new, whole)
    };
    let parts: Vec<&str> = id.splitn(3, '.').collect();
    let what = |of: &str| match of {
        "rate_per_s" => "peak rate".to_owned(),
        "server_cpus_us_per_request" | "server_cpu_us_per_request" => "CPU per request".to_owned(),
        of => of.rsplit('.').next().unwrap_or(of).replace('_', "."),
    };
    match parts.as_slice() {
        ["memory", "user_bytes_per_connection"] => "user memory per connection".to_owned(),
        ["memory", ..] => "kernel memory per connection".to_owned(),
        ["capacity", ..] => "highest rate that meets the target".to_owned(),
        ["churn", of @ ..] => match of {
            ["connect_time_us", percentile] => {
                format!("{} of connect times in churn", what(percentile))
            }
            of => format!(
                "{} of response times in churn",
                what(of.last().unwrap_or(&""))
            ),
        },
        ["closed", over, of] => format!("{} over {} connections", what(of), number(over)),
        ["open", _, rest] => {
            // A rate may have a decimal point.
            let (rate, of) = rest.split_once("_per_s.").unwrap_or((rest, ""));
            format!("{} at {}/s", what(of), number(rate))
        }
        _ => id.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_names_that_people_say() {
        let open = "open.100_connections.66200.5_per_s.prompt_response_time_us.p99_9";
        assert_eq!((&*label(open), unit(open)), ("p99.9 at 66,200/s", "us"));
        let closed = "closed.5000_connections.server_cpus_us_per_request";
        assert_eq!(label(closed), "CPU per request over 5,000 connections");
        assert_eq!(
            (unit(closed), unit("closed.5_connections.rate_per_s")),
            ("us/request", "1/s")
        );
    }
}
