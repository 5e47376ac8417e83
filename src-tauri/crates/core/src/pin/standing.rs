//! What is known of a pin in one word: of its content by what was read here, of the account's copy by what it was asked.

use serde::{Deserialize, Serialize};

use crate::{
    clock::UnixMillis,
    proof::{CopyState, Scope},
};

/// What is known of bytes that were read here and a CID. It belongs to the CID, whoever holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContentProof {
    /// They have this CID: computed here, or proven by the blocks behind it.
    Verified,
    /// They were sent, no profile that Holdfast knows gives the CID that came back, and its blocks prove nothing yet.
    NotReproduced,
    /// Nothing was read here.
    NotChecked,
}

/// What an account's copy was when its service was last asked for its blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CopyStanding {
    /// When.
    pub at: UnixMillis,
    /// How many blocks.
    pub scope: Scope,
    /// What it was; never that it cannot be said.
    pub state: CopyState,
}

/// The word of a pin in the table: the worst that is known, else the most that is proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// A block at the service is not what its CID says.
    Damaged,
    /// The service does not have a block.
    Missing,
    /// The blocks at the service are what their CIDs say and contradict one another.
    Contradictory,
    /// Every block was fetched from the account's gateway, and is what its CID says.
    Retrievable,
    /// The same of a sample of the blocks.
    Sampled,
    /// The bytes that were read here have this CID; the service was not asked for its blocks.
    Verified,
    /// The service stored bytes of here under a CID that nothing proves yet.
    NotReproduced,
    /// Nothing was read here, and the service was not asked.
    NotChecked,
}

impl ContentProof {
    /// The proof's name in the database and in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::NotReproduced => "not_reproduced",
            Self::NotChecked => "not_checked",
        }
    }

    pub(crate) fn named(name: &str) -> Self {
        [Self::Verified, Self::NotReproduced]
            .into_iter()
            .find(|proof| proof.as_str() == name)
            .unwrap_or(Self::NotChecked)
    }
}

impl Standing {
    /// The word's name in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Damaged => "damaged",
            Self::Missing => "missing",
            Self::Contradictory => "contradictory",
            Self::Retrievable => "retrievable",
            Self::Sampled => "sampled",
            Self::Verified => "verified",
            Self::NotReproduced => "not_reproduced",
            Self::NotChecked => "not_checked",
        }
    }

    pub(super) const fn of(content: ContentProof, copy: Option<CopyStanding>) -> Self {
        match (copy, content) {
            (Some(CopyStanding { state: CopyState::Damaged, .. }), _) => Self::Damaged,
            (Some(CopyStanding { state: CopyState::Missing, .. }), _) => Self::Missing,
            (Some(CopyStanding { state: CopyState::Contradictory, .. }), _) => Self::Contradictory,
            (Some(CopyStanding { state: CopyState::Sound, scope: Scope::All { .. }, .. }), _) => Self::Retrievable,
            (Some(CopyStanding { state: CopyState::Sound, scope: Scope::Sample { .. }, .. }), _) => Self::Sampled,
            (_, ContentProof::Verified) => Self::Verified,
            (_, ContentProof::NotReproduced) => Self::NotReproduced,
            (_, ContentProof::NotChecked) => Self::NotChecked,
        }
    }
}
