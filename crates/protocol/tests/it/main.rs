//! What others rely on in what two programs say to each other, tried from outside: laws of adding
//! and dealing, and the limits of what may be written.

#![allow(
    clippy::unwrap_used,
    reason = "a test that can't go on fails, and says where"
)]

mod counts;
mod messages;
mod texts;
mod turns;
