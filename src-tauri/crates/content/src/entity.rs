//! Which blocks belong to one entity: all of a file, or a directory's own list without what it lists.
//!
//! The trustless gateway's words (<https://specs.ipfs.tech/http-gateways/trustless-gateway/>): its `dag-scope=entity` and
//! `entity-bytes` ask for such blocks.

use cid::Cid;

use crate::{
    block::{CODEC_DAG_PB, CODEC_RAW},
    dag_pb,
    hamt::PREFIX_DIGITS,
    read::ReadError,
    unixfs::{self, TYPE_DIRECTORY, TYPE_FILE, TYPE_RAW, TYPE_SHARD, TYPE_SYMLINK},
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
    let malformed = |error| ReadError::Malformed(*cid, error);
    let node = dag_pb::decode(bytes).map_err(malformed)?;
    let message = unixfs::decode(node.data.as_deref().unwrap_or_default()).map_err(malformed)?;
    match message.kind {
        TYPE_FILE | TYPE_RAW => {
            if node.links.len() != message.block_bytes.len() {
                return Err(ReadError::Invalid(*cid, "links and block sizes differ in number"));
            }
            let own_bytes = message.data.len() as u64;
            let sum = message.block_bytes.iter().try_fold(own_bytes, |sum, &bytes| sum.checked_add(bytes));
            sum.ok_or(ReadError::Invalid(*cid, "its sizes exceed 64 bits"))?;
            let children = node.links.into_iter().map(|link| link.cid).zip(message.block_bytes).collect();
            Ok(EntityNode::File { own_bytes, children })
        }
        TYPE_DIRECTORY => Ok(EntityNode::Directory { shards: Vec::new() }),
        TYPE_SHARD => {
            // A link that has a slot and no name leads to a further shard.
            let shards = node.links.into_iter().filter(|link| link.name.len() == PREFIX_DIGITS);
            Ok(EntityNode::Directory { shards: shards.map(|link| link.cid).collect() })
        }
        TYPE_SYMLINK => Ok(EntityNode::Single),
        _ => Err(ReadError::Invalid(*cid, "unknown UnixFS type")),
    }
}
