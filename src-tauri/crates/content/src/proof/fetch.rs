//! Blocks of the other side, checked and counted.

use std::io;

use cid::Cid;

use super::{Difference, EntryWord, ProofLimits, Proven, Verdict};
use crate::{
    block::{BlockSource, CODEC_DAG_PB, CODEC_RAW, HASH_IDENTITY, MAX_BLOCK_BYTES, is_block_of},
    dag_pb::{self, PbLink},
    unixfs::{self, TYPE_DIRECTORY, TYPE_FILE, TYPE_RAW, TYPE_SHARD, TYPE_SYMLINK, UnixFs},
};

/// Links of the nodes on the way down that are held at a time: 34 MB, and no writer needs a tenth of it.
const MAX_HELD_LINKS: usize = 1 << 18;

/// Why a comparison ends before everything is proven.
pub(super) enum End {
    FromByte(u64),
    OtherKind(EntryWord),
    OtherTarget,
    Differs(Difference),
    Cannot(Cid, &'static str),
    Undecided(&'static str),
    Io(io::Error),
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// A dag-pb node with its UnixFS message.
pub(super) struct Node {
    pub(super) links: Vec<PbLink>,
    pub(super) message: UnixFs,
}

/// A block by its codec.
pub(super) enum Block {
    Raw(Vec<u8>),
    Node(Node),
}

impl Block {
    /// What the block is the root of.
    pub(super) fn word(&self) -> Result<EntryWord, End> {
        match self {
            Self::Raw(_) => Ok(EntryWord::File),
            Self::Node(node) => match node.message.kind {
                TYPE_FILE | TYPE_RAW => Ok(EntryWord::File),
                TYPE_DIRECTORY | TYPE_SHARD => Ok(EntryWord::Directory),
                TYPE_SYMLINK => Ok(EntryWord::Symlink),
                _ => Err(End::Undecided("the DAG has a UnixFS type that is not known here")),
            },
        }
    }
}

/// Gets blocks until that has cost what was allowed.
pub(super) struct Fetcher<'a> {
    source: &'a dyn BlockSource,
    limits: ProofLimits,
    blocks: u64,
    bytes: u64,
    links: u64,
    held_links: usize,
}

impl<'a> Fetcher<'a> {
    pub(super) const fn new(source: &'a dyn BlockSource, limits: ProofLimits) -> Self {
        Self { source, limits, blocks: 0, bytes: 0, links: 0, held_links: 0 }
    }

    pub(super) const fn proven(&self, verdict: Verdict) -> Proven {
        Proven { verdict, fetched_blocks: self.blocks, fetched_bytes: self.bytes }
    }

    /// Counts a link that is looked at.
    pub(super) const fn look(&mut self) -> Result<(), End> {
        self.links += 1;
        if self.links > self.limits.links {
            return Err(End::Undecided("it has more links than were allowed"));
        }
        Ok(())
    }

    /// Counts links that stay in memory until [`Fetcher::release`].
    pub(super) const fn hold(&mut self, links: usize) -> Result<(), End> {
        self.held_links += links;
        if self.held_links > MAX_HELD_LINKS {
            return Err(End::Undecided("it has more links in one place than were allowed"));
        }
        Ok(())
    }

    pub(super) const fn release(&mut self, links: usize) {
        self.held_links -= links;
    }

    pub(super) fn block(&mut self, cid: &Cid) -> Result<Block, End> {
        match cid.codec() {
            CODEC_RAW => self.bytes(cid).map(Block::Raw),
            CODEC_DAG_PB => {
                let bytes = self.bytes(cid)?;
                let invalid = |_| End::Cannot(*cid, "not a valid node");
                let node = dag_pb::decode(&bytes).map_err(invalid)?;
                let message = unixfs::decode(node.data.as_deref().unwrap_or_default()).map_err(invalid)?;
                Ok(Block::Node(Node { links: node.links, message }))
            }
            _ => Err(End::Undecided("a CID is neither raw nor dag-pb")),
        }
    }

    fn bytes(&mut self, cid: &Cid) -> Result<Vec<u8>, End> {
        if cid.hash().code() == HASH_IDENTITY {
            return Ok(cid.hash().digest().to_vec());
        }
        if self.blocks >= self.limits.blocks || self.bytes >= self.limits.bytes {
            return Err(End::Undecided("it costs more blocks than were allowed"));
        }
        let bytes = self.source.get(cid)?.ok_or(End::Cannot(*cid, "not to be had"))?;
        self.blocks += 1;
        self.bytes += bytes.len() as u64;
        if bytes.len() > MAX_BLOCK_BYTES {
            return Err(End::Cannot(*cid, "larger than 2 MiB"));
        }
        match is_block_of(cid, &bytes) {
            Some(true) => Ok(bytes),
            Some(false) => Err(End::Cannot(*cid, "its bytes are not what its CID says")),
            None => Err(End::Cannot(*cid, "its hash function is not supported")),
        }
    }
}
