//! What Rust tells the web view unasked.

use holdfast_core::Change;
use serde::Serialize;
use ts_rs::TS;

use super::{Selection, Shown};

/// Things held over the window, let go on it, or opened with Holdfast.
#[derive(Clone, Debug, Serialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum DropEvent {
    Enter {
        count: u32,
    },
    Leave,
    Dropped {
        selection: Selection,
    },
    /// A link or a text with a CID in it.
    Cid {
        text: String,
    },
    /// A link or a text that is nothing to pin.
    Text {
        text: Shown,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ChangeTag {
    Pins,
    Transfers,
    Accounts,
    Folders,
    Settings,
    Unpinnings,
}

/// Carries no data: who shows one of these asks again.
#[derive(Clone, Debug, Serialize, TS)]
pub(crate) struct Changed {
    pub(crate) tags: Vec<ChangeTag>,
}

impl ChangeTag {
    /// Everything, for a listener that missed some.
    pub(crate) const ALL: [Self; 6] =
        [Self::Pins, Self::Transfers, Self::Accounts, Self::Folders, Self::Settings, Self::Unpinnings];
}

impl From<Change> for ChangeTag {
    fn from(change: Change) -> Self {
        match change {
            Change::Pins => Self::Pins,
            Change::Transfers => Self::Transfers,
            Change::Accounts => Self::Accounts,
            Change::Folders => Self::Folders,
            Change::Settings => Self::Settings,
            Change::Unpinning => Self::Unpinnings,
        }
    }
}
