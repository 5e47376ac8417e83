//! What a trustless gateway may answer, and what is said of it.
#![cfg(test)]

use std::{collections::HashMap, io::Cursor};

use holdfast_content::{
    Cid, FileImporter, Profile, TreeBuilder, WalkLimits, Walked,
    car::{CarError, CarReader, CarWriter},
    verify, verify_archive,
};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

const CODEC_RAW: u64 = 0x55;
const CODEC_DAG_PB: u64 = 0x70;
const CODEC_DAG_CBOR: u64 = 0x71;

type Block = (Cid, Vec<u8>);

/// A tree of two directories and some deep files: its root, and its blocks, children first.
fn tree() -> (Cid, Vec<Block>) {
    let profile = Profile::UNIXFS_V1_2025.custom(16, 3);
    let mut car = CarWriter::new(Cursor::new(Vec::new()), profile).unwrap();
    let mut tree = TreeBuilder::new(profile);
    for (path, length) in [("a", 5), ("b/c", 300), ("b/d", 40)] {
        let mut importer = FileImporter::new(profile);
        importer.push(&(0..length).map(|n| (n % 251) as u8).collect::<Vec<_>>(), &mut car).unwrap();
        tree.insert(path, importer.finish(&mut car).unwrap()).unwrap();
    }
    let root = tree.finish(&mut car).unwrap().cid;
    let bytes = car.finish(&root).unwrap().into_inner();
    (root, CarReader::new(&*bytes).unwrap().map(Result::unwrap).collect())
}

/// An archive that names no root.
fn archive<'a>(blocks: impl IntoIterator<Item = &'a Block>) -> Vec<u8> {
    let mut bytes = b"\x11\xa2\x65roots\x80\x67version\x01".to_vec();
    for (cid, block) in blocks {
        let cid = cid.to_bytes();
        let mut length = cid.len() + block.len();
        while length >= 0x80 {
            bytes.push(length as u8 | 0x80);
            length >>= 7;
        }
        bytes.push(length as u8);
        bytes.extend(cid);
        bytes.extend(block);
    }
    bytes
}

fn block(codec: u64, bytes: &[u8]) -> Block {
    let hash = cid::multihash::Multihash::wrap(0x12, &Sha256::digest(bytes)).unwrap();
    (Cid::new_v1(codec, hash), bytes.to_vec())
}

/// A directory with one entry.
fn node_of(child: &Cid) -> Vec<u8> {
    let cid = child.to_bytes();
    let name = [0x12, 1, b'x'];
    [&[0x12, cid.len() as u8 + 5, 0x0a, cid.len() as u8], cid.as_slice(), &name, &[0x0a, 2, 8, 1]].concat()
}

fn inlined(codec: u64, bytes: &[u8]) -> Cid {
    Cid::new_v1(codec, cid::multihash::Multihash::wrap(0, bytes).unwrap())
}

fn say(bytes: &[u8], root: &Cid) -> Result<Walked, CarError> {
    verify_archive(CarReader::new(bytes)?, root, WalkLimits::default())
}

#[test]
fn a_whole_answer_is_complete_in_any_order_with_repeats_and_strangers() {
    let (root, blocks) = tree();
    let bytes: usize = blocks.iter().map(|(_, bytes)| bytes.len()).sum();
    let whole = Walked { blocks: blocks.len(), bytes: bytes as u64, ..Walked::default() };
    assert_eq!(say(&archive(&blocks), &root).unwrap(), whole);
    assert_eq!(say(&archive(blocks.iter().rev()), &root).unwrap(), whole);
    assert_eq!(say(&archive(blocks.iter().chain(&blocks)), &root).unwrap(), whole);
    let strangers = [block(CODEC_RAW, b"stranger"), block(CODEC_DAG_PB, b"no node"), block(CODEC_DAG_CBOR, b"\xa0")];
    assert_eq!(say(&archive(strangers.iter().chain(&blocks)), &root).unwrap(), whole);
}

#[test]
fn every_missing_block_is_named() {
    let (root, blocks) = tree();
    for (gone, _) in &blocks {
        let walked = say(&archive(blocks.iter().filter(|(cid, _)| cid != gone)), &root).unwrap();
        assert_eq!((walked.missing.as_slice(), walked.corrupt.as_slice()), (&[*gone][..], &[][..]));
        assert!(!walked.is_complete());
    }
    assert_eq!(say(&archive([]), &root).unwrap().missing, [root]);
}

#[test]
fn every_damaged_block_is_named_and_the_rest_is_looked_at() {
    let (root, blocks) = tree();
    for at in 0..blocks.len() {
        let mut damaged = blocks.clone();
        damaged[at].1[0] ^= 1;
        let walked = say(&archive(&damaged), &root).unwrap();
        assert_eq!((walked.missing.as_slice(), walked.corrupt.as_slice()), (&[][..], &[blocks[at].0][..]));
        // A sound copy beside it does not make the answer a good one.
        let walked = say(&archive(damaged.iter().chain(&blocks)), &root).unwrap();
        assert_eq!((walked.blocks, walked.corrupt.as_slice()), (blocks.len(), &[blocks[at].0][..]));
    }
}

#[test]
fn a_damaged_stranger_is_named_too() {
    let (root, blocks) = tree();
    let stranger = (block(CODEC_RAW, b"stranger").0, b"strange".to_vec());
    let walked = say(&archive(blocks.iter().chain([&stranger])), &root).unwrap();
    assert_eq!((walked.blocks, walked.corrupt), (blocks.len(), vec![stranger.0]));
}

#[test]
fn a_cut_answer_is_cut_or_has_blocks_missing() {
    let (root, blocks) = tree();
    let whole = archive(&blocks);
    for length in 18..whole.len() {
        match say(&whole[..length], &root) {
            Err(CarError::Truncated { after }) => assert!(after < length as u64),
            Ok(walked) => assert!(!walked.missing.is_empty(), "cut at {length}"),
            Err(error) => panic!("cut at {length}: {error}"),
        }
    }
}

#[test]
fn a_block_that_is_its_own_cid_is_not_asked_for_but_what_it_links_to_is() {
    let leaf = block(CODEC_RAW, b"leaf");
    let root = inlined(CODEC_DAG_PB, &node_of(&leaf.0));
    assert_eq!(say(&archive([]), &root).unwrap().missing, [leaf.0]);
    assert!(say(&archive([&leaf]), &root).unwrap().is_complete());
    assert_eq!(verify(&HashMap::new(), &root, WalkLimits::default()).unwrap().missing, [leaf.0]);
    let parent = block(CODEC_DAG_PB, &node_of(&inlined(CODEC_RAW, b"inline")));
    assert!(say(&archive([&parent]), &parent.0).unwrap().is_complete());
}

#[test]
fn what_cannot_be_judged_is_not_called_complete() {
    let linked = block(CODEC_DAG_CBOR, b"\xa0");
    let root = block(CODEC_DAG_PB, &node_of(&linked.0));
    let walked = say(&archive([&root, &linked]), &root.0).unwrap();
    assert_eq!((walked.unknown.as_slice(), walked.is_complete()), (&[linked.0][..], false));
    let sha1 = Cid::try_from("bafkrcfbkvzwdlskpz62blw7jl5aixhhjd3uen3i").unwrap();
    let root = block(CODEC_DAG_PB, &node_of(&sha1));
    let bytes = archive([&root, &(sha1, b"hello world".to_vec())]);
    assert_eq!(say(&bytes, &root.0).unwrap().unknown, [sha1]);
}

#[test]
fn an_endless_answer_ends_at_the_limits() {
    let (root, blocks) = tree();
    let few = WalkLimits { blocks: 5, named: 100 };
    let walked = verify_archive(CarReader::new(&*archive(&blocks)).unwrap(), &root, few).unwrap();
    assert!(walked.cut && !walked.is_complete());
    let damaged: Vec<_> = blocks.iter().map(|(cid, _)| (*cid, b"damaged".to_vec())).collect();
    let few = WalkLimits { blocks: 1_000, named: 3 };
    let walked = verify_archive(CarReader::new(&*archive(&damaged)).unwrap(), &root, few).unwrap();
    assert_eq!((walked.cut, walked.corrupt.len()), (true, 3));
}

proptest! {
    #[test]
    fn an_answer_is_judged_as_its_blocks_are(
        order in Just((0..tree().1.len()).collect::<Vec<_>>()).prop_shuffle(),
        kept in prop::collection::vec(prop::bool::weighted(0.9), 40),
    ) {
        let (root, blocks) = tree();
        let sent: Vec<_> = order.iter().filter(|at| kept[**at % kept.len()]).map(|at| &blocks[*at]).collect();
        let held: HashMap<_, _> = sent.iter().map(|(cid, bytes)| (*cid, bytes.clone())).collect();
        let walked = verify(&held, &root, WalkLimits::default()).unwrap();
        prop_assert_eq!(say(&archive(sent.iter().copied()), &root).unwrap(), walked);
    }

    #[test]
    fn a_flipped_bit_anywhere_in_an_answer_is_found(bit in any::<prop::sample::Index>()) {
        let (root, blocks) = tree();
        let mut bytes = archive(&blocks);
        // The header names no root here, so that nothing in it matters.
        let bit = 18 * 8 + bit.index((bytes.len() - 18) * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(!say(&bytes, &root).is_ok_and(|walked| walked.is_complete()), "bit {}", bit);
    }
}
