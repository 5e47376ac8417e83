//! Proof that what an account holds is what lies on this computer: by computing the CID under the profiles that have a
//! name, else block by block through a gateway.

mod compare;
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
pub use compare::{compare, walk};

/// What comparing local files with a CID came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// They are what the CID names.
    Verified(Method),
    /// They are not.
    Differs(Difference),
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
            Self::Differs(difference) => write!(f, "differs: {difference}"),
            Self::Unknown(reason) => write!(f, "cannot be said: {reason}"),
        }
    }
}

/// A comparison that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// What was compared.
    pub path: PathBuf,
    /// What it came to.
    pub outcome: Outcome,
    /// When.
    pub at: UnixMillis,
}

/// How far a comparison is, and the way to stop it. Clones share both.
#[derive(Clone, Debug, Default)]
pub struct Course {
    bytes_done: Arc<AtomicU64>,
    bytes_total: Arc<AtomicU64>,
    stop: CancellationToken,
}

impl Course {
    /// One that ends when `stop` is cancelled.
    #[must_use]
    pub fn until(stop: CancellationToken) -> Self {
        Self { stop, ..Self::default() }
    }

    /// Waits until it is to end.
    pub(crate) async fn stopped(&self) {
        self.stop.cancelled().await;
    }

    /// Ends it soon.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Bytes looked at, and bytes to look at: the content once for each way in which it is looked at.
    #[must_use]
    pub fn bytes(&self) -> (u64, u64) {
        let total = self.bytes_total.load(Ordering::Relaxed);
        (self.bytes_done.load(Ordering::Relaxed).min(total), total)
    }

    fn expect(&self, bytes: u64) {
        self.bytes_total.fetch_add(bytes, Ordering::Relaxed);
    }

    fn done(&self, bytes: u64) {
        self.bytes_done.fetch_add(bytes, Ordering::Relaxed);
    }
}
