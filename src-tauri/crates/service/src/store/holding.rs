//! Whether the store holds a DAG completely, and what a pin of it would be.

use std::{
    collections::{HashMap, HashSet},
    io,
};

use holdfast_content::{
    BlockName, BlockSource, CODEC_RAW, Cid, HASH_IDENTITY, MAX_TREE_DEPTH, NodeKind, ReadError, child_cids,
    list_directory, stat,
};

use super::{blocks::BlockStore, writer::BlockWriter};

/// Inner nodes that are known and not read yet: some 25 MB.
const MAX_PENDING: usize = 1 << 18;

/// What is held of a DAG.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holding {
    /// Every block of it.
    Complete {
        /// Bytes of its files.
        content_bytes: u64,
        is_dir: bool,
    },
    /// Not every block, or blocks of a kind that is not understood here.
    Incomplete,
}

/// What a complete DAG is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Measured {
    /// Bytes of its files.
    pub(crate) content_bytes: u64,
    /// Bytes of its different blocks.
    pub(crate) dag_bytes: u64,
    pub(crate) is_dir: bool,
}

/// Looks for every block below `root`. `writer` holds what is found, so that it stays until a pin of it is recorded.
pub(crate) fn holding(blocks: &BlockStore, root: &Cid, writer: &mut BlockWriter) -> io::Result<Holding> {
    match measure(blocks, root, writer) {
        Err(ReadError::Io(error)) => Err(error),
        Err(_) => Ok(Holding::Incomplete),
        Ok(Measured { content_bytes, is_dir, .. }) => Ok(Holding::Complete { content_bytes, is_dir }),
    }
}

/// The same; an error says which block is missing, or what cannot be understood.
pub(crate) fn measure(blocks: &BlockStore, root: &Cid, writer: &mut BlockWriter) -> Result<Measured, ReadError> {
    let mut dag_bytes = 0;
    walk(blocks, root, |cid| {
        let found = writer.find(cid)?;
        dag_bytes += found.unwrap_or(0);
        Ok(found.is_some())
    })?;
    let is_dir = stat(blocks, root)? == NodeKind::Directory;
    let content_bytes = content_bytes(blocks, root, 0, &mut HashMap::new())?;
    Ok(Measured { content_bytes, dag_bytes, is_dir })
}

/// Visits every block of a DAG once, parents first; `find` says whether it is there. Leaves are not read.
pub(crate) fn walk(
    blocks: &BlockStore,
    root: &Cid,
    mut find: impl FnMut(&Cid) -> Result<bool, ReadError>,
) -> Result<(), ReadError> {
    let mut seen = HashSet::new();
    // Inner nodes that were found.
    let mut pending = Vec::new();
    let mut links = vec![*root];
    loop {
        for cid in links {
            // An identity CID is its own block.
            if cid.hash().code() != HASH_IDENTITY {
                if !seen.insert(BlockName::of(&cid)) {
                    continue;
                }
                if !find(&cid)? {
                    return Err(ReadError::Missing(cid));
                }
            }
            if cid.codec() == CODEC_RAW {
                continue;
            }
            if pending.len() == MAX_PENDING {
                return Err(ReadError::Invalid(*root, "the tree is too wide"));
            }
            pending.push(cid);
        }
        // Whether the node is one that can be served is asked of `stat`, not here: the walk only follows links.
        let Some(cid) = pending.pop() else { return Ok(()) };
        let block = blocks.get(&cid)?.ok_or(ReadError::Missing(cid))?;
        links = child_cids(&cid, &block)?;
    }
}

fn content_bytes(
    blocks: &BlockStore,
    cid: &Cid,
    depth: usize,
    known: &mut HashMap<Cid, u64>,
) -> Result<u64, ReadError> {
    match stat(blocks, cid)? {
        NodeKind::File { bytes } => Ok(bytes),
        NodeKind::Symlink { .. } => Ok(0),
        NodeKind::Directory if depth > MAX_TREE_DEPTH => Err(ReadError::Invalid(*cid, "the tree is too deep")),
        NodeKind::Directory => {
            if let Some(&bytes) = known.get(cid) {
                return Ok(bytes);
            }
            let mut sum = 0_u64;
            for entry in list_directory(blocks, cid)? {
                sum = sum.saturating_add(content_bytes(blocks, &entry.cid, depth + 1, known)?);
            }
            known.insert(*cid, sum);
            Ok(sum)
        }
    }
}
