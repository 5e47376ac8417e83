//! Comparing a pin with files on this computer.

use holdfast_content::{Difference, DifferenceKind};
use holdfast_core::proof::{self, Method, Outcome};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::Shown;
use super::pin::PinKey;

/// What a pin is compared with: where its upload was read, or what a person chooses in the system's dialog.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CompareWith {
    Source,
    File,
    Folder,
}

#[derive(Clone, Debug, Deserialize, TS)]
pub(crate) struct VerifyPinRequest {
    pub(crate) pin: PinKey,
    pub(crate) with: CompareWith,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DifferenceWhat {
    Content,
    OnlyHere,
    OnlyThere,
    Kind,
    LinkTarget,
}

/// The first difference that was found.
#[derive(Clone, Debug, Serialize, TS)]
pub(crate) struct ComparisonDifference {
    pub(crate) what: DifferenceWhat,
    /// Inside the folder; empty for what was compared itself.
    pub(crate) entry: Shown,
    /// Where the content begins to differ.
    pub(crate) byte: Option<u64>,
}

/// What a comparison came to.
#[derive(Clone, Debug, Serialize, TS)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub(crate) enum Comparison {
    /// The profile under which the CID was computed here; `null` for a proof block by block.
    Verified {
        path: Shown,
        profile: Option<String>,
    },
    Differs {
        path: Shown,
        difference: ComparisonDifference,
    },
    Unknown {
        path: Shown,
        reason: Shown,
    },
}

/// Bytes that were looked at, of all that are to be; zero of zero before that is known.
#[derive(Clone, Copy, Debug, Serialize, TS)]
pub(crate) struct ComparisonProgress {
    pub(crate) bytes_done: u64,
    pub(crate) bytes_total: u64,
}

impl From<proof::Comparison> for Comparison {
    fn from(comparison: proof::Comparison) -> Self {
        let path = comparison.path.to_string_lossy().into();
        match comparison.outcome {
            Outcome::Verified(Method::Profile(profile)) => {
                Self::Verified { path, profile: Some(profile.name().to_owned()) }
            }
            Outcome::Verified(Method::Blocks) => Self::Verified { path, profile: None },
            Outcome::Differs(difference) => Self::Differs { path, difference: difference.into() },
            Outcome::Unknown(reason) => Self::Unknown { path, reason: reason.into() },
        }
    }
}

impl From<Difference> for ComparisonDifference {
    fn from(difference: Difference) -> Self {
        let (what, byte) = match difference.kind {
            DifferenceKind::FromByte(byte) => (DifferenceWhat::Content, Some(byte)),
            DifferenceKind::OnlyHere => (DifferenceWhat::OnlyHere, None),
            DifferenceKind::OnlyThere => (DifferenceWhat::OnlyThere, None),
            DifferenceKind::Kind { .. } => (DifferenceWhat::Kind, None),
            DifferenceKind::Target => (DifferenceWhat::LinkTarget, None),
        };
        Self { what, entry: difference.path.into(), byte }
    }
}

impl From<(u64, u64)> for ComparisonProgress {
    fn from((bytes_done, bytes_total): (u64, u64)) -> Self {
        Self { bytes_done, bytes_total }
    }
}
