//! What a server's CPU time went to.

use report::model::ModelReport;
use std::{fmt::Write as _, path::Path};

/// Functions that are shown; the report has more.
const TOP_SHOWN: usize = 6;

/// The flame graph in the run's directory and the first of the functions, or why there are none; nothing
/// where neither is known.
pub fn profile(report: &ModelReport, directory: &Path) -> Option<String> {
    let name = &report.model.name;
    let Some(profile) = &report.profile else {
        let reason = report.not_measured.get("profile")?;
        return Some(format!("no profile of {name}: {reason}"));
    };
    let mut text = format!(
        "profile of {name}: {} samples{} under {} load, as a graph in {}",
        profile.samples,
        if profile.user_only {
            " of user space alone (the kernel's part is root's to see, or everybody's with 'sysctl -w \
             kernel.perf_event_paranoid=1')"
        } else {
            ""
        },
        profile.load.word(),
        directory.join(&profile.flame_graph).display()
    );
    for function in profile.top.iter().take(TOP_SHOWN) {
        let _ = write!(
            text,
            "\n  {:5.1} %  {}{}",
            function.self_share * 100.0,
            function.name,
            if function.in_kernel { " (kernel)" } else { "" }
        );
    }
    Some(text)
}
