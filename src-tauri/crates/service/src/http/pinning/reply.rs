//! How a pin is written in a reply.

use holdfast_content::multihash_hex;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::store::{
    keys::Owner,
    page::PinPage,
    pin::{Origin, Pin, PinStatus},
};

/// How Go writes "never".
const ZERO_TIME: &str = "0001-01-01T00:00:00Z";

/// The reply to which a pin is written: each leaves other fields out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReplyTo {
    /// An upload or a pin by hash: without the size.
    Creation,
    Query,
    /// An unpin: without the state of the upload.
    Unpin,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AiozPin)]
pub(crate) struct PinReply {
    id: Uuid,
    file_record_id: Uuid,
    root_hash: String,
    cid: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    user_id: Uuid,
    date_pinned: String,
    date_unpinned: String,
    pinned: bool,
    is_pin_by_hash: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_hash_status: Option<&'static str>,
    is_dir: bool,
    metadata: MetadataReply,
    status: &'static str,
    /// Why it is not pinned. The API has no such field.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
struct MetadataReply {
    name: String,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    mime_type: Option<String>,
    /// Uploads have it even when it is null.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    keyvalues: Option<Value>,
}

impl PinReply {
    pub(crate) fn new(pin: Pin, owner: Owner, to: ReplyTo) -> Self {
        let uploaded = pin.origin == Origin::Upload;
        let keyvalues = pin.metadata.keyvalues.map(Value::Object);
        Self {
            id: pin.id,
            file_record_id: pin.file_record_id,
            root_hash: multihash_hex(&pin.root),
            cid: pin.cid_text,
            size: pin.content_bytes.filter(|_| to != ReplyTo::Creation),
            user_id: owner.user_id,
            date_pinned: date(pin.date_pinned),
            date_unpinned: date(pin.date_unpinned),
            pinned: pin.status == PinStatus::Pinned,
            is_pin_by_hash: !uploaded,
            // An upload is received completely or not at all.
            sub_hash_status: (uploaded && to != ReplyTo::Unpin).then_some(status_word(PinStatus::Pinned)),
            is_dir: pin.is_dir,
            metadata: MetadataReply {
                name: pin.metadata.name,
                mime_type: pin.metadata.mime_type,
                keyvalues: if uploaded { Some(keyvalues.unwrap_or_default()) } else { keyvalues },
            },
            status: status_word(pin.status),
            message: pin.failure.filter(|_| pin.status == PinStatus::Failed),
        }
    }
}

/// The words of the API, which come from several generations of it.
const fn status_word(status: PinStatus) -> &'static str {
    match status {
        PinStatus::Queued => "RETRIEVAL",
        PinStatus::Fetching => "processingRetrieval",
        PinStatus::Pinned => "pinned",
        PinStatus::Failed => "retrieveFailed",
        PinStatus::Unpinned => "unpinNormally",
    }
}

fn date(microseconds: Option<i64>) -> String {
    let date = microseconds.and_then(|microseconds| Timestamp::from_microsecond(microseconds).ok());
    date.map_or_else(|| ZERO_TIME.into(), |date| format!("{date:.6}"))
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ListReply {
    totals: Totals,
    pins: Vec<PinReply>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Totals {
    files: u64,
    size: u64,
}

impl ListReply {
    pub(super) fn new(page: PinPage, owner: Owner) -> Self {
        Self {
            totals: Totals { files: page.files, size: page.content_bytes },
            pins: page.pins.into_iter().map(|pin| PinReply::new(pin, owner, ReplyTo::Query)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_have_six_digits_and_never_is_go_s_zero() {
        assert_eq!(date(None), ZERO_TIME);
        assert_eq!(date(Some(1_672_571_471_111_111)), "2023-01-01T11:11:11.111111Z");
        assert_eq!(date(Some(1_672_571_471_000_000)), "2023-01-01T11:11:11.000000Z");
    }
}
