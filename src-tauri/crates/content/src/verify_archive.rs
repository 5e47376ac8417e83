//! Verifying a DAG while its archive comes in, such as a trustless gateway's answer: one pass, and no block is kept.

use std::{
    collections::{HashMap, hash_map::Entry},
    io::Read,
};

use cid::Cid;

use crate::{
    car::{CarError, CarReader},
    verify::{Found, WalkLimits, Walked, judge, walk},
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
    let mut walked = Walked::default();
    let mut held: HashMap<Cid, Held> = HashMap::new();
    for block in archive {
        if walked.named() >= limits.named || held.len() >= limits.blocks {
            walked.cut = true;
            return Ok(walked);
        }
        match block {
            Ok((cid, bytes)) => {
                if !matches!(held.get(&cid), Some(Held::Sound { .. })) {
                    held.insert(cid, Held::of(judge(&cid, &bytes)));
                }
            }
            Err(CarError::Corrupt(cid)) => {
                if !walked.corrupt.contains(&cid) {
                    walked.corrupt.push(cid);
                }
                held.entry(cid).or_insert(Held::Named);
            }
            Err(CarError::UnknownHash(cid)) => {
                if let Entry::Vacant(place) = held.entry(cid) {
                    place.insert(Held::Unknown);
                }
            }
            Err(error) => return Err(error),
        }
    }
    let walked = walk(root, limits, walked, |cid| Ok(held.get(cid).map_or(Found::Missing, Held::found)))?;
    Ok(walked)
}

/// What is kept of a block.
enum Held {
    Sound {
        bytes: u64,
        /// The children's CIDs in binary form, one after the other: a third of their size in memory.
        children: Box<[u8]>,
    },
    NoNode,
    Unknown,
    Named,
}

impl Held {
    fn of(found: Found) -> Self {
        match found {
            Found::Sound { bytes, children } => {
                Self::Sound { bytes, children: children.iter().flat_map(Cid::to_bytes).collect() }
            }
            Found::Unknown => Self::Unknown,
            Found::Missing | Found::Corrupt | Found::Named => Self::NoNode,
        }
    }

    fn found(&self) -> Found {
        match self {
            Self::Sound { bytes, children } => {
                let mut rest = &**children;
                let children = std::iter::from_fn(|| Cid::read_bytes(&mut rest).ok()).collect();
                Found::Sound { bytes: *bytes, children }
            }
            Self::NoNode => Found::Corrupt,
            Self::Unknown => Found::Unknown,
            Self::Named => Found::Named,
        }
    }
}
