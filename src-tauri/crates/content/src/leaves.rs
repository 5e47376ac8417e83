//! The leaves of a file: its chunks, hashed apart from the tree above them, so that any thread can do it.

use std::io;

use crate::{
    block::{BlockSink, FileNumber, LeafBlock, Link, dag_pb_cid, raw_cid},
    profile::{Leaves, Profile},
    sha256::{self, Digest256, Message},
    unixfs,
};

/// The leaves of a run of a file's bytes that begins where a leaf begins, under one profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HashedLeaves {
    links: Vec<Link>,
    profile: Profile,
    bytes: u64,
}

impl HashedLeaves {
    /// Whether these are what the profile makes of `bytes` bytes.
    pub(crate) fn fits(&self, profile: &Profile, bytes: usize) -> bool {
        self.bytes == bytes as u64 && agree(&self.profile, profile, bytes)
    }

    pub(crate) fn into_links(self) -> Vec<Link> {
        self.links
    }
}

/// Hashes the leaves of `bytes` under every profile: several at a time on one core, and once where profiles agree. The
/// bytes begin where a leaf begins under all of them; only the last leaf may be short.
///
/// ```
/// use holdfast_content::{Discard, FileImporter, Profile, hash_leaves};
///
/// let [v1, v0] = [Profile::UNIXFS_V1_2025, Profile::UNIXFS_V0_2015];
/// let mut leaves = hash_leaves(&[v1, v0], b"hello world").into_iter();
/// let first = leaves.next().expect("one for each profile");
/// let root = FileImporter::new(v1).finish_hashed(b"hello world", first, &mut Discard)?;
/// assert_eq!(root.cid.to_string(), "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e");
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use]
pub fn hash_leaves(profiles: &[Profile], bytes: &[u8]) -> Vec<HashedLeaves> {
    let mut all: Vec<HashedLeaves> = Vec::with_capacity(profiles.len());
    for profile in profiles {
        let links = match all.iter().find(|known| agree(&known.profile, profile, bytes.len())) {
            Some(known) => known.links.clone(),
            None => links_of(profile, bytes),
        };
        all.push(HashedLeaves { links, profile: *profile, bytes: bytes.len() as u64 });
    }
    all
}

/// Whether a run of so many bytes has the same leaves under both profiles.
fn agree(a: &Profile, b: &Profile, run_bytes: usize) -> bool {
    let same_chunks = a.chunk_bytes == b.chunk_bytes || run_bytes <= a.chunk_bytes.min(b.chunk_bytes);
    let same_frame = a.leaves == b.leaves && (a.leaves == Leaves::Raw || a.cid_version == b.cid_version);
    same_chunks && same_frame
}

/// The leaves of `bytes`; none for no bytes.
pub(crate) fn links_of(profile: &Profile, bytes: &[u8]) -> Vec<Link> {
    let frames = Frames::of(profile, bytes.len());
    let messages: Vec<_> = bytes.chunks(profile.chunk_bytes).map(|chunk| frames.around(chunk)).collect();
    let digests = sha256::digest_all(&messages);
    messages.iter().zip(&digests).map(|(message, digest)| link_of(profile, message, digest)).collect()
}

/// The only leaf of an empty file.
pub(crate) fn empty_link(profile: &Profile) -> Link {
    let frames = Frames::of(profile, 0);
    let message = frames.around(&[]);
    link_of(profile, &message, &sha256::digest(&message))
}

fn link_of(profile: &Profile, message: &Message<'_>, digest: &Digest256) -> Link {
    Link {
        cid: match profile.leaves {
            Leaves::Raw => raw_cid(digest),
            Leaves::DagPb => dag_pb_cid(profile.cid_version, digest),
        },
        dag_bytes: (message.before.len() + message.body.len() + message.after.len()) as u64,
        content_bytes: message.body.len() as u64,
    }
}

/// Hands leaves to a sink, with the bytes that they were hashed from.
pub(crate) fn put_leaves(
    profile: &Profile,
    links: &[Link],
    bytes: &[u8],
    file: FileNumber,
    offset: u64,
    sink: &mut dyn BlockSink,
) -> io::Result<()> {
    let frames = Frames::of(profile, bytes.len());
    let (mut rest, mut offset) = (bytes, offset);
    for link in links {
        let (content, behind) = rest.split_at(rest.len().min(profile.chunk_bytes));
        let Message { before, after, .. } = frames.around(content);
        sink.put_leaf(&link.cid, &LeafBlock { before, content, after, file, offset })?;
        offset += content.len() as u64;
        rest = behind;
    }
    Ok(())
}

/// What stands around the leaves of a run: the same for all of full length, another for a short last one.
struct Frames {
    full_bytes: usize,
    full: (Vec<u8>, Vec<u8>),
    short: (Vec<u8>, Vec<u8>),
}

impl Frames {
    fn of(profile: &Profile, run_bytes: usize) -> Self {
        let full_bytes = profile.chunk_bytes;
        match profile.leaves {
            Leaves::Raw => Self { full_bytes, full: Default::default(), short: Default::default() },
            Leaves::DagPb => Self {
                full_bytes,
                full: unixfs::leaf_frame(full_bytes),
                short: unixfs::leaf_frame(run_bytes % full_bytes),
            },
        }
    }

    fn around<'a>(&'a self, body: &'a [u8]) -> Message<'a> {
        let (before, after) = if body.len() == self.full_bytes { &self.full } else { &self.short };
        Message { before, body, after }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_that_agree_share_leaves_and_others_do_not() {
        let [v1, kubo, v0] = Profile::ALL;
        let short = hash_leaves(&[v1, kubo, v0], &[1; 1000]);
        assert_eq!(short[0].links, short[1].links);
        assert_ne!(short[1].links, short[2].links);
        let long = hash_leaves(&[v1, kubo, v0], &[1; 300_000]);
        assert_eq!(long.iter().map(|leaves| leaves.links.len()).collect::<Vec<_>>(), [1, 2, 2]);
        assert!(long[0].fits(&v1, 300_000) && !long[0].fits(&kubo, 300_000) && !long[0].fits(&v1, 300_001));
    }
}
