//! The table of pins, and one pin in detail.

use std::collections::BTreeMap;

use holdfast_content::{Cid, base36, cid_v0, cid_v1, multihash_hex};
use holdfast_core::account::{self, AccountId};
use holdfast_core::pin;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::Shown;
use super::pin_key::PinKey;
use super::proof::Check;
use super::unpin::PinSet;

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

/// What is known of a pin in one word: the worst, else the most. `verified` means that bytes read here have its CID, and that
/// the account's service was not asked for its blocks; `retrievable`, that all were fetched from there and are right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Proof {
    Damaged,
    Missing,
    Contradictory,
    Retrievable,
    Sampled,
    Verified,
    NotReproduced,
    NotChecked,
}

/// What is known of bytes that were read here and a CID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ContentProof {
    Verified,
    NotReproduced,
    NotChecked,
}

/// Whether another account is the same login, so that its pin is no other copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SameLogin {
    No,
    Perhaps,
    Yes,
}

/// Another pin of the same content.
#[derive(Clone, Debug, Serialize, TS)]
pub(crate) struct OtherCopy {
    pub(crate) account: String,
    pub(crate) id: String,
    pub(crate) status: PinStatus,
    pub(crate) proof: Proof,
    pub(crate) same_login: SameLogin,
}

/// A pin that is to go.
#[derive(Clone, Debug, Serialize, TS)]
pub(crate) struct LeavingPin {
    pub(crate) name: Shown,
    /// The account's label.
    pub(crate) label: String,
}

/// What is left when pins go; of these and of the last copies, the first few are told.
#[derive(Clone, Debug, Serialize, TS)]
pub(crate) struct UnpinImpact {
    pub(crate) pins: u64,
    /// How many of each account, by its label.
    pub(crate) accounts: Vec<(String, u64)>,
    pub(crate) some: Vec<LeavingPin>,
    pub(crate) last: Vec<LeavingPin>,
    pub(crate) last_count: u64,
    /// Those of which only a copy is left that may be the same one.
    pub(crate) perhaps_last_count: u64,
    /// The labels of the accounts that may be the same login.
    pub(crate) perhaps_same: Vec<String>,
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

#[derive(Clone, Debug, Serialize, TS)]
pub(crate) struct Receipt {
    /// Milliseconds since the Unix epoch.
    pub(crate) at: i64,
    pub(crate) cid: String,
    pub(crate) proof: ContentProof,
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
    pub(crate) content: ContentProof,
    pub(crate) others: Vec<OtherCopy>,
    /// What was asked about it, newest first.
    pub(crate) checks: Vec<Check>,
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
    pub(crate) pins: PinSet,
    pub(crate) what: CopyWhat,
}

/// Which pins' places in a query's order are wanted, whatever page it asks for.
#[derive(Clone, Debug, Deserialize, TS)]
pub(crate) struct PlacesRequest {
    pub(crate) query: PinQuery,
    pub(crate) pins: Vec<PinKey>,
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
    /// All of these get it.
    pub(crate) accounts: Vec<String>,
    pub(crate) text: String,
    pub(crate) name: Option<String>,
    pub(crate) metadata: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Deserialize, TS)]
pub(crate) struct LookUpRequest {
    pub(crate) account: String,
    pub(crate) text: String,
}

/// Something to pin that a person pasted.
#[derive(Clone, Debug, Serialize, TS)]
pub(crate) struct PastedCid {
    pub(crate) cid: String,
    /// Where below it the link leads; empty for the CID itself.
    pub(crate) path: Shown,
    /// The account's pin of the same content, or one that is on its way.
    pub(crate) pinned: Option<Pin>,
}

impl From<holdfast_core::PastedCid> for PastedCid {
    fn from(pasted: holdfast_core::PastedCid) -> Self {
        Self { cid: pasted.cid.to_string(), path: pasted.path.into(), pinned: pasted.pinned.map(Pin::from) }
    }
}

impl From<pin::Pin> for Pin {
    fn from(pin: pin::Pin) -> Self {
        Self {
            name: pin.name().into(),
            proof: pin.standing().into(),
            account: pin.account.0,
            id: pin.held.id.0,
            cid: pin.held.cid.to_string(),
            size: pin.held.bytes,
            status: pin.held.status.into(),
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
            ipfs_link: ipfs_link(&details.pin.held.cid),
            content: details.pin.content.into(),
            others: details.others.into_iter().map(OtherCopy::from).collect(),
            checks: details.checks.into_iter().map(Check::from).collect(),
            receipts: details.receipts.into_iter().map(Receipt::from).collect(),
            pin: details.pin.into(),
        }
    }
}

/// The address of a pin for programs that speak IPFS themselves.
pub(crate) fn ipfs_link(cid: &Cid) -> String {
    format!("ipfs://{}", cid_v1(cid))
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

impl From<pin::Standing> for Proof {
    fn from(standing: pin::Standing) -> Self {
        match standing {
            pin::Standing::Damaged => Self::Damaged,
            pin::Standing::Missing => Self::Missing,
            pin::Standing::Contradictory => Self::Contradictory,
            pin::Standing::Retrievable => Self::Retrievable,
            pin::Standing::Sampled => Self::Sampled,
            pin::Standing::Verified => Self::Verified,
            pin::Standing::NotReproduced => Self::NotReproduced,
            pin::Standing::NotChecked => Self::NotChecked,
        }
    }
}

impl From<pin::ContentProof> for ContentProof {
    fn from(proof: pin::ContentProof) -> Self {
        match proof {
            pin::ContentProof::Verified => Self::Verified,
            pin::ContentProof::NotReproduced => Self::NotReproduced,
            pin::ContentProof::NotChecked => Self::NotChecked,
        }
    }
}

impl From<holdfast_core::OtherCopy> for OtherCopy {
    fn from(other: holdfast_core::OtherCopy) -> Self {
        Self {
            proof: other.pin.standing().into(),
            account: other.pin.account.0,
            id: other.pin.held.id.0,
            status: other.pin.held.status.into(),
            same_login: match other.same_login {
                account::SameLogin::No => SameLogin::No,
                account::SameLogin::Perhaps => SameLogin::Perhaps,
                account::SameLogin::Yes => SameLogin::Yes,
            },
        }
    }
}

impl From<holdfast_core::UnpinImpact> for UnpinImpact {
    fn from(impact: holdfast_core::UnpinImpact) -> Self {
        let leaving = |(name, label): (String, String)| LeavingPin { name: name.into(), label };
        Self {
            pins: impact.pins,
            accounts: impact.accounts.into_iter().collect(),
            some: impact.some.into_iter().map(leaving).collect(),
            last: impact.last.into_iter().map(leaving).collect(),
            last_count: impact.last_count,
            perhaps_last_count: impact.perhaps_last_count,
            perhaps_same: impact.perhaps_same,
        }
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
