//! Reading UnixFS DAGs: what a CID is, what a directory holds, a file's bytes by range.
//!
//! Blocks may come from anywhere, so every number in them is doubted: sizes, depths and link counts have limits, and a
//! hostile DAG ends in a [`ReadError`]; what is refused, [`judge`](crate::judge()) says. Bytes are not hashed here: a
//! [`BlockSource`] checks them, or its owner has.

use std::ops::Range;

use cid::Cid;
use percent_encoding::percent_decode_str;

use crate::{
    block::{BlockSource, CODEC_DAG_PB, CODEC_RAW},
    dag_pb,
    judge::{
        node::{self, Block, FilePart, Node, judge_block},
        shard::{NO_SHARD, Place, Shape, Shard, WRONG_SLOT, hash_of},
        unfit::Unfit,
        walk::{FILE_TOO_DEEP, MAX_FILE_DEPTH, MAX_HELD_LINKS, NO_PART, TOO_WIDE, WRONG_SIZE},
    },
    name::name_as_text,
    read_error::ReadError,
};

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
    /// Its name; bytes that are no UTF-8 are written as [`name_as_text`] does.
    pub name: String,
    /// What it names.
    pub cid: Cid,
    /// Bytes of its whole DAG, as the directory claims.
    pub dag_bytes: u64,
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
    Ok(match load(source, cid)? {
        Block::Raw(bytes) => NodeKind::File { bytes: bytes.len() as u64 },
        Block::Node(Node::File(file)) => NodeKind::File { bytes: file.bytes },
        Block::Node(Node::Directory(_) | Node::Shard(_)) => NodeKind::Directory,
        Block::Node(Node::Symlink(target)) => NodeKind::Symlink { target },
    })
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
    visit_directory(source, cid, &mut |entry| entries.push(entry))?;
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
}

/// Shows every entry of a directory, in its own order: for one with more entries than are to be in memory.
///
/// # Errors
/// [`ReadError`].
pub fn visit_directory(
    source: &dyn BlockSource,
    cid: &Cid,
    visit: &mut dyn FnMut(DirectoryEntry),
) -> Result<(), ReadError> {
    match load(source, cid)? {
        Block::Node(Node::Directory(links)) => {
            for link in links {
                visit(entry_of(&link.name, link.cid, link.tsize));
            }
            Ok(())
        }
        Block::Node(Node::Shard(shard)) => visit_shard(source, cid, shard, Place::default(), visit),
        Block::Raw(_) | Block::Node(Node::File(_) | Node::Symlink(_)) => Err(ReadError::WrongKind(*cid, "directory")),
    }
}

fn entry_of(name: &[u8], cid: Cid, dag_bytes: u64) -> DirectoryEntry {
    DirectoryEntry { name: name_as_text(name).into_owned(), cid, dag_bytes }
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
            let node = dag_pb::decode(bytes).map_err(|error| (*cid, Unfit::Malformed(error)))?;
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
            Block::Node(Node::File(file)) => {
                let in_parts = self.parts(at, &file)?;
                if file.data.is_empty() {
                    return Ok(None);
                }
                self.leaf(at, file.data, in_parts).map(Some)
            }
            Block::Node(_) => Err((at.cid, NO_PART).into()),
        }
    }

    /// Puts the parts on the stack, first one on top, and gives the bytes that they span.
    fn parts(&mut self, at: &Pending, file: &FilePart) -> Result<u64, ReadError> {
        let unfit = |why| Err((at.cid, why).into());
        if file.bytes != at.span.end - at.span.start {
            return unfit(WRONG_SIZE);
        }
        if at.depth == MAX_FILE_DEPTH {
            return unfit(FILE_TOO_DEEP);
        }
        let mut start = at.span.start + file.data.len() as u64;
        let first = self.pending.len();
        for part in &file.parts {
            let span = start..start + part.bytes;
            start = span.end;
            // Parts of no bytes would make a small DAG endless work.
            if !span.is_empty() && span.end > self.wanted.start && span.start < self.wanted.end {
                if self.pending.len() == MAX_HELD_LINKS {
                    return unfit(TOO_WIDE);
                }
                self.pending.push(Pending { cid: part.cid, span, depth: at.depth + 1 });
            }
        }
        self.pending[first..].reverse();
        Ok(file.bytes - file.data.len() as u64)
    }

    fn leaf(&self, at: &Pending, mut bytes: Vec<u8>, in_parts: u64) -> Result<Vec<u8>, ReadError> {
        if bytes.len() as u64 + in_parts != at.span.end - at.span.start {
            return Err((at.cid, WRONG_SIZE).into());
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

/// Looks an entry up by its name as text.
fn entry(source: &dyn BlockSource, directory: &Cid, name: &str) -> Result<Cid, ReadError> {
    let found = entry_named(source, directory, name.as_bytes())?;
    let found = match (found, percent_decode_str(name).collect::<Vec<u8>>()) {
        // The text may stand for a name that is no UTF-8.
        (None, bytes) if std::str::from_utf8(&bytes).is_err() && name_as_text(&bytes) == name => {
            entry_named(source, directory, &bytes)?
        }
        (found, _) => found,
    };
    found.ok_or_else(|| ReadError::NoSuchEntry(name.into()))
}

fn entry_named(source: &dyn BlockSource, directory: &Cid, name: &[u8]) -> Result<Option<Cid>, ReadError> {
    let mut shard = match load(source, directory)? {
        Block::Node(Node::Directory(links)) => {
            return Ok(links.into_iter().find(|link| link.name == name).map(|link| link.cid));
        }
        Block::Node(Node::Shard(shard)) => shard,
        Block::Raw(_) | Block::Node(Node::File(_) | Node::Symlink(_)) => {
            return Err(ReadError::WrongKind(*directory, "directory"));
        }
    };
    let mut place = Place::default();
    loop {
        let slot = shard.shape.slot_of(name, place);
        let Some(link) = shard.links.into_iter().find(|link| Some(link.slot) == slot) else { return Ok(None) };
        if !link.name.is_empty() {
            return Ok((link.name == name).then_some(link.cid));
        }
        place = shard.shape.below(place, link.slot);
        shard = shard_below(source, &link.cid, shard.shape, place)?;
    }
}

fn visit_shard(
    source: &dyn BlockSource,
    cid: &Cid,
    shard: Shard,
    place: Place,
    visit: &mut dyn FnMut(DirectoryEntry),
) -> Result<(), ReadError> {
    for link in shard.links {
        if link.name.is_empty() {
            let place = shard.shape.below(place, link.slot);
            let below = shard_below(source, &link.cid, shard.shape, place)?;
            visit_shard(source, &link.cid, below, place, visit)?;
        } else if shard.shape.is_place_of(hash_of(&link.name), place, link.slot) {
            visit(entry_of(&link.name, link.cid, link.dag_bytes));
        } else {
            return Err((*cid, WRONG_SLOT).into());
        }
    }
    Ok(())
}

fn shard_below(source: &dyn BlockSource, cid: &Cid, shape: Shape, place: Place) -> Result<Shard, ReadError> {
    match load(source, cid)? {
        Block::Node(Node::Shard(shard)) if shard.shape == shape => match shape.unfit_below(shard.links.len(), place) {
            Some(why) => Err((*cid, why).into()),
            None => Ok(shard),
        },
        _ => Err((*cid, NO_SHARD).into()),
    }
}

/// Gets a block and judges it by itself.
fn load(source: &dyn BlockSource, cid: &Cid) -> Result<Block, ReadError> {
    let bytes = match node::inline(cid) {
        Some(bytes) => bytes.to_vec(),
        None => source.get(cid)?.ok_or(ReadError::Missing(*cid))?,
    };
    if !matches!(cid.codec(), CODEC_RAW | CODEC_DAG_PB) {
        return Err(ReadError::UnknownCodec(*cid));
    }
    judge_block(cid, bytes).map_err(|why| (*cid, why).into())
}
