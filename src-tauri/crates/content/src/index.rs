//! An index of blocks that lie in the user's own files: any block of an import can be had again without a copy of it.

use std::{
    collections::{HashMap, hash_map::Entry},
    io,
};

use cid::Cid;

use crate::{
    block::{BlockSink, BlockSource, CODEC_DAG_PB, FileNumber, HASH_SHA2_256, LeafBlock, MAX_BLOCK_BYTES, is_block_of},
    proof::LocalBytes,
    unixfs,
};

type Digest = [u8; 32];

/// Takes an import's blocks and keeps of each leaf only where its content lies; inner nodes, which are nowhere else, are
/// kept whole (some 50 bytes for every leaf).
#[derive(Clone, Debug, Default)]
pub struct BlockIndex {
    blocks: HashMap<Digest, Block>,
}

#[derive(Clone, Debug)]
enum Block {
    Inner(Box<[u8]>),
    /// The same content may lie in several places; when one has changed, another may still hold it.
    Leaf(Place, Vec<Place>),
}

/// Where a leaf's content lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, as the import numbered it.
    pub file: FileNumber,
    /// Where in the file, in bytes.
    pub offset: u64,
    /// How many bytes.
    pub bytes: u32,
}

impl BlockIndex {
    /// An index of nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Blocks that the index knows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.blocks.len()
    }

    /// Whether it knows none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// Where a leaf's content lies; none for inner nodes and for blocks that are not known.
    pub fn places(&self, cid: &Cid) -> impl Iterator<Item = Place> {
        let (first, others) = match digest_of(cid).and_then(|digest| self.blocks.get(&digest)) {
            Some(Block::Leaf(first, others)) => (Some(*first), others.as_slice()),
            _ => (None, [].as_slice()),
        };
        first.into_iter().chain(others.iter().copied())
    }

    /// The blocks, read from where they lie by `open`, which gives a file by its number or `None` when it is gone.
    ///
    /// A block is given only if its bytes still have its hash: a file that changed since has lost its blocks.
    ///
    /// ```
    /// use holdfast_content::{BlockIndex, BlockSource, FileImporter, Profile};
    ///
    /// let file: &[u8] = b"hello world";
    /// let mut index = BlockIndex::new();
    /// let mut importer = FileImporter::new(Profile::UNIXFS_V0_2015);
    /// importer.push(file, &mut index)?;
    /// let root = importer.finish(&mut index)?;
    /// let block = index.blocks(|_| Ok(Some(file))).get(&root.cid)?.expect("it is known and unchanged");
    /// assert!(block.windows(file.len()).any(|window| window == file));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub const fn blocks<F, L>(&self, open: F) -> IndexedBlocks<'_, F>
    where
        F: Fn(FileNumber) -> io::Result<Option<L>>,
        L: LocalBytes,
    {
        IndexedBlocks { index: self, open }
    }
}

impl BlockSink for BlockIndex {
    fn put(&mut self, cid: &Cid, parts: &[&[u8]]) -> io::Result<()> {
        if let Some(digest) = digest_of(cid) {
            self.blocks.entry(digest).or_insert_with(|| Block::Inner(parts.concat().into()));
        }
        Ok(())
    }

    fn put_leaf(&mut self, cid: &Cid, leaf: &LeafBlock<'_>) -> io::Result<()> {
        let bytes = u32::try_from(leaf.content.len()).map_err(io::Error::other)?;
        let place = Place { file: leaf.file, offset: leaf.offset, bytes };
        let Some(digest) = digest_of(cid) else { return Ok(()) };
        match self.blocks.entry(digest) {
            Entry::Vacant(entry) => drop(entry.insert(Block::Leaf(place, Vec::new()))),
            Entry::Occupied(mut entry) => match entry.get_mut() {
                // A run of zeros is thousands of places; one for each file is enough.
                Block::Leaf(first, others) if first.file != place.file => {
                    if others.iter().all(|other| other.file != place.file) {
                        others.push(place);
                    }
                }
                Block::Leaf(..) | Block::Inner(_) => {}
            },
        }
        Ok(())
    }
}

/// A [`BlockIndex`]'s blocks, as a source.
#[derive(Clone, Debug)]
pub struct IndexedBlocks<'a, F> {
    index: &'a BlockIndex,
    open: F,
}

impl<F, L> BlockSource for IndexedBlocks<'_, F>
where
    F: Fn(FileNumber) -> io::Result<Option<L>>,
    L: LocalBytes,
{
    fn get(&self, cid: &Cid) -> io::Result<Option<Vec<u8>>> {
        let known = digest_of(cid).and_then(|digest| self.index.blocks.get(&digest));
        if let Some(Block::Inner(block)) = known {
            return Ok(Some(block.to_vec()));
        }
        for place in self.index.places(cid) {
            if let Some(block) = self.read(cid, place)? {
                return Ok(Some(block));
            }
        }
        Ok(None)
    }
}

impl<F, L> IndexedBlocks<'_, F>
where
    F: Fn(FileNumber) -> io::Result<Option<L>>,
    L: LocalBytes,
{
    fn read(&self, cid: &Cid, place: Place) -> io::Result<Option<Vec<u8>>> {
        let content_bytes = place.bytes as usize;
        let Some(file) = (self.open)(place.file)? else { return Ok(None) };
        if content_bytes > MAX_BLOCK_BYTES || file.len() < place.offset + u64::from(place.bytes) {
            return Ok(None);
        }
        let (mut block, after) = match cid.codec() {
            CODEC_DAG_PB => unixfs::leaf_frame(content_bytes),
            _ => Default::default(),
        };
        let content_at = block.len();
        block.resize(content_at + content_bytes, 0);
        file.read_at(place.offset, &mut block[content_at..])?;
        block.extend_from_slice(&after);
        Ok((is_block_of(cid, &block) == Some(true)).then_some(block))
    }
}

fn digest_of(cid: &Cid) -> Option<Digest> {
    (cid.hash().code() == HASH_SHA2_256).then(|| cid.hash().digest().try_into().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FileImporter, Profile, WalkLimits, verify};

    fn index_of(profile: Profile, files: &[&[u8]]) -> (BlockIndex, Vec<Cid>) {
        let mut index = BlockIndex::new();
        let roots = files.iter().zip(0..).map(|(file, number)| {
            let mut importer = FileImporter::numbered(profile, FileNumber(number));
            importer.push(file, &mut index).unwrap();
            importer.finish(&mut index).unwrap().cid
        });
        let roots = roots.collect();
        (index, roots)
    }

    #[test]
    fn every_block_of_a_file_can_be_had_from_the_file() {
        let file: Vec<u8> = (0..100_000u32).flat_map(u32::to_le_bytes).collect();
        for profile in Profile::ALL.map(|profile| profile.custom(10_007, 5)) {
            let (index, roots) = index_of(profile, &[&file]);
            let source = index.blocks(|_| Ok(Some(file.as_slice())));
            let walked = verify(&source, &roots[0], WalkLimits::default()).unwrap();
            assert!(walked.is_complete() && walked.bytes > 400_000, "{walked:?}");
        }
    }

    #[test]
    fn what_changed_on_the_disk_is_not_given_unless_it_lies_elsewhere_too() {
        let (same, other) = ([7; 5000], [8; 5000]);
        let (index, roots) = index_of(Profile::UNIXFS_V1_2025, &[&same, &same]);
        assert_eq!(roots[0], roots[1]);
        assert_eq!(index.places(&roots[0]).count(), 2);
        let one_changed = |number: FileNumber| Ok(Some(if number.0 == 0 { &other[..] } else { &same[..] }));
        assert_eq!(index.blocks(one_changed).get(&roots[0]).unwrap().as_deref(), Some(&same[..]));
        assert_eq!(index.blocks(|_| Ok(Some(&other[..]))).get(&roots[0]).unwrap(), None);
        assert_eq!(index.blocks(|_| Ok(Some(&same[..100]))).get(&roots[0]).unwrap(), None);
        assert_eq!(index.blocks(|_| Ok(None::<&[u8]>)).get(&roots[0]).unwrap(), None);
    }
}
