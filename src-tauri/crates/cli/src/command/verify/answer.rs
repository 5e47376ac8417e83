//! What is said of a comparison and of a copy.

use std::{fmt, io, path::Path};

use holdfast_content::{BlockFault, Cid, Difference, DifferenceKind, FaultKind};
use holdfast_core::proof::{CopyCheck, CopyState, Fault, Method, Outcome, Scope};
use serde::Serialize;

use crate::{Failure, caller::Caller, output::bytes};

/// Whether a file is what a CID names.
#[derive(Serialize)]
struct Compared {
    question: &'static str,
    cid: String,
    path: String,
    verdict: &'static str,
    how: Option<&'static str>,
    profile: Option<&'static str>,
    difference: Option<ShownDifference>,
    reason: Option<String>,
}

#[derive(Serialize)]
struct ShownDifference {
    /// Inside the folder; empty for what was compared itself.
    path: String,
    what: &'static str,
    byte: Option<u64>,
}

/// Whether a service has the blocks.
#[derive(Serialize)]
struct ShownCopy<'a> {
    question: &'static str,
    cid: String,
    account: Option<&'a str>,
    name: Option<&'a str>,
    verdict: &'static str,
    /// Blocks that were looked at.
    blocks: u64,
    /// Those that there are, where not all were looked at.
    of: Option<u64>,
    bytes: u64,
    faults: Vec<ShownFault<'a>>,
    reason: Option<&'a str>,
}

#[derive(Serialize)]
struct ShownFault<'a> {
    block: String,
    fault: &'static str,
    path: &'a str,
    byte: Option<u64>,
}

/// The worst of several answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Worst {
    #[default]
    Good,
    Unknown,
    Bad,
}

impl Worst {
    pub(super) fn add(&mut self, other: Self) {
        *self = (*self).max(other);
    }

    pub(super) const fn end(self) -> Result<(), Failure> {
        match self {
            Self::Good => Ok(()),
            Self::Unknown => Err(Failure::Unknown),
            Self::Bad => Err(Failure::Partial),
        }
    }
}

/// How many copies are how.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Told {
    sound: u64,
    damaged: u64,
    missing: u64,
    contradictory: u64,
    unknown: u64,
}

impl Told {
    pub(super) const fn count(&mut self, state: CopyState) {
        match state {
            CopyState::Sound => self.sound += 1,
            CopyState::Damaged => self.damaged += 1,
            CopyState::Missing => self.missing += 1,
            CopyState::Contradictory => self.contradictory += 1,
            CopyState::Unknown(_) => self.unknown += 1,
        }
    }

    pub(super) const fn worst(self) -> Worst {
        match self {
            Self { damaged: 0, missing: 0, contradictory: 0, unknown: 0, .. } => Worst::Good,
            Self { damaged: 0, missing: 0, contradictory: 0, .. } => Worst::Unknown,
            _ => Worst::Bad,
        }
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} verified", self.sound)?;
        let others = [
            (self.damaged, "damaged"),
            (self.missing, "with missing blocks"),
            (self.contradictory, "contradictory"),
            (self.unknown, "cannot be asked"),
        ];
        others.into_iter().filter(|(count, _)| *count > 0).try_for_each(|(count, what)| write!(f, ", {count} {what}"))
    }
}

pub(super) fn print_compared(cid: &Cid, path: &Path, outcome: &Outcome, caller: &Caller) -> io::Result<Worst> {
    let (verdict, how, profile) = match outcome {
        Outcome::Verified(Method::Profile(profile)) => ("same", Some("profile"), Some(profile.name())),
        Outcome::Verified(Method::Blocks) => ("same", Some("blocks"), None),
        Outcome::Differs(_) => ("differs", None, None),
        Outcome::Unknown(_) => ("unknown", None, None),
    };
    let compared = Compared {
        question: "file",
        cid: cid.to_string(),
        path: path.display().to_string(),
        verdict,
        how,
        profile,
        difference: match outcome {
            Outcome::Differs(difference) => difference.as_ref().map(shown),
            _ => None,
        },
        reason: match outcome {
            Outcome::Unknown(reason) => Some(reason.clone()),
            _ => None,
        },
    };
    caller.result(&compared, || {
        let said = match outcome {
            Outcome::Verified(Method::Profile(profile)) => {
                format!("the same as {}: it has this CID ({profile})", path.display())
            }
            Outcome::Verified(Method::Blocks) => format!("the same as {}: proven block by block", path.display()),
            Outcome::Differs(Some(Difference { path: inside, kind: DifferenceKind::FromByte(byte) })) => {
                let path = if inside.is_empty() { path.into() } else { path.join(inside) };
                format!("differs from byte {byte} of {}", path.display())
            }
            outcome => outcome.to_string(),
        };
        format!("{}  file: {said}", compared.cid)
    })?;
    Ok(match outcome {
        Outcome::Verified(_) => Worst::Good,
        Outcome::Differs(_) => Worst::Bad,
        Outcome::Unknown(_) => Worst::Unknown,
    })
}

fn shown(difference: &Difference) -> ShownDifference {
    let (what, byte) = match difference.kind {
        DifferenceKind::FromByte(byte) => ("content", Some(byte)),
        DifferenceKind::Hash => ("content", None),
        DifferenceKind::OnlyHere => ("only_here", None),
        DifferenceKind::OnlyThere => ("only_there", None),
        DifferenceKind::Kind { .. } => ("kind", None),
        DifferenceKind::Target => ("link_target", None),
    };
    ShownDifference { path: difference.path.clone(), what, byte }
}

/// `held` is the label of the account and the pin's name.
pub(super) fn print_copy(cid: &Cid, held: Option<(&str, &str)>, check: &CopyCheck, caller: &Caller) -> io::Result<()> {
    let (blocks, of) = match check.scope {
        Scope::All { blocks } => (blocks, None),
        Scope::Sample { blocks, of } => (blocks, Some(of)),
    };
    let shown = ShownCopy {
        question: "copy",
        cid: cid.to_string(),
        account: held.map(|(label, _)| label),
        name: held.map(|(_, name)| name),
        verdict: check.state.as_str(),
        blocks,
        of,
        bytes: check.bytes,
        faults: check.faults.iter().map(fault).collect(),
        reason: check.reason.as_deref(),
    };
    caller.result(&shown, || {
        let place = held.map_or_else(|| "the gateway".into(), |(label, name)| format!("{label}, {name}"));
        let size = bytes(check.bytes);
        let said = match (check.state, of, &check.reason) {
            (CopyState::Sound, None, _) => format!("verified: all {blocks} blocks fetched and undamaged, {size}"),
            (CopyState::Sound, Some(of), _) => {
                format!("verified by a sample: {blocks} of {of} blocks fetched and undamaged, {size}")
            }
            (CopyState::Unknown(_), _, _) => "cannot be said".into(),
            (state, _, reason) => format!("{}: {}", state.as_str(), reason.as_deref().unwrap_or_default()),
        };
        let mut lines = vec![format!("{cid}  at {place}: {said}")];
        lines.extend(check.faults.iter().skip(1).map(|fault| format!("    {}", Fault(fault))));
        lines
    })?;
    // What is not an answer is told where failures are.
    if let (CopyState::Unknown(_), Some(reason)) = (check.state, &check.reason) {
        caller.complain(reason, None);
    }
    Ok(())
}

fn fault(fault: &BlockFault) -> ShownFault<'_> {
    ShownFault {
        block: fault.cid.to_string(),
        fault: match fault.kind {
            FaultKind::Missing => "missing",
            FaultKind::Damaged => "damaged",
        },
        path: &fault.place.path,
        byte: fault.place.byte,
    }
}
