//! The rooms that the scenarios share: a desktop of their own, a hand on the mouse, an eye on the web view.
//!
//! Scenarios are in `tests/`; nothing here asserts anything about Holdfast.

pub mod desktop;
pub mod drag;
pub mod holdfast;
pub mod process;
pub mod proxy;
pub mod samples;
pub mod serving;
pub mod wait;
pub mod webdriver;
