//! The queue: which transfer begins next, at which account, and when one that failed is tried again.
//!
//! An account's [`gate`] says whether it gets work at all, its [`lanes`] how much at once, [`retry`] what comes after a failure,
//! [`pause`] how long it waits: rules over values, without a clock or a database. The [`runner`] keeps them; what a transfer does is in `transfer`.

pub(crate) mod gate;
pub(crate) mod lanes;
pub(crate) mod pause;
pub(crate) mod retry;
mod runner;
mod settled;

pub use gate::{ClosedGate, GateReason};
pub use lanes::{AtOnce, Lane};

pub(crate) use gate::Gates;
pub(crate) use retry::Patience;
pub(crate) use runner::Runner;
