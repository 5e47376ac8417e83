//! Sharded directories: a hash array mapped trie of 256-way nodes keyed by murmur3 of the name
//! (<https://specs.ipfs.tech/unixfs/#dag-pb-hamtdirectory>).

use std::io::{self, Cursor};

use crate::{
    block::{BlockSink, Link, put_dag_pb},
    dag_pb::{self, Fields, PbLink, Value},
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

/// Makes the shard nodes of a directory of encoded links. Its content's length is the caller's to know.
pub(crate) fn import(profile: &Profile, links: &[u8], sink: &mut dyn BlockSink) -> io::Result<Link> {
    let mut keyed = Vec::new();
    let mut fields = Fields(links);
    while let Some((_, Value::Bytes(link))) = fields.next().map_err(io::Error::other)? {
        keyed.push((slots_of(&link_of(link)?.name), link));
    }
    keyed.sort_unstable();
    shard(profile, &keyed, 0, sink)
}

/// The slots of an entry, and its encoded link.
type Keyed<'a> = ([u8; MAX_LEVELS], &'a [u8]);

fn shard(profile: &Profile, entries: &[Keyed<'_>], level: usize, sink: &mut dyn BlockSink) -> io::Result<Link> {
    if level == MAX_LEVELS {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "two names of a directory have the same 64-bit hash"));
    }
    let mut block = Vec::new();
    let mut bitfield = [0u8; 32];
    let mut dag_bytes = 0;
    for group in entries.chunk_by(|a, b| a.0[level] == b.0[level]) {
        let slot = group[0].0[level];
        bitfield[31 - usize::from(slot / 8)] |= 1 << (slot % 8);
        let mut name = format!("{slot:02X}").into_bytes();
        let (cid, below) = match group {
            [(_, link)] => {
                let link = link_of(link)?;
                name.extend_from_slice(&link.name);
                (link.cid, link.tsize)
            }
            _ => {
                let child = shard(profile, group, level + 1, sink)?;
                (child.cid, child.dag_bytes)
            }
        };
        dag_pb::encode_link(&mut block, &cid, &name, below);
        dag_bytes += below;
    }
    let first = bitfield.iter().position(|&byte| byte != 0).unwrap_or(bitfield.len());
    dag_pb::encode_data(&mut block, &unixfs::shard(&bitfield[first..]));
    let cid = put_dag_pb(profile.cid_version, &block, sink)?;
    Ok(Link { cid, dag_bytes: dag_bytes + block.len() as u64, content_bytes: 0 })
}

fn link_of(encoded: &[u8]) -> io::Result<PbLink> {
    dag_pb::decode_link(encoded).map_err(io::Error::other)
}
