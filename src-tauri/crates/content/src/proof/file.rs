//! One file against its DAG.

use cid::Cid;

use super::{
    LocalBytes,
    fetch::{End, Fetcher, word},
};
use crate::{
    block::{CODEC_DAG_PB, CODEC_RAW, MAX_BLOCK_BYTES},
    hashes::hasher_of,
    judge::{
        node::{Block, FilePart, Node},
        walk::{FILE_TOO_DEEP, MAX_FILE_DEPTH, NO_PART, WRONG_SIZE},
    },
    unixfs::{self, TYPE_FILE, TYPE_RAW},
};

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
        if root.codec() == CODEC_RAW
            && whole.bytes > MAX_BLOCK_BYTES as u64
            && let Some(is) = self.is_raw(root)?
        {
            return if is { Ok(()) } else { Err(End::OtherHash) };
        }
        let block = match self.fetcher.block(root) {
            // Its hash was another one above: that they differ is certain, only where is not.
            Err(_) if root.codec() == CODEC_RAW && hasher_of(root).is_some() => return Err(End::OtherHash),
            block => block?,
        };
        match block {
            Block::Raw(bytes) => {
                self.compare(&bytes, 0)?;
                ends_with(bytes.len() as u64, whole.bytes)
            }
            Block::Node(Node::File(file)) => {
                self.parts(&file, Span { start: 0, bytes: file.bytes }, 0)?;
                // All that the DAG has is there; the local file may have more.
                ends_with(file.bytes, whole.bytes)
            }
            other => Err(End::OtherKind(word(&other))),
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
        match self.fetcher.block(cid)? {
            Block::Raw(bytes) if bytes.len() as u64 != span.bytes => Err(End::unfit(cid, WRONG_SIZE)),
            Block::Raw(bytes) => self.compare(&bytes, span.start),
            Block::Node(Node::File(file)) if file.bytes != span.bytes => Err(End::unfit(cid, WRONG_SIZE)),
            Block::Node(Node::File(_)) if depth >= MAX_FILE_DEPTH => Err(End::unfit(cid, FILE_TOO_DEEP)),
            Block::Node(Node::File(file)) => {
                self.sizes_lie |= !by_size && file.parts.is_empty();
                self.parts(&file, span, depth)
            }
            Block::Node(_) => Err(End::unfit(cid, NO_PART)),
        }
    }

    /// Compares what a node holds itself, then what its parts span, in the file's order.
    fn parts(&mut self, file: &FilePart, span: Span, depth: usize) -> Result<(), End> {
        self.fetcher.hold(file.parts.len())?;
        self.compare(&file.data, span.start)?;
        let mut start = span.start + file.data.len() as u64;
        for part in &file.parts {
            self.fetcher.look()?;
            let span = Span { start, bytes: part.bytes };
            self.node(&part.cid, part.dag_bytes, span, depth + 1)?;
            start = span.end();
        }
        self.fetcher.release(file.parts.len());
        Ok(())
    }

    /// Whether hashing is worth it: by its size the node is a leaf, or sizes are not to be trusted here. Only a hint, so that
    /// honest inner nodes are not hashed in vain.
    fn may_be_leaf(&self, cid: &Cid, dag_bytes: u64, span: Span) -> bool {
        cid.codec() == CODEC_RAW || self.sizes_lie || dag_bytes <= span.bytes.saturating_add(INNER_NODE_SLACK_BYTES)
    }

    /// Whether the file as a whole is a raw block, of whatever length, that `root` names; `None` where its hash says nothing.
    fn is_raw(&mut self, root: &Cid) -> Result<Option<bool>, End> {
        let Some(mut hasher) = hasher_of(root) else { return Ok(None) };
        let mut at = 0;
        while at < self.local.len() {
            // At most 2 MiB.
            self.buffer.resize((self.local.len() - at).min(MAX_BLOCK_BYTES as u64) as usize, 0);
            self.local.read_at(at, &mut self.buffer)?;
            hasher.update(&self.buffer);
            at += self.buffer.len() as u64;
        }
        Ok(Some(hasher.finalize() == root.hash().digest()))
    }

    /// Whether the local bytes of `span`, as a leaf of any kind that the CID may be, hash to it.
    fn is_leaf_of(&mut self, cid: &Cid, span: Span) -> Result<bool, End> {
        let fits = span.bytes <= MAX_BLOCK_BYTES as u64 && span.end() <= self.local.len();
        if !fits || hasher_of(cid).is_none() {
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
                let leaf = |kind| (kind, unixfs::leaf_frame_of(kind, span.bytes as usize));
                let mut frames = vec![leaf(self.usual_kind), leaf(other)];
                if span.bytes == 0 {
                    for kind in [TYPE_FILE, TYPE_RAW] {
                        frames.extend(unixfs::other_empty_leaves_of(kind).map(|block| (kind, (block, Vec::new()))));
                    }
                }
                frames
            }
            _ => return Ok(false),
        };
        self.buffer.resize(span.bytes as usize, 0);
        self.local.read_at(span.start, &mut self.buffer)?;
        for (kind, (before, after)) in frames {
            let Some(mut hasher) = hasher_of(cid) else { return Ok(false) };
            for piece in [&before, &self.buffer, &after] {
                hasher.update(piece);
            }
            if hasher.finalize() == cid.hash().digest() {
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

#[cfg(test)]
mod tests {
    use std::{cell::Cell, io};

    use super::*;
    use crate::{
        ProofLimits, Proven, Verdict,
        dag_pb::{encode_data, encode_link, write_varint},
        proof::made_blocks::MadeBlocks,
        prove_file,
    };

    impl MadeBlocks {
        fn inner(&self, children: &[(Cid, u64)], stated_dag_bytes: u64) -> Cid {
            let mut block = Vec::new();
            for (cid, _) in children {
                encode_link(&mut block, cid, b"", stated_dag_bytes);
            }
            let mut message = vec![0x08, TYPE_FILE as u8];
            for (_, bytes) in children {
                message.push(0x20);
                write_varint(&mut message, *bytes);
            }
            encode_data(&mut block, &message);
            self.put(CODEC_DAG_PB, block)
        }
    }

    /// Zeros that count how many of them were read.
    struct Counted(u64, Cell<u64>);

    impl LocalBytes for Counted {
        fn len(&self) -> u64 {
            self.0
        }

        fn read_at(&self, _: u64, buffer: &mut [u8]) -> io::Result<()> {
            self.1.set(self.1.get() + buffer.len() as u64);
            buffer.fill(0);
            Ok(())
        }
    }

    fn proven(local: &Counted, root: &Cid, blocks: &MadeBlocks) -> Proven {
        prove_file(local, root, blocks, ProofLimits::default()).unwrap()
    }

    const LEAF_BYTES: u64 = 1 << 20;

    #[test]
    fn nodes_that_span_the_same_bytes_again_and_again_are_not_hashed_again_and_again() {
        for stated_dag_bytes in [0, 1 << 40] {
            let blocks = MadeBlocks::default();
            let mut below = blocks.put(CODEC_RAW, vec![0; LEAF_BYTES as usize]);
            for _ in 0..60 {
                below = blocks.inner(&[(below, LEAF_BYTES)], stated_dag_bytes);
            }
            let root = blocks.inner(&[(below, LEAF_BYTES); 50], stated_dag_bytes);
            let local = Counted(50 * LEAF_BYTES, Cell::default());
            assert_eq!(proven(&local, &root, &blocks).verdict, Verdict::Equal);
            let times = local.1.get() / local.0;
            assert!(times <= 5, "read {times} times over");
        }
    }

    #[test]
    fn a_chain_without_end_and_links_to_nothing_are_bounded() {
        let blocks = MadeBlocks::default();
        let mut below = blocks.put(CODEC_RAW, vec![0; 3]);
        for _ in 0..70 {
            below = blocks.inner(&[(below, 3)], 1 << 40);
        }
        let local = Counted(3, Cell::default());
        let verdict = proven(&local, &below, &blocks).verdict;
        assert!(matches!(verdict, Verdict::CannotFetch(_, "the file's tree is too deep")), "{verdict:?}");

        let nothing = blocks.put(CODEC_RAW, Vec::new());
        let mut below = blocks.inner(&vec![(nothing, 0); 10_000], 0);
        for _ in 0..8 {
            below = blocks.inner(&vec![(below, 0); 10_000], 1 << 40);
        }
        let limits = ProofLimits { links: 1_000_000, ..ProofLimits::default() };
        let proven = prove_file(&Counted(0, Cell::default()), &below, &blocks, limits).unwrap();
        assert_eq!(proven.verdict, Verdict::Undecided("it has more links than were allowed"));
    }

    #[test]
    fn sizes_that_lie_are_refused() {
        let blocks = MadeBlocks::default();
        let leaf = blocks.put(CODEC_RAW, vec![0; 10]);
        let local = Counted(20, Cell::default());
        let short = blocks.inner(&[(leaf, 10), (leaf, 10)], 10);
        assert_eq!(proven(&local, &short, &blocks).verdict, Verdict::Equal);
        let long = blocks.inner(&[(leaf, 5), (leaf, 15)], 10);
        assert!(matches!(proven(&local, &long, &blocks).verdict, Verdict::CannotFetch(cid, _) if cid == leaf));
        let overflow = blocks.inner(&[(leaf, u64::MAX), (leaf, 10)], 10);
        assert!(matches!(proven(&local, &overflow, &blocks).verdict, Verdict::CannotFetch(cid, _) if cid == overflow));
        let inner = blocks.inner(&[(short, 10), (short, 10)], 100);
        assert!(matches!(proven(&local, &inner, &blocks).verdict, Verdict::CannotFetch(cid, _) if cid == short));
    }

    #[test]
    fn leaves_whose_links_give_wrong_sizes_are_proven_all_the_same() {
        let blocks = MadeBlocks::default();
        let (before, after) = unixfs::leaf_frame_of(TYPE_RAW, 1_000);
        let leaf = blocks.put(CODEC_DAG_PB, [before, vec![0; 1_000], after].concat());
        let root = blocks.inner(&[(leaf, 1_000); 30], 1 << 30);
        let proven = proven(&Counted(30_000, Cell::default()), &root, &blocks);
        assert_eq!((proven.verdict, proven.fetched_blocks), (Verdict::Equal, 2));
    }
}
