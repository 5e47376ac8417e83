//! How a pin is written in a reply.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    http::App,
    store::pin::{Origin, Pin, PinStatus},
};

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PinResults {
    pub(super) count: u64,
    pub(super) results: Vec<PinStatusReply>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PinStatus)]
pub(crate) struct PinStatusReply {
    requestid: Uuid,
    status: &'static str,
    created: String,
    pin: PinReply,
    delegates: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, String>, required = false)]
    info: BTreeMap<&'static str, String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PinnedPin)]
struct PinReply {
    cid: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    name: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    origins: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(required = false)]
    meta: BTreeMap<String, String>,
}

impl PinStatusReply {
    pub(super) fn new(pin: Pin, app: &App) -> Self {
        let mut info = BTreeMap::new();
        let details = match pin.status {
            PinStatus::Queued => Some("waiting to be fetched".to_owned()),
            PinStatus::Fetching => app.retrievals.progress(pin.id).or_else(|| Some("being fetched".into())),
            PinStatus::Failed => pin.failure,
            PinStatus::Pinned | PinStatus::Unpinned => None,
        };
        info.extend(details.map(|details| ("status_details", details)));
        info.extend(pin.content_bytes.map(|bytes| ("raw_size", bytes.to_string())));
        let meta = pin.metadata.keyvalues.unwrap_or_default().into_iter().map(|(key, value)| match value {
            Value::String(text) => (key, text),
            other => (key, other.to_string()),
        });
        Self {
            requestid: pin.id,
            status: status_word(pin.status),
            created: Timestamp::from_microsecond(pin.created_at)
                .map_or_else(|_| String::new(), |date| format!("{date:.6}")),
            pin: PinReply {
                cid: pin.cid_text,
                name: pin.metadata.name,
                origins: match pin.origin {
                    Origin::Request(origins) => origins,
                    Origin::Upload | Origin::ByHash => Vec::new(),
                },
                meta: meta.collect(),
            },
            delegates: app.delegates.clone(),
            info,
        }
    }
}

/// The API knows no pins that were given up, and none are shown.
const fn status_word(status: PinStatus) -> &'static str {
    match status {
        PinStatus::Queued => "queued",
        PinStatus::Fetching => "pinning",
        PinStatus::Pinned => "pinned",
        PinStatus::Failed | PinStatus::Unpinned => "failed",
    }
}
