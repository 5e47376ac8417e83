//! The table of pins, and one pin in detail.

use std::collections::BTreeMap;

use holdfast_content::{base36, cid_v0, cid_v1, multihash_hex};
use holdfast_core::account::AccountId;
use holdfast_core::pin::{self, PinId};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::Shown;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PinStatus {
    Queued,
    Fetching,
    Stored,
    Pinned,
    Failed,
    Unpinned,
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PinSort {
    Name,
    Size,
    Status,
    PinnedAt,
}

/// `verified` means that the provider's CID is that of the bytes read here: computed here, or proven by the blocks behind
/// it; `differs`, that other bytes lie here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Proof {
    Verified,
    NotReproduced,
    Differs,
    NotChecked,
}

#[derive(Clone, Debug, Deserialize, TS)]
pub(crate) struct PinQuery {
    pub(crate) offset: u64,
    pub(crate) limit: u32,
    pub(crate) sort: PinSort,
    pub(crate) descending: bool,
    pub(crate) search: String,
    pub(crate) account: Option<String>,
    pub(crate) status: Option<PinStatus>,
}

#[derive(Clone, Debug, Serialize, TS)]
pub(crate) struct Pin {
    pub(crate) account: String,
    pub(crate) id: String,
    pub(crate) cid: String,
    pub(crate) name: Shown,
    pub(crate) size: Option<u64>,
    pub(crate) status: PinStatus,
    pub(crate) proof: Proof,
    pub(crate) is_directory: bool,
    /// Milliseconds since the Unix epoch.
    pub(crate) pinned_at: Option<i64>,
}

#[derive(Clone, Debug, Serialize, TS)]
pub(crate) struct PinPage {
    pub(crate) rows: Vec<Pin>,
    pub(crate) total: u64,
    pub(crate) total_bytes: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize, TS)]
pub(crate) struct PinKey {
    pub(crate) account: String,
    pub(crate) id: String,
}

#[derive(Clone, Debug, Serialize, TS)]
pub(crate) struct Receipt {
    /// Milliseconds since the Unix epoch.
    pub(crate) at: i64,
    pub(crate) cid: String,
    pub(crate) proof: Proof,
    /// What is verified without one is proven block by block.
    pub(crate) profile: Option<String>,
    /// Why it is not verified, in the engine's words.
    pub(crate) reason: Option<Shown>,
    /// When it was last compared, in milliseconds since the Unix epoch.
    pub(crate) compared_at: Option<i64>,
    pub(crate) source: Option<Shown>,
    pub(crate) bytes: u64,
}

#[derive(Clone, Debug, Serialize, TS)]
pub(crate) struct PinDetails {
    pub(crate) pin: Pin,
    /// What it is called, to be changed.
    pub(crate) exact_name: String,
    pub(crate) raw_status: Shown,
    pub(crate) message: Option<Shown>,
    /// To be changed.
    pub(crate) exact_metadata: BTreeMap<String, String>,
    pub(crate) metadata: Vec<(Shown, Shown)>,
    pub(crate) cid_v0: Option<String>,
    pub(crate) cid_v1: String,
    pub(crate) cid_base36: String,
    pub(crate) multihash: String,
    pub(crate) gateway_link: Option<String>,
    pub(crate) ipfs_link: String,
    pub(crate) other_copies: u64,
    pub(crate) receipts: Vec<Receipt>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CopyWhat {
    Cid,
    GatewayLink,
    IpfsLink,
}

/// What goes to the clipboard, one line per pin.
#[derive(Clone, Debug, Deserialize, TS)]
pub(crate) struct CopyPinsRequest {
    pub(crate) pins: Vec<PinKey>,
    pub(crate) what: CopyWhat,
}

/// What the pin has from now on, in place of what it had; a `name` of null is no name.
#[derive(Clone, Debug, Deserialize, TS)]
pub(crate) struct EditPinRequest {
    pub(crate) pin: PinKey,
    pub(crate) name: Option<String>,
    pub(crate) metadata: BTreeMap<String, String>,
}

/// `text` is anything that contains a CID.
#[derive(Clone, Debug, Deserialize, TS)]
pub(crate) struct PinCidRequest {
    pub(crate) account: String,
    pub(crate) text: String,
    pub(crate) name: Option<String>,
}

impl From<pin::Pin> for Pin {
    fn from(pin: pin::Pin) -> Self {
        Self {
            name: pin.name().into(),
            account: pin.account.0,
            id: pin.held.id.0,
            cid: pin.held.cid.to_string(),
            size: pin.held.bytes,
            status: pin.held.status.into(),
            proof: pin.proof.into(),
            is_directory: pin.held.is_directory,
            pinned_at: pin.held.pinned_at.map(|time| time.0),
        }
    }
}

impl From<pin::PinPage> for PinPage {
    fn from(page: pin::PinPage) -> Self {
        Self { rows: page.rows.into_iter().map(Pin::from).collect(), total: page.total, total_bytes: page.total_bytes }
    }
}

impl From<holdfast_core::PinDetails> for PinDetails {
    fn from(details: holdfast_core::PinDetails) -> Self {
        let held = &details.pin.held;
        let cid = held.cid;
        Self {
            exact_name: details.pin.name(),
            raw_status: held.raw_status.as_str().into(),
            message: held.message.as_deref().map(Shown::from),
            exact_metadata: held.metadata.clone(),
            metadata: held.metadata.iter().map(|(key, value)| (key.into(), value.into())).collect(),
            cid_v0: cid_v0(&cid),
            cid_v1: cid_v1(&cid),
            cid_base36: base36(&cid),
            multihash: multihash_hex(&cid),
            gateway_link: details.account.gateway_link(&cid.to_string()),
            ipfs_link: ipfs_link(&details.pin),
            other_copies: details.other_copies,
            receipts: details.receipts.into_iter().map(Receipt::from).collect(),
            pin: details.pin.into(),
        }
    }
}

/// The address of a pin for programs that speak IPFS themselves.
pub(crate) fn ipfs_link(pin: &pin::Pin) -> String {
    format!("ipfs://{}", cid_v1(&pin.held.cid))
}

impl From<pin::Receipt> for Receipt {
    fn from(receipt: pin::Receipt) -> Self {
        Self {
            at: receipt.at.0,
            cid: receipt.cid.to_string(),
            proof: receipt.proof.into(),
            profile: receipt.profile,
            reason: receipt.reason.map(Shown::from),
            compared_at: receipt.compared_at.map(|at| at.0),
            source: receipt.source.map(|path| path.to_string_lossy().into()),
            bytes: receipt.bytes,
        }
    }
}

impl From<pin::Proof> for Proof {
    fn from(proof: pin::Proof) -> Self {
        match proof {
            pin::Proof::Verified => Self::Verified,
            pin::Proof::NotReproduced => Self::NotReproduced,
            pin::Proof::Differs => Self::Differs,
            pin::Proof::NotChecked => Self::NotChecked,
        }
    }
}

impl From<PinKey> for pin::PinKey {
    fn from(key: PinKey) -> Self {
        Self { account: AccountId(key.account), id: PinId(key.id) }
    }
}

impl From<PinQuery> for pin::PinQuery {
    fn from(query: PinQuery) -> Self {
        Self {
            offset: query.offset,
            limit: query.limit,
            sort: match query.sort {
                PinSort::Name => pin::PinSort::Name,
                PinSort::Size => pin::PinSort::Size,
                PinSort::Status => pin::PinSort::Status,
                PinSort::PinnedAt => pin::PinSort::PinnedAt,
            },
            descending: query.descending,
            search: query.search,
            account: query.account.map(AccountId),
            status: query.status.map(Into::into),
        }
    }
}

impl From<pin::PinStatus> for PinStatus {
    fn from(status: pin::PinStatus) -> Self {
        match status {
            pin::PinStatus::Queued => Self::Queued,
            pin::PinStatus::Fetching => Self::Fetching,
            pin::PinStatus::Stored => Self::Stored,
            pin::PinStatus::Pinned => Self::Pinned,
            pin::PinStatus::Failed => Self::Failed,
            pin::PinStatus::Unpinned => Self::Unpinned,
            pin::PinStatus::Unknown => Self::Unknown,
        }
    }
}

impl From<PinStatus> for pin::PinStatus {
    fn from(status: PinStatus) -> Self {
        match status {
            PinStatus::Queued => Self::Queued,
            PinStatus::Fetching => Self::Fetching,
            PinStatus::Stored => Self::Stored,
            PinStatus::Pinned => Self::Pinned,
            PinStatus::Failed => Self::Failed,
            PinStatus::Unpinned => Self::Unpinned,
            PinStatus::Unknown => Self::Unknown,
        }
    }
}
