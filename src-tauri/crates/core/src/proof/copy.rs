//! Asking an account's service for its copy: blocks are fetched from the account's gateway, and each is hashed here.

use std::{fmt, sync::Arc};

use futures_util::{StreamExt, stream::FuturesUnordered};
use holdfast_content::{BlockFault, Cid, Extent, FaultKind, Looked, Survey, Surveyed, Unclear, Wanted, look_at};
use tokio::task::spawn_blocking;

use super::{Course, remote::Remote};
use crate::{
    clock::Clock,
    entropy::{Entropy, number_below},
    error::Error,
    gateway::{Gateway, GatewayError},
};

/// Every block of a copy up to here; of a larger one all inner nodes and some of the rest, which with the largest blocks are
/// as many bytes.
pub const USUAL_EXTENT: Extent = Extent::Sample { parts: 10_000, bytes: 256 << 20, drawn: 256 };

/// Blocks asked for at a time: at most 16 MiB.
const MOST_AT_ONCE: usize = 8;

/// How many of an account's blocks were looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All.
    All {
        /// How many there are.
        blocks: u64,
    },
    /// Some, drawn at random.
    Sample {
        /// How many.
        blocks: u64,
        /// How many there are, as far as is known.
        of: u64,
    },
}

/// What an account's copy was found to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CopyState {
    /// Every block that was asked for came, and is what its CID says.
    Sound,
    /// A block is not what its CID says.
    Damaged,
    /// A block is not there.
    Missing,
    /// Every block that was asked for is what its CID says, and they contradict one another: no reader gets files of them.
    Contradictory,
    /// It cannot be said, for this reason.
    Unknown(Doubt),
}

/// Why nothing can be said of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each names its reason")]
pub enum Doubt {
    NoGateway,
    Unreachable,
    Unavailable,
    Refused,
    NotTrustless,
    UnknownKind,
    TooManyBlocks,
}

impl Doubt {
    const ALL: [Self; 7] = [
        Self::NoGateway,
        Self::Unreachable,
        Self::Unavailable,
        Self::Refused,
        Self::NotTrustless,
        Self::UnknownKind,
        Self::TooManyBlocks,
    ];

    /// The reason's name in the database and in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoGateway => "no_gateway",
            Self::Unreachable => "unreachable",
            Self::Unavailable => "unavailable",
            Self::Refused => "refused",
            Self::NotTrustless => "not_trustless",
            Self::UnknownKind => "unknown_kind",
            Self::TooManyBlocks => "too_many_blocks",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|doubt| doubt.as_str() == name)
    }

    fn of(error: &GatewayError) -> Self {
        match error {
            GatewayError::Network { .. } => Self::Unreachable,
            GatewayError::Unavailable { .. } => Self::Unavailable,
            GatewayError::Refused { .. } => Self::Refused,
            GatewayError::NotTrustless { .. } | GatewayError::TooLong | GatewayError::Damaged => Self::NotTrustless,
        }
    }
}

/// What asking an account for its copy of a CID came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyCheck {
    /// How much was looked at.
    pub scope: Scope,
    /// What the copy is.
    pub state: CopyState,
    /// Why it is not sound, in words.
    pub reason: Option<String>,
    /// Bytes that came and are sound.
    pub bytes: u64,
    /// The blocks that are missing or damaged, at most a hundred.
    pub faults: Vec<BlockFault>,
}

impl CopyCheck {
    /// A check that could not begin.
    pub(crate) fn not_begun(doubt: Doubt, reason: &str) -> Self {
        let scope = Scope::All { blocks: 0 };
        Self { scope, state: CopyState::Unknown(doubt), reason: Some(reason.into()), bytes: 0, faults: Vec::new() }
    }

    fn of(found: Surveyed, failed: Option<GatewayError>) -> Self {
        let scope = match found.is_sample || failed.is_some() && found.known > found.looked_at {
            true => Scope::Sample { blocks: found.looked_at, of: found.known },
            false => Scope::All { blocks: found.looked_at },
        };
        let is_damaged = found.faults.iter().any(|fault| fault.kind == FaultKind::Damaged);
        let (state, reason) = match (found.faults.as_slice(), found.refused, failed, found.unclear) {
            ([], None, None, None) => (CopyState::Sound, None),
            ([], Some(refused), ..) => (
                CopyState::Contradictory,
                Some(format!("the blocks are what their CIDs say, and nobody can read them: {refused}.")),
            ),
            ([], None, Some(error), _) => (CopyState::Unknown(Doubt::of(&error)), Some(format!("{error}."))),
            ([], None, None, Some(unclear)) => (CopyState::Unknown(doubt_of(unclear)), Some(format!("{unclear}."))),
            (faults, ..) if is_damaged => (CopyState::Damaged, Some(reason_of(faults, FaultKind::Damaged))),
            (faults, ..) => (CopyState::Missing, Some(reason_of(faults, FaultKind::Missing))),
        };
        Self { scope, state, reason, bytes: found.bytes, faults: found.faults }
    }
}

const fn doubt_of(unclear: Unclear) -> Doubt {
    match unclear {
        Unclear::Unknown(_) => Doubt::UnknownKind,
        Unclear::TooMany => Doubt::TooManyBlocks,
    }
}

/// The first fault of that kind, and how many others there are.
fn reason_of(faults: &[BlockFault], kind: FaultKind) -> String {
    let first = faults.iter().find(|fault| fault.kind == kind).map(|fault| Fault(fault).to_string());
    let others = match faults.len().saturating_sub(1) {
        0 => String::new(),
        1 => ", and another block is missing or damaged".into(),
        more => format!(", and {more} other blocks are missing or damaged"),
    };
    format!("{}{others}.", first.unwrap_or_default())
}

/// A fault in words.
#[derive(Debug)]
pub struct Fault<'a>(pub &'a BlockFault);

impl fmt::Display for Fault<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BlockFault { cid, kind, place } = self.0;
        let what = match kind {
            FaultKind::Missing => "missing",
            FaultKind::Damaged => "damaged",
        };
        write!(f, "the block {cid} is {what}")?;
        match (&*place.path, place.byte) {
            ("", None) => f.write_str(" (the first one)"),
            ("", Some(byte)) => write!(f, " (from byte {byte} on)"),
            (path, None) => write!(f, " (the first one of {path})"),
            (path, Some(byte)) => write!(f, " (from byte {byte} of {path} on)"),
        }
    }
}

/// Asks `gateway` for the blocks behind `cid`, as many as `extent` says, and hashes each.
///
/// # Errors
/// [`Error::Cancelled`]. What is wrong with the gateway or the copy is in the check.
pub async fn check_copy(
    clock: Arc<dyn Clock>,
    entropy: &dyn Entropy,
    gateway: Arc<dyn Gateway>,
    cid: Cid,
    extent: Extent,
    course: &Course,
) -> Result<CopyCheck, Error> {
    let remote = Remote::new(gateway, cid, clock);
    let (mut survey, mut under_way, mut failed) = (Survey::of(cid, extent), FuturesUnordered::new(), None);
    let below = &mut |count| number_below(entropy, count);
    loop {
        while under_way.len() < MOST_AT_ONCE
            && let Some(wanted) = survey.wanted()
        {
            under_way.push(look(remote.clone(), wanted));
        }
        let next = tokio::select! {
            biased;
            () = course.stopped() => return Err(Error::Cancelled),
            next = under_way.next() => next,
        };
        match next {
            None => break,
            Some((wanted, Ok(looked))) => survey.take(&wanted, looked?, below),
            Some((_, Err(error))) => {
                failed = Some(error);
                break;
            }
        }
        course.is_at(survey.progress());
    }
    let found = spawn_blocking(move || survey.end()).await.map_err(|_| Error::Internal)?;
    Ok(CopyCheck::of(found, failed))
}

async fn look(remote: Remote, wanted: Wanted) -> (Wanted, Result<Result<Looked, Error>, GatewayError>) {
    let looked = match remote.fetch(wanted.cid).await {
        Ok(None) => Ok(Ok(Looked::Missing)),
        Ok(Some(bytes)) => {
            let cid = wanted.cid;
            let looking = spawn_blocking(move || look_at(&cid, &bytes));
            Ok(looking.await.map_err(|_| Error::Internal))
        }
        Err(GatewayError::Damaged | GatewayError::TooLong) => Ok(Ok(Looked::Damaged)),
        Err(error) => Err(error),
    };
    (wanted, looked)
}
