//! Batches: what was asked for together, as the Transfers screen shows it.

use holdfast_core::transfer;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::error::IpcError;
use super::transfer::{Transfer, TransferCounts};
use super::{HeldUp, Shown};

/// How a batch came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Origin {
    Added,
    Pinned,
    Unpinned,
    Folder,
    /// What another account did not take.
    SentOn,
}

#[derive(Clone, Debug, Serialize, TS)]
pub(crate) struct Batch {
    pub(crate) id: String,
    pub(crate) origin: Origin,
    /// Of its first item, or of its folder.
    pub(crate) name: Shown,
    pub(crate) items: u64,
    pub(crate) accounts: Vec<String>,
    pub(crate) created_at: i64,
    /// Also of what is done and forgotten.
    pub(crate) counts: TransferCounts,
    /// Transfers that can be listed.
    pub(crate) listed: u64,
    pub(crate) bytes: u64,
    /// Sent whole.
    pub(crate) bytes_done: u64,
    /// When the first is tried again that waits for a time.
    pub(crate) next_try: Option<i64>,
    /// Each reason of an account once.
    pub(crate) troubles: Vec<BatchTrouble>,
    /// Where it has only one.
    pub(crate) only: Option<Transfer>,
}

/// Why transfers of a batch do not go on.
#[derive(Clone, Debug, Serialize, TS)]
pub(crate) struct BatchTrouble {
    pub(crate) account: String,
    /// The others wait.
    pub(crate) failed: bool,
    pub(crate) error: IpcError,
    pub(crate) transfers: u64,
}

/// Which batches, and which transfers of one of them.
#[derive(Clone, Debug, Deserialize, TS)]
pub(crate) struct QueueRequest {
    pub(crate) offset: u64,
    pub(crate) limit: u32,
    pub(crate) open: Option<OpenRequest>,
}

#[derive(Clone, Debug, Deserialize, TS)]
pub(crate) struct OpenRequest {
    pub(crate) batch: String,
    pub(crate) offset: u64,
    pub(crate) limit: u32,
}

/// A batch with some of its transfers: what runs first, then what has failed, what comes next, what services work on, what is over.
#[derive(Clone, Debug, Serialize, TS)]
pub(crate) struct OpenBatch {
    pub(crate) batch: Batch,
    pub(crate) transfers: Vec<Transfer>,
}

/// Batches that run first, then those that need a person, then as the queue goes, then those that are over.
#[derive(Clone, Debug, Serialize, TS)]
pub(crate) struct Queue {
    pub(crate) batches: Vec<Batch>,
    /// How many there are.
    pub(crate) total: u64,
    pub(crate) counts: TransferCounts,
    pub(crate) totals: QueueTotals,
    pub(crate) held_up: HeldUp,
    /// Null where it was not asked for, or is no more.
    pub(crate) open: Option<OpenBatch>,
}

/// The queue as one progress: the batches of which something has not begun or is under way.
#[derive(Clone, Copy, Debug, Serialize, TS)]
pub(crate) struct QueueTotals {
    pub(crate) transfers: u64,
    /// What services have taken.
    pub(crate) taken: u64,
    pub(crate) bytes: u64,
    pub(crate) bytes_done: u64,
}

/// What a person does with transfers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Act {
    Pause,
    Resume,
    Cancel,
    Retry,
    /// Before all else that goes as fast.
    MoveUp,
    /// Forget what is over.
    Clear,
}

#[derive(Clone, Debug, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Which {
    One { id: String },
    Batch { id: String },
    Everything,
}

#[derive(Clone, Debug, Deserialize, TS)]
pub(crate) struct SteerRequest {
    pub(crate) act: Act,
    pub(crate) which: Which,
}

#[derive(Clone, Debug, Deserialize, TS)]
pub(crate) struct SendFailedRequest {
    pub(crate) batch: String,
    pub(crate) account: String,
}

impl Batch {
    /// A batch with the progress of its only transfer, where it has one that runs.
    pub(crate) fn new(batch: transfer::Batch, progress: &[transfer::TransferProgress]) -> Self {
        Self {
            id: batch.id.to_string(),
            origin: match batch.origin {
                transfer::Origin::Added => Origin::Added,
                transfer::Origin::Pinned => Origin::Pinned,
                transfer::Origin::Unpinned => Origin::Unpinned,
                transfer::Origin::Folder => Origin::Folder,
                transfer::Origin::SentOn => Origin::SentOn,
            },
            name: batch.name.into(),
            items: batch.items,
            accounts: batch.accounts.into_iter().map(|account| account.0).collect(),
            created_at: batch.created_at.0,
            counts: batch.counts.into(),
            listed: batch.listed,
            bytes: batch.bytes,
            bytes_done: batch.bytes_done,
            next_try: batch.next_try.map(|at| at.0),
            troubles: batch.troubles.into_iter().map(BatchTrouble::from).collect(),
            only: batch.only.map(|transfer| Transfer::new(transfer, progress)),
        }
    }
}

impl From<transfer::BatchTrouble> for BatchTrouble {
    fn from(trouble: transfer::BatchTrouble) -> Self {
        Self {
            account: trouble.account.0,
            failed: trouble.has_failed,
            error: IpcError::of_transfer(&trouble.failure, !trouble.has_failed),
            transfers: trouble.transfers,
        }
    }
}

impl From<transfer::QueueTotals> for QueueTotals {
    fn from(totals: transfer::QueueTotals) -> Self {
        Self { transfers: totals.transfers, taken: totals.taken, bytes: totals.bytes, bytes_done: totals.bytes_done }
    }
}
