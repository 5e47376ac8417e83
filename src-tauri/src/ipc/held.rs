//! What holds up the queue: accounts that get no work, and why.

use holdfast_core as core;
use serde::Serialize;
use ts_rs::TS;

use super::error::IpcError;

/// Why an account gets no work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub(crate) enum GateReason {
    Resting,
    Unreachable,
    OverQuota,
    Forbidden,
    LockedOut,
    NotRunning,
}

#[derive(Clone, Debug, Serialize, TS)]
pub(crate) struct ClosedGate {
    pub(crate) reason: GateReason,
    /// What went wrong last.
    pub(crate) error: IpcError,
    /// Milliseconds until it is tried again by itself, counted from when this was asked; null where only a person changes it.
    pub(crate) next_try: Option<u64>,
}

#[derive(Clone, Debug, Serialize, TS)]
pub(crate) struct HeldAccount {
    pub(crate) account: String,
    /// It is paused by itself.
    pub(crate) paused: bool,
    /// None where it is only paused.
    pub(crate) gates: Vec<ClosedGate>,
    /// How many of its transfers have not begun.
    pub(crate) transfers: u64,
}

#[derive(Clone, Debug, Serialize, TS)]
pub(crate) struct HeldUp {
    /// Everything is paused.
    pub(crate) paused: bool,
    pub(crate) accounts: Vec<HeldAccount>,
}

impl From<core::HeldUp> for HeldUp {
    fn from(held: core::HeldUp) -> Self {
        Self { paused: held.is_paused, accounts: held.accounts.into_iter().map(HeldAccount::from).collect() }
    }
}

impl From<core::HeldAccount> for HeldAccount {
    fn from(held: core::HeldAccount) -> Self {
        Self {
            account: held.account.0,
            paused: held.is_paused,
            gates: held.gates.into_iter().map(ClosedGate::from).collect(),
            transfers: held.transfers,
        }
    }
}

impl From<core::ClosedGate> for ClosedGate {
    fn from(gate: core::ClosedGate) -> Self {
        Self {
            reason: match gate.reason {
                core::GateReason::Resting => GateReason::Resting,
                core::GateReason::Unreachable => GateReason::Unreachable,
                core::GateReason::OverQuota => GateReason::OverQuota,
                core::GateReason::Forbidden => GateReason::Forbidden,
                core::GateReason::LockedOut => GateReason::LockedOut,
                core::GateReason::NotRunning => GateReason::NotRunning,
            },
            error: IpcError::of_transfer(&gate.failure, gate.next_try.is_some()),
            next_try: gate.next_try.map(|left| u64::try_from(left.as_millis()).unwrap_or(u64::MAX)),
        }
    }
}
