//! Walking a DAG to say all that is wrong with it.

use std::io;

use cid::Cid;

use crate::{
    block::{BlockSource, MAX_BLOCK_BYTES, is_block_of},
    judge::{
        Refused, Sound, WalkLimits,
        walk::{Fault, Look, Looked, walk_all},
    },
};

/// What a walk found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Walked {
    /// Different blocks that are there and undamaged.
    pub blocks: usize,
    /// Their bytes together.
    pub bytes: u64,
    /// Blocks that are not there.
    pub missing: Vec<Cid>,
    /// Blocks that are not what their CID says.
    pub corrupt: Vec<Cid>,
    /// Blocks that cannot be judged: their hash proves nothing here ([`is_block_of`]), or their codec's links are not known.
    pub unknown: Vec<Cid>,
    /// Blocks that are what their CID says, and against the rule by which every DAG is judged.
    pub refused: Vec<Refused>,
    /// Whether the walk ended at a limit.
    pub cut: bool,
}

impl Walked {
    /// Whether the DAG is taken: everything is there and undamaged, and nothing against the rule.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.named() == 0 && !self.cut
    }

    pub(crate) const fn named(&self) -> usize {
        self.missing.len() + self.corrupt.len() + self.unknown.len() + self.refused.len()
    }
}

/// Walks everything below `root`, each block once, checks every block against its CID, and judges the DAG. Blocks whose CID
/// is their content (identity) need not be held and are not counted.
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
    walked(root, limits, Walked::default(), &mut Unchecked(source))
}

/// The same of blocks that the source has checked: those of files are not read where their length is known.
///
/// # Errors
/// As [`verify`].
pub fn survey(source: &dyn BlockSource, root: &Cid, limits: WalkLimits) -> io::Result<Walked> {
    walked(root, limits, Walked::default(), &mut Sound(source))
}

/// Blocks of whoever has them.
struct Unchecked<'a>(&'a dyn BlockSource);

impl Look for Unchecked<'_> {
    fn look(&mut self, cid: &Cid) -> io::Result<Looked> {
        let Some(bytes) = self.0.get(cid)? else { return Ok(Looked::Missing) };
        if bytes.len() > MAX_BLOCK_BYTES {
            return Ok(Looked::Corrupt);
        }
        Ok(match is_block_of(cid, &bytes) {
            Some(true) => Looked::of(cid, &bytes),
            Some(false) => Looked::Corrupt,
            None => Looked::UnknownHash,
        })
    }
}

/// Adds to `walked` what is found below `root`.
pub(crate) fn walked(root: &Cid, limits: WalkLimits, mut walked: Walked, look: &mut dyn Look) -> io::Result<Walked> {
    let left = WalkLimits { named: limits.named.saturating_sub(walked.named()), ..limits };
    if left.named == 0 {
        walked.cut = true;
        return Ok(walked);
    }
    let seen = walk_all(root, left, look, &mut |fault| match fault {
        Fault::Missing(cid) => walked.missing.push(cid),
        Fault::Corrupt(cid) => walked.corrupt.push(cid),
        Fault::UnknownHash(cid) | Fault::UnknownCodec(cid) => walked.unknown.push(cid),
        Fault::Unfit(cid, why) => walked.refused.push(Refused { cid, why }),
    })?;
    Ok(Walked { blocks: seen.blocks, bytes: seen.bytes, cut: seen.cut, ..walked })
}
