//! Whether two uploads may be of the same bytes, found out without reading them whole.

use sha2::{Digest, Sha256};

use super::{Plan, open_same, read_run};
use crate::error::Error;

/// How far a file is read for it.
const HEAD_BYTES: u64 = 64 * 1024;

/// What uploads of the same bytes have in common, and most others have not.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Likeness {
    bytes: u64,
    head: Option<[u8; 32]>,
}

impl Likeness {
    /// That of a plan; directories are told apart by what they hold in all. Blocks.
    ///
    /// # Errors
    /// [`Error::Unreadable`], and [`Error::Changed`] when a file is not what the plan says.
    pub(crate) fn of(plan: &Plan) -> Result<Self, Error> {
        let bytes = plan.content_bytes();
        let (Some(expected), Some(entry)) = (plan.single_file(), plan.single()) else {
            return Ok(Self { bytes, head: None });
        };
        let source = entry.source();
        let file = open_same(plan, &source, expected)?;
        let mut head = vec![0; usize::try_from(bytes.min(HEAD_BYTES)).unwrap_or(0)];
        read_run(&*file, &source, expected, 0, &mut head)?;
        Ok(Self { bytes, head: Some(Sha256::digest(&head).into()) })
    }
}
