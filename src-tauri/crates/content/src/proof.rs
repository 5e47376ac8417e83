//! Proof without knowing the profile: whether a local file is what a root CID names, whatever chunk size, width, leaf kind,
//! chunker or layout made it.
//!
//! Only inner nodes are fetched. They say which bytes each leaf holds, and the local bytes are hashed as the leaf that the
//! link names: raw, UnixFS file or UnixFS raw. What hashes to the link's CID is proven without having been fetched.

use std::io;

use cid::Cid;
use sha2::{Digest, Sha256};

use crate::{
    block::{BlockSource, CODEC_DAG_PB, CODEC_RAW, HASH_IDENTITY, HASH_SHA2_256, MAX_BLOCK_BYTES, is_block_of},
    dag_pb::{self, PbNode},
    unixfs::{self, TYPE_FILE, TYPE_RAW, UnixFs},
};

/// Inner nodes between a root and a leaf. Trickle layouts of any size stay below.
const MAX_DEPTH: usize = 64;

/// The local bytes, by place.
pub trait LocalBytes {
    /// How many there are.
    fn len(&self) -> u64;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fills `buffer` from `offset` on.
    ///
    /// # Errors
    /// The disk's, and one when there are fewer bytes.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;
}

impl LocalBytes for &[u8] {
    fn len(&self) -> u64 {
        <[u8]>::len(self) as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let from = usize::try_from(offset).ok().and_then(|offset| self.get(offset..)?.get(..buffer.len()));
        buffer.copy_from_slice(from.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

/// What a proof may cost at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProofLimits {
    /// Blocks that are fetched.
    pub blocks: u64,
    /// Bytes that are fetched.
    pub bytes: u64,
}

impl Default for ProofLimits {
    /// Enough for the inner nodes of a file of many terabytes.
    fn default() -> Self {
        Self { blocks: 100_000, bytes: 4 << 30 }
    }
}

/// Whether local bytes are what a CID names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// They are, every one of them.
    Equal,
    /// They are not: the first byte that is another one, or where the shorter of both ends.
    DiffersFrom(u64),
    /// It cannot be said: this block cannot be had, or is not what it should be.
    CannotFetch(Cid, &'static str),
    /// It cannot be said: the DAG is no file, or costs more than was allowed.
    Undecided(&'static str),
}

/// A verdict and what it cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// The verdict.
    pub verdict: Verdict,
    /// Blocks fetched.
    pub fetched_blocks: u64,
    /// Their bytes.
    pub fetched_bytes: u64,
}

/// Compares local bytes with the file that `root` names.
///
/// # Errors
/// Only those of the local bytes and of the source's transport.
pub fn prove_file(
    local: &dyn LocalBytes,
    root: &Cid,
    source: &dyn BlockSource,
    limits: ProofLimits,
) -> io::Result<Proven> {
    let mut proof = Proof { local, source, limits, fetched_blocks: 0, fetched_bytes: 0, buffer: Vec::new() };
    let verdict = match proof.root(root) {
        Ok(()) => Verdict::Equal,
        Err(End::Verdict(verdict)) => verdict,
        Err(End::Io(error)) => return Err(error),
    };
    Ok(Proven { verdict, fetched_blocks: proof.fetched_blocks, fetched_bytes: proof.fetched_bytes })
}

struct Proof<'a> {
    local: &'a dyn LocalBytes,
    source: &'a dyn BlockSource,
    limits: ProofLimits,
    fetched_blocks: u64,
    fetched_bytes: u64,
    buffer: Vec<u8>,
}

enum End {
    Verdict(Verdict),
    Io(io::Error),
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
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

impl Proof<'_> {
    fn root(&mut self, root: &Cid) -> Result<(), End> {
        let whole = Span { start: 0, bytes: self.local.len() };
        if self.is_leaf_of(root, whole)? {
            return Ok(());
        }
        match root.codec() {
            CODEC_RAW => self.differs_within(root, whole),
            CODEC_DAG_PB => {
                let (node, message) = self.fetch_node(root)?;
                let stated = spanned(root, &message)?;
                self.children(root, node, &message, Span { start: 0, bytes: stated }, 0)?;
                // All that the DAG has is there; the local file may have more.
                if stated == whole.bytes { Ok(()) } else { Err(differs_from(stated.min(whole.bytes))) }
            }
            _ => Err(End::Verdict(Verdict::Undecided("the CID is neither raw nor dag-pb"))),
        }
    }

    fn node(&mut self, cid: &Cid, span: Span, depth: usize) -> Result<(), End> {
        if span.start > self.local.len() || span.bytes > 0 && span.start == self.local.len() {
            return Err(differs_from(self.local.len()));
        }
        if self.is_leaf_of(cid, span)? {
            return Ok(());
        }
        match cid.codec() {
            CODEC_RAW => self.differs_within(cid, span),
            CODEC_DAG_PB if depth < MAX_DEPTH => {
                let (node, message) = self.fetch_node(cid)?;
                if spanned(cid, &message)? != span.bytes {
                    return Err(cannot(cid, "its size is not the one that its parent gives"));
                }
                self.children(cid, node, &message, span, depth)
            }
            CODEC_DAG_PB => Err(End::Verdict(Verdict::Undecided("the DAG is too deep"))),
            _ => Err(cannot(cid, "neither raw nor dag-pb")),
        }
    }

    /// Compares what a node holds itself, then what its links span, in the file's order.
    fn children(&mut self, cid: &Cid, node: PbNode, message: &UnixFs, span: Span, depth: usize) -> Result<(), End> {
        if node.links.len() != message.block_bytes.len() {
            return Err(cannot(cid, "links and block sizes differ in number"));
        }
        self.compare(&message.data, span.start)?;
        let mut start = span.start + message.data.len() as u64;
        for (link, &bytes) in node.links.iter().zip(&message.block_bytes) {
            let child = Span { start, bytes };
            self.node(&link.cid, child, depth + 1)?;
            start = child.end();
        }
        Ok(())
    }

    /// Whether the local bytes of `span`, as a leaf of any kind that the CID may be, hash to it.
    fn is_leaf_of(&mut self, cid: &Cid, span: Span) -> Result<bool, End> {
        let hash = cid.hash();
        let fits = span.bytes <= MAX_BLOCK_BYTES as u64 && span.end() <= self.local.len();
        if !fits || hash.code() != HASH_SHA2_256 {
            return Ok(false);
        }
        // At most 2 MiB.
        self.buffer.resize(span.bytes as usize, 0);
        self.local.read_at(span.start, &mut self.buffer)?;
        let is = |before: &[u8], after: &[u8]| {
            let mut hasher = Sha256::new();
            hasher.update(before);
            hasher.update(&self.buffer);
            hasher.update(after);
            hasher.finalize().as_slice() == hash.digest()
        };
        Ok(match cid.codec() {
            CODEC_RAW => is(&[], &[]),
            CODEC_DAG_PB => [TYPE_FILE, TYPE_RAW].into_iter().any(|kind| {
                let (before, after) = unixfs::leaf_frame_of(kind, self.buffer.len());
                is(&before, &after)
            }),
            _ => false,
        })
    }

    /// A raw leaf that is not proven to be the same: fetched to tell from which byte on it is another one.
    fn differs_within(&mut self, cid: &Cid, span: Span) -> Result<(), End> {
        let bytes = self.fetch(cid)?;
        self.compare(&bytes, span.start)?;
        // A CID that holds its block itself was not hashed before.
        if bytes.len() as u64 == span.bytes {
            return Ok(());
        }
        if span.bytes != self.local.len() {
            return Err(cannot(cid, "its size is not the one that its parent gives"));
        }
        Err(differs_from(self.local.len().min(span.start + bytes.len() as u64)))
    }

    /// Compares the local bytes from `offset` on with `theirs`.
    fn compare(&mut self, theirs: &[u8], offset: u64) -> Result<(), End> {
        let there = self.local.len().saturating_sub(offset).min(theirs.len() as u64);
        // At most a block.
        self.buffer.resize(there as usize, 0);
        self.local.read_at(offset, &mut self.buffer)?;
        let first = self.buffer.iter().zip(theirs).position(|(ours, theirs)| ours != theirs);
        match first {
            Some(at) => Err(differs_from(offset + at as u64)),
            None if there < theirs.len() as u64 => Err(differs_from(self.local.len())),
            None => Ok(()),
        }
    }

    fn fetch_node(&mut self, cid: &Cid) -> Result<(PbNode, UnixFs), End> {
        let bytes = self.fetch(cid)?;
        let node = dag_pb::decode(&bytes).map_err(|_| cannot(cid, "not a valid node"))?;
        let message = unixfs::decode(node.data.as_deref().unwrap_or_default());
        let message = message.map_err(|_| cannot(cid, "not a valid node"))?;
        match message.kind {
            TYPE_FILE | TYPE_RAW => Ok((node, message)),
            _ => Err(End::Verdict(Verdict::Undecided("the DAG is no file"))),
        }
    }

    fn fetch(&mut self, cid: &Cid) -> Result<Vec<u8>, End> {
        if cid.hash().code() == HASH_IDENTITY {
            return Ok(cid.hash().digest().to_vec());
        }
        if self.fetched_blocks >= self.limits.blocks || self.fetched_bytes >= self.limits.bytes {
            return Err(End::Verdict(Verdict::Undecided("it costs more blocks than were allowed")));
        }
        let bytes = self.source.get(cid)?.ok_or_else(|| cannot(cid, "not to be had"))?;
        self.fetched_blocks += 1;
        self.fetched_bytes += bytes.len() as u64;
        if bytes.len() > MAX_BLOCK_BYTES {
            return Err(cannot(cid, "larger than 2 MiB"));
        }
        match is_block_of(cid, &bytes) {
            Some(true) => Ok(bytes),
            Some(false) => Err(cannot(cid, "its bytes are not what its CID says")),
            None => Err(cannot(cid, "its hash function is not supported")),
        }
    }
}

fn spanned(cid: &Cid, message: &UnixFs) -> Result<u64, End> {
    let sum = message.block_bytes.iter().try_fold(message.data.len() as u64, |sum, &bytes| sum.checked_add(bytes));
    match (sum, message.file_bytes) {
        (Some(sum), stated) if stated.is_none_or(|stated| stated == sum) => Ok(sum),
        _ => Err(cannot(cid, "its size is not the sum of its parts")),
    }
}

const fn differs_from(byte: u64) -> End {
    End::Verdict(Verdict::DiffersFrom(byte))
}

const fn cannot(cid: &Cid, why: &'static str) -> End {
    End::Verdict(Verdict::CannotFetch(*cid, why))
}
