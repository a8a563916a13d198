//! Charts as SVG: data goes in, an element comes out.
//!
//! | module | |
//! |---|---|
//! | `strip` | a row for each model: its blocks, its middle, its interval |
//! | `bars` | a row for each model, of parts that make a whole |
//! | `lines` | curves over an axis, with bands |
//! | `scale` | from values to places, and where ticks stand |
//! | `frame` | the picture around the marks: size, title, axes |
//! | `thin` | fewer points without losing a peak |
//! | `ink`, `mark` | how a model looks everywhere, what a verdict adds to a figure |
//! | `table`, [`text`] | charts with their numbers as a table; numbers, as people read them |
//!
//! Charts are some 380 units wide, and a page lays as many side by side as it has room for: so text
//! has one size, on a phone and on a wall. Colours are for the page's style sheet, which knows the
//! classes. All of it is pure, and the same data is drawn as the same text.

#![forbid(unsafe_code)]

mod bars;
mod frame;
mod ink;
mod lines;
mod mark;
mod scale;
mod strip;
mod table;
pub mod text;
mod thin;

pub use bars::{Bar, Bars};
pub use ink::Ink;
pub use lines::{ACROSS, Band, Curve, Lines, path};
pub use mark::{Mark, hatching};
pub use scale::{Kind, Scale};
pub use strip::{Row, Rule, Strip};
pub use table::{Table, captioned};
pub use thin::thinned;
