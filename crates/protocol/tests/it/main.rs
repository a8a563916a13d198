//! What others rely on in what two programs say to each other, tried from outside: laws of adding
//! and dealing, and the limits of what may be written.

mod counts;
mod messages;
mod texts;
mod turns;
