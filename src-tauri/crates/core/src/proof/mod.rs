//! ContentProof, by two questions. Whether files here are what a CID names: by computing the CID under the profiles that have a name,
//! else block by block through a gateway. And whether an account's service has the blocks: by fetching and hashing them. The
//! first says nothing of a copy, the second nothing of files here.

mod compare;
mod copy;
mod history;
mod local;
mod remote;

use std::{
    fmt,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use holdfast_content::{Difference, Profile};
use tokio_util::sync::CancellationToken;

use crate::clock::UnixMillis;

pub(crate) use compare::by_blocks;
pub use compare::compare;
pub use copy::{CopyCheck, CopyState, Doubt, Fault, Scope, USUAL_EXTENT, check_copy};
pub use history::{Check, FileState, Finding};

/// What comparing local files with a CID came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// They are what the CID names.
    Verified(Method),
    /// They are not; where they begin to differ, if that could be found out.
    Differs(Option<Difference>),
    /// It cannot be said, and why.
    Unknown(String),
}

/// How something was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// The CID was computed here under this profile.
    Profile(Profile),
    /// Every block that the CID leads to was compared.
    Blocks,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Verified(Method::Profile(profile)) => {
                write!(f, "verified: the same CID was computed here ({profile})")
            }
            Self::Verified(Method::Blocks) => f.write_str("verified: proven block by block"),
            Self::Differs(Some(difference)) => write!(f, "differs: {difference}"),
            Self::Differs(None) => f.write_str("differs: it has another CID now"),
            Self::Unknown(reason) => write!(f, "cannot be said: {reason}"),
        }
    }
}

/// A comparison of files here with a pin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// What was compared.
    pub path: PathBuf,
    /// When what lay there was pinned or last found to be the same, where it was.
    pub known_since: Option<UnixMillis>,
    /// What it came to.
    pub outcome: Outcome,
    /// When.
    pub at: UnixMillis,
}

/// How far a comparison or a check is, and the way to stop it. Clones share both.
#[derive(Clone, Debug, Default)]
pub struct Course {
    done: Arc<AtomicU64>,
    total: Arc<AtomicU64>,
    stop: CancellationToken,
}

impl Course {
    /// One that ends when `stop` is cancelled.
    #[must_use]
    pub fn until(stop: CancellationToken) -> Self {
        Self { stop, ..Self::default() }
    }

    /// A part of it with a progress of its own, which ends with it.
    pub(crate) fn part(&self) -> Self {
        Self::until(self.stop.child_token())
    }

    /// Waits until it is to end.
    pub(crate) async fn stopped(&self) {
        self.stop.cancelled().await;
    }

    /// Ends it soon.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// What has been looked at, and what is to be: bytes of a comparison, the content once for each way in which it is looked
    /// at; blocks of a copy, as far as they are known.
    #[must_use]
    pub fn progress(&self) -> (u64, u64) {
        let total = self.total.load(Ordering::Relaxed);
        (self.done.load(Ordering::Relaxed).min(total), total)
    }

    fn expect(&self, bytes: u64) {
        self.total.fetch_add(bytes, Ordering::Relaxed);
    }

    fn done(&self, bytes: u64) {
        self.done.fetch_add(bytes, Ordering::Relaxed);
    }

    fn is_at(&self, (done, total): (u64, u64)) {
        self.done.store(done, Ordering::Relaxed);
        self.total.store(total, Ordering::Relaxed);
    }
}
