//! Transfers and their progress.

use holdfast_core::transfer::{self, Work};
use serde::Serialize;
use ts_rs::TS;

use super::Shown;
use super::error::IpcError;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TransferKind {
    Upload,
    Pin,
    Unpin,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TransferState {
    Queued,
    Running,
    Waiting,
    /// Begins at `retry_at`, when it cannot be undone any more.
    Undoable,
    Paused,
    /// The service works on it.
    Asked,
    Failed,
    Done,
    Cancelled,
}

#[derive(Clone, Debug, Serialize, TS)]
pub(crate) struct Transfer {
    pub(crate) id: String,
    pub(crate) kind: TransferKind,
    pub(crate) account: String,
    pub(crate) name: Shown,
    pub(crate) cid: Option<String>,
    pub(crate) state: TransferState,
    pub(crate) bytes_done: u64,
    pub(crate) bytes_total: u64,
    pub(crate) attempts: u32,
    pub(crate) error: Option<IpcError>,
    /// Milliseconds since the Unix epoch, like the other times.
    pub(crate) retry_at: Option<i64>,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
    pub(crate) verified: Option<bool>,
}

#[derive(Clone, Copy, Debug, Serialize, TS)]
pub(crate) struct TransferCounts {
    pub(crate) queued: u64,
    pub(crate) running: u64,
    pub(crate) waiting: u64,
    /// Those that wait so that they can be undone.
    pub(crate) undoable: u64,
    pub(crate) paused: u64,
    pub(crate) asked: u64,
    pub(crate) failed: u64,
    pub(crate) done: u64,
    pub(crate) cancelled: u64,
}

/// The durable transfers that a request became.
#[derive(Clone, Debug, Serialize, TS)]
pub(crate) struct Accepted {
    pub(crate) transfers: Vec<String>,
}

/// Ephemeral: may be dropped, the truth is in the list of transfers.
#[derive(Clone, Debug, Serialize, TS)]
pub(crate) struct TransferProgress {
    pub(crate) id: String,
    pub(crate) bytes_done: u64,
    pub(crate) bytes_total: u64,
    pub(crate) bytes_per_second: Option<u64>,
    pub(crate) seconds_left: Option<u64>,
}

/// At most ten a second.
#[derive(Clone, Debug, Serialize, TS)]
pub(crate) struct ProgressTick {
    pub(crate) running: Vec<TransferProgress>,
    /// Of all together, also of those that ended since; null when nobody knows.
    pub(crate) bytes_per_second: Option<u64>,
}

impl Transfer {
    /// A transfer with its progress, where it is running.
    pub(crate) fn new(transfer: transfer::Transfer, progress: &[transfer::TransferProgress]) -> Self {
        use transfer::TransferState as State;
        let running = progress.iter().find(|one| one.id == transfer.id);
        let (state, error, retry_at) = match &transfer.state {
            State::Queued => (TransferState::Queued, None, None),
            State::Undoable { until } => (TransferState::Undoable, None, Some(until.0)),
            State::Running => (TransferState::Running, None, None),
            State::Waiting { until, failure } => {
                (TransferState::Waiting, Some(IpcError::of_transfer(failure, true)), until.map(|at| at.0))
            }
            State::Paused => (TransferState::Paused, None, None),
            State::Asked => (TransferState::Asked, None, None),
            State::Failed(failure) => (TransferState::Failed, Some(IpcError::of_transfer(failure, false)), None),
            State::Done => (TransferState::Done, None, None),
            State::Cancelled => (TransferState::Cancelled, None, None),
        };
        let bytes_done = if matches!(state, TransferState::Asked | TransferState::Done) { transfer.bytes } else { 0 };
        Self {
            name: transfer.shown_name().into(),
            id: transfer.id.0,
            kind: match transfer.work {
                Work::Upload { .. } => TransferKind::Upload,
                Work::Pin { .. } => TransferKind::Pin,
                Work::Unpin { .. } => TransferKind::Unpin,
            },
            account: transfer.account.0,
            cid: transfer.cid.map(|cid| cid.to_string()),
            state,
            bytes_done: running.map_or(bytes_done, |progress| progress.bytes_done),
            bytes_total: running.map_or(transfer.bytes, |progress| progress.bytes_total),
            attempts: transfer.attempts,
            error,
            retry_at,
            created_at: transfer.created_at.0,
            updated_at: transfer.updated_at.0,
            verified: transfer.verified,
        }
    }
}

impl From<holdfast_core::TransferCounts> for TransferCounts {
    fn from(counts: holdfast_core::TransferCounts) -> Self {
        Self {
            queued: counts.queued,
            running: counts.running,
            waiting: counts.waiting,
            undoable: counts.undoable,
            paused: counts.paused,
            asked: counts.asked,
            failed: counts.failed,
            done: counts.done,
            cancelled: counts.cancelled,
        }
    }
}

impl From<transfer::TransferProgress> for TransferProgress {
    fn from(progress: transfer::TransferProgress) -> Self {
        Self {
            id: progress.id.0,
            bytes_done: progress.bytes_done,
            bytes_total: progress.bytes_total,
            bytes_per_second: progress.bytes_per_second,
            seconds_left: progress.seconds_left,
        }
    }
}

impl From<Vec<transfer::TransferId>> for Accepted {
    fn from(transfers: Vec<transfer::TransferId>) -> Self {
        Self { transfers: transfers.into_iter().map(|id| id.0).collect() }
    }
}
