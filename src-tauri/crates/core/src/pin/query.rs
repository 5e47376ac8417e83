//! Questions to the mirror: sorted, filtered, by page. Answered by the database.

use serde::{Deserialize, Serialize};

use super::{Pin, PinStatus};
use crate::ids::{AccountId, PinKey};

/// Rows that one page may have.
pub(crate) const MAX_PAGE_ROWS: u32 = 1_000;

/// What pins are sorted by; equal ones in the order in which they came, so that pages never overlap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each names the column it stands for")]
pub enum PinSort {
    Name,
    Size,
    Status,
    #[default]
    PinnedAt,
}

impl PinSort {
    /// The column's name on the command line and in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Size => "size",
            Self::Status => "status",
            Self::PinnedAt => "pinned_at",
        }
    }
}

/// Which pins, in which order.
#[derive(Clone, Debug, Default)]
pub struct PinQuery {
    /// Rows to pass over.
    pub offset: u64,
    /// Rows wanted; at most 1,000 are given.
    pub limit: u32,
    /// The column to sort by.
    pub sort: PinSort,
    /// Largest or latest first.
    pub descending: bool,
    /// Text that the name or CID contains; empty for all. Letter case does not matter.
    pub search: String,
    /// Only this account's.
    pub account: Option<AccountId>,
    /// Only of this status; `unknown` is that of all pins of an account that was asked and did not tell.
    pub status: Option<PinStatus>,
}

/// Pins that something is to be done with.
#[derive(Clone, Debug)]
pub enum PinSet {
    /// These.
    Named(Vec<PinKey>),
    /// Those that match a question.
    Matching(Matching),
}

/// What matches a question, whatever page it asks for; but for some, and with some others.
#[derive(Clone, Debug, Default)]
pub struct Matching {
    /// The question.
    pub query: PinQuery,
    /// Only what is from one of these to the other in the question's order, both of them included.
    pub between: Option<[PinKey; 2]>,
    /// Those that are left out.
    pub except: Vec<PinKey>,
    /// Others, whether they match or not.
    pub also: Vec<PinKey>,
}

impl From<PinQuery> for Matching {
    fn from(query: PinQuery) -> Self {
        Self { query, ..Self::default() }
    }
}

/// One page, and what all pages together have.
#[derive(Clone, Debug)]
pub struct PinPage {
    /// The page's rows.
    pub rows: Vec<Pin>,
    /// Pins that match.
    pub total: u64,
    /// Their sizes together, where known.
    pub total_bytes: u64,
}
