//! Which blocks belong to one entity: all of a file, or a directory's own list without what it lists.
//!
//! The trustless gateway's words (<https://specs.ipfs.tech/http-gateways/trustless-gateway/>): its `dag-scope=entity` and
//! `entity-bytes` ask for such blocks.

use cid::Cid;

use crate::{
    block::{CODEC_DAG_PB, CODEC_RAW},
    judge::node::{Node, judge_node},
    read_error::ReadError,
};

/// A block's place in the entity that it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntityNode {
    /// A file or a part of one.
    File {
        /// Bytes of content that the block holds itself; they come first.
        own_bytes: u64,
        /// The blocks below and the bytes of content that each spans, in the file's order.
        children: Vec<(Cid, u64)>,
    },
    /// A directory or a part of its list.
    Directory {
        /// The blocks with further parts of the list.
        shards: Vec<Cid>,
    },
    /// Nothing but this block: a symlink, or a codec that is not understood here.
    Single,
}

/// Reads one block.
///
/// # Errors
/// [`ReadError::Malformed`] and [`ReadError::Invalid`] for a dag-pb block that is no UnixFS node or contradicts itself.
pub fn entity_node(cid: &Cid, bytes: &[u8]) -> Result<EntityNode, ReadError> {
    match cid.codec() {
        CODEC_RAW => return Ok(EntityNode::File { own_bytes: bytes.len() as u64, children: Vec::new() }),
        CODEC_DAG_PB => {}
        _ => return Ok(EntityNode::Single),
    }
    let node = judge_node(bytes).map_err(|why| ReadError::from((*cid, why)))?;
    Ok(match node {
        Node::File(file) => {
            let own_bytes = file.data.len() as u64;
            EntityNode::File {
                own_bytes,
                children: file.parts.into_iter().map(|part| (part.cid, part.bytes)).collect(),
            }
        }
        Node::Directory(_) => EntityNode::Directory { shards: Vec::new() },
        Node::Shard(shard) => {
            let shards = shard.links.into_iter().filter(|link| link.name.is_empty());
            EntityNode::Directory { shards: shards.map(|link| link.cid).collect() }
        }
        Node::Symlink(_) => EntityNode::Single,
    })
}
