//! What was chosen to be pinned. Paths stay in Rust: the web view knows a selection by an opaque id.

use std::collections::BTreeMap;

use holdfast_core::content;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::Shown;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ItemKind {
    File,
    Directory,
}

#[derive(Clone, Debug, Serialize, TS)]
pub(crate) struct SelectionItem {
    pub(crate) name: Shown,
    pub(crate) kind: ItemKind,
    pub(crate) files: u64,
    pub(crate) bytes: u64,
}

/// Something that will not be pinned, and why.
#[derive(Clone, Debug, Serialize, TS)]
pub(crate) struct Problem {
    pub(crate) name: Shown,
    pub(crate) reason: Shown,
}

#[derive(Clone, Debug, Serialize, TS)]
pub(crate) struct Selection {
    pub(crate) id: String,
    pub(crate) items: Vec<SelectionItem>,
    pub(crate) files: u64,
    pub(crate) bytes: u64,
    /// Left out of a directory.
    pub(crate) skipped: Vec<Problem>,
    /// Will not be what a person may expect.
    pub(crate) remarks: Vec<Problem>,
    /// Cannot be pinned at all; not part of `items`.
    pub(crate) refused: Vec<Problem>,
    /// What to ask before pinning; nothing to ask when null.
    pub(crate) needs_confirmation: Option<Shown>,
}

#[derive(Clone, Debug, Deserialize, TS)]
pub(crate) struct StartUploadRequest {
    pub(crate) selection: String,
    /// All of these get it.
    pub(crate) accounts: Vec<String>,
    pub(crate) name: Option<String>,
    pub(crate) metadata: BTreeMap<String, String>,
}

impl Selection {
    /// The selection that the web view will name by `id`.
    pub(crate) fn new(id: String, selection: content::Selection) -> Self {
        let items: Vec<_> = selection.items.into_iter().map(SelectionItem::from).collect();
        Self {
            id,
            files: items.iter().map(|item| item.files).sum(),
            bytes: items.iter().map(|item| item.bytes).sum(),
            items,
            skipped: selection.skipped.into_iter().map(Problem::from).collect(),
            remarks: selection.remarks.into_iter().map(Problem::from).collect(),
            refused: selection.refused.into_iter().map(Problem::from).collect(),
            needs_confirmation: selection.needs_confirmation.map(Shown::from),
        }
    }
}

impl From<content::SelectionItem> for SelectionItem {
    fn from(item: content::SelectionItem) -> Self {
        let kind = if item.is_directory { ItemKind::Directory } else { ItemKind::File };
        Self { name: item.name.into(), kind, files: item.files, bytes: item.bytes }
    }
}

impl From<content::Problem> for Problem {
    fn from(problem: content::Problem) -> Self {
        Self { name: problem.name.into(), reason: problem.reason.into() }
    }
}
