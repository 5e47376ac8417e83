//! Watched folders: what is in one is pinned, and so is every file that appears or changes.
//!
//! Events only say where to look. Work is what the disk shows against the receipts; it is never stored as outstanding.

mod again;
mod events;
mod ignore;
mod look;
mod watcher;

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    clock::UnixMillis,
    content::entry_name,
    ids::AccountId,
    transfer::{NewBatch, Origin},
};

pub use crate::ids::FolderId;
pub(crate) use watcher::FolderTask;

/// How long a file must be quiet before it is read.
pub const DEFAULT_SETTLE: Duration = Duration::from_secs(2);

/// A watched folder, as the database has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// Its id.
    pub id: FolderId,
    /// Where it lies, without links in it.
    pub path: PathBuf,
    /// Where its files are pinned.
    pub account: AccountId,
    /// How long a file must be quiet.
    pub settle: Duration,
    /// When it was last looked at whole.
    pub last_scan: Option<UnixMillis>,
}

impl Folder {
    /// What its files are accepted with.
    pub(crate) fn as_batch(&self) -> NewBatch {
        let name = self.path.file_name().map_or_else(|| self.path.display().to_string(), entry_name);
        NewBatch { origin: Origin::Folder, name, items: 0, folder: Some(self.id.clone()) }
    }
}

/// How a folder is being watched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FolderState {
    /// Its whole content is being looked at.
    #[default]
    Scanning,
    /// Events come from the system.
    Watching,
    /// The system cannot watch it; it is looked at again and again.
    Polling,
    /// It is not there. Nothing is unpinned because of that.
    Missing,
}

/// A folder with what is known about it now. `on_disk` is the sum of the other four counts.
#[derive(Clone, Debug)]
pub struct FolderView {
    /// The folder.
    pub folder: Folder,
    /// How it is watched.
    pub state: FolderState,
    /// What is wrong, where something is.
    pub message: Option<String>,
    /// When the system last reported something.
    pub last_event: Option<UnixMillis>,
    /// Files seen.
    pub on_disk: u64,
    /// Files whose present version is pinned.
    pub pinned: u64,
    /// Files that will be.
    pub waiting: u64,
    /// Those of them that a program still has open for writing.
    pub held: u64,
    /// Files that are left out by rule.
    pub skipped: u64,
    /// Files that could not be pinned.
    pub failed: u64,
}

/// Why a file of a folder is not simply pinned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryState {
    /// It will be.
    Waiting,
    /// It is.
    Pinned,
    /// Left out by rule.
    Skipped,
    /// It could not be.
    Failed,
}

/// One file of a folder.
#[derive(Clone, Debug)]
pub struct FolderEntry {
    /// Where it lies.
    pub path: PathBuf,
    /// How it stands.
    pub state: EntryState,
    /// Why, in words.
    pub reason: Option<String>,
}
