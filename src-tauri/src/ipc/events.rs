//! What Rust tells the web view unasked.

use holdfast_core::Change;
use serde::Serialize;
use ts_rs::TS;

use super::selection::Selection;

/// The Tauri event that carries a [`DropEvent`].
pub(crate) const DROP: &str = "drop";
/// The Tauri event that carries a [`Changed`].
pub(crate) const CHANGED: &str = "changed";

/// Files held over the window, or let go on it.
#[derive(Clone, Debug, Serialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum DropEvent {
    Enter { count: u32 },
    Leave,
    Dropped { selection: Selection },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ChangeTag {
    Pins,
    Transfers,
    Accounts,
    Folders,
    Settings,
}

/// Carries no data: who shows one of these asks again.
#[derive(Clone, Debug, Serialize, TS)]
pub(crate) struct Changed {
    pub(crate) tags: Vec<ChangeTag>,
}

impl ChangeTag {
    /// Everything, for a listener that missed some.
    pub(crate) const ALL: [Self; 5] = [Self::Pins, Self::Transfers, Self::Accounts, Self::Folders, Self::Settings];
}

impl From<Change> for ChangeTag {
    fn from(change: Change) -> Self {
        match change {
            Change::Pins => Self::Pins,
            Change::Transfers => Self::Transfers,
            Change::Accounts => Self::Accounts,
            Change::Folders => Self::Folders,
            Change::Settings => Self::Settings,
        }
    }
}
