//! A DAG as a CAR archive, depth first, written while it is sent: one block and the way down to it are in memory.

use std::{
    collections::{HashMap, VecDeque},
    io,
    ops::Range,
};

use holdfast_content::{
    BlockName, BlockSource, CODEC_DAG_PB, CODEC_RAW, Cid, EntityNode, HASH_IDENTITY, ReadError, car::car_header,
    car::push_car_block, child_cids, entity_node,
};

use super::format::{CarOptions, DagScope, Duplicates};
use crate::store::{blocks::BlockStore, memory::Claim};

/// Small blocks are sent together up to here.
const PIECE_BYTES: usize = 64 * 1024;

/// What it takes to remember that a block was sent.
const SENT_BYTES: usize = 96;

/// Blocks that are known and not sent yet: as many as a judgement has.
const MAX_PENDING: usize = 1 << 18;

/// The parts of an archive.
#[derive(Debug)]
pub(super) struct CarStream {
    blocks: BlockStore,
    piece: Vec<u8>,
    /// The blocks that lead to the wanted node.
    path: VecDeque<Cid>,
    pending: Vec<Step>,
    /// Those sent, when none is sent twice, and whether all that is wanted below them was sent or will be.
    sent: Option<HashMap<Name, bool>>,
    /// For what is pending and what was sent.
    memory: Claim,
}

/// Version, codec and hash: an archive names blocks by their CIDs.
type Name = (u64, BlockName);

#[derive(Debug)]
struct Step {
    cid: Cid,
    wanted: Below,
}

/// What is wanted of a block and what lies below it.
#[derive(Clone, Debug)]
enum Below {
    Nothing,
    Everything,
    Entity,
    /// The blocks of a file that hold bytes of `wanted`; this one spans `span`.
    Bytes {
        span: Range<u64>,
        wanted: Range<u64>,
    },
}

/// Why there is no archive.
#[derive(Debug, thiserror::Error)]
pub(super) enum CarError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("the bytes that are asked for lie behind the file's end")]
    BeyondTheEnd,
}

impl CarStream {
    /// The archive of `cid`, which was reached over the blocks `path`. Reads the first block.
    pub(super) fn new(
        blocks: BlockStore,
        path: Vec<Cid>,
        cid: Cid,
        options: &CarOptions,
        memory: Claim,
    ) -> Result<Self, CarError> {
        let wanted = match options.scope {
            DagScope::Block => Below::Nothing,
            DagScope::All => Below::Everything,
            DagScope::Entity => Below::Entity,
            DagScope::EntityBytes(range) => {
                let block = block_of(&blocks, &cid)?;
                match entity_node(&cid, &block)? {
                    EntityNode::File { own_bytes, children } => {
                        // The sum was checked.
                        let bytes = own_bytes + children.iter().map(|(_, bytes)| bytes).sum::<u64>();
                        let wanted = range.within(bytes).ok_or(CarError::BeyondTheEnd)?;
                        if wanted.is_empty() { Below::Nothing } else { Below::Bytes { span: 0..bytes, wanted } }
                    }
                    EntityNode::Directory { .. } | EntityNode::Single => Below::Entity,
                }
            }
        };
        block_of(&blocks, &cid)?;
        Ok(Self {
            blocks,
            piece: car_header(&[cid]),
            path: path.into(),
            pending: vec![Step { cid, wanted }],
            sent: (options.duplicates == Duplicates::LeftOut).then(HashMap::new),
            memory,
        })
    }

    fn step(&mut self) -> Result<Option<()>, ReadError> {
        let step = match self.path.pop_front() {
            Some(cid) => Step { cid, wanted: Below::Nothing },
            None => match self.pending.pop() {
                Some(step) => step,
                None => return Ok(None),
            },
        };
        let is_inline = step.cid.hash().code() == HASH_IDENTITY;
        let before = if is_inline { Before::Nothing } else { self.remember(&step) };
        if before == Before::All {
            return Ok(Some(()));
        }
        let block = block_of(&self.blocks, &step.cid)?;
        self.descend(&step, &block)?;
        if before == Before::Nothing && !is_inline {
            push_car_block(&mut self.piece, &step.cid, &block);
        }
        Ok(Some(()))
    }

    fn descend(&mut self, step: &Step, block: &[u8]) -> Result<(), ReadError> {
        let first = self.pending.len();
        let cid = &step.cid;
        match &step.wanted {
            Below::Nothing => {}
            Below::Everything => {
                if !matches!(cid.codec(), CODEC_RAW | CODEC_DAG_PB) {
                    return Err(ReadError::UnknownCodec(*cid));
                }
                let children = child_cids(cid, block)?.into_iter();
                self.pending.extend(children.map(|cid| Step { cid, wanted: Below::Everything }));
            }
            Below::Entity => {
                let below = match entity_node(cid, block)? {
                    EntityNode::File { children, .. } => children.into_iter().map(|(cid, _)| cid).collect(),
                    EntityNode::Directory { shards } => shards,
                    EntityNode::Single => Vec::new(),
                };
                self.pending.extend(below.into_iter().map(|cid| Step { cid, wanted: Below::Entity }));
            }
            Below::Bytes { span, wanted } => {
                let EntityNode::File { own_bytes, children } = entity_node(cid, block)? else {
                    return Err(ReadError::WrongKind(*cid, "file"));
                };
                let mut start = span.start + own_bytes;
                for (cid, bytes) in children {
                    let span = start..start.saturating_add(bytes);
                    start = span.end;
                    let is_inside = span.start >= wanted.start && span.end <= wanted.end;
                    if span.start < wanted.end && span.end > wanted.start {
                        let bytes = Below::Bytes { span, wanted: wanted.clone() };
                        self.pending.push(Step { cid, wanted: if is_inside { Below::Entity } else { bytes } });
                    }
                }
            }
        }
        if self.pending.len() > MAX_PENDING {
            return Err(ReadError::Invalid(*cid, "the tree is too wide"));
        }
        self.pending[first..].reverse();
        let sent = self.sent.as_ref().map_or(0, HashMap::len);
        let bytes = sent * SENT_BYTES + self.pending.capacity() * size_of::<Step>();
        // Without, every block would be sent as often as links lead to it: the archive is cut instead.
        self.memory.resize(bytes).map_err(io::Error::from)?;
        Ok(())
    }

    /// Notes what is sent now, and says what was before.
    fn remember(&mut self, step: &Step) -> Before {
        let Some(sent) = &mut self.sent else { return Before::Nothing };
        let cid = &step.cid;
        let is_all = cid.codec() == CODEC_RAW || matches!(step.wanted, Below::Everything | Below::Entity);
        let name = name_of(cid);
        match sent.get_mut(&name) {
            Some(true) => Before::All,
            Some(was_all) => {
                *was_all = is_all;
                Before::Itself
            }
            None => {
                sent.insert(name, is_all);
                Before::Nothing
            }
        }
    }
}

/// What was sent of a block and of what lies below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    Nothing,
    Itself,
    All,
}

impl Iterator for CarStream {
    type Item = Result<Vec<u8>, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.piece.len() < PIECE_BYTES {
            match self.step() {
                Ok(Some(())) => {}
                Ok(None) => break,
                Err(error) => {
                    self.path.clear();
                    self.pending.clear();
                    return Some(Err(error));
                }
            }
        }
        let piece = std::mem::take(&mut self.piece);
        (!piece.is_empty()).then_some(Ok(piece))
    }
}

fn name_of(cid: &Cid) -> Name {
    (u64::from(cid.version()), BlockName::of(cid))
}

fn block_of(blocks: &BlockStore, cid: &Cid) -> Result<Vec<u8>, ReadError> {
    blocks.get(cid)?.ok_or(ReadError::Missing(*cid))
}

#[cfg(test)]
mod tests {
    use cid::multihash::Multihash;
    use holdfast_content::{BlockSink, HASH_SHA2_256};
    use sha2::{Digest, Sha256};

    use super::*;
    use crate::store::{
        blocks::BlockWriter,
        memory::{Memory, Who},
    };

    fn put(writer: &mut BlockWriter, codec: u64, bytes: &[u8]) -> Cid {
        let cid = Cid::new_v1(codec, Multihash::wrap(HASH_SHA2_256, &Sha256::digest(bytes)).unwrap());
        writer.put(&cid, &[bytes]).unwrap();
        cid
    }

    /// A node that links to `first` and then, again and again, to `others`.
    fn node(writer: &mut BlockWriter, first: Cid, others: Cid) -> Cid {
        let links = std::iter::once(first).chain(std::iter::repeat_n(others, 40_000));
        let links = links.map(|cid| [&[0x12, 38, 0x0a, 36], cid.to_bytes().as_slice()].concat());
        let bytes: Vec<u8> = links.flatten().collect();
        put(writer, CODEC_DAG_PB, &bytes)
    }

    #[test]
    fn an_archive_of_a_tree_that_is_too_wide_is_cut_short() {
        let dir = tempfile::tempdir().unwrap();
        let blocks = BlockStore::open(dir.path()).unwrap();
        let mut writer = blocks.writer();
        let leaf = put(&mut writer, CODEC_RAW, b"leaf");
        let options = CarOptions { scope: DagScope::All, duplicates: Duplicates::LeftOut };
        let mut root = leaf;
        for depth in 1..=8 {
            root = node(&mut writer, root, leaf);
            let memory = Memory::new(1 << 30).claim(Who::Peer(None));
            let last = CarStream::new(blocks.clone(), Vec::new(), root, &options, memory).unwrap().last().unwrap();
            assert_eq!(last.is_ok(), depth <= 6, "{depth}");
        }
    }
}
