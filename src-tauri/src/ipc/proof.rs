//! Asking accounts for their copies, and comparing a pin with files on this computer: two questions.

use holdfast_content::{Difference, DifferenceKind};
use holdfast_core::proof::{self, CopyState, Finding, Method, Outcome, Scope};
use holdfast_core::{CheckProgress as Progress, CheckedPin};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::Shown;
use super::pin_key::PinKey;
use super::unpin::PinSet;

/// What a pin is compared with: where its upload was read, or what a person chooses in the system's dialog.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CompareWith {
    Source,
    File,
    Folder,
}

#[derive(Clone, Debug, Deserialize, TS)]
pub(crate) struct ComparePinRequest {
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
    /// `known_since`: when what lay there was pinned; `difference`: where it begins, if that could be found out.
    Differs {
        path: Shown,
        known_since: Option<i64>,
        difference: Option<ComparisonDifference>,
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
            Outcome::Differs(difference) => Self::Differs {
                path,
                known_since: comparison.known_since.map(|at| at.0),
                difference: difference.map(Into::into),
            },
            Outcome::Unknown(reason) => Self::Unknown { path, reason: reason.into() },
        }
    }
}

impl From<Difference> for ComparisonDifference {
    fn from(difference: Difference) -> Self {
        let (what, byte) = match difference.kind {
            DifferenceKind::FromByte(byte) => (DifferenceWhat::Content, Some(byte)),
            DifferenceKind::Hash => (DifferenceWhat::Content, None),
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

/// Which copies to ask for. `run` is a number of the web view's own, by which it asks how far this is.
#[derive(Clone, Debug, Deserialize, TS)]
pub(crate) struct CheckCopiesRequest {
    pub(crate) run: u32,
    pub(crate) pins: PinSet,
    /// Not only a sample of a large one.
    pub(crate) every_block: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CopyOutcome {
    Sound,
    Damaged,
    Missing,
    Contradictory,
    Unknown,
}

/// A copy that is not known to be sound.
#[derive(Clone, Debug, Serialize, TS)]
pub(crate) struct CheckedCopy {
    pub(crate) account: String,
    pub(crate) name: Shown,
    pub(crate) outcome: CopyOutcome,
    /// In the engine's words.
    pub(crate) reason: Option<Shown>,
}

/// What a run of checks came to. Of the copies that are not sound, the first few are told.
#[derive(Clone, Debug, Default, Serialize, TS)]
pub(crate) struct CopiesChecked {
    pub(crate) verified: u64,
    /// Of these, those of which a sample was looked at.
    pub(crate) sampled: u64,
    pub(crate) damaged: u64,
    pub(crate) missing: u64,
    pub(crate) contradictory: u64,
    pub(crate) unknown: u64,
    pub(crate) faulty: Vec<CheckedCopy>,
    pub(crate) doubtful: Vec<CheckedCopy>,
    /// It was stopped before all were asked for.
    pub(crate) stopped: bool,
}

/// How far a run of checks is; blocks are those of the copies that are being checked now.
#[derive(Clone, Copy, Debug, Serialize, TS)]
pub(crate) struct CheckProgress {
    pub(crate) pins_done: u64,
    pub(crate) pins_total: u64,
    pub(crate) blocks_done: u64,
    pub(crate) blocks_total: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FileOutcome {
    Same,
    Other,
    Unknown,
}

/// A question that was asked about a pin, and the answer.
#[derive(Clone, Debug, Serialize, TS)]
#[serde(tag = "question", rename_all = "snake_case")]
pub(crate) enum Check {
    /// `of`: how many blocks there are, where only `blocks` of them were looked at.
    Copy {
        at: i64,
        outcome: CopyOutcome,
        code: Option<String>,
        blocks: u64,
        of: Option<u64>,
        reason: Option<Shown>,
    },
    File {
        at: i64,
        outcome: FileOutcome,
        path: Shown,
        reason: Option<Shown>,
    },
}

/// Copies that are told by name.
const MOST_TOLD: usize = 20;

impl CopiesChecked {
    pub(crate) fn add(&mut self, CheckedPin { pin, account, check }: CheckedPin) {
        let copy = |outcome| CheckedCopy {
            account: account.id.0.clone(),
            name: pin.name().into(),
            outcome,
            reason: check.reason.clone().map(Into::into),
        };
        match check.state {
            CopyState::Sound => {
                self.verified += 1;
                self.sampled += u64::from(matches!(check.scope, Scope::Sample { .. }));
            }
            CopyState::Damaged => {
                self.damaged += 1;
                tell(&mut self.faulty, copy(CopyOutcome::Damaged));
            }
            CopyState::Missing => {
                self.missing += 1;
                tell(&mut self.faulty, copy(CopyOutcome::Missing));
            }
            CopyState::Contradictory => {
                self.contradictory += 1;
                tell(&mut self.faulty, copy(CopyOutcome::Contradictory));
            }
            CopyState::Unknown(_) => {
                self.unknown += 1;
                tell(&mut self.doubtful, copy(CopyOutcome::Unknown));
            }
        }
    }
}

fn tell(told: &mut Vec<CheckedCopy>, copy: CheckedCopy) {
    if told.len() < MOST_TOLD {
        told.push(copy);
    }
}

impl From<Progress> for CheckProgress {
    fn from(progress: Progress) -> Self {
        let Progress { pins_done, pins_total, blocks_done, blocks_total } = progress;
        Self { pins_done, pins_total, blocks_done, blocks_total }
    }
}

impl From<proof::Check> for Check {
    fn from(check: proof::Check) -> Self {
        let (at, reason) = (check.at.0, check.reason.map(Into::into));
        match check.finding {
            Finding::Copy { scope, state } => {
                let (blocks, of) = match scope {
                    Scope::All { blocks } => (blocks, None),
                    Scope::Sample { blocks, of } => (blocks, Some(of)),
                };
                let (outcome, code) = match state {
                    CopyState::Sound => (CopyOutcome::Sound, None),
                    CopyState::Damaged => (CopyOutcome::Damaged, None),
                    CopyState::Missing => (CopyOutcome::Missing, None),
                    CopyState::Contradictory => (CopyOutcome::Contradictory, None),
                    CopyState::Unknown(doubt) => (CopyOutcome::Unknown, Some(doubt.as_str().to_owned())),
                };
                Self::Copy { at, outcome, code, blocks, of, reason }
            }
            Finding::File { path, state } => {
                let outcome = match state {
                    proof::FileState::Same => FileOutcome::Same,
                    proof::FileState::Other => FileOutcome::Other,
                    proof::FileState::Unknown => FileOutcome::Unknown,
                };
                Self::File { at, outcome, path: path.display().to_string().into(), reason }
            }
        }
    }
}
