//! Sharded directories: a hash array mapped trie of 256-way nodes keyed by murmur3 of the name
//! (<https://specs.ipfs.tech/unixfs/#dag-pb-hamtdirectory>).

use std::io::{self, Cursor};

use crate::{
    block::{BlockSink, Link, put_dag_pb},
    dag_pb,
    profile::Profile,
    unixfs,
};

/// Levels that the 64-bit hash of a name can tell apart.
pub(crate) const MAX_LEVELS: usize = 8;

/// The slot of a name on each level.
pub(crate) fn slots_of(name: &[u8]) -> [u8; MAX_LEVELS] {
    // Reading from memory cannot fail, and the first half of the 128-bit hash is its low half.
    let hash = murmur3::murmur3_x64_128(&mut Cursor::new(name), 0).unwrap_or_default();
    (hash as u64).to_be_bytes()
}

/// Makes the shard nodes of a directory.
pub(crate) fn import(profile: &Profile, entries: &[(&str, Link)], sink: &mut dyn BlockSink) -> io::Result<Link> {
    let mut keyed: Vec<_> = entries.iter().map(|(name, link)| (slots_of(name.as_bytes()), *name, link)).collect();
    keyed.sort_by_key(|entry| entry.0);
    shard(profile, &keyed, 0, sink)
}

type Keyed<'a> = ([u8; MAX_LEVELS], &'a str, &'a Link);

fn shard(profile: &Profile, entries: &[Keyed<'_>], level: usize, sink: &mut dyn BlockSink) -> io::Result<Link> {
    if level == MAX_LEVELS {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "two names of a directory have the same 64-bit hash"));
    }
    let mut block = Vec::new();
    let mut bitfield = [0u8; 32];
    let (mut dag_bytes, mut content_bytes) = (0, 0);
    for group in entries.chunk_by(|a, b| a.0[level] == b.0[level]) {
        let slot = group[0].0[level];
        bitfield[31 - usize::from(slot / 8)] |= 1 << (slot % 8);
        let prefix = format!("{slot:02X}");
        let (name, child) = match group {
            [(_, name, link)] => (prefix + name, (*link).clone()),
            _ => (prefix, shard(profile, group, level + 1, sink)?),
        };
        dag_pb::encode_link(&mut block, &child.cid, name.as_bytes(), child.dag_bytes);
        dag_bytes += child.dag_bytes;
        content_bytes += child.content_bytes;
    }
    let first = bitfield.iter().position(|&byte| byte != 0).unwrap_or(bitfield.len());
    dag_pb::encode_data(&mut block, &unixfs::shard(&bitfield[first..]));
    let cid = put_dag_pb(profile.cid_version, &block, sink)?;
    Ok(Link { cid, dag_bytes: dag_bytes + block.len() as u64, content_bytes })
}
