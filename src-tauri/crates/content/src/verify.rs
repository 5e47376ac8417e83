//! Walking a DAG to say whether all of it is there and undamaged.

use std::{collections::HashSet, io};

use cid::Cid;

use crate::{
    block::{BlockSource, HASH_IDENTITY, MAX_BLOCK_BYTES, is_block_of},
    read::{ReadError, child_cids},
};

/// What a walk may cost at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalkLimits {
    /// Different blocks that are looked at.
    pub blocks: usize,
    /// Missing, damaged and unknown blocks that are named.
    pub named: usize,
}

impl Default for WalkLimits {
    /// A hundred million blocks: more than any disk has, and a hostile DAG has to send them all.
    fn default() -> Self {
        Self { blocks: 100_000_000, named: 100 }
    }
}

/// What a walk found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Walked {
    /// Different blocks that are there and undamaged.
    pub blocks: usize,
    /// Their bytes together.
    pub bytes: u64,
    /// Blocks that are not there.
    pub missing: Vec<Cid>,
    /// Blocks that are not what their CID says, or no nodes.
    pub corrupt: Vec<Cid>,
    /// Blocks that cannot be judged: their hash proves nothing here ([`is_block_of`]), or their codec's links are not known.
    pub unknown: Vec<Cid>,
    /// Whether the walk ended at a limit.
    pub cut: bool,
}

impl Walked {
    /// Whether everything is there and undamaged.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.named() == 0 && !self.cut
    }

    pub(crate) const fn named(&self) -> usize {
        self.missing.len() + self.corrupt.len() + self.unknown.len()
    }
}

/// Walks everything below `root`, each block once, and checks every block against its CID. Blocks whose CID is their
/// content (identity) need not be held and are not counted.
///
/// ```
/// use std::collections::HashMap;
/// use holdfast_content::{Cid, WalkLimits, verify};
/// let root: Cid = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e".parse()?;
/// let mut blocks = HashMap::new();
/// assert_eq!(verify(&blocks, &root, WalkLimits::default())?.missing, [root]);
/// blocks.insert(root, b"hello world".to_vec());
/// assert!(verify(&blocks, &root, WalkLimits::default())?.is_complete());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Only those of the source; what is wrong with the DAG is in the result.
pub fn verify(source: &dyn BlockSource, root: &Cid, limits: WalkLimits) -> io::Result<Walked> {
    walk(root, limits, Walked::default(), |cid| {
        let Some(bytes) = source.get(cid)? else { return Ok(Found::Missing) };
        if bytes.len() > MAX_BLOCK_BYTES {
            return Ok(Found::Corrupt);
        }
        Ok(match is_block_of(cid, &bytes) {
            Some(true) => judge(cid, &bytes),
            Some(false) => Found::Corrupt,
            None => Found::Unknown,
        })
    })
}

/// What there is of a block.
pub(crate) enum Found {
    Missing,
    Corrupt,
    Unknown,
    /// It has been named before the walk.
    Named,
    Sound {
        bytes: u64,
        children: Vec<Cid>,
    },
}

/// What bytes that are known to hash to `cid` are.
pub(crate) fn judge(cid: &Cid, bytes: &[u8]) -> Found {
    match child_cids(cid, bytes) {
        Ok(children) => Found::Sound { bytes: bytes.len() as u64, children },
        Err(ReadError::UnknownCodec(_)) => Found::Unknown,
        Err(_) => Found::Corrupt,
    }
}

/// Adds to `walked` what `look` finds below `root`.
pub(crate) fn walk(
    root: &Cid,
    limits: WalkLimits,
    mut walked: Walked,
    mut look: impl FnMut(&Cid) -> io::Result<Found>,
) -> io::Result<Walked> {
    let mut known = HashSet::from([*root]);
    let mut pending = vec![*root];
    while let Some(cid) = pending.pop() {
        if walked.named() >= limits.named {
            walked.cut = true;
            break;
        }
        let is_identity = cid.hash().code() == HASH_IDENTITY;
        let found = if is_identity { judge(&cid, cid.hash().digest()) } else { look(&cid)? };
        let children = match found {
            Found::Sound { bytes, children } => {
                if !is_identity {
                    walked.blocks += 1;
                    walked.bytes += bytes;
                }
                children
            }
            Found::Missing => {
                walked.missing.push(cid);
                continue;
            }
            Found::Corrupt => {
                walked.corrupt.push(cid);
                continue;
            }
            Found::Unknown => {
                walked.unknown.push(cid);
                continue;
            }
            Found::Named => continue,
        };
        for child in children {
            if known.contains(&child) {
                continue;
            }
            if known.len() >= limits.blocks {
                walked.cut = true;
                break;
            }
            known.insert(child);
            pending.push(child);
        }
    }
    Ok(walked)
}
