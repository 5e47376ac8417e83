//! Answers of the RPC API, as far as they are of use here.

use std::collections::HashMap;

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct WireImported {
    pub(super) root: Option<WireRoot>,
}

#[derive(Deserialize)]
pub(super) struct WireRoot {
    #[serde(rename = "Cid")]
    pub(super) cid: WireLink,
    #[serde(rename = "PinErrorMsg")]
    pub(super) error: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct WireLink {
    #[serde(rename = "/")]
    pub(super) cid: String,
}

/// Every half a second how much was fetched, and at the end what was pinned.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct WirePinning {
    pub(super) pins: Option<Vec<String>>,
    pub(super) progress: Option<u64>,
    pub(super) bytes: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct WireKeys {
    #[serde(default)]
    pub(super) keys: HashMap<String, WireKey>,
}

#[derive(Deserialize)]
pub(super) struct WireKey {
    #[serde(rename = "Type", default)]
    pub(super) kind: String,
    #[serde(rename = "Name")]
    pub(super) name: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct WirePin {
    #[serde(rename = "Cid")]
    pub(super) cid: String,
    #[serde(rename = "Type", default)]
    pub(super) kind: String,
    #[serde(rename = "Name")]
    pub(super) name: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct WireStat {
    #[serde(rename = "Size")]
    pub(super) size: u64,
    #[serde(rename = "Type")]
    pub(super) kind: String,
}

#[derive(Deserialize)]
pub(super) struct WireRepo {
    #[serde(rename = "RepoSize")]
    pub(super) size: u64,
    #[serde(rename = "StorageMax")]
    pub(super) max: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct WireId {
    pub(super) addresses: Option<Vec<String>>,
}
