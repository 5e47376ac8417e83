//! Lanes: what a person clicked goes before what comes in bulk, and no account waits for another.
//!
//! Pure rules over counts; which transfer it is that begins is up to the database.

/// Transfers of one account under way at once that came in bulk.
const BULK_OF_ACCOUNT: usize = 3;

/// Places beside those for what a person has clicked.
const CLICKS_OF_ACCOUNT: usize = 2;

/// All that came in bulk, of all accounts; an account that has nothing under way gets a place all the same.
const BULK_IN_ALL: usize = 12;

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
pub(crate) const fn has_place(lane: Lane, load: Load) -> bool {
    let bulk = load.bulk == 0 || load.bulk < BULK_OF_ACCOUNT && load.bulk_in_all < BULK_IN_ALL;
    match lane {
        Lane::Click => {
            load.clicks < CLICKS_OF_ACCOUNT || bulk && load.clicks + load.bulk < BULK_OF_ACCOUNT + CLICKS_OF_ACCOUNT
        }
        Lane::Bulk => bulk,
    }
}
