//! Proof without knowing the profile: any layout is proven, any difference is found and located, at the cost of the inner
//! nodes.
#![cfg(test)]

use std::collections::HashMap;

use cid::multihash::Multihash;
use holdfast_content::{
    BlockSource, Cid, DifferenceKind, FileImporter, Profile, ProofLimits, Proven, Verdict, prove_file,
};
use multihash_codetable::{Code, MultihashDigest};
use proptest::prelude::*;

type Memory = HashMap<Cid, Vec<u8>>;

fn import(profile: Profile, bytes: &[u8]) -> (Cid, Memory) {
    let mut store = Memory::default();
    let mut importer = FileImporter::new(profile);
    importer.push(bytes, &mut store).unwrap();
    (importer.finish(&mut store).unwrap().cid, store)
}

fn prove(local: &[u8], root: &Cid, source: &dyn BlockSource) -> Proven {
    prove_file(&local, root, source, ProofLimits::default()).unwrap()
}

fn layouts() -> [Profile; 5] {
    [
        Profile::UNIXFS_V1_2025,
        Profile::UNIXFS_V0_2015,
        Profile::UNIXFS_V1_2025.custom(1_000, 7),
        Profile::UNIXFS_V0_2015.custom(999, 2),
        Profile::KUBO_CIDV1_256K_174.custom(65_536, 3),
    ]
}

/// Bytes without repetition, so that no two leaves are the same.
fn sample(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as u8
    };
    (0..length).map(next).collect()
}

#[test]
fn a_file_is_proven_under_every_layout_from_its_inner_nodes_alone() {
    let bytes = sample(3_000_000);
    for profile in layouts() {
        let (root, store) = import(profile, &bytes);
        let leaves = bytes.len().div_ceil(profile.chunk_bytes());
        let inner_nodes = store.len() - leaves;
        let proven = prove(&bytes, &root, &store);
        assert_eq!(proven.verdict, Verdict::Equal, "{profile}");
        assert_eq!(proven.fetched_blocks, inner_nodes as u64, "{profile}");
    }
}

#[test]
fn a_single_block_needs_nothing_fetched() {
    for profile in layouts() {
        for length in [0, 1, 500] {
            let bytes = sample(length);
            let (root, _) = import(profile, &bytes);
            let nothing = Memory::default();
            assert_eq!(
                prove(&bytes, &root, &nothing),
                Proven { verdict: Verdict::Equal, fetched_blocks: 0, fetched_bytes: 0 }
            );
        }
    }
}

#[test]
fn a_block_that_cannot_be_had_or_is_another_one_is_named() {
    let bytes = sample(20_000);
    let (root, mut store) = import(Profile::UNIXFS_V1_2025.custom(1_000, 3), &bytes);
    store.insert(root, b"something else".to_vec());
    assert!(matches!(prove(&bytes, &root, &store).verdict, Verdict::CannotFetch(cid, _) if cid == root));
    store.remove(&root);
    assert!(matches!(prove(&bytes, &root, &store).verdict, Verdict::CannotFetch(cid, _) if cid == root));
}

#[test]
fn a_proof_ends_at_what_it_may_cost() {
    let bytes = sample(50_000);
    let (root, store) = import(Profile::UNIXFS_V1_2025.custom(100, 2), &bytes);
    let limits = ProofLimits { blocks: 5, bytes: 1 << 20, ..ProofLimits::default() };
    let proven = prove_file(&bytes.as_slice(), &root, &store, limits).unwrap();
    assert!(matches!(proven.verdict, Verdict::Undecided(_)));
    assert_eq!(proven.fetched_blocks, 5);
}

/// Kubo's `--inline`.
#[test]
fn a_cid_that_holds_its_block_itself_is_proven_with_nothing_fetched() {
    let cid = |codec, block: &[u8]| Cid::new_v1(codec, Multihash::<64>::wrap(0, block).unwrap());
    // Raw, and as a UnixFS file node.
    for root in [cid(0x55, b"abc"), cid(0x70, b"\x0a\x09\x08\x02\x12\x03abc\x18\x03")] {
        let nothing = Memory::default();
        for (local, verdict) in [
            (&b"abc"[..], Verdict::Equal),
            (b"abd", Verdict::DiffersFrom(2)),
            (b"ab", Verdict::DiffersFrom(2)),
            (b"abcd", Verdict::DiffersFrom(3)),
            (b"", Verdict::DiffersFrom(0)),
        ] {
            assert_eq!(prove(local, &root, &nothing), Proven { verdict, fetched_blocks: 0, fetched_bytes: 0 });
        }
    }
    assert_eq!(prove(b"", &cid(0x55, b""), &Memory::default()).verdict, Verdict::Equal);
}

/// A multihash that stands in CIDs, by its code.
fn hashed(code: u64, bytes: &[u8]) -> Multihash<64> {
    if code == 0 {
        return Multihash::wrap(0, bytes).unwrap();
    }
    Code::try_from(code).unwrap().digest(bytes)
}

/// The frames around a file's bytes that make a single block of it, with the codec: raw, and the UnixFS leaves of both types.
fn single_blocks(bytes: &[u8]) -> Vec<(u64, Vec<u8>)> {
    let mut blocks = vec![(0x55, bytes.to_vec())];
    for kind in [2_u8, 0] {
        let mut message = vec![0x08, kind];
        if !bytes.is_empty() {
            message.push(0x12);
            message.extend(varint(bytes.len()));
            message.extend(bytes);
        }
        message.push(0x18);
        message.extend(varint(bytes.len()));
        blocks.push((0x70, [vec![0x0a], varint(message.len()), message].concat()));
    }
    if bytes.is_empty() {
        blocks.push((0x70, vec![0x0a, 2, 0x08, 2]));
    }
    blocks
}

fn varint(mut value: usize) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

/// SHA2-256 and -512, SHA3, Keccak, BLAKE2b, BLAKE2s, BLAKE3.
const HASHES: [u64; 14] = [0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0xb220, 0xb240, 0xb260];

#[test]
fn a_file_in_one_block_is_told_from_others_by_its_cid_alone_under_every_hash() {
    let nothing = Memory::default();
    for code in HASHES {
        // Only one of them is optimised in programs that are not.
        let longest = if code == 0x12 { 2 << 20 } else { 10_000 };
        for length in [0, 1, 100, 10_000, 300_000, 1 << 20, 2 << 20].into_iter().filter(|length| *length <= longest) {
            let bytes = sample(length);
            let mut others = vec![[&bytes[..], b"x"].concat()];
            if length > 0 {
                others.push(sample(length - 1));
                let mut other = bytes.clone();
                other[length / 2] ^= 1;
                others.push(other);
            }
            for (codec, block) in single_blocks(&bytes) {
                let root = Cid::new_v1(codec, hashed(code, &block));
                let equal = Proven { verdict: Verdict::Equal, fetched_blocks: 0, fetched_bytes: 0 };
                assert_eq!(prove(&bytes, &root, &nothing), equal, "{code:#x} {codec:#x} {length}");
                for other in &others {
                    let verdict = prove(other, &root, &nothing).verdict;
                    // A node may be anything; a raw block is what its hash says.
                    let is_certain = matches!(&verdict, Verdict::Differs(one) if one.kind == DifferenceKind::Hash);
                    assert_eq!(is_certain, codec == 0x55, "{code:#x} {length}: {verdict:?}");
                    assert_ne!(verdict, Verdict::Equal, "{code:#x} {length}");
                }
            }
        }
    }
}

#[test]
fn a_raw_cid_says_what_the_bytes_are_however_many_they_are() {
    let (bytes, nothing) = (sample(5_000_000), Memory::default());
    for code in [0x12, 0x13, 0xb220, 0x1e] {
        let root = Cid::new_v1(0x55, hashed(code, &bytes));
        assert_eq!(prove(&bytes, &root, &nothing).verdict, Verdict::Equal);
        let verdict = prove(&bytes[1..], &root, &nothing).verdict;
        assert!(matches!(&verdict, Verdict::Differs(one) if one.kind == DifferenceKind::Hash), "{verdict:?}");
    }
    let short = Cid::new_v1(0x55, hashed(0x12, b"short"));
    assert!(matches!(prove(&bytes, &short, &nothing).verdict, Verdict::Differs(_)));
    let cut = Cid::new_v1(0x55, Multihash::wrap(0x12, &hashed(0x12, b"short").digest()[..16]).unwrap());
    assert!(matches!(prove(b"other", &cut, &nothing).verdict, Verdict::CannotFetch(..)), "such a hash proves nothing");
}

proptest! {
    #[test]
    fn one_other_byte_is_found_where_it_is(
        length in 1..40_000_usize,
        at in any::<prop::sample::Index>(),
        bit in 0..8_u8,
        layout in 0..5_usize,
    ) {
        let bytes = sample(length);
        let (root, store) = import(layouts()[layout], &bytes);
        let at = at.index(length);
        let mut other = bytes;
        other[at] ^= 1_u8 << bit;
        prop_assert_eq!(prove(&other, &root, &store).verdict, Verdict::DiffersFrom(at as u64));
    }

    #[test]
    fn a_file_that_ends_elsewhere_differs_from_there(
        length in 0..40_000_usize,
        more in 1..5_000_usize,
        layout in 0..5_usize,
    ) {
        let long = sample(length + more);
        let (root, store) = import(layouts()[layout], &long);
        prop_assert_eq!(prove(&long[..length], &root, &store).verdict, Verdict::DiffersFrom(length as u64));
        let (root, store) = import(layouts()[layout], &long[..length]);
        prop_assert_eq!(prove(&long, &root, &store).verdict, Verdict::DiffersFrom(length as u64));
    }
}
