//! The engine from outside, against a provider on real sockets that misbehaves on request.
#![cfg(test)]

mod accounts;
mod asked;
mod changes;
mod checks;
mod control;
mod copies;
mod disks;
mod duplicates;
mod faults;
mod fetching;
mod files;
mod folders;
mod folders_hazards;
mod folders_simulated;
mod gates;
mod keyring;
mod kubo_import;
mod logs;
mod lost_answers;
mod mirror;
mod nodes;
mod outdated;
mod pin_only;
mod proofs;
mod properties;
mod psa;
mod queue;
mod relay;
mod retries;
mod secrets;
mod table;
mod this_computer;
mod unpinning;
mod uploads;
mod usage;
