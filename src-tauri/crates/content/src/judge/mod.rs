//! What a DAG is judged to be: the one rule, for whoever verifies, imports, exports, pins, serves or compares one.
//!
//! A DAG is **taken** if everything below its root is there and the rule below holds, and then all readers give the same
//! bytes, names and kinds. Else it is **refused**, with the first thing that is wrong. What one block says by itself is
//! judged by [`node`](node::judge_block); what blocks say about one another, by the [`walk`](walk::walk). Nothing else
//! judges.
//!
//! Where Kubo (0.43) takes what is refused here, or the reverse, the reason is in the last column. Kubo pins any blocks with
//! links, and finds out when it reads; here a pin promises that it can be read.
//!
//! | what | verdict | Kubo |
//! |---|---|---|
//! | a block is missing, damaged, over 2 MiB, or has a hash that proves nothing | refused | refuses |
//! | a codec other than raw and dag-pb, at the root or below | refused | pins what its links lead to; there is no file or directory in it, so nobody could read what is pinned |
//! | a block that is its own CID (identity), wherever a block may be, up to 64 bytes | taken; not counted as a block | takes up to 128 bytes; a CID here has room for 64 |
//! | dag-pb: fields that are unknown, twice or cut; links on both sides of the data; link fields out of order | refused | refuses |
//! | UnixFS: no type, a type other than file, raw, directory, symlink and shard | refused | pins; cannot read it (metadata, type 3, it can; nobody writes it) |
//! | UnixFS: fields that are unknown or twice | refused | takes, the last one counts; readers differ in which they take |
//! | mode and time | taken; they are no content | takes |
//! | `Tsize` absent, wrong or too large | taken: a hint, shown and not trusted | takes |
//! | **file**: `filesize` absent | taken: the sum of the parts counts | pins; `cat` gives all of it; says that it has no bytes, so that `get` fails and a range is empty |
//! | file: `filesize` is not the sum of its data and its `blocksizes` | refused | pins; `cat` gives what is there, `get` fails, for that is not as long as is said |
//! | file: `blocksizes` absent, or not as many as links | refused | pins; gives all of it where `filesize` is right; cannot seek in it |
//! | file: a part is not as long as its parent says | refused | pins; `cat` gives what is there, `get` fails unless the sum is right all the same; a range may give other bytes than the whole |
//! | file: the sizes exceed 64 bits | refused | takes |
//! | file: a part without bytes | taken, if it is there: rewriting makes such | takes |
//! | file: data beside links, at any level (trickle); type raw with links | taken | takes |
//! | file: a part that is no file: directory, symlink, shard | refused | pins; cannot read it |
//! | file: more than 64 nodes one below the other | refused | takes; no writer makes a tenth of it |
//! | **directory**: links in any order | taken | takes |
//! | directory: a name that is empty, `.` or `..`, or has a slash or a NUL | refused | pins; cannot write it to a disk, or lead to it |
//! | directory: a name twice | refused | pins; which one is meant depends on the reader |
//! | directory: a name that is no UTF-8 | taken; written as [`name_as_text`](crate::name_as_text) does | takes |
//! | directory: data, sizes | taken, passed over | takes |
//! | directory: more than 256 below one another | refused | takes; no file system holds it |
//! | **shard**: a hash other than murmur3, a fan-out that is no power of two from 8 to 1024 | refused | refuses to read it |
//! | shard: a link without a slot, a slot twice, a list of slots that is not that of its links | refused | pins; lists and finds different entries |
//! | shard: a name where its hash does not lead, as in a part of a sharded directory that is taken for a root | refused | pins; lists what it does not find |
//! | shard: an empty one below another, another fan-out than the one above, something else in its place | refused | pins |
//! | an empty directory that is a shard | taken | takes |
//! | **symlink**: links, a target that is empty or has a NUL | refused | takes; no disk has such |
//!
//! What a disk can hold is no question of the DAG: names that are too long for it, or that Windows reads as something else,
//! are the business of [`export`](crate::export()).
//!
//! # What it costs
//!
//! A block is read once, however many links lead to it, and its links are looked at once; so a walk costs what the DAG's
//! different blocks have in bytes, and no more. Leaves that are raw are not read where their length is known otherwise.

pub(crate) mod node;
pub(crate) mod shard;
pub(crate) mod unfit;
pub(crate) mod walk;

use std::{fmt, io};

use cid::Cid;

use crate::{
    block::{BlockSource, CODEC_DAG_PB, CODEC_RAW},
    read_error::ReadError,
};
pub use unfit::Unfit;
use walk::{Fault, Look, Looked, walk};
pub use walk::{Judged, JudgedKind, WalkLimits};

/// A block that is against the rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Which.
    pub cid: Cid,
    /// Why.
    pub why: Unfit,
}

impl fmt::Display for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cid, why } = self;
        ReadError::from((*cid, *why)).fmt(formatter)
    }
}

/// Judges everything below `root`. The source's blocks are taken for what their CIDs say: it has checked them, or
/// [`verify`](crate::verify()) is what is wanted.
///
/// ```
/// use std::collections::HashMap;
/// use holdfast_content::{Cid, JudgedKind, judge};
/// // The blocks of this directory and of its file are within their CIDs.
/// let directory: Cid = "bafyaaeysbufamakvaabgq2isafqrqaqkaieac".parse()?;
/// let blocks: HashMap<Cid, Vec<u8>> = HashMap::new();
/// let judged = judge(&blocks, &directory)?;
/// assert_eq!((judged.kind, judged.content_bytes), (JudgedKind::Directory, 2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`ReadError`]: the first thing for which the DAG is refused, or what reading met.
pub fn judge(source: &dyn BlockSource, root: &Cid) -> Result<Judged, ReadError> {
    let limits = WalkLimits { named: 1, ..WalkLimits::default() };
    let mut first = None;
    let judged = walk(root, limits, &mut Sound(source), &mut |fault| {
        first.get_or_insert(fault);
    })?;
    match (first, judged) {
        (Some(fault), _) => Err(fault.into()),
        (None, Some(judged)) => Ok(judged),
        (None, None) => Err(ReadError::Invalid(*root, "it has more blocks than are looked at")),
    }
}

/// Blocks that were checked.
pub(crate) struct Sound<'a>(pub(crate) &'a dyn BlockSource);

impl Look for Sound<'_> {
    fn look(&mut self, cid: &Cid) -> io::Result<Looked> {
        match cid.codec() {
            CODEC_RAW => Ok(self.0.len_of(cid)?.map_or(Looked::Missing, Looked::Raw)),
            CODEC_DAG_PB => Ok(self.0.get(cid)?.map_or(Looked::Missing, |bytes| Looked::of(cid, &bytes))),
            _ => Ok(self.0.len_of(cid)?.map_or(Looked::Missing, |_| Looked::UnknownCodec)),
        }
    }
}

impl From<Fault> for ReadError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Missing(cid) => Self::Missing(cid),
            Fault::Corrupt(cid) => {
                Self::Io(io::Error::new(io::ErrorKind::InvalidData, format!("the block {cid} is damaged")))
            }
            Fault::UnknownHash(cid) => Self::Invalid(cid, "its hash proves nothing"),
            Fault::UnknownCodec(cid) => Self::UnknownCodec(cid),
            Fault::Unfit(cid, why) => (cid, why).into(),
        }
    }
}
