//! One file a subcommand.

pub(crate) mod account;
mod account_card;
mod account_import;
mod account_row;
pub(crate) mod add;
pub(crate) mod batches;
pub(crate) mod car;
pub(crate) mod cid;
pub(crate) mod control;
pub(crate) mod edit;
pub(crate) mod folder;
pub(crate) mod limit;
pub(crate) mod list;
pub(crate) mod pin;
pub(crate) mod serve;
pub(crate) mod serve_keys;
pub(crate) mod serve_options;
pub(crate) mod serve_store;
pub(crate) mod show;
pub(crate) mod transfers;
pub(crate) mod unpin;
pub(crate) mod verify;
