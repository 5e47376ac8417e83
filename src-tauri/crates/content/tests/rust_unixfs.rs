//! The same files and directories through `rust-unixfs`, an importer by other people: the CIDs agree.
//!
//! Its own rule of when to shard a directory is that of `unixfs-v0-2015`; for other profiles the rule of the
//! specification is computed here, from its text, and `rust-unixfs` is told the outcome.
#![cfg(test)]

use std::collections::BTreeMap;

use holdfast_content::{Cid, Discard, FileImporter, Link, Profile, TreeBuilder, import_symlink, is_block_of};
use proptest::prelude::*;
use rust_unixfs::{
    dir::builder::{BufferingTreeBuilder, TreeOptions},
    file::adder::{BalancedCollector, Chunker, FileAdder},
    symlink::serialize_symlink_block,
};

/// IPIP-499, "HAMT switch": larger directories are sharded.
const SHARD_ABOVE_BYTES: u64 = 256 * 1024;

/// A profile by its parameters.
#[derive(Clone, Copy, Debug)]
struct Parameters {
    profile: Profile,
    version: cid::Version,
    raw_leaves: bool,
    chunk_bytes: usize,
    links_per_node: usize,
    counts_block_bytes: bool,
}

const V0_2015: Parameters = Parameters {
    profile: Profile::UNIXFS_V0_2015,
    version: cid::Version::V0,
    raw_leaves: false,
    chunk_bytes: 256 * 1024,
    links_per_node: 174,
    counts_block_bytes: false,
};
const KUBO_CIDV1: Parameters =
    Parameters { profile: Profile::KUBO_CIDV1_256K_174, version: cid::Version::V1, raw_leaves: true, ..V0_2015 };
const V1_2025: Parameters = Parameters {
    profile: Profile::UNIXFS_V1_2025,
    chunk_bytes: 1024 * 1024,
    links_per_node: 1024,
    counts_block_bytes: true,
    ..KUBO_CIDV1
};
const NAMED: [Parameters; 3] = [V0_2015, V1_2025, KUBO_CIDV1];

impl Parameters {
    fn custom(self, chunk_bytes: usize, links_per_node: usize) -> Self {
        let profile = self.profile.custom(chunk_bytes, links_per_node);
        Self { profile, chunk_bytes, links_per_node, ..self }
    }

    fn options(self, threshold: Option<u64>) -> TreeOptions {
        let mut options = TreeOptions::default();
        options.block_size_limit(None);
        options.wrap_with_directory();
        options.cid_version(self.version);
        options.shard_threshold(threshold);
        options
    }
}

fn ours(profile: Profile, bytes: &[u8]) -> Link {
    let mut importer = FileImporter::new(profile);
    importer.push(bytes, &mut Discard).unwrap();
    importer.finish(&mut Discard).unwrap()
}

fn theirs(parameters: Parameters, mut bytes: &[u8]) -> Cid {
    let mut adder = FileAdder::builder()
        .with_chunker(Chunker::Size(parameters.chunk_bytes))
        .with_collector(BalancedCollector::with_branching_factor(parameters.links_per_node))
        .with_cid_version(parameters.version)
        .with_raw_leaves(parameters.raw_leaves)
        .build();
    // The root of a file of exactly one chunk comes before the end.
    let mut last = None;
    while !bytes.is_empty() {
        let (blocks, consumed) = adder.push(bytes);
        last = blocks.last().or(last);
        bytes = &bytes[consumed..];
    }
    adder.finish().last().or(last).unwrap().0
}

/// The bytes of a dag-pb number.
fn varint_bytes(number: u64) -> u64 {
    u64::from((64 - (number | 1).leading_zeros()).div_ceil(7))
}

/// A field of that many bytes, with its tag and its length.
fn field_bytes(content: u64) -> u64 {
    1 + varint_bytes(content) + content
}

fn must_shard(parameters: Parameters, entries: &BTreeMap<String, Link>) -> bool {
    let measured: u64 = entries
        .iter()
        .map(|(name, link)| {
            let (cid, name) = (link.cid.to_bytes().len() as u64, name.len() as u64);
            if parameters.counts_block_bytes {
                field_bytes(field_bytes(cid) + field_bytes(name) + 1 + varint_bytes(link.dag_bytes))
            } else {
                cid + name
            }
        })
        .sum();
    // A directory's UnixFS message is its type alone, two bytes.
    let own = if parameters.counts_block_bytes { field_bytes(2) } else { 0 };
    measured + own > SHARD_ABOVE_BYTES
}

/// Both roots of one directory, with their sizes as a parent would state them.
fn directories(parameters: Parameters, entries: &BTreeMap<String, Link>) -> (Link, Cid, u64) {
    let mut tree = TreeBuilder::new(parameters.profile);
    let threshold = must_shard(parameters, entries).then_some(0);
    let mut builder = BufferingTreeBuilder::new(parameters.options(threshold));
    for (name, link) in entries {
        tree.insert(name, link.clone()).unwrap();
        builder.put_link(name, link.cid, link.dag_bytes).unwrap();
    }
    let root = builder.build().map(Result::unwrap).last().unwrap();
    (tree.finish(&mut Discard).unwrap(), root.cid, root.total_size)
}

fn assert_same_directory(parameters: Parameters, entries: &BTreeMap<String, Link>) {
    let (ours, cid, total) = directories(parameters, entries);
    assert_eq!((ours.cid, ours.dag_bytes), (cid, total), "{} entries under {}", entries.len(), parameters.profile);
}

/// One letter under `count` names of `length` letters.
fn names(profile: Profile, count: usize, length: usize) -> BTreeMap<String, Link> {
    let letter = ours(profile, b"x");
    (0..count).map(|index| (format!("{index:0length$}"), letter.clone())).collect()
}

#[test]
fn files_of_lengths_around_the_chunk_size_agree() {
    let bytes: Vec<u8> = (0..3_500_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    for parameters in NAMED {
        for length in [0, 1, 262_143, 262_144, 262_145, 1_048_575, 1_048_576, 1_048_577, 3_500_000] {
            let ours = ours(parameters.profile, &bytes[..length]);
            assert_eq!(ours.cid, theirs(parameters, &bytes[..length]), "{length} bytes under {}", parameters.profile);
        }
    }
}

#[test]
fn directories_agree_on_both_sides_of_the_threshold() {
    for parameters in NAMED {
        for count in [0, 1, 2, 300, 3_000, 6_000, 20_000] {
            assert_same_directory(parameters, &names(parameters.profile, count, 9));
        }
    }
}

#[test]
fn one_byte_above_the_threshold_is_sharded() {
    for (parameters, count, length) in [(V0_2015, 4_096, 30), (KUBO_CIDV1, 4_096, 28), (V1_2025, 4_369, 16)] {
        let mut entries = names(parameters.profile, count, length);
        assert!(!must_shard(parameters, &entries));
        assert_same_directory(parameters, &entries);
        let (name, link) = entries.pop_last().unwrap();
        entries.insert(name + "x", link);
        assert!(must_shard(parameters, &entries));
        assert_same_directory(parameters, &entries);
    }
}

fn entry_name() -> impl Strategy<Value = String> {
    let odd =
        prop::sample::select(vec!["\u{ff5e}", "\u{1f600}", "caf\u{e9}", "cafe\u{301}", ".hidden", " ", "a\\", "\n"]);
    prop_oneof![3 => "[a-zA-Z0-9 ._-]{3,40}", 2 => "[^/\0]{3,12}", 1 => odd.prop_map(str::to_owned)]
}

proptest! {
    #[test]
    fn any_file_agrees_under_any_chunk_size_and_width(
        bytes in prop::collection::vec(any::<u8>(), 0..6_000),
        chunk_bytes in 1..400_usize,
        links_per_node in 2..12_usize,
        named in 0..3_usize,
    ) {
        let parameters = NAMED[named].custom(chunk_bytes, links_per_node);
        prop_assert_eq!(ours(parameters.profile, &bytes).cid, theirs(parameters, &bytes));
    }

    #[test]
    fn any_directory_agrees(
        entries in prop::collection::btree_map(entry_name(), 0..9_000_usize, 0..60),
        target in "[^\0]{1,80}",
        named in 0..3_usize,
    ) {
        let parameters = NAMED[named];
        let symlink = import_symlink(parameters.profile, target.as_bytes(), &mut Discard).unwrap();
        let mut their_symlink = Vec::new();
        serialize_symlink_block(&target, &mut their_symlink);
        prop_assert_eq!(is_block_of(&symlink.cid, &their_symlink), Some(true));
        let file = |bytes| ours(parameters.profile, &vec![7; bytes]);
        let mut entries: BTreeMap<_, _> = entries.into_iter().map(|(name, bytes)| (name, file(bytes))).collect();
        entries.insert("link".into(), symlink);
        let (inner, cid, total) = directories(parameters, &entries);
        prop_assert_eq!((inner.cid, inner.dag_bytes), (cid, total));
        // Once more, inside another.
        let (outer, cid, total) = directories(parameters, &BTreeMap::from([("inner".to_owned(), inner)]));
        prop_assert_eq!((outer.cid, outer.dag_bytes), (cid, total));
    }
}
