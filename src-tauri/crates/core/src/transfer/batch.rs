//! Batches: what was dropped, picked or found together. People see batches, the queue holds transfers.

use super::{Failure, Transfer, TransferCounts};
use crate::{
    clock::UnixMillis,
    ids::{AccountId, BatchId, FolderId, TransferId},
};

/// How a batch came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Files and directories that a person gave.
    Added,
    /// CIDs that a person gave.
    Pinned,
    /// Pins that are to go.
    Unpinned,
    /// What a watched folder has.
    Folder,
    /// What another account did not take.
    SentOn,
}

impl Origin {
    /// The word for it in the database and in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Pinned => "pinned",
            Self::Unpinned => "unpinned",
            Self::Folder => "folder",
            Self::SentOn => "sent_on",
        }
    }

    pub(crate) fn named(word: &str) -> Option<Self> {
        [Self::Added, Self::Pinned, Self::Unpinned, Self::Folder, Self::SentOn]
            .into_iter()
            .find(|origin| origin.as_str() == word)
    }
}

/// A batch with its totals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Its id.
    pub id: BatchId,
    /// How it came to be.
    pub origin: Origin,
    /// What its first item is called, or its folder.
    pub name: String,
    /// How many things it has, however many accounts they go to.
    pub items: u64,
    /// The watched folder that it is of.
    pub folder: Option<FolderId>,
    /// The accounts that it goes to.
    pub accounts: Vec<AccountId>,
    /// When it was accepted.
    pub created_at: UnixMillis,
    /// Its transfers by state, also those that are done and forgotten.
    pub counts: TransferCounts,
    /// Transfers that can be listed.
    pub listed: u64,
    /// Bytes of content, as far as is known, without what was cancelled.
    pub bytes: u64,
    /// Of these, what was sent whole.
    pub bytes_done: u64,
    /// When the first of those is tried again that wait for a time.
    pub next_try: Option<UnixMillis>,
    /// Why transfers failed or wait: each reason of an account once.
    pub troubles: Vec<BatchTrouble>,
    /// Its transfer, where it has only one.
    pub only: Option<Transfer>,
}

impl Batch {
    /// What to call it: the first item, and how many there are beside it.
    #[must_use]
    pub fn label(&self) -> String {
        match (self.origin, self.items) {
            (Origin::Folder, _) | (_, 0 | 1) => self.name.clone(),
            (_, items) => format!("{} and {} more", self.name, items - 1),
        }
    }
}

/// Why transfers of a batch do not go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchTrouble {
    /// At which account.
    pub account: AccountId,
    /// Whether they have failed; the others wait.
    pub has_failed: bool,
    /// What went wrong with the last of them.
    pub failure: Failure,
    /// How many these are.
    pub transfers: u64,
}

/// Transfers that a person does something with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransferSet {
    /// One.
    One(TransferId),
    /// Those of a batch.
    Batch(BatchId),
    /// Those of a watched folder.
    Folder(FolderId),
    /// Those of an account, or of all, that have a text in their name; an empty one is in all.
    Matching {
        /// The account; all where there is none.
        account: Option<AccountId>,
        /// The text.
        text: String,
    },
}

impl TransferSet {
    /// All of an account, or of all of them.
    #[must_use]
    pub fn all_of(account: Option<&AccountId>) -> Self {
        Self::Matching { account: account.cloned(), text: String::new() }
    }
}

/// The queue as one progress: the batches of which something has not begun or is under way, but for those that can be undone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueTotals {
    /// Their transfers, without those that were cancelled.
    pub transfers: u64,
    /// Of these, what the services have taken.
    pub taken: u64,
    /// Bytes of content, as far as is known.
    pub bytes: u64,
    /// Of these, what was sent whole.
    pub bytes_done: u64,
}

/// A batch that is about to be accepted.
#[derive(Clone, Debug)]
pub(crate) struct NewBatch {
    pub(crate) origin: Origin,
    pub(crate) name: String,
    pub(crate) items: u64,
    pub(crate) folder: Option<FolderId>,
}
