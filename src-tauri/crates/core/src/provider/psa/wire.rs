//! Pins as they are written on the wire. What is read may lack anything but an id and a CID; what is missing, null or of
//! another type says nothing.

use holdfast_content::Cid;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, value::RawValue};

use crate::{
    clock::UnixMillis,
    ids::PinId,
    pin::{LeftOut, Metadata, PinStatus, ProviderPin},
    provider::{
        ProviderError,
        bounds::{MAX_SIZE_BYTES, capped},
        paging::{CreatedRows, Mark, Moment, Rows},
    },
};

const MAX_ID_CHARS: usize = 500;
/// Addresses that the API takes with a pin.
const MAX_ORIGINS: usize = 20;

/// A page of a list (`PinResults`), its rows not read yet: in memory they are many times as long.
#[derive(Deserialize)]
pub(super) struct WireList {
    #[serde(default)]
    results: Option<Vec<Box<RawValue>>>,
    #[serde(default)]
    count: Value,
}

/// The rows of a page of which `limit` were asked for.
pub(super) fn list(answer: WireList, limit: u64) -> Result<CreatedRows, ProviderError> {
    let rows = match (answer.results, &answer.count) {
        (Some(rows), _) => rows,
        (None, Value::Number(_)) => Vec::new(),
        _ => return Err(ProviderError::Protocol { reason: "its list of pins has no results".into() }),
    };
    let mut marks = Vec::with_capacity(rows.len());
    let rows = Rows::of(rows.into_iter().map(|row| match serde_json::from_str(row.get()) {
        Ok(Value::Null) => None,
        Ok(row) => {
            marks.extend(mark(&row));
            Some(pin(&row))
        }
        Err(error) => Some(Err(ProviderError::Protocol { reason: format!("a pin cannot be read ({error})") })),
    }));
    Ok(CreatedRows { rows, marks, total: answer.count.as_u64(), limit })
}

/// A pin (`PinStatus`).
pub(super) fn pin(row: &Value) -> Result<ProviderPin, ProviderError> {
    let protocol = |reason: String| ProviderError::Protocol { reason };
    let id = id(row).ok_or_else(|| protocol("a pin has no usable id".into()))?;
    let (content, info) = (&row["pin"], &row["info"]);
    let cid = content["cid"].as_str().unwrap_or_default();
    let cid = Cid::try_from(cid).map_err(|_| protocol(format!("{:?} is no CID", capped(cid, MAX_ID_CHARS))))?;
    let raw_status = row["status"].as_str().unwrap_or_default();
    Ok(ProviderPin {
        id,
        cid,
        name: text(&content["name"]),
        bytes: number(&info["raw_size"]).or_else(|| number(&info["dag_size"])),
        status: status(raw_status),
        raw_status: raw_status.into(),
        message: text(&info["status_details"]),
        is_directory: false,
        pinned_at: row["created"].as_str().and_then(UnixMillis::from_rfc3339),
        metadata: content["meta"].as_object().map(metadata).unwrap_or_default(),
        left_out: LeftOut::NOTHING,
    })
}

/// The wish for a pin (`Pin`), in the order of the documents.
#[derive(Serialize)]
pub(super) struct WantedPin<'a> {
    cid: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    origins: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    meta: Option<&'a Metadata>,
}

impl<'a> WantedPin<'a> {
    /// A new one. Of `origins` only those go along that say whose address they are.
    pub(super) fn new(cid: &Cid, name: Option<&'a str>, metadata: &'a Metadata, origins: &'a [String]) -> Self {
        let mut usable: Vec<&str> = Vec::new();
        for origin in origins.iter().filter(|origin| names_its_peer(origin)) {
            if usable.len() < MAX_ORIGINS && !usable.contains(&origin.as_str()) {
                usable.push(origin);
            }
        }
        Self { cid: cid.to_string(), name, origins: usable, meta: (!metadata.is_empty()).then_some(metadata) }
    }

    /// One in place of another of the same CID. Everything is said: what is left out stays as it was at some services.
    pub(super) fn changed(cid: &Cid, name: Option<&'a str>, metadata: &'a Metadata) -> Self {
        let name = Some(name.unwrap_or_default());
        Self { cid: cid.to_string(), name, origins: Vec::new(), meta: Some(metadata) }
    }
}

fn mark(row: &Value) -> Option<Mark> {
    Some(Mark { id: id(row)?, created: Moment::new(row["created"].as_str()?) })
}

fn id(row: &Value) -> Option<PinId> {
    let id = match &row["requestid"] {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (1..=MAX_ID_CHARS).contains(&id.chars().count()).then_some(PinId(id))
}

/// The API's words, and those of services that keep a file before they pin it; compared without case, `_` and `-`.
fn status(word: &str) -> PinStatus {
    let word: String = word.to_lowercase().chars().filter(|c| !matches!(c, '_' | '-')).collect();
    match word.as_str() {
        "queued" => PinStatus::Queued,
        "pinning" => PinStatus::Fetching,
        "pinned" => PinStatus::Pinned,
        "failed" => PinStatus::Failed,
        "stored" | "uploaded" | "ondemand" => PinStatus::Stored,
        "unpinned" => PinStatus::Unpinned,
        _ => PinStatus::Unknown,
    }
}

fn names_its_peer(origin: &str) -> bool {
    let mut parts = origin.rsplit('/');
    let (peer, protocol) = (parts.next(), parts.next());
    origin.starts_with('/') && peer.is_some_and(|peer| !peer.is_empty()) && matches!(protocol, Some("p2p" | "ipfs"))
}

fn text(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.trim().is_empty()).map(str::to_owned)
}

/// A size, which the API writes as text.
fn number(value: &Value) -> Option<u64> {
    let bytes = value.as_u64().or_else(|| value.as_str()?.parse().ok())?;
    (bytes <= MAX_SIZE_BYTES).then_some(bytes)
}

fn metadata(pairs: &Map<String, Value>) -> Metadata {
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    pairs.iter().filter(|(_, value)| !value.is_null()).map(|(key, value)| (key.clone(), plain(value))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Error, json};

    use super::*;

    const CID: &str = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e";
    const PEER: &str = "12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp";

    #[test]
    fn a_full_pin_is_read() {
        let row = json!({
            "requestid": "UniqueIdOfPinRequest", "status": "queued", "created": "2020-07-27T17:32:28.276451Z",
            "pin": { "cid": CID, "name": "PreciousData.pdf", "origins": [], "meta": { "app_id": "99986338", "n": 1 } },
            "delegates": [format!("/ip4/203.0.113.1/tcp/4001/p2p/{PEER}")],
            "info": { "status_details": "Queue position: 7 of 9", "dag_size": "123", "raw_size": "100" },
        });
        let pin = pin(&row).unwrap();
        assert_eq!((pin.status, pin.raw_status.as_str(), pin.bytes), (PinStatus::Queued, "queued", Some(100)));
        assert_eq!(pin.message.as_deref(), Some("Queue position: 7 of 9"));
        assert_eq!(pin.pinned_at, Some(UnixMillis(1_595_871_148_276)));
        assert_eq!(pin.metadata["n"], "1");
    }

    #[test]
    fn whatever_is_absent_null_or_of_another_type_says_nothing() {
        let bare = json!({ "requestid": "a", "pin": { "cid": CID } });
        let null = json!({
            "requestid": "a", "status": null, "created": null, "delegates": null, "info": null, "more": [1],
            "pin": { "cid": CID, "name": null, "origins": null, "meta": null },
        });
        let other = json!({
            "requestid": "a", "status": 5, "created": 1_595_871_148, "delegates": "x", "info": [],
            "pin": { "cid": CID, "name": 7, "origins": {}, "meta": "x" },
        });
        let read = pin(&bare).unwrap();
        assert_eq!((read.status, read.name.clone(), read.bytes), (PinStatus::Unknown, None, None));
        assert_eq!(pin(&null).unwrap(), read);
        assert_eq!(pin(&other).unwrap(), read);
    }

    #[test]
    fn a_row_that_cannot_be_understood_spoils_no_other() {
        let page = json!({ "count": 3, "results": [
            { "requestid": "a", "created": "2020-07-27T17:32:28Z", "pin": { "cid": CID } },
            { "requestid": "b", "created": "2020-07-27T17:32:27Z", "pin": { "cid": "nonsense" } },
            null,
        ]});
        let read = |page: Value| -> Result<_, Error> {
            list(serde_json::from_str(&page.to_string())?, 10).map_err(serde::de::Error::custom)
        };
        let page = read(page).unwrap();
        assert_eq!((page.rows.pins.len(), page.rows.not_understood, page.rows.count), (1, 1, 3));
        assert_eq!((page.marks.len(), page.total), (2, Some(3)));
        assert_eq!(read(json!({ "count": 0, "results": null })).unwrap().rows.count, 0);
        for answer in [json!({}), json!([]), json!("hello"), json!({ "results": "x" })] {
            assert!(read(answer.clone()).is_err(), "{answer}");
        }
    }

    #[test]
    fn every_status_word_has_its_meaning() {
        for (word, expected) in [
            ("queued", PinStatus::Queued),
            ("pinning", PinStatus::Fetching),
            ("Pinned", PinStatus::Pinned),
            ("failed", PinStatus::Failed),
            ("stored", PinStatus::Stored),
            ("uploaded", PinStatus::Stored),
            ("on-demand", PinStatus::Stored),
            ("brand new", PinStatus::Unknown),
            ("", PinStatus::Unknown),
        ] {
            assert_eq!(status(word), expected, "{word}");
        }
    }

    #[test]
    fn only_origins_that_name_their_peer_go_along_and_twenty_at_most() {
        let cid = Cid::try_from(CID).unwrap();
        let good = format!("/ip4/203.0.113.142/tcp/4001/p2p/{PEER}");
        let origins = [good.clone(), "/ip4/203.0.113.142/tcp/4001".into(), good.clone(), "p2p/x".into()];
        let none = Metadata::new();
        let body = json!(WantedPin::new(&cid, None, &none, &origins));
        assert_eq!(body, json!({ "cid": CID, "origins": [good] }));
        let many: Vec<_> = (1..100).map(|port| format!("/ip4/203.0.113.142/tcp/{port}/p2p/{PEER}")).collect();
        let body = json!(WantedPin::new(&cid, Some("n"), &none, &many));
        assert_eq!(body["origins"].as_array().map(Vec::len), Some(MAX_ORIGINS));
    }
}
