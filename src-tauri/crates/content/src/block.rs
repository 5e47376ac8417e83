//! Blocks: where they go, where they come from, and what names them.

use std::{collections::HashMap, hash::BuildHasher, io};

use cid::{Cid, multihash::Multihash};
use sha2::{Digest, Sha256};

use crate::{hashes, profile::CidVersion, sha256::Digest256};

/// The largest block that is read; writers of UnixFS stay well below, and no peer has to accept more
/// (the bitswap and trustless-gateway limit).
pub const MAX_BLOCK_BYTES: usize = 2 * 1024 * 1024;

/// The codec of blocks that are bytes of a file and nothing else (multicodec `raw`).
pub const CODEC_RAW: u64 = 0x55;

/// The codec of nodes with links (multicodec `dag-pb`).
pub const CODEC_DAG_PB: u64 = 0x70;

/// The "hash" of a CID that holds its block itself (multicodec `identity`).
pub const HASH_IDENTITY: u64 = 0x00;

/// The hash of nearly all blocks (multicodec `sha2-256`).
pub const HASH_SHA2_256: u64 = 0x12;

/// Takes the blocks that an import makes.
pub trait BlockSink {
    /// Takes one block: `parts`, one after the other, are its bytes. Children come before their parents.
    ///
    /// # Errors
    /// Whatever the sink meets; the import stops there.
    fn put(&mut self, cid: &Cid, parts: &[&[u8]]) -> io::Result<()>;

    /// Takes one leaf of a file: a block whose content can be had again from where it came from.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    fn put_leaf(&mut self, cid: &Cid, leaf: &LeafBlock<'_>) -> io::Result<()> {
        self.put(cid, &[leaf.before, leaf.content, leaf.after])
    }
}

/// Which of an import's files: its place in a list that the importer's user keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileNumber(pub u32);

/// A leaf as a sink takes it: content from a file, framed where the leaf is a dag-pb node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeafBlock<'a> {
    /// What stands before the content in the block; empty for raw leaves.
    pub before: &'a [u8],
    /// Bytes of the file.
    pub content: &'a [u8],
    /// What stands behind the content.
    pub after: &'a [u8],
    /// The file.
    pub file: FileNumber,
    /// Where in the file the content begins, in bytes.
    pub offset: u64,
}

/// Drops every block: for when only the CID is wanted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Discard;

impl BlockSink for Discard {
    fn put(&mut self, _cid: &Cid, _parts: &[&[u8]]) -> io::Result<()> {
        Ok(())
    }
}

/// Keeps every block in memory.
impl<H: BuildHasher> BlockSink for HashMap<Cid, Vec<u8>, H> {
    fn put(&mut self, cid: &Cid, parts: &[&[u8]]) -> io::Result<()> {
        self.insert(*cid, parts.concat());
        Ok(())
    }
}

/// Gives blocks by CID.
///
/// ```
/// use std::{collections::HashMap, io};
/// use holdfast_content::{BlockSource, Cid};
///
/// /// Asks one source, and another for what that one has not.
/// struct Either<A, B>(A, B);
///
/// impl<A: BlockSource, B: BlockSource> BlockSource for Either<A, B> {
///     fn get(&self, cid: &Cid) -> io::Result<Option<Vec<u8>>> {
///         self.0.get(cid)?.map_or_else(|| self.1.get(cid), |bytes| Ok(Some(bytes)))
///     }
/// }
///
/// let cid: Cid = "bafkqablimvwgy3y".parse()?;
/// let both = Either(HashMap::new(), HashMap::from([(cid, b"hello".to_vec())]));
/// assert_eq!(both.get(&cid)?, Some(b"hello".to_vec()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait BlockSource {
    /// The block's bytes, or `None` when it is not held. Whether they hash to `cid` is for the reader to check
    /// ([`is_block_of`]) unless the source promises it.
    ///
    /// # Errors
    /// What reading met.
    fn get(&self, cid: &Cid) -> io::Result<Option<Vec<u8>>>;

    /// The block's length in bytes, or `None` when it is not held. Blocks of files are not read to judge a DAG where this
    /// is known without.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    fn len_of(&self, cid: &Cid) -> io::Result<Option<u64>> {
        Ok(self.get(cid)?.map(|bytes| bytes.len() as u64))
    }
}

/// Blocks in memory, which their owner has checked.
impl<H: BuildHasher> BlockSource for HashMap<Cid, Vec<u8>, H> {
    fn get(&self, cid: &Cid) -> io::Result<Option<Vec<u8>>> {
        Ok(Self::get(self, cid).cloned())
    }
}

impl<S: BlockSource + ?Sized> BlockSource for &S {
    fn get(&self, cid: &Cid) -> io::Result<Option<Vec<u8>>> {
        (**self).get(cid)
    }

    fn len_of(&self, cid: &Cid) -> io::Result<Option<u64>> {
        (**self).len_of(cid)
    }
}

/// The CID that all of `bytes` are; the parser itself passes over what follows one.
pub(crate) fn exact_cid(mut bytes: &[u8]) -> Option<Cid> {
    let cid = Cid::read_bytes(&mut bytes).ok()?;
    bytes.is_empty().then_some(cid)
}

/// A block that was made, as its parent refers to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The block's CID.
    pub cid: Cid,
    /// Bytes of the block and of everything below it (dag-pb `Tsize`).
    pub dag_bytes: u64,
    /// Bytes of the file's content below it; for a directory, of all its files.
    pub content_bytes: u64,
}

/// Whether `bytes` are the block that `cid` names; `None` when its hash is not one that proves so.
///
/// Computed are SHA2-256 and -512, SHA3, Keccak, BLAKE2b-256 and -512, BLAKE2s, BLAKE3-256 and identity
/// (<https://github.com/multiformats/multicodec/blob/master/table.csv>). SHA-1 and digests that were cut short are not
/// proof of anything: other bytes with the same hash can be made.
///
/// ```
/// use holdfast_content::{Cid, is_block_of};
/// let cid: Cid = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e".parse()?;
/// assert_eq!(is_block_of(&cid, b"hello world"), Some(true));
/// assert_eq!(is_block_of(&cid, b"hello w0rld"), Some(false));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn is_block_of(cid: &Cid, bytes: &[u8]) -> Option<bool> {
    let hash = cid.hash();
    match hash.code() {
        HASH_SHA2_256 => (hash.size() == 32).then(|| hash.digest() == Sha256::digest(bytes).as_slice()),
        HASH_IDENTITY => Some(hash.digest() == bytes),
        code => hashes::is_hash_of(code, hash.digest(), bytes),
    }
}

/// Hashes a dag-pb block and hands it to `sink`.
pub(crate) fn put_dag_pb(version: CidVersion, block: &[u8], sink: &mut dyn BlockSink) -> io::Result<Cid> {
    let cid = dag_pb_cid(version, &Sha256::digest(block).into());
    sink.put(&cid, &[block])?;
    Ok(cid)
}

pub(crate) fn dag_pb_cid(version: CidVersion, digest: &Digest256) -> Cid {
    match version {
        #[expect(clippy::expect_used, reason = "the type and length of the hash are the ones that version 0 demands")]
        CidVersion::V0 => Cid::new_v0(wrap_digest(digest)).expect("a SHA2-256 hash"),
        CidVersion::V1 => Cid::new_v1(CODEC_DAG_PB, wrap_digest(digest)),
    }
}

pub(crate) fn raw_cid(digest: &Digest256) -> Cid {
    Cid::new_v1(CODEC_RAW, wrap_digest(digest))
}

fn wrap_digest(digest: &Digest256) -> Multihash<64> {
    #[expect(clippy::expect_used, reason = "a 32-byte digest always fits the 64 bytes of the type")]
    Multihash::wrap(HASH_SHA2_256, digest).expect("32 <= 64")
}
