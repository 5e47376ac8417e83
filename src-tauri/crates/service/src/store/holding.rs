//! Whether the store holds a DAG completely, and what a pin of it would be.

use std::{
    collections::{HashMap, HashSet},
    io,
};

use holdfast_content::{BlockSource, Cid, MAX_TREE_DEPTH, NodeKind, ReadError, child_cids, list_directory, stat};

use super::blocks::{BlockStore, BlockWriter};

const CODEC_RAW: u64 = 0x55;

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

/// Looks for every block below `root` and counts the blocks found among those that `writer` makes durable.
pub(crate) fn holding(blocks: &BlockStore, root: &Cid, writer: &mut BlockWriter) -> io::Result<Holding> {
    let complete = walk(blocks, root, |cid| writer.hold(cid));
    let measured = complete.and_then(|()| {
        let is_dir = stat(blocks, root)? == NodeKind::Directory;
        let content_bytes = content_bytes(blocks, root, 0, &mut HashMap::new())?;
        Ok(Holding::Complete { content_bytes, is_dir })
    });
    match measured {
        Err(ReadError::Io(error)) => Err(error),
        Err(_) => Ok(Holding::Incomplete),
        Ok(holding) => Ok(holding),
    }
}

/// Visits every block of a DAG once. Leaves are looked for but not read.
pub(crate) fn walk(blocks: &BlockStore, root: &Cid, mut visit: impl FnMut(&Cid)) -> Result<(), ReadError> {
    let mut seen = HashSet::new();
    let mut pending = vec![*root];
    while let Some(cid) = pending.pop() {
        if !seen.insert((cid.codec(), short_hash(&cid))) {
            continue;
        }
        visit(&cid);
        if cid.codec() == CODEC_RAW {
            blocks.len(&cid)?.ok_or(ReadError::Missing(cid))?;
        } else {
            // Whether the node is one that can be served is asked of `stat`, not here: the walk only follows links.
            let block = blocks.get(&cid)?.ok_or(ReadError::Missing(cid))?;
            pending.extend(child_cids(&cid, &block)?);
        }
    }
    Ok(())
}

/// Enough of a digest to tell blocks apart, at a quarter of the memory of a CID.
pub(crate) fn short_hash(cid: &Cid) -> [u8; 16] {
    let mut short = [0; 16];
    let digest = cid.hash().digest();
    let length = digest.len().min(short.len());
    short[..length].copy_from_slice(&digest[..length]);
    short
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
