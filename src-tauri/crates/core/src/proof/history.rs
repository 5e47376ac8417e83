//! What was asked about content and copies, and what came of it.

use std::path::PathBuf;

use holdfast_content::Cid;

use super::{CopyState, Scope};
use crate::{clock::UnixMillis, ids::AccountId};

/// A question that was asked about an account's pin, and the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The account whose pin it was.
    pub account: AccountId,
    /// What it pinned.
    pub cid: Cid,
    /// When.
    pub at: UnixMillis,
    /// What was asked, and what came of it.
    pub finding: Finding,
    /// More about it, in words.
    pub reason: Option<String>,
}

/// A question and its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Whether the account's service has the blocks: a fact about this account's copy.
    Copy {
        /// How many were looked at.
        scope: Scope,
        /// What the copy is.
        state: CopyState,
    },
    /// Whether what lies here is what the CID names: a fact about those files, and when they are the same, about the CID.
    File {
        /// The file or folder.
        path: PathBuf,
        /// What came of it.
        state: FileState,
    },
}

/// Whether files here are what a CID names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileState {
    /// They are.
    Same,
    /// They are not.
    Other,
    /// It cannot be said.
    Unknown,
}

impl FileState {
    /// The state's name in the database and in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Other => "other",
            Self::Unknown => "unknown",
        }
    }
}

impl CopyState {
    /// The state's name in the database and in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sound => "sound",
            Self::Damaged => "damaged",
            Self::Missing => "missing",
            Self::Contradictory => "contradictory",
            Self::Unknown(_) => "unknown",
        }
    }
}
