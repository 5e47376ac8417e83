//! Directory and symlink nodes.

use std::io;

use crate::{
    block::{BlockSink, Link, put_dag_pb},
    dag_pb, hamt,
    profile::{Profile, ShardRule},
    unixfs,
};

/// Makes a symlink's node.
///
/// ```
/// use holdfast_content::{Discard, Profile, import_symlink};
/// let link = import_symlink(Profile::UNIXFS_V1_2025, b"../elsewhere", &mut Discard)?;
/// assert!(link.cid.to_string().starts_with("bafybei"));
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// Only those of `sink`.
pub fn import_symlink(profile: Profile, target: &[u8], sink: &mut dyn BlockSink) -> io::Result<Link> {
    let mut block = Vec::new();
    dag_pb::encode_data(&mut block, &unixfs::symlink(target));
    let cid = put_dag_pb(profile.cid_version, &block, sink)?;
    Ok(Link { cid, dag_bytes: block.len() as u64, content_bytes: 0 })
}

/// The entries of one directory, each as the link that stands in the directory's block: less than half of the memory of names
/// and [`Link`]s.
#[derive(Debug, Default)]
pub(crate) struct DirectoryLinks {
    encoded: Vec<u8>,
    /// What names and CIDs are long together.
    names_and_cids: u64,
    dag_bytes: u64,
    content_bytes: u64,
}

impl DirectoryLinks {
    /// Adds an entry. Entries come sorted by name, bytewise, and no name comes twice.
    pub(crate) fn push(&mut self, name: &str, link: &Link) {
        dag_pb::encode_link(&mut self.encoded, &link.cid, name.as_bytes(), link.dag_bytes);
        self.names_and_cids += (name.len() + link.cid.encoded_len()) as u64;
        self.dag_bytes += link.dag_bytes;
        self.content_bytes += link.content_bytes;
    }

    /// Makes the directory's node, sharded when the profile's rule says so.
    pub(crate) fn finish(self, profile: &Profile, sink: &mut dyn BlockSink) -> io::Result<Link> {
        if self.must_shard(profile) {
            let shards = hamt::import(profile, &self.encoded, sink)?;
            return Ok(Link { content_bytes: self.content_bytes, ..shards });
        }
        let mut block = self.encoded;
        dag_pb::encode_data(&mut block, &unixfs::DIRECTORY);
        let cid = put_dag_pb(profile.cid_version, &block, sink)?;
        let dag_bytes = self.dag_bytes + block.len() as u64;
        Ok(Link { cid, dag_bytes, content_bytes: self.content_bytes })
    }

    #[cfg(test)]
    pub(crate) fn encoded_len(&self) -> usize {
        self.encoded.len()
    }

    fn must_shard(&self, profile: &Profile) -> bool {
        let bytes = match profile.shard_rule {
            ShardRule::LinksBytes => self.names_and_cids,
            ShardRule::BlockBytes => (self.encoded.len() + 2 + unixfs::DIRECTORY.len()) as u64,
        };
        bytes > profile.shard_above_bytes
    }
}
