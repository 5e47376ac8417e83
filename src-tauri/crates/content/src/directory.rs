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

/// Makes a directory's node, sharded when the profile's rule says so. `entries` are sorted by name, bytewise, and have
/// no name twice.
pub(crate) fn import_directory(
    profile: &Profile,
    entries: &[(&str, Link)],
    sink: &mut dyn BlockSink,
) -> io::Result<Link> {
    if must_shard(profile, entries) {
        return hamt::import(profile, entries, sink);
    }
    let mut block = Vec::new();
    for (name, link) in entries {
        dag_pb::encode_link(&mut block, &link.cid, name.as_bytes(), link.dag_bytes);
    }
    dag_pb::encode_data(&mut block, &unixfs::DIRECTORY);
    let cid = put_dag_pb(profile.cid_version, &block, sink)?;
    Ok(Link {
        cid,
        dag_bytes: block.len() as u64 + entries.iter().map(|(_, link)| link.dag_bytes).sum::<u64>(),
        content_bytes: entries.iter().map(|(_, link)| link.content_bytes).sum(),
    })
}

fn must_shard(profile: &Profile, entries: &[(&str, Link)]) -> bool {
    let bytes: usize = match profile.shard_rule {
        ShardRule::LinksBytes => entries.iter().map(|(name, link)| name.len() + link.cid.encoded_len()).sum(),
        ShardRule::BlockBytes => entries
            .iter()
            .map(|(name, link)| dag_pb::encoded_link_len(link.cid.encoded_len(), name.len(), link.dag_bytes))
            .sum::<usize>()
            .saturating_add(2 + unixfs::DIRECTORY.len()),
    };
    bytes as u64 > profile.shard_above_bytes
}
