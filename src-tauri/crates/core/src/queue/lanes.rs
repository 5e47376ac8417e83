//! Lanes: what a person clicked goes before what comes in bulk, and no account waits for another.
//!
//! Pure rules over counts; which transfer it is that begins is up to the database.

use serde::{Deserialize, Serialize};

/// Places beside those for what a person has clicked.
const CLICKS_OF_ACCOUNT: usize = 2;

/// All that came in bulk, of all accounts, for each that one account may have; an account that has nothing under way gets a
/// place all the same.
const BULK_IN_ALL: usize = 4;

/// Transfers of one account under way at once that came in bulk: 1 to [`AtOnce::MOST`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct AtOnce(u8);

impl AtOnce {
    /// The most that is of use to anybody.
    pub const MOST: u8 = 16;

    /// So many.
    #[must_use]
    pub fn new(count: u8) -> Option<Self> {
        (1..=Self::MOST).contains(&count).then_some(Self(count))
    }
}

impl Default for AtOnce {
    fn default() -> Self {
        Self(3)
    }
}

impl TryFrom<u8> for AtOnce {
    type Error = &'static str;

    fn try_from(count: u8) -> Result<Self, Self::Error> {
        Self::new(count).ok_or("expected 1 to 16 at once")
    }
}

impl From<AtOnce> for u8 {
    fn from(at_once: AtOnce) -> Self {
        at_once.0
    }
}

/// Which lane a transfer goes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// One of a few that a person waits for.
    Click,
    /// One of many.
    Bulk,
}

impl Lane {
    /// The most that a person asks for at once and still waits for each.
    const FEW: usize = 20;

    /// The lane of each of `count` that are asked for together.
    #[must_use]
    pub const fn of_so_many(count: usize) -> Self {
        if count <= Self::FEW { Self::Click } else { Self::Bulk }
    }
}

/// What is under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Load {
    /// Of the account.
    pub(crate) clicks: usize,
    /// The same.
    pub(crate) bulk: usize,
    /// Of all accounts.
    pub(crate) bulk_in_all: usize,
}

/// Whether another transfer of that lane may begin at the account.
pub(crate) const fn has_place(lane: Lane, load: Load, at_once: AtOnce) -> bool {
    let of_account = at_once.0 as usize;
    let bulk = load.bulk == 0 || load.bulk < of_account && load.bulk_in_all < of_account * BULK_IN_ALL;
    match lane {
        Lane::Click => {
            load.clicks < CLICKS_OF_ACCOUNT || bulk && load.clicks + load.bulk < of_account + CLICKS_OF_ACCOUNT
        }
        Lane::Bulk => bulk,
    }
}
