//! Walking a DAG to say whether all of it is there and undamaged.

use std::{collections::HashSet, io};

use cid::Cid;

use crate::{
    block::{BlockSource, HASH_IDENTITY, MAX_BLOCK_BYTES, is_block_of},
    read::child_cids,
};

/// What a walk may cost at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalkLimits {
    /// Different blocks that are looked at.
    pub blocks: usize,
    /// Missing or damaged blocks that are named.
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
    /// Whether the walk ended at a limit.
    pub cut: bool,
}

impl Walked {
    /// Whether everything is there and undamaged.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty() && self.corrupt.is_empty() && !self.cut
    }
}

/// Walks everything below `root`, each block once, and checks every block against its CID.
///
/// # Errors
/// Only those of the source; what is wrong with the DAG is in the result.
pub fn verify(source: &dyn BlockSource, root: &Cid, limits: WalkLimits) -> io::Result<Walked> {
    let mut walked = Walked::default();
    let mut known = HashSet::from([*root]);
    let mut pending = vec![*root];
    while let Some(cid) = pending.pop() {
        if walked.missing.len() + walked.corrupt.len() >= limits.named {
            walked.cut = true;
            break;
        }
        // Its bytes are the CID's own; those that it links to are not.
        let is_inline = cid.hash().code() == HASH_IDENTITY;
        let bytes = if is_inline { Some(cid.hash().digest().to_vec()) } else { source.get(&cid)? };
        let Some(bytes) = bytes else {
            walked.missing.push(cid);
            continue;
        };
        let is_sound = bytes.len() <= MAX_BLOCK_BYTES && is_block_of(&cid, &bytes) == Some(true);
        let Some(children) = is_sound.then(|| child_cids(&cid, &bytes).ok()).flatten() else {
            walked.corrupt.push(cid);
            continue;
        };
        if !is_inline {
            walked.blocks += 1;
            walked.bytes += bytes.len() as u64;
        }
        for child in children {
            if known.len() >= limits.blocks {
                walked.cut = true;
                break;
            }
            if known.insert(child) {
                pending.push(child);
            }
        }
    }
    Ok(walked)
}
