//! Watched folders.

use holdfast_core::folder::{self, FolderView};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::Shown;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FolderState {
    Watching,
    Scanning,
    Missing,
    Polling,
}

/// `on_disk` = `pinned` + `waiting` + `skipped` + `failed`.
#[derive(Clone, Debug, Serialize, TS)]
pub(crate) struct Folder {
    pub(crate) id: String,
    pub(crate) path: Shown,
    pub(crate) account: String,
    pub(crate) state: FolderState,
    pub(crate) message: Option<Shown>,
    pub(crate) on_disk: u64,
    pub(crate) pinned: u64,
    pub(crate) waiting: u64,
    /// Of those that wait, the ones that a program has open for writing.
    pub(crate) held: u64,
    pub(crate) skipped: u64,
    pub(crate) failed: u64,
    /// Milliseconds since the Unix epoch.
    pub(crate) last_event: Option<i64>,
    /// Milliseconds since the Unix epoch.
    pub(crate) last_scan: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EntryState {
    Waiting,
    Pinned,
    Skipped,
    Failed,
}

#[derive(Clone, Debug, Serialize, TS)]
pub(crate) struct FolderEntry {
    pub(crate) path: Shown,
    pub(crate) state: EntryState,
    pub(crate) reason: Option<Shown>,
}

/// The folder itself is picked in the system's dialog.
#[derive(Clone, Debug, Deserialize, TS)]
pub(crate) struct AddFolderRequest {
    pub(crate) account: String,
}

impl From<FolderView> for Folder {
    fn from(view: FolderView) -> Self {
        Self {
            id: view.folder.id.0,
            path: view.folder.path.to_string_lossy().into(),
            account: view.folder.account.0,
            state: match view.state {
                folder::FolderState::Watching => FolderState::Watching,
                folder::FolderState::Scanning => FolderState::Scanning,
                folder::FolderState::Missing => FolderState::Missing,
                folder::FolderState::Polling => FolderState::Polling,
            },
            message: view.message.map(Shown::from),
            on_disk: view.on_disk,
            pinned: view.pinned,
            waiting: view.waiting,
            held: view.held,
            skipped: view.skipped,
            failed: view.failed,
            last_event: view.last_event.map(|time| time.0),
            last_scan: view.folder.last_scan.map(|time| time.0),
        }
    }
}

impl From<folder::FolderEntry> for FolderEntry {
    fn from(entry: folder::FolderEntry) -> Self {
        Self {
            path: entry.path.to_string_lossy().into(),
            state: match entry.state {
                folder::EntryState::Waiting => EntryState::Waiting,
                folder::EntryState::Pinned => EntryState::Pinned,
                folder::EntryState::Skipped => EntryState::Skipped,
                folder::EntryState::Failed => EntryState::Failed,
            },
            reason: entry.reason.map(Shown::from),
        }
    }
}
