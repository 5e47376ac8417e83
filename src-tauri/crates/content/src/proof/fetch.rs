//! Blocks of the other side, checked and counted.

use std::io;

use cid::Cid;

use super::{Difference, EntryWord, ProofLimits, Proven, Verdict};
use crate::{
    block::{BlockSource, CODEC_DAG_PB, CODEC_RAW, MAX_BLOCK_BYTES, is_block_of},
    judge::{
        Unfit,
        node::{Block, Node, inline, judge_block},
        walk::MAX_HELD_LINKS,
    },
};

/// Why a comparison ends before everything is proven.
pub(super) enum End {
    FromByte(u64),
    OtherKind(EntryWord),
    OtherTarget,
    OtherHash,
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

impl End {
    /// A block that is there and against the rule.
    pub(super) const fn unfit(cid: &Cid, why: Unfit) -> Self {
        match why {
            Unfit::Malformed(_) => Self::Cannot(*cid, "not a valid node"),
            Unfit::Against(why) => Self::Cannot(*cid, why),
        }
    }
}

/// What a block is the root of.
pub(super) const fn word(block: &Block) -> EntryWord {
    match block {
        Block::Raw(_) | Block::Node(Node::File(_)) => EntryWord::File,
        Block::Node(Node::Directory(_) | Node::Shard(_)) => EntryWord::Directory,
        Block::Node(Node::Symlink(_)) => EntryWord::Symlink,
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
        if !matches!(cid.codec(), CODEC_RAW | CODEC_DAG_PB) {
            return Err(End::Undecided("a CID is neither raw nor dag-pb"));
        }
        let bytes = self.bytes(cid)?;
        judge_block(cid, bytes).map_err(|why| End::unfit(cid, why))
    }

    fn bytes(&mut self, cid: &Cid) -> Result<Vec<u8>, End> {
        if let Some(bytes) = inline(cid) {
            return Ok(bytes.to_vec());
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
