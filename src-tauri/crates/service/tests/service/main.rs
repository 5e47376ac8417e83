//! The service from outside: over HTTP, as its clients meet it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "these are tests, and clippy knows only functions marked as such"
)]

mod client;
mod durability;
mod gateway;
mod keys;
mod pins;
mod psa;
mod safety;
mod samples;
mod scale;
mod uploads;
