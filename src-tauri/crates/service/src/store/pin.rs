//! What a pin is, and how a row of the table has it.

use holdfast_content::Cid;
use jiff::Timestamp;
use rusqlite::{Row, Rows, types::ValueRef};
use serde_json::Map;
use uuid::Uuid;

use super::StoreError;

/// What a pin is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PinStatus {
    /// Blocks are missing and are to be fetched.
    Queued,
    /// Missing blocks are being fetched.
    Fetching,
    /// Every block is held.
    Pinned,
    /// Blocks are missing and could not be fetched.
    Failed,
    /// The owner gave it up.
    Unpinned,
}

impl PinStatus {
    const ALL: [Self; 5] = [Self::Queued, Self::Fetching, Self::Pinned, Self::Failed, Self::Unpinned];

    /// As the database has it.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Fetching => "fetching",
            Self::Pinned => "pinned",
            Self::Failed => "failed",
            Self::Unpinned => "unpinned",
        }
    }

    fn from_word(word: &str) -> Result<Self, StoreError> {
        Self::ALL.into_iter().find(|status| status.word() == word).ok_or(StoreError::Damaged("unknown status"))
    }
}

/// How a pin came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Upload,
    /// By its CID, through the AIOZ API: once per owner and CID.
    ByHash,
    /// By its CID, through the Pinning Service API: as often as it is asked for. With the addresses that were named as
    /// having the content.
    Request(Vec<String>),
}

/// What a client says about a pin.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Metadata {
    pub(crate) name: String,
    pub(crate) mime_type: Option<String>,
    pub(crate) keyvalues: Option<Map<String, serde_json::Value>>,
}

/// A pin to be recorded.
#[derive(Clone, Debug)]
pub(crate) struct NewPin {
    pub(crate) root: Cid,
    /// The CID as the client wrote it.
    pub(crate) cid_text: String,
    pub(crate) origin: Origin,
    pub(crate) state: NewPinState,
    pub(crate) metadata: Metadata,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum NewPinState {
    /// All blocks are held and durable.
    Pinned { content_bytes: u64, is_dir: bool },
    /// Blocks are missing.
    Queued,
}

/// A pin as recorded. Times are microseconds since 1970.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pin {
    pub(crate) id: Uuid,
    pub(crate) file_record_id: Uuid,
    pub(crate) cid_text: String,
    pub(crate) root: Cid,
    pub(crate) content_bytes: Option<u64>,
    pub(crate) metadata: Metadata,
    pub(crate) is_dir: bool,
    pub(crate) origin: Origin,
    pub(crate) status: PinStatus,
    /// Why it failed.
    pub(crate) failure: Option<String>,
    /// Differs among an owner's pins.
    pub(crate) created_at: i64,
    pub(crate) date_pinned: Option<i64>,
    pub(crate) date_unpinned: Option<i64>,
}

pub(super) const COLUMNS: &str = "id, file_record_id, cid, root, size, name, mime_type, keyvalues, is_dir, \
                                  is_pin_by_hash, status, date_pinned, date_unpinned, created_at, origins, failure, \
                                  (SELECT reason FROM damage WHERE damage.root = pins.root)";

/// When the pins of a page take so much memory for what clients say about them, it ends before its limit. Those who page go
/// on behind what they got.
pub(crate) const MAX_PAGE_BYTES: usize = 8 * 1024 * 1024;

/// Reads [`COLUMNS`] of a page, or of its first pins.
pub(super) fn page(mut rows: Rows<'_>) -> Result<Vec<Pin>, StoreError> {
    let mut pins = Vec::new();
    let mut bytes = 0;
    while bytes < MAX_PAGE_BYTES
        && let Some(row) = rows.next()?
    {
        bytes += memory_of(row)?;
        pins.push(pin(row)?);
    }
    Ok(pins)
}

/// What a pair or an origin takes besides its text: of a short one most.
const PAIR_BYTES: usize = 128;

/// What clients said about a pin, of [`COLUMNS`], takes that much memory.
fn memory_of(row: &Row<'_>) -> rusqlite::Result<usize> {
    [2, 5, 6, 7, 14].into_iter().try_fold(0, |bytes, column| match row.get_ref(column)? {
        ValueRef::Text(text) if matches!(column, 7 | 14) => {
            let pairs = text.iter().filter(|&&byte| byte == b',').count();
            Ok(bytes + text.len() + pairs * PAIR_BYTES)
        }
        ValueRef::Text(text) => Ok(bytes + text.len()),
        _ => Ok(bytes),
    })
}

/// Reads [`COLUMNS`].
pub(super) fn pin(row: &Row<'_>) -> Result<Pin, StoreError> {
    let keyvalues: Option<String> = row.get(7)?;
    let keyvalues = keyvalues.map(|text| serde_json::from_str(&text)).transpose();
    let is_pin_by_hash: bool = row.get(9)?;
    let recorded = PinStatus::from_word(&row.get::<_, String>(10)?)?;
    // What is not complete any more is no pin as long as that is so.
    let (status, failure) = match row.get::<_, Option<String>>(16)? {
        Some(reason) if recorded == PinStatus::Pinned => (PinStatus::Failed, Some(reason)),
        _ => (recorded, row.get(15)?),
    };
    Ok(Pin {
        id: Uuid::from_bytes(row.get(0)?),
        file_record_id: Uuid::from_bytes(row.get(1)?),
        cid_text: row.get(2)?,
        root: cid_of(row.get(3)?)?,
        content_bytes: row.get::<_, Option<i64>>(4)?.map(i64::cast_unsigned),
        metadata: Metadata {
            name: row.get(5)?,
            mime_type: row.get(6)?,
            keyvalues: keyvalues.map_err(|_| StoreError::Damaged("a pin's keyvalues"))?,
        },
        is_dir: row.get(8)?,
        origin: match origins_of(row.get(14)?)? {
            Some(origins) => Origin::Request(origins),
            None if is_pin_by_hash => Origin::ByHash,
            None => Origin::Upload,
        },
        status,
        failure,
        created_at: row.get(13)?,
        date_pinned: row.get(11)?,
        date_unpinned: row.get(12)?,
    })
}

pub(crate) fn now_microseconds() -> i64 {
    Timestamp::now().as_microsecond()
}

/// The same for every CID of one DAG.
pub(super) fn root_bytes(root: &Cid) -> Vec<u8> {
    Cid::new_v1(root.codec(), *root.hash()).to_bytes()
}

pub(super) fn cid_of(bytes: Vec<u8>) -> Result<Cid, StoreError> {
    Cid::try_from(bytes).map_err(|_| StoreError::Damaged("a pin's CID"))
}

pub(super) fn origins_of(text: Option<String>) -> Result<Option<Vec<String>>, StoreError> {
    let origins = text.map(|text| serde_json::from_str(&text)).transpose();
    origins.map_err(|_| StoreError::Damaged("a pin's origins"))
}

pub(super) fn keyvalues_text(metadata: &Metadata) -> Option<String> {
    metadata.keyvalues.as_ref().map(|pairs| serde_json::Value::from(pairs.clone()).to_string())
}
