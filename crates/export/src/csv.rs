//! A row for each figure of each block: tidy, as statistics programs want it.

use crate::values::values;
use csv::Writer;
use report::{check::Status, model::ModelReport};

const HEADER: [&str; 10] = [
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
];

/// All figures of some models, block by block. The verdict is that of the figure over all blocks;
/// it and the rate are empty where there is none.
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
                subject.verdict(report).map_or("", Status::word),
            ])?;
        }
    }
    let bytes = writer.into_inner().map_err(|error| error.into_error())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
