//! Arithmetic on plain data: lines, histograms, intervals, tests.
//!
//! | file | |
//! |---|---|
//! | `line` | a line through points, median, range, spread |
//! | `histogram` | histograms as reports hold them |
//! | `simultaneous` | contestants block by block: intervals of all pairs, which hold all together |
//! | `paired` | the exact sign-flip test and its interval |
//! | `student` | Student's t |
//! | `fisher` | whether something happens to one more often than to others |
//! | `series` | one series in time order: change point, steadiness |
//!
//! All of it is pure. Nothing here knows what a trial is: which values are taken from a report is for
//! the crate `analysis` to say.

#![forbid(unsafe_code)]

mod fisher;
mod histogram;
mod line;
mod paired;
mod series;
mod simultaneous;
mod student;

pub use fisher::happens_to_one;
pub use histogram::{HistogramError, add_histograms, at_quantile, decode, encode, percentiles};
pub use line::{Line, line, median, range, spread};
pub use paired::{sign_flip_interval, sign_flip_p};
pub use series::{ChangePoint, change_point, is_steady};
pub use simultaneous::{Family, Pair, Simultaneous};
pub use student::t_two_sided;
