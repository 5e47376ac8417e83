//! One file against its DAG.

use cid::Cid;
use sha2::{Digest, Sha256};

use super::{
    EntryWord, LocalBytes,
    fetch::{Block, End, Fetcher, Node},
};
use crate::{
    block::{CODEC_DAG_PB, CODEC_RAW, HASH_SHA2_256, MAX_BLOCK_BYTES},
    unixfs::{self, TYPE_FILE, TYPE_RAW, UnixFs},
};

/// Inner nodes between a root and a leaf. Trickle layouts of any size stay below.
const MAX_DEPTH: usize = 64;

/// How many times over the local bytes are hashed as dag-pb leaves before nodes are fetched instead: nodes inside one
/// another may all span the same bytes.
const MAX_HASHED_TIMES: u64 = 8;

/// What an inner node's DAG has over its content at least, beyond a leaf's frame: a link.
const INNER_NODE_SLACK_BYTES: u64 = 32;

/// Compares a file with what `root` names.
pub(super) fn prove(local: &dyn LocalBytes, root: &Cid, fetcher: &mut Fetcher<'_>) -> Result<(), End> {
    let hashes_left = local.len().saturating_mul(MAX_HASHED_TIMES).saturating_add(MAX_BLOCK_BYTES as u64 * 2);
    FileProof { local, fetcher, hashes_left, usual_kind: TYPE_FILE, sizes_lie: false, buffer: Vec::new() }.root(root)
}

struct FileProof<'a, 'b> {
    local: &'a dyn LocalBytes,
    fetcher: &'a mut Fetcher<'b>,
    /// Bytes that may yet be hashed to see whether they are a dag-pb leaf.
    hashes_left: u64,
    /// The UnixFS type of the last dag-pb leaf.
    usual_kind: u64,
    /// Whether a leaf was found that by its link's size had to be an inner node.
    sizes_lie: bool,
    buffer: Vec<u8>,
}

/// Bytes of the file that a link spans.
#[derive(Clone, Copy)]
struct Span {
    start: u64,
    bytes: u64,
}

impl Span {
    const fn end(self) -> u64 {
        self.start + self.bytes
    }
}

impl FileProof<'_, '_> {
    fn root(&mut self, root: &Cid) -> Result<(), End> {
        let whole = Span { start: 0, bytes: self.local.len() };
        if self.is_leaf_of(root, whole)? {
            return Ok(());
        }
        let block = self.fetcher.block(root)?;
        match (block.word()?, block) {
            (EntryWord::File, Block::Raw(bytes)) => {
                self.compare(&bytes, 0)?;
                ends_with(bytes.len() as u64, whole.bytes)
            }
            (EntryWord::File, Block::Node(node)) => {
                let stated = spanned(root, &node.message)?;
                self.children(root, &node, Span { start: 0, bytes: stated }, 0)?;
                // All that the DAG has is there; the local file may have more.
                ends_with(stated, whole.bytes)
            }
            (there, _) => Err(End::OtherKind(there)),
        }
    }

    fn node(&mut self, cid: &Cid, dag_bytes: u64, span: Span, depth: usize) -> Result<(), End> {
        if span.start > self.local.len() || span.bytes > 0 && span.start == self.local.len() {
            return Err(End::FromByte(self.local.len()));
        }
        let by_size = self.may_be_leaf(cid, dag_bytes, span);
        if by_size && self.is_leaf_of(cid, span)? {
            return Ok(());
        }
        if depth >= MAX_DEPTH {
            return Err(End::Undecided("the DAG is too deep"));
        }
        let misfit = End::Cannot(*cid, "its size is not the one that its parent gives");
        match self.fetcher.block(cid)? {
            Block::Raw(bytes) if bytes.len() as u64 != span.bytes => Err(misfit),
            Block::Raw(bytes) => self.compare(&bytes, span.start),
            Block::Node(node) if !matches!(node.message.kind, TYPE_FILE | TYPE_RAW) => {
                Err(End::Cannot(*cid, "not a part of a file"))
            }
            Block::Node(node) if spanned(cid, &node.message)? != span.bytes => Err(misfit),
            Block::Node(node) => {
                self.sizes_lie |= !by_size && node.links.is_empty();
                self.children(cid, &node, span, depth)
            }
        }
    }

    /// Compares what a node holds itself, then what its links span, in the file's order.
    fn children(&mut self, cid: &Cid, node: &Node, span: Span, depth: usize) -> Result<(), End> {
        let message = &node.message;
        if node.links.len() != message.block_bytes.len() {
            return Err(End::Cannot(*cid, "links and block sizes differ in number"));
        }
        self.fetcher.hold(node.links.len())?;
        self.compare(&message.data, span.start)?;
        let mut start = span.start + message.data.len() as u64;
        for (link, &bytes) in node.links.iter().zip(&message.block_bytes) {
            self.fetcher.look()?;
            let child = Span { start, bytes };
            self.node(&link.cid, link.tsize, child, depth + 1)?;
            start = child.end();
        }
        self.fetcher.release(node.links.len());
        Ok(())
    }

    /// Whether hashing is worth it: by its size the node is a leaf, or sizes are not to be trusted here. Only a hint, so that
    /// honest inner nodes are not hashed in vain.
    fn may_be_leaf(&self, cid: &Cid, dag_bytes: u64, span: Span) -> bool {
        cid.codec() == CODEC_RAW || self.sizes_lie || dag_bytes <= span.bytes.saturating_add(INNER_NODE_SLACK_BYTES)
    }

    /// Whether the local bytes of `span`, as a leaf of any kind that the CID may be, hash to it.
    fn is_leaf_of(&mut self, cid: &Cid, span: Span) -> Result<bool, End> {
        let hash = cid.hash();
        let fits = span.bytes <= MAX_BLOCK_BYTES as u64 && span.end() <= self.local.len();
        if !fits || hash.code() != HASH_SHA2_256 {
            return Ok(false);
        }
        let frames: Vec<_> = match cid.codec() {
            // A raw block is always a leaf, and leaves do not overlap: these bytes are hashed once.
            CODEC_RAW => vec![(TYPE_RAW, (Vec::new(), Vec::new()))],
            CODEC_DAG_PB => {
                let Some(left) = self.hashes_left.checked_sub(span.bytes * 2) else { return Ok(false) };
                self.hashes_left = left;
                let other = if self.usual_kind == TYPE_FILE { TYPE_RAW } else { TYPE_FILE };
                // At most 2 MiB.
                [self.usual_kind, other].map(|kind| (kind, unixfs::leaf_frame_of(kind, span.bytes as usize))).into()
            }
            _ => return Ok(false),
        };
        self.buffer.resize(span.bytes as usize, 0);
        self.local.read_at(span.start, &mut self.buffer)?;
        for (kind, (before, after)) in frames {
            let mut hasher = Sha256::new();
            hasher.update(before);
            hasher.update(&self.buffer);
            hasher.update(after);
            if hasher.finalize().as_slice() == hash.digest() {
                if cid.codec() == CODEC_DAG_PB {
                    self.usual_kind = kind;
                }
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Compares the local bytes from `offset` on with `theirs`.
    fn compare(&mut self, theirs: &[u8], offset: u64) -> Result<(), End> {
        let there = self.local.len().saturating_sub(offset).min(theirs.len() as u64);
        // At most a block.
        self.buffer.resize(there as usize, 0);
        self.local.read_at(offset, &mut self.buffer)?;
        let first = self.buffer.iter().zip(theirs).position(|(ours, theirs)| ours != theirs);
        match first {
            Some(at) => Err(End::FromByte(offset + at as u64)),
            None if there < theirs.len() as u64 => Err(End::FromByte(self.local.len())),
            None => Ok(()),
        }
    }
}

const fn ends_with(theirs: u64, ours: u64) -> Result<(), End> {
    if theirs == ours { Ok(()) } else { Err(End::FromByte(if theirs < ours { theirs } else { ours })) }
}

fn spanned(cid: &Cid, message: &UnixFs) -> Result<u64, End> {
    let sum = message.block_bytes.iter().try_fold(message.data.len() as u64, |sum, &bytes| sum.checked_add(bytes));
    match (sum, message.file_bytes) {
        (Some(sum), stated) if stated.is_none_or(|stated| stated == sum) => Ok(sum),
        _ => Err(End::Cannot(*cid, "its size is not the sum of its parts")),
    }
}
