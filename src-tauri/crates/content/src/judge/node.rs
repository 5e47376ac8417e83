//! What one block says, and whether it contradicts itself.

use std::{borrow::Cow, collections::HashSet};

use cid::Cid;

use super::{
    shard::{self, Shard},
    unfit::{Unfit, check_name},
};
use crate::{
    block::{CODEC_RAW, HASH_IDENTITY, MAX_BLOCK_BYTES},
    dag_pb::{self, PbLink},
    name::name_as_text,
    unixfs::{self, TYPE_DIRECTORY, TYPE_FILE, TYPE_RAW, TYPE_SHARD, TYPE_SYMLINK, UnixFs},
};

/// A block of a codec that is known.
#[derive(Debug)]
pub(crate) enum Block {
    Raw(Vec<u8>),
    Node(Node),
}

/// A dag-pb block.
#[derive(Debug)]
pub(crate) enum Node {
    File(FilePart),
    /// Its entries, in its own order; no name twice, each one that a file may have.
    Directory(Vec<PbLink>),
    Shard(Shard),
    /// Where it points.
    Symlink(Vec<u8>),
}

/// A file, or an inner part of one.
#[derive(Debug)]
pub(crate) struct FilePart {
    /// Its own bytes, which come first.
    pub(crate) data: Vec<u8>,
    /// The parts behind them.
    pub(crate) parts: Vec<Part>,
    /// Bytes of all together.
    pub(crate) bytes: u64,
}

/// A part of a file, as its parent has it.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) cid: Cid,
    /// Bytes of its DAG, as is said.
    pub(crate) dag_bytes: u64,
    /// Bytes of the file in it.
    pub(crate) bytes: u64,
}

/// The block that a CID is itself.
pub(crate) fn inline(cid: &Cid) -> Option<&[u8]> {
    (cid.hash().code() == HASH_IDENTITY).then(|| cid.hash().digest())
}

/// Judges a raw or dag-pb block by itself.
pub(crate) fn judge_block(cid: &Cid, bytes: Vec<u8>) -> Result<Block, Unfit> {
    if bytes.len() > MAX_BLOCK_BYTES {
        return Err(Unfit::Against("larger than 2 MiB"));
    }
    if cid.codec() == CODEC_RAW { Ok(Block::Raw(bytes)) } else { judge_node(&bytes).map(Block::Node) }
}

/// Judges a dag-pb block by itself.
pub(crate) fn judge_node(bytes: &[u8]) -> Result<Node, Unfit> {
    let node = dag_pb::decode(bytes).map_err(Unfit::Malformed)?;
    let message = unixfs::decode(node.data.as_deref().unwrap_or_default()).map_err(Unfit::Malformed)?;
    match message.kind {
        TYPE_FILE | TYPE_RAW => file(node.links, message).map(Node::File),
        TYPE_DIRECTORY => directory(node.links).map(Node::Directory),
        TYPE_SHARD => shard::judge(node.links, &message).map(Node::Shard),
        TYPE_SYMLINK => symlink(&node.links, message.data).map(Node::Symlink),
        _ => Err(Unfit::Against("unknown UnixFS type")),
    }
}

fn file(links: Vec<PbLink>, message: UnixFs) -> Result<FilePart, Unfit> {
    if links.len() != message.block_bytes.len() {
        return Err(Unfit::Against("links and block sizes differ in number"));
    }
    let sum = message.block_bytes.iter().try_fold(message.data.len() as u64, |sum, &bytes| sum.checked_add(bytes));
    let bytes = sum.ok_or(Unfit::Against("its sizes exceed 64 bits"))?;
    if message.file_bytes.is_some_and(|stated| stated != bytes) {
        return Err(Unfit::Against("its file size is not the sum of its parts"));
    }
    let parts = links.into_iter().zip(message.block_bytes);
    let parts = parts.map(|(link, bytes)| Part { cid: link.cid, dag_bytes: link.tsize, bytes }).collect();
    Ok(FilePart { data: message.data, parts, bytes })
}

fn directory(links: Vec<PbLink>) -> Result<Vec<PbLink>, Unfit> {
    links.iter().try_for_each(|link| check_name(&link.name))?;
    let is_plain = |link: &PbLink| std::str::from_utf8(&link.name).is_ok();
    let is_sorted = links.is_sorted_by(|a, b| a.name < b.name) && links.iter().all(is_plain);
    if !is_sorted {
        let mut names: HashSet<Cow<'_, str>> = HashSet::with_capacity(links.len());
        if !links.iter().all(|link| names.insert(name_as_text(&link.name))) {
            return Err(Unfit::Against("a directory has a name twice"));
        }
    }
    Ok(links)
}

fn symlink(links: &[PbLink], target: Vec<u8>) -> Result<Vec<u8>, Unfit> {
    match target {
        _ if !links.is_empty() => Err(Unfit::Against("a symlink with links")),
        target if target.is_empty() || target.contains(&0) => Err(Unfit::Against("a symlink that points nowhere")),
        target => Ok(target),
    }
}
