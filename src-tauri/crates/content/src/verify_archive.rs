//! Verifying a DAG while its archive comes in, such as a trustless gateway's answer: one pass, and no block is kept.

use std::{
    collections::{HashMap, hash_map::Entry},
    io::{self, Read},
};

use cid::Cid;

use crate::{
    block_name::BlockName,
    car::{CarError, CarReader},
    judge::{
        WalkLimits,
        walk::{Look, Looked},
    },
    verify::{Walked, walked},
};

/// Reads an archive to its end and says whether it has everything below `root`. Blocks may come in any order, more than
/// once, and with others that do not belong to the DAG; damaged ones are named even then. Blocks whose CID is their content
/// need not be there. Which roots the header names does not matter.
///
/// Of each block its CID and its children's are kept: some 200 bytes a block, of at most `limits.blocks` blocks.
///
/// ```
/// use holdfast_content::{Cid, WalkLimits, car::CarReader, verify_archive};
/// let root: Cid = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e".parse()?;
/// // A header that names no root, and no block.
/// let answer = CarReader::new(&b"\x11\xa2\x65roots\x80\x67version\x01"[..])?;
/// let walked = verify_archive(answer, &root, WalkLimits::default())?;
/// assert_eq!((walked.missing.as_slice(), walked.is_complete()), (&[root][..], false));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`CarError`] when the archive cannot be read to its end; one that is cut within a block is
/// [`CarError::Truncated`], one that is cut between two blocks is an archive with blocks missing.
pub fn verify_archive<R: Read>(archive: CarReader<R>, root: &Cid, limits: WalkLimits) -> Result<Walked, CarError> {
    let mut named = Walked::default();
    let mut held = HeldBlocks::default();
    for block in archive {
        if named.named() >= limits.named || held.0.len() >= limits.blocks {
            named.cut = true;
            return Ok(named);
        }
        match block {
            Ok((cid, bytes)) => held.keep(&cid, &bytes),
            Err(CarError::Corrupt(cid)) => {
                if !named.corrupt.contains(&cid) {
                    named.corrupt.push(cid);
                }
                held.0.entry(BlockName::of(&cid)).or_insert(Held::Named);
            }
            Err(CarError::UnknownHash(cid)) => {
                if let Entry::Vacant(place) = held.0.entry(BlockName::of(&cid)) {
                    place.insert(Held::UnknownHash);
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(walked(root, limits, named, &mut held)?)
}

/// What is kept of an archive's blocks, by codec and hash: both versions of a CID name the block.
#[derive(Default)]
struct HeldBlocks(HashMap<BlockName, Held>);

enum Held {
    Sound(Box<Looked>),
    UnknownHash,
    Named,
}

impl HeldBlocks {
    fn keep(&mut self, cid: &Cid, bytes: &[u8]) {
        let name = BlockName::of(cid);
        if !matches!(self.0.get(&name), Some(Held::Sound(_))) {
            self.0.insert(name, Held::Sound(Box::new(Looked::of(cid, bytes))));
        }
    }
}

impl Look for HeldBlocks {
    fn look(&mut self, cid: &Cid) -> io::Result<Looked> {
        Ok(match self.0.get(&BlockName::of(cid)) {
            None => Looked::Missing,
            Some(Held::Named) => Looked::Named,
            Some(Held::UnknownHash) => Looked::UnknownHash,
            Some(Held::Sound(looked)) => (**looked).clone(),
        })
    }
}
