//! Numbers as a page has them. A unit stays in the line of its number.

use render::numbers::whole;

/// A coordinate, to a tenth of a unit.
pub fn at(place: f64) -> String {
    let text = format!("{place:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// A tick: `250`, `2.5k`, `40M`.
pub fn short(value: f64) -> String {
    let (unit, sign) = match value.abs() {
        size if size >= 1e9 => (1e9, "G"),
        size if size >= 1e6 => (1e6, "M"),
        size if size >= 1e3 => (1e3, "k"),
        _ => (1.0, ""),
    };
    format!("{}{sign}", digits(value / unit))
}

/// As many decimals as three digits leave room for, without zeros at the end.
fn digits(value: f64) -> String {
    let decimals = match value.abs() {
        size if size >= 99.5 => 0,
        size if size >= 9.95 => 1,
        _ => 2,
    };
    let text = format!("{value:.decimals$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// A time: `35 µs`, `1.5 ms`, `4.9 s`.
pub fn time(us: f64) -> String {
    match us {
        us if us >= 1e6 => format!("{}\u{a0}s", digits(us / 1e6)),
        us if us >= 1e3 => format!("{}\u{a0}ms", digits(us / 1e3)),
        us => format!("{}\u{a0}µs", digits(us)),
    }
}

/// Bytes: `45 B`, `14.3 kB`, `2 GB`.
pub fn bytes(value: f64) -> String {
    let (unit, name) = match value.abs() {
        size if size >= 1e9 => (1e9, "GB"),
        size if size >= 1e6 => (1e6, "MB"),
        size if size >= 1e3 => (1e3, "kB"),
        _ => (1.0, "B"),
    };
    format!("{}\u{a0}{name}", digits(value / unit))
}

/// A figure in its unit, as reports name it.
pub fn figure(value: f64, unit: &str) -> String {
    match unit {
        "us" => time(value),
        "us/request" => format!("{value:.2}\u{a0}µs"),
        "1/s" => format!("{}/s", whole(value)),
        "B/conn" => bytes(value),
        _ => short(value),
    }
}

/// A ratio: `1.24`, `0.057`, `312`.
pub fn ratio(value: f64) -> String {
    match value {
        big if big >= 100.0 => whole(big),
        big if big >= 10.0 => format!("{big:.1}"),
        small if small < 0.1 => format!("{small:.3}"),
        value => format!("{value:.2}"),
    }
}

/// `a`, `a and b`, `a, b and c`.
pub fn listed(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// The first letter as at the beginning of a sentence; a percentile stays as it is.
pub fn capital(text: &str) -> String {
    let mut start = text.chars();
    if start.next() == Some('p') && start.next().is_some_and(|next| next.is_ascii_digit()) {
        return text.to_owned();
    }
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_units_that_fit_them() {
        assert_eq!([at(12.04), at(-0.5), at(3.0)], ["12", "-0.5", "3"]);
        assert_eq!(
            [short(0.0), short(2_500.0), short(12e6)],
            ["0", "2.5k", "12M"]
        );
        assert_eq!(
            [time(35.2), time(1_500.0), time(4.9e6)],
            ["35.2\u{a0}µs", "1.5\u{a0}ms", "4.9\u{a0}s"]
        );
        assert_eq!(
            [bytes(45.3), bytes(14_315.0), bytes(1e9)],
            ["45.3\u{a0}B", "14.3\u{a0}kB", "1\u{a0}GB"]
        );
        assert_eq!(figure(187_029.4, "1/s"), "187,029/s");
        assert_eq!(
            [ratio(1.236), ratio(0.0571), ratio(312.4)],
            ["1.24", "0.057", "312"]
        );
        assert_eq!(listed(&["a", "b", "c"]), "a, b and c");
        assert_eq!(
            ["user memory", "p90 at 5/s", ""].map(capital),
            ["User memory", "p90 at 5/s", ""]
        );
    }
}
