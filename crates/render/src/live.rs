//! The line that says how far a run has come, while it goes on.

use crate::numbers::{known, whole};
use std::time::Duration;

/// What is known of a run that goes on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Live {
    /// Block, server, load.
    pub trial: String,
    /// What the trial is doing.
    pub doing: String,
    /// Replies per second, and the 99th percentile of their times in microseconds, of the last moments
    /// before the window.
    pub so_far: Option<(f64, f64)>,
    /// The window that is open: how long it is. Nobody draws before it closes.
    pub window: Option<Duration>,
    /// Trials that are over, and all of them.
    pub trials: (u64, u64),
    /// That those which are over took.
    pub elapsed: Duration,
}

/// One line of at most so many columns, such as
/// `[3/36, 2 min left] block 1/6  tokio  closed: measuring for 1.5 s, 98,000/s, p99 1,183 us`.
pub fn line(live: &Live, columns: u16) -> String {
    let (over, all) = live.trials;
    let head = format!("[{over}/{all}{}] ", left(live));
    let doing = match (live.window, live.so_far) {
        (Some(window), _) => format!("measuring for {:.1} s", window.as_secs_f64()),
        (None, Some(_)) => "warming up".to_owned(),
        (None, None) => live.doing.clone(),
    };
    let mut doing = match doing.as_str() {
        "" => doing,
        doing => format!(": {doing}"),
    };
    let figures = live.so_far.map_or(String::new(), |(rate_per_s, p99_us)| {
        let (rate, p99) = (whole(rate_per_s), known(Some(p99_us)));
        format!(", {rate}/s, p99 {p99} us")
    });
    let mut trial = live.trial.as_str();
    // Figures are what one looks for: words go first, from the front.
    loop {
        let line = format!("{head}{trial}{doing}{figures}");
        if line.chars().count() <= columns.into() {
            return line;
        }
        match trial.split_once(' ') {
            Some((_, rest)) => trial = rest.trim_start(),
            None if doing.is_empty() || figures.is_empty() => {
                return line.chars().take(columns.into()).collect();
            }
            None => doing.clear(),
        }
    }
}

/// As if those to come took as long as those that are over.
fn left(live: &Live) -> String {
    let (over, all) = live.trials;
    if over == 0 {
        return String::new();
    }
    let each_s = live.elapsed.as_secs_f64() / over as f64;
    let left_s = each_s * all.saturating_sub(over) as f64;
    match left_s {
        ..90.0 => format!(", {left_s:.0} s left"),
        ..5400.0 => format!(", {:.0} min left", left_s / 60.0),
        _ => format!(", {:.1} h left", left_s / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_runs_what_is_known_and_what_is_left() {
        let mut live = Live {
            trial: "block 2/6  a  closed".to_owned(),
            doing: "100 connections: connecting".to_owned(),
            trials: (0, 12),
            ..Live::default()
        };
        assert_eq!(
            line(&live, 100),
            "[0/12] block 2/6  a  closed: 100 connections: connecting"
        );
        live.trials = (3, 12);
        live.elapsed = Duration::from_secs(60);
        live.window = Some(Duration::from_millis(1500));
        live.so_far = Some((98_000.4, 1183.0));
        let all = line(&live, 100);
        assert!(all.starts_with("[3/12, 3 min left] block 2/6"), "{all}");
        assert!(
            all.ends_with(": measuring for 1.5 s, 98,000/s, p99 1,183 us"),
            "{all}"
        );
        assert_eq!(
            line(&live, 75),
            "[3/12, 3 min left] a  closed: measuring for 1.5 s, 98,000/s, p99 1,183 us"
        );
        assert_eq!(
            line(&live, 60),
            "[3/12, 3 min left] closed, 98,000/s, p99 1,183 us"
        );
        assert_eq!(line(&live, 40).chars().count(), 40);
    }
}
