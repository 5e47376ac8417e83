//! Reading UnixFS DAGs: what a CID is, what a directory holds, a file's bytes by range.
//!
//! Blocks may come from anywhere, so every number in them is doubted: sizes, depths and link counts have limits, and a
//! hostile DAG ends in a [`ReadError`]. Bytes are not hashed here: a [`BlockSource`] checks them, or its owner has.

use std::{collections::HashSet, io, ops::Range};

use cid::Cid;

use crate::{
    block::{BlockSource, CODEC_DAG_PB, CODEC_RAW, HASH_IDENTITY, MAX_BLOCK_BYTES},
    dag_pb::{self, PbError, PbNode},
    hamt::{MAX_LEVELS, PREFIX_DIGITS, slots_of},
    unixfs::{self, SHARD_FANOUT, SHARD_HASH, TYPE_DIRECTORY, TYPE_FILE, TYPE_RAW, TYPE_SHARD, TYPE_SYMLINK, UnixFs},
};

/// Inner nodes between a file's root and a leaf; 174-way trees of this depth exceed any disk.
const MAX_FILE_DEPTH: usize = 32;

/// Links on the way down that wait for their turn: some levels of the widest nodes that any writer makes.
const MAX_PENDING: usize = 1 << 18;

/// What a CID names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// A file of that many bytes.
    File {
        /// Its length.
        bytes: u64,
    },
    /// A directory, sharded or not.
    Directory,
    /// A symlink.
    Symlink {
        /// Where it points, as written.
        target: Vec<u8>,
    },
}

/// One entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryEntry {
    /// Its name; bytes that are no UTF-8 are replaced by U+FFFD.
    pub name: String,
    /// What it names.
    pub cid: Cid,
    /// Bytes of its whole DAG, as the directory claims.
    pub dag_bytes: u64,
}

/// Why a DAG cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A block is not there.
    #[error("the block {0} is missing")]
    Missing(Cid),
    /// No entry of that name.
    #[error("there is no {0:?}")]
    NoSuchEntry(String),
    /// A path leads through something that is no directory, or a file was expected.
    #[error("{0} is not a {1}")]
    WrongKind(Cid, &'static str),
    /// A codec other than raw and dag-pb.
    #[error("{0} is neither raw nor dag-pb")]
    UnknownCodec(Cid),
    /// The bytes are no valid node.
    #[error("the block {0} is not a valid node: {1}")]
    Malformed(Cid, PbError),
    /// A node that contradicts itself or exceeds a limit.
    #[error("the block {0} is not a valid node: {1}")]
    Invalid(Cid, &'static str),
    /// The source failed.
    #[error("reading a block failed")]
    Io(#[from] io::Error),
}

/// What `cid` names. Reads one block.
///
/// ```
/// use std::collections::HashMap;
/// use holdfast_content::{Cid, NodeKind, stat};
/// let file: Cid = "bafkqablimvwgy3y".parse()?;
/// // A block that is its own CID is asked of nobody.
/// let blocks: HashMap<Cid, Vec<u8>> = HashMap::new();
/// assert_eq!(stat(&blocks, &file)?, NodeKind::File { bytes: 5 });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`ReadError`].
pub fn stat(source: &dyn BlockSource, cid: &Cid) -> Result<NodeKind, ReadError> {
    match load(source, cid)? {
        Block::Raw(bytes) => Ok(NodeKind::File { bytes: bytes.len() as u64 }),
        Block::Node(_, message) => match message.kind {
            TYPE_FILE | TYPE_RAW => Ok(NodeKind::File { bytes: content_bytes(cid, &message)? }),
            TYPE_DIRECTORY | TYPE_SHARD => Ok(NodeKind::Directory),
            TYPE_SYMLINK => Ok(NodeKind::Symlink { target: message.data }),
            _ => Err(ReadError::Invalid(*cid, "unknown UnixFS type")),
        },
    }
}

/// Follows `path` (entry names, already percent-decoded) down from `root`.
///
/// ```
/// use std::collections::HashMap;
/// use holdfast_content::{Cid, resolve};
/// // The blocks of this directory and of its file are within their CIDs.
/// let directory: Cid = "bafyaaeysbufamakvaabgq2isafqrqaqkaieac".parse()?;
/// let blocks: HashMap<Cid, Vec<u8>> = HashMap::new();
/// assert_eq!(resolve(&blocks, &directory, ["a"])?.to_string(), "bafkqaatine");
/// assert!(resolve(&blocks, &directory, ["b"]).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`ReadError::NoSuchEntry`] where the path ends in nothing.
pub fn resolve<'a>(
    source: &dyn BlockSource,
    root: &Cid,
    path: impl IntoIterator<Item = &'a str>,
) -> Result<Cid, ReadError> {
    let mut cid = *root;
    for name in path {
        cid = entry(source, &cid, name)?;
    }
    Ok(cid)
}

/// All entries of a directory, sorted by name.
///
/// ```
/// use std::collections::HashMap;
/// use holdfast_content::{Cid, list_directory};
/// // The blocks of this directory and of its file are within their CIDs.
/// let directory: Cid = "bafyaaeysbufamakvaabgq2isafqrqaqkaieac".parse()?;
/// let blocks: HashMap<Cid, Vec<u8>> = HashMap::new();
/// let entries = list_directory(&blocks, &directory)?;
/// assert_eq!((entries[0].name.as_str(), entries[0].dag_bytes), ("a", 2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`ReadError`].
pub fn list_directory(source: &dyn BlockSource, cid: &Cid) -> Result<Vec<DirectoryEntry>, ReadError> {
    let mut entries = Vec::new();
    collect_entries(source, cid, 0, &mut HashSet::new(), &mut entries)?;
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
}

/// The CIDs that a block links to, in its order and as often as it has them: none for raw blocks.
///
/// ```
/// use holdfast_content::{Cid, child_cids};
/// let directory: Cid = "bafyaaeysbufamakvaabgq2isafqrqaqkaieac".parse()?;
/// let children = child_cids(&directory, directory.hash().digest())?;
/// assert_eq!(children, ["bafkqaatine".parse::<Cid>()?]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`ReadError::Malformed`] for a dag-pb block that is none, [`ReadError::UnknownCodec`] where links cannot be told.
pub fn child_cids(cid: &Cid, bytes: &[u8]) -> Result<Vec<Cid>, ReadError> {
    match cid.codec() {
        CODEC_RAW => Ok(Vec::new()),
        CODEC_DAG_PB => {
            let node = dag_pb::decode(bytes).map_err(|error| ReadError::Malformed(*cid, error))?;
            Ok(node.links.into_iter().map(|link| link.cid).collect())
        }
        _ => Err(ReadError::UnknownCodec(*cid)),
    }
}

/// A file's bytes, block by block: an iterator that holds one block and the way down to it.
#[derive(Debug)]
pub struct FileReader<S> {
    source: S,
    bytes: u64,
    wanted: Range<u64>,
    pending: Vec<Pending>,
}

#[derive(Debug)]
struct Pending {
    cid: Cid,
    span: Range<u64>,
    depth: usize,
}

impl<S: BlockSource> FileReader<S> {
    /// Opens a file; reads its root.
    ///
    /// ```
    /// use std::collections::HashMap;
    /// use holdfast_content::{Cid, FileReader};
    /// let file: Cid = "bafkqablimvwgy3y".parse()?;
    /// let blocks: HashMap<Cid, Vec<u8>> = HashMap::new();
    /// let pieces: Result<Vec<_>, _> = FileReader::open(&blocks, &file)?.collect();
    /// assert_eq!(pieces?.concat(), b"hello");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`ReadError::WrongKind`] for anything but a file.
    pub fn open(source: S, cid: &Cid) -> Result<Self, ReadError> {
        let NodeKind::File { bytes } = stat(&source, cid)? else {
            return Err(ReadError::WrongKind(*cid, "file"));
        };
        let root = Pending { cid: *cid, span: 0..bytes, depth: 0 };
        Ok(Self { source, bytes, wanted: 0..bytes, pending: vec![root] })
    }

    /// The file's length in bytes, as its root says; the blocks below must agree.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Reads only that range; what lies beyond the file's end is not read.
    ///
    /// ```
    /// use std::collections::HashMap;
    /// use holdfast_content::{Cid, FileReader};
    /// let file: Cid = "bafkqablimvwgy3y".parse()?;
    /// let blocks: HashMap<Cid, Vec<u8>> = HashMap::new();
    /// let pieces: Result<Vec<_>, _> = FileReader::open(&blocks, &file)?.range(1..3).collect();
    /// assert_eq!(pieces?.concat(), b"el");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn range(mut self, range: Range<u64>) -> Self {
        self.wanted = range.start.min(self.bytes)..range.end.min(self.bytes);
        self
    }

    fn step(&mut self, at: &Pending) -> Result<Option<Vec<u8>>, ReadError> {
        match load(&self.source, &at.cid)? {
            Block::Raw(bytes) => self.leaf(at, bytes, 0).map(Some),
            Block::Node(node, message) => {
                if !matches!(message.kind, TYPE_FILE | TYPE_RAW) {
                    return Err(ReadError::WrongKind(at.cid, "file"));
                }
                let children = self.children(at, &node, &message)?;
                if message.data.is_empty() {
                    return Ok(None);
                }
                self.leaf(at, message.data, children).map(Some)
            }
        }
    }

    /// Puts the children on the stack, first one on top, and gives the bytes that they span.
    fn children(&mut self, at: &Pending, node: &PbNode, message: &UnixFs) -> Result<u64, ReadError> {
        let invalid = |why| Err(ReadError::Invalid(at.cid, why));
        if node.links.len() != message.block_bytes.len() {
            return invalid("links and block sizes differ in number");
        }
        if content_bytes(&at.cid, message)? != at.span.end - at.span.start {
            return invalid("its size is not the one that its parent gives");
        }
        if at.depth == MAX_FILE_DEPTH {
            return invalid("the file's tree is too deep");
        }
        let mut start = at.span.start + message.data.len() as u64;
        let first = self.pending.len();
        for (link, bytes) in node.links.iter().zip(&message.block_bytes) {
            let span = start..start + bytes;
            start = span.end;
            // Children of no bytes would make a small DAG endless work.
            if !span.is_empty() && span.end > self.wanted.start && span.start < self.wanted.end {
                if self.pending.len() == MAX_PENDING {
                    return invalid("the file's tree is too wide");
                }
                self.pending.push(Pending { cid: link.cid, span, depth: at.depth + 1 });
            }
        }
        self.pending[first..].reverse();
        Ok(start - at.span.start - message.data.len() as u64)
    }

    fn leaf(&self, at: &Pending, mut bytes: Vec<u8>, in_children: u64) -> Result<Vec<u8>, ReadError> {
        if bytes.len() as u64 + in_children != at.span.end - at.span.start {
            return Err(ReadError::Invalid(at.cid, "its size is not the one that its parent gives"));
        }
        let own = at.span.start..at.span.start + bytes.len() as u64;
        let end = self.wanted.end.clamp(own.start, own.end) - own.start;
        let start = self.wanted.start.clamp(own.start, own.end) - own.start;
        // Both lie within a block, which is at most 2 MiB.
        bytes.truncate(end as usize);
        bytes.drain(..(start as usize).min(bytes.len()));
        Ok(bytes)
    }
}

impl<S: BlockSource> Iterator for FileReader<S> {
    type Item = Result<Vec<u8>, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        while let Some(at) = self.pending.pop() {
            match self.step(&at) {
                Ok(Some(bytes)) if !bytes.is_empty() => return Some(Ok(bytes)),
                Ok(_) => {}
                Err(error) => {
                    self.pending.clear();
                    return Some(Err(error));
                }
            }
        }
        None
    }
}

enum Block {
    Raw(Vec<u8>),
    Node(PbNode, UnixFs),
}

fn load(source: &dyn BlockSource, cid: &Cid) -> Result<Block, ReadError> {
    let bytes = if cid.hash().code() == HASH_IDENTITY {
        cid.hash().digest().to_vec()
    } else {
        source.get(cid)?.ok_or(ReadError::Missing(*cid))?
    };
    if bytes.len() > MAX_BLOCK_BYTES {
        return Err(ReadError::Invalid(*cid, "larger than 2 MiB"));
    }
    match cid.codec() {
        CODEC_RAW => Ok(Block::Raw(bytes)),
        CODEC_DAG_PB => {
            let malformed = |error| ReadError::Malformed(*cid, error);
            let node = dag_pb::decode(&bytes).map_err(malformed)?;
            let message = unixfs::decode(node.data.as_deref().unwrap_or_default()).map_err(malformed)?;
            Ok(Block::Node(node, message))
        }
        _ => Err(ReadError::UnknownCodec(*cid)),
    }
}

/// The content that a file node spans: what it holds itself and what its children are said to hold.
fn content_bytes(cid: &Cid, message: &UnixFs) -> Result<u64, ReadError> {
    let overflow = ReadError::Invalid(*cid, "its sizes exceed 64 bits");
    let spanned = message.block_bytes.iter().try_fold(message.data.len() as u64, |sum, &n| sum.checked_add(n));
    let spanned = spanned.ok_or(overflow)?;
    match message.file_bytes {
        Some(stated) if stated != spanned => Err(ReadError::Invalid(*cid, "its file size is not the sum of its parts")),
        _ => Ok(spanned),
    }
}

fn entry(source: &dyn BlockSource, directory: &Cid, name: &str) -> Result<Cid, ReadError> {
    let missing = || ReadError::NoSuchEntry(name.into());
    let slots = slots_of(name.as_bytes());
    let mut cid = *directory;
    for slot in slots {
        let (node, message) = load_directory(source, &cid)?;
        if message.kind == TYPE_DIRECTORY {
            let link = node.links.into_iter().find(|link| link.name == name.as_bytes());
            return link.map(|link| link.cid).ok_or_else(missing);
        }
        let prefix = format!("{slot:02X}");
        let mut next = None;
        for link in node.links {
            match link.name.strip_prefix(prefix.as_bytes()) {
                Some(rest) if rest == name.as_bytes() => return Ok(link.cid),
                Some([]) => next = Some(link.cid),
                _ => {}
            }
        }
        cid = next.ok_or_else(missing)?;
    }
    Err(missing())
}

fn collect_entries(
    source: &dyn BlockSource,
    cid: &Cid,
    level: usize,
    shards: &mut HashSet<Cid>,
    entries: &mut Vec<DirectoryEntry>,
) -> Result<(), ReadError> {
    // The names in a shard have the hash that its place says, so no directory has it in two places; a small DAG that
    // names one shard over and over would have more entries than there is memory.
    if !shards.insert(*cid) {
        return Err(ReadError::Invalid(*cid, "a shard is in its directory twice"));
    }
    let (node, message) = load_directory(source, cid)?;
    let sharded = message.kind == TYPE_SHARD;
    if level > 0 && !sharded || level > MAX_LEVELS {
        return Err(ReadError::Invalid(*cid, "not a shard of its directory"));
    }
    for link in node.links {
        let name = if sharded {
            link.name.get(PREFIX_DIGITS..).ok_or(ReadError::Invalid(*cid, "a shard's link has no slot"))?
        } else {
            &link.name
        };
        if sharded && name.is_empty() {
            collect_entries(source, &link.cid, level + 1, shards, entries)?;
        } else {
            let name = String::from_utf8_lossy(name).into_owned();
            entries.push(DirectoryEntry { name, cid: link.cid, dag_bytes: link.tsize });
        }
    }
    Ok(())
}

fn load_directory(source: &dyn BlockSource, cid: &Cid) -> Result<(PbNode, UnixFs), ReadError> {
    let Block::Node(node, message) = load(source, cid)? else {
        return Err(ReadError::WrongKind(*cid, "directory"));
    };
    match message.kind {
        TYPE_DIRECTORY => Ok((node, message)),
        TYPE_SHARD if message.hash == Some(SHARD_HASH) && message.fanout == Some(SHARD_FANOUT) => Ok((node, message)),
        TYPE_SHARD => Err(ReadError::Invalid(*cid, "a shard of unknown hash or fan-out")),
        _ => Err(ReadError::WrongKind(*cid, "directory")),
    }
}
