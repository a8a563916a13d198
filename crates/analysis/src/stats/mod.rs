//! The arithmetic: pure functions on plain data.
//!
//! | file | |
//! |---|---|
//! | `line` | a line through points, median, range, spread |
//! | `histogram` | histograms as reports hold them |
//! | `paired` | two models block by block: intervals, tests |
//! | `comparison` | what is said about two models: ratio, interval, difference |
//! | `series` | one series in time order: change point, steadiness, effective size |
//!
//! Nothing here knows what a trial is: which values are taken from a report is for
//! [`crate::summary`] to say.

mod comparison;
mod histogram;
mod line;
mod paired;
mod series;

pub use comparison::{NOISE_BAND_MIN, blocks_needed, compare_blocks, reach, with_band, with_holm};
pub use histogram::{HistogramError, add_histograms, decode, encode, percentiles};
pub use line::{Line, line, median, range, spread};
pub use paired::{bootstrap_interval, holm, sign_flip_interval, sign_flip_p};
pub use series::{ChangePoint, change_point, effective_sample_size, is_steady};
