//! Proof without knowing the profile: whether local files are what a root CID names, whatever chunk size, width, leaf kind,
//! chunker, layout or fan-out made it.
//!
//! Only inner nodes, directories and shards are fetched. They say which bytes each leaf holds, and the local bytes are
//! hashed as the leaf that the link names: raw, UnixFS file or UnixFS raw. What hashes to the link's CID is proven without
//! having been fetched.
//!
//! The DAG may be hostile: what is fetched, looked at and hashed is bounded, whatever it says.

mod fetch;
mod file;
#[cfg(test)]
mod made_blocks;
mod shard;
mod tree;

use std::{fmt, io};

use cid::Cid;

use crate::block::BlockSource;
use fetch::{End, Fetcher};

/// The bytes of a local file, by place.
pub trait LocalBytes {
    /// How many there are.
    fn len(&self) -> u64;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fills `buffer` from `offset` on. A proof asks nearly in the file's order: what it asks for lies at most 2 MiB
    /// before the end of what it has read.
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

/// A local directory tree. Paths use `/`; the top directory's is empty. Bytes of a name that are no UTF-8 stand as `%XX`,
/// and in such a name `%` itself as `%25`; the DAG's names are read by the same rule.
pub trait LocalTree {
    /// What stands directly in a directory, no name twice.
    ///
    /// # Errors
    /// The disk's.
    fn entries(&self, directory: &str) -> io::Result<Vec<LocalEntry>>;

    /// Opens a file.
    ///
    /// # Errors
    /// The disk's.
    fn open(&self, file: &str) -> io::Result<Box<dyn LocalBytes + '_>>;
}

/// One entry of a local directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalEntry {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: LocalKind,
}

/// What a local entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LocalKind {
    /// A file; [`LocalTree::open`] has its bytes.
    File,
    /// A directory.
    Directory,
    /// A symlink and where it points.
    Symlink(Vec<u8>),
}

/// What a proof may cost at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProofLimits {
    /// Blocks that are fetched.
    pub blocks: u64,
    /// Bytes that are fetched.
    pub bytes: u64,
    /// Links that are looked at.
    pub links: u64,
}

impl Default for ProofLimits {
    /// Enough for the inner nodes of a file of many terabytes, or for a million directories.
    fn default() -> Self {
        Self { blocks: 1_000_000, bytes: 4 << 30, links: 100_000_000 }
    }
}

/// Whether local files are what a CID names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// They are, every byte and every name.
    Equal,
    /// The file is another one: the first byte that differs, or where the shorter of both ends.
    DiffersFrom(u64),
    /// The tree is another one, or a file and a directory were compared.
    Differs(Difference),
    /// It cannot be said: this block cannot be had, or is not what it should be.
    CannotFetch(Cid, &'static str),
    /// It cannot be said: the DAG is of no kind that is known here, or costs more than was allowed.
    Undecided(&'static str),
}

/// The first difference that was found between a local tree and a DAG.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Where, with `/`; empty for the root.
    pub path: String,
    /// What.
    pub kind: DifferenceKind,
}

/// What differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DifferenceKind {
    /// A file's content, from this byte on.
    FromByte(u64),
    /// The entry is in the local tree alone.
    OnlyHere,
    /// The entry is in the DAG alone.
    OnlyThere,
    /// A file, directory or symlink stands against another of these.
    Kind {
        /// What it is in the local tree.
        here: EntryWord,
        /// What it is in the DAG.
        there: EntryWord,
    },
    /// Where a symlink points.
    Target,
    /// A file's content, from some byte on: its bytes do not have the hash that the DAG names them by.
    Hash,
}

/// A kind of entry, as a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each names the kind it stands for")]
pub enum EntryWord {
    File,
    Directory,
    Symlink,
}

impl fmt::Display for EntryWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::File => "a file",
            Self::Directory => "a directory",
            Self::Symlink => "a link",
        })
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() { "it" } else { &self.path };
        match self.kind {
            DifferenceKind::FromByte(byte) => write!(f, "{path} differs from byte {byte} on"),
            DifferenceKind::OnlyHere => write!(f, "{path} is only here, not in the DAG"),
            DifferenceKind::OnlyThere => write!(f, "{path} is only in the DAG, not here"),
            DifferenceKind::Kind { here, there } => write!(f, "{path} is {here} here and {there} in the DAG"),
            DifferenceKind::Hash => {
                write!(f, "{path} has other bytes: they do not have the hash that stands in the CID")
            }
            DifferenceKind::Target => write!(f, "{path} is a link that points elsewhere in the DAG"),
        }
    }
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

/// Compares local bytes with the file that `root` names. The local bytes are hashed at most nine times over.
///
/// A CID of the codec raw says by itself what the bytes are, whatever their number: where their hash is another one, they
/// differ, whether its block can be had or not. One that is its own block says so too.
///
/// ```
/// use holdfast_content::{BlockSource, Cid, ProofLimits, Verdict, prove_file};
///
/// struct Nowhere;
/// impl BlockSource for Nowhere {
///     fn get(&self, _: &Cid) -> std::io::Result<Option<Vec<u8>>> {
///         Ok(None)
///     }
/// }
/// // A file of a single block needs nothing fetched.
/// let root = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e".parse()?;
/// let proven = prove_file(&b"hello world".as_slice(), &root, &Nowhere, ProofLimits::default())?;
/// assert_eq!(proven.verdict, Verdict::Equal);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Only those of the local bytes and of the source's transport.
pub fn prove_file(
    local: &dyn LocalBytes,
    root: &Cid,
    source: &dyn BlockSource,
    limits: ProofLimits,
) -> io::Result<Proven> {
    let mut fetcher = Fetcher::new(source, limits);
    let verdict = match file::prove(local, root, &mut fetcher) {
        Ok(()) => Verdict::Equal,
        Err(End::FromByte(byte)) => Verdict::DiffersFrom(byte),
        Err(end) => verdict_of(end, "", EntryWord::File)?,
    };
    Ok(fetcher.proven(verdict))
}

/// Compares a local directory tree with the directory that `root` names, sharded or not. Names and kinds are compared
/// before contents, directory by directory.
///
/// ```
/// use std::io;
///
/// use holdfast_content::{BlockSource, Cid, LocalBytes, LocalEntry, LocalTree, ProofLimits, Verdict, prove_tree};
///
/// struct Hollow;
/// impl LocalTree for Hollow {
///     fn entries(&self, _: &str) -> io::Result<Vec<LocalEntry>> {
///         Ok(Vec::new())
///     }
///     fn open(&self, _: &str) -> io::Result<Box<dyn LocalBytes + '_>> {
///         Err(io::ErrorKind::NotFound.into())
///     }
/// }
/// struct OneBlock;
/// impl BlockSource for OneBlock {
///     fn get(&self, _: &Cid) -> io::Result<Option<Vec<u8>>> {
///         Ok(Some(vec![0x0a, 2, 8, 1]))
///     }
/// }
/// let root = "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn".parse()?;
/// let proven = prove_tree(&Hollow, &root, &OneBlock, ProofLimits::default())?;
/// assert_eq!(proven.verdict, Verdict::Equal);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Only those of the local tree and of the source's transport.
pub fn prove_tree(
    local: &dyn LocalTree,
    root: &Cid,
    source: &dyn BlockSource,
    limits: ProofLimits,
) -> io::Result<Proven> {
    let mut fetcher = Fetcher::new(source, limits);
    let verdict = tree::prove(local, root, &mut fetcher)?;
    Ok(fetcher.proven(verdict))
}

/// What an early end means for the entry at `path`, which is `here` locally.
fn verdict_of(end: End, path: &str, here: EntryWord) -> io::Result<Verdict> {
    let differs = |kind| Verdict::Differs(Difference { path: path.into(), kind });
    Ok(match end {
        End::FromByte(byte) => differs(DifferenceKind::FromByte(byte)),
        End::OtherKind(there) => differs(DifferenceKind::Kind { here, there }),
        End::OtherTarget => differs(DifferenceKind::Target),
        End::OtherHash => differs(DifferenceKind::Hash),
        End::Differs(difference) => Verdict::Differs(difference),
        End::Cannot(cid, why) => Verdict::CannotFetch(cid, why),
        End::Undecided(why) => Verdict::Undecided(why),
        End::Io(error) => return Err(error),
    })
}
