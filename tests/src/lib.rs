//! The rooms that the scenarios share: a desktop of their own, a hand on the mouse, an eye on the web view.
//!
//! Scenarios are in `tests/`; only `provider_suite` asserts anything about Holdfast.

use std::io::Write;

pub mod bench;
pub mod block_gateway;
pub mod browser;
pub mod cluster;
pub mod dags;
pub mod desktop;
pub mod drag;
pub mod holdfast;
pub mod hostile;
pub mod identity;
pub mod kubo;
pub mod memory;
pub mod node;
pub mod process;
pub mod provider_suite;
pub mod proxy;
pub mod samples;
pub mod serving;
pub mod sink;
pub mod trees;
pub mod wait;
pub mod webdriver;

/// Prints a line that is seen even when the test passes; `eprintln!` is kept back until one fails.
pub fn say(line: &str) {
    // Nobody may be listening.
    std::io::stderr().write_all(format!("{line}\n").as_bytes()).ok();
}
