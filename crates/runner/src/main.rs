//! Starts each model, loads it, measures it and writes comparable reports.
#![forbid(unsafe_code)]

mod child;
mod cmd;
mod interrupt;
mod server;

fn main() {
    interrupt::listen().unwrap();
}
