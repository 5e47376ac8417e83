//! The capability card of an account, in words that the web view shows.

use holdfast_core::account;
use holdfast_core::pin::PinSort;
use holdfast_core::provider::{self, Filter, Paging};
use serde::Serialize;
use ts_rs::TS;

use super::Shown;

/// What content from this computer a service takes. Files, and folders as such, always.
#[derive(Clone, Copy, Debug, Serialize, TS)]
pub(crate) struct CardUpload {
    pub(crate) empty_files: bool,
    pub(crate) empty_directories: bool,
    pub(crate) symlinks: bool,
    /// Names with line breaks arrive as they are.
    pub(crate) exact_names: bool,
    pub(crate) car: bool,
}

/// What becomes of content that is there already.
#[derive(Clone, Copy, Debug, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CardDuplicates {
    SamePin,
    AnotherPin,
    Refused,
    Unknown,
}

/// What becomes of a pin that is removed.
#[derive(Clone, Copy, Debug, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CardDeletion {
    AtOnce,
    Later,
    Failed,
    Unknown,
}

#[derive(Clone, Debug, Serialize, TS)]
pub(crate) struct AccountCard {
    /// Milliseconds since the Unix epoch.
    pub(crate) checked_at: i64,
    /// Null where the service only pins by CID.
    pub(crate) upload: Option<CardUpload>,
    pub(crate) edit: bool,
    pub(crate) metadata: bool,
    /// Of `cid`, `name`, `status`, `metadata`.
    pub(crate) filters: Vec<&'static str>,
    /// Of `name`, `size`, `status`, `pinned_at`.
    pub(crate) sorts: Vec<&'static str>,
    /// `offset`, `before` or `whole`.
    pub(crate) paging: &'static str,
    pub(crate) page_rows: Option<u32>,
    pub(crate) profile: Option<String>,
    pub(crate) duplicates: CardDuplicates,
    pub(crate) deletion: CardDeletion,
    /// Where the service does not do what it should, in the engine's words.
    pub(crate) notes: Vec<Shown>,
}

impl From<account::AccountCard> for AccountCard {
    fn from(card: account::AccountCard) -> Self {
        Self {
            checked_at: card.checked_at.0,
            upload: card.upload.map(CardUpload::from),
            edit: card.edit,
            metadata: card.metadata,
            filters: card.filters.into_iter().map(Filter::as_str).collect(),
            sorts: card.sorts.into_iter().map(PinSort::as_str).collect(),
            paging: Paging::as_str(card.paging),
            page_rows: card.page_rows,
            profile: card.profile,
            duplicates: match card.duplicates {
                account::Duplicates::SamePin => CardDuplicates::SamePin,
                account::Duplicates::AnotherPin => CardDuplicates::AnotherPin,
                account::Duplicates::Refused => CardDuplicates::Refused,
                account::Duplicates::Unknown => CardDuplicates::Unknown,
            },
            deletion: match card.deletion {
                account::Deletion::AtOnce => CardDeletion::AtOnce,
                account::Deletion::Later => CardDeletion::Later,
                account::Deletion::Failed => CardDeletion::Failed,
                account::Deletion::Unknown => CardDeletion::Unknown,
            },
            notes: card.notes.into_iter().map(Shown::from).collect(),
        }
    }
}

impl From<provider::UploadForms> for CardUpload {
    fn from(forms: provider::UploadForms) -> Self {
        Self {
            empty_files: forms.empty_files,
            empty_directories: forms.directory_parts,
            symlinks: forms.directory_parts,
            exact_names: forms.exact_paths,
            car: forms.car_archives,
        }
    }
}
