//! Transfers: durable pieces of work that make a pin exist or stop existing.

mod attempt;
mod batch;
mod counts;
pub(crate) mod find;
mod pin_cid;
pub(crate) mod relay;
mod running;
mod unpin;
mod upload;

use crate::{
    clock::UnixMillis,
    code::Code,
    disk::Place,
    error::Error,
    ids::{AccountId, FolderId, PinId},
    pin::Metadata,
    queue::Lane,
};

pub use crate::ids::{BatchId, NoBatchId, TransferId, UnpinningId};
pub use batch::{Batch, BatchTrouble, Origin, QueueTotals, TransferSet};
pub use counts::TransferCounts;
pub use unpin::{Undone, Unpinning};

pub(crate) use attempt::{Attempted, attempt};
pub(crate) use batch::NewBatch;
pub(crate) use running::{Run, Running, Then};

/// What a transfer does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// Sends a file or directory.
    Upload {
        /// Where it lies.
        place: Place,
        /// The watched folder that asked for it.
        folder: Option<FolderId>,
    },
    /// Asks the provider to get and pin a CID.
    Pin {
        /// The CID.
        cid: holdfast_content::Cid,
    },
    /// Removes a pin.
    Unpin {
        /// The pin.
        pin: PinId,
    },
}

impl Work {
    /// The word for it in the database and in JSON.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Upload { .. } => "upload",
            Self::Pin { .. } => "pin",
            Self::Unpin { .. } => "unpin",
        }
    }
}

/// Where a transfer stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransferState {
    /// Accepted; its turn has not come.
    Queued,
    /// Accepted, and begins at that moment: until then it can be undone.
    Undoable {
        /// When.
        until: UnixMillis,
    },
    /// Under way.
    Running,
    /// Tried in vain; it goes on by itself.
    Waiting {
        /// When; `None` for as soon as its account's gate is open.
        until: Option<UnixMillis>,
        /// Why the last try failed.
        failure: Failure,
    },
    /// Not to begin until the person lets it go on.
    Paused,
    /// The service has taken the request and works on its pin: what becomes of that ends the transfer, whenever it is.
    Asked,
    /// Given up; the user may retry.
    Failed(Failure),
    /// Done: the service has pinned it and the receipt is written, or the pin is gone.
    Done,
    /// Stopped by the user.
    Cancelled,
}

impl TransferState {
    /// The word for it in the database and in JSON.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Undoable { .. } | Self::Waiting { .. } => "waiting",
            Self::Paused => "paused",
            Self::Asked => "asked",
            Self::Failed(_) => "failed",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing more will happen by itself.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::Failed(_) | Self::Done | Self::Cancelled)
    }

    /// When it goes on by itself, where it waits for a moment.
    #[must_use]
    pub const fn until(&self) -> Option<UnixMillis> {
        match self {
            Self::Undoable { until } => Some(*until),
            Self::Waiting { until, .. } => *until,
            _ => None,
        }
    }

    /// Why the last try failed.
    #[must_use]
    pub const fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Waiting { failure, .. } | Self::Failed(failure) => Some(failure),
            _ => None,
        }
    }
}

/// A failure as it is kept: what the user reads, not the error itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The class.
    pub code: Code,
    /// What happened.
    pub message: String,
    /// The provider's own words, or the causes.
    pub details: Option<String>,
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        Self { code: error.code(), message: error.to_string(), details: error.details() }
    }
}

/// A transfer as the database has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Its id.
    pub id: TransferId,
    /// What it does.
    pub work: Work,
    /// At which account.
    pub account: AccountId,
    /// What it goes before, and what goes before it.
    pub lane: Lane,
    /// What it was accepted with; none for what was not accepted yet, or was cleared.
    pub batch: Option<BatchId>,
    /// The name that the pin has or gets.
    pub name: String,
    /// The key/value pairs that the pin gets.
    pub metadata: Metadata,
    /// Where it stands.
    pub state: TransferState,
    /// Bytes of content to send; 0 where none are.
    pub bytes: u64,
    /// Tries begun.
    pub attempts: u32,
    /// Those that count towards giving up: not the ones in an outage, and none before the service was seen at work on it.
    pub failures: u32,
    /// Bytes that were sent in tries that failed.
    pub sent_in_vain: u64,
    /// When a request that may have reached the provider was begun, if its answer never came: before another try, the
    /// provider is asked whether it has the content already.
    pub unanswered_since: Option<UnixMillis>,
    /// The pin, once there is one.
    pub pin: Option<PinId>,
    /// Its CID.
    pub cid: Option<holdfast_content::Cid>,
    /// Whether the provider's CID is that of the bytes read here.
    pub verified: Option<bool>,
    /// When it was accepted.
    pub created_at: UnixMillis,
    /// When it last changed.
    pub updated_at: UnixMillis,
}

impl Transfer {
    /// The name to show: the one that the pin has or gets, else the CID.
    #[must_use]
    pub fn shown_name(&self) -> String {
        match &self.cid {
            Some(cid) if self.name.is_empty() => cid.to_string(),
            _ => self.name.clone(),
        }
    }

    /// Whether it was given up here after a service that only pins by CID was asked for it, and that has not ended it.
    #[must_use]
    pub fn may_go_on_at_service(&self) -> bool {
        match (&self.work, &self.state) {
            (Work::Upload { .. }, TransferState::Failed(failure)) => {
                self.pin.is_some() && !matches!(failure.code, Code::PinFailed | Code::CidMismatch)
            }
            _ => false,
        }
    }
}

/// How far a running transfer is. Ephemeral: may be dropped, never precedes the durable state.
#[derive(Clone, Debug, PartialEq)]
pub struct TransferProgress {
    /// The transfer.
    pub id: TransferId,
    /// Bytes handed to the connection.
    pub bytes_done: u64,
    /// Bytes in all.
    pub bytes_total: u64,
    /// The rate over the last seconds, once known.
    pub bytes_per_second: Option<u64>,
    /// Time left at that rate.
    pub seconds_left: Option<u64>,
}
