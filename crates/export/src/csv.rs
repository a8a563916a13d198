//! A row for each figure of each block: tidy, as statistics programs want it.

use crate::values::{bound, values, word};
use csv::Writer;
use report::model::ModelReport;

const HEADER: [&str; 11] = [
    "run",
    "model",
    "block",
    "load",
    "connections",
    "offered_rate_per_s",
    "figure",
    "unit",
    "value",
    "verdict",
    "bound",
];

/// All figures of some models, block by block. The verdict is that of the figure over all blocks, and so
/// is the bound (`at_least`, `at_most`); they and the rate are empty where there is none.
///
/// # Errors
/// None that can be met: the text is written to memory.
pub fn csv(reports: &[ModelReport]) -> Result<String, csv::Error> {
    let mut writer = Writer::from_writer(Vec::new());
    writer.write_record(HEADER)?;
    for report in reports {
        for value in values(report) {
            let subject = &value.subject;
            let rate = subject.rate_per_s.map(|rate| rate.to_string());
            let verdict = subject.verdict(report);
            writer.write_record([
                report.run.as_str(),
                &report.model.name,
                &value.block.to_string(),
                subject.load,
                &subject.connections.to_string(),
                &rate.unwrap_or_default(),
                &subject.figure,
                subject.unit(),
                &value.value.to_string(),
                word(verdict.as_ref()),
                bound(verdict.as_ref()),
            ])?;
        }
    }
    let bytes = writer.into_inner().map_err(|error| error.into_error())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
