//! The service from outside: over HTTP, as its clients meet it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "these are tests, and clippy knows only functions marked as such"
)]

mod aioz_clients;
mod archives;
mod client;
mod collection;
mod connections;
mod crash;
mod damage;
mod database;
mod durability;
#[cfg(target_os = "linux")]
mod full_disk;
mod gateway;
mod gateway_archives;
mod gateway_on_demand;
mod gateway_sites;
mod gateway_vectors;
mod keys;
mod operation;
mod pages;
mod pins;
mod planted;
mod psa;
mod quota;
mod retrieval;
mod safety;
mod samples;
mod scale;
mod uploads;
