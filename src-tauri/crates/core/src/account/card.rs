//! The capability card: what a check of an account found out about its service, kept with the account.
//!
//! How it is found out is in `probe`.

use serde::{Deserialize, Serialize};

use crate::{
    clock::UnixMillis,
    pin::PinSort,
    provider::{Filter, Paging, UploadForms, Usage},
};

/// What becomes of content that the account has already when it is uploaded or pinned again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Duplicates {
    /// The answer is the pin that is there.
    SamePin,
    /// It is pinned a second time.
    AnotherPin,
    /// It is refused.
    Refused,
    /// It did not show.
    Unknown,
}

/// What becomes of a pin that is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deletion {
    /// It is gone when the answer comes.
    AtOnce,
    /// It is gone a while after the answer, or was still there when the check ended.
    Later,
    /// The service did not remove it.
    Failed,
    /// It did not show.
    Unknown,
}

/// What a check found out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountCard {
    /// When.
    pub checked_at: UnixMillis,
    /// What content from this computer the service takes; `None` where it only pins by CID.
    pub upload: Option<UploadForms>,
    /// A pin's name, and its metadata where there is any, can be changed.
    pub edit: bool,
    /// Its pins have metadata, and not only a name. Not on the cards of earlier versions.
    #[serde(default = "yes")]
    pub metadata: bool,
    /// What its list is really narrowed down by.
    pub filters: Vec<Filter>,
    /// What its list can be sorted by.
    pub sorts: Vec<PinSort>,
    /// How its list is gone through.
    pub paging: Paging,
    /// Rows that came in one page, where there were more.
    pub page_rows: Option<u32>,
    /// The name of the profile that gives its CIDs.
    pub profile: Option<String>,
    /// What becomes of content that is there already.
    pub duplicates: Duplicates,
    /// What becomes of a pin that is removed.
    pub deletion: Deletion,
    /// How much is used, where the service says.
    pub usage: Option<Usage>,
    /// Where the service does not do what its kind of service should, in sentences for people.
    pub notes: Vec<String>,
}

const fn yes() -> bool {
    true
}
