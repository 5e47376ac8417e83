//! What the web view may ask for. Each command turns its request into domain types, calls the engine, and turns the
//! answer back; nothing is decided here.

pub(crate) mod accounts;
pub(crate) mod folders;
pub(crate) mod pins;
pub(crate) mod proofs;
pub(crate) mod selections;
pub(crate) mod session;
pub(crate) mod transfers;
pub(crate) mod unpinning;
pub(crate) mod window;
