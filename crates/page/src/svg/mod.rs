//! Charts as SVG: data goes in, an element comes out.
//!
//! | file | |
//! |---|---|
//! | `scale` | from values to places, and where ticks stand |
//! | `frame` | the picture around the marks: size, title, axes |
//! | `strip` | a row for each model: its blocks, its middle, its interval |
//! | `bars` | a row for each model, of parts that make a whole |
//! | `lines` | curves over an axis, with bands |
//! | `thin` | fewer points without losing a peak |
//!
//! Charts are some 380 units wide, and a page lays as many side by side as it has room for: so text
//! has one size, on a phone and on a wall.

mod bars;
mod frame;
mod lines;
mod scale;
mod strip;
mod thin;

pub(crate) use bars::{Bar, Bars};
pub(crate) use lines::{ACROSS, Band, Curve, Lines, path};
pub(crate) use scale::{Kind, Scale};
pub(crate) use strip::{Row, Rule, Strip};
pub(crate) use thin::thinned;
