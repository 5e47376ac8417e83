//! Proof without knowing the profile: any layout is proven, any difference is found and located, at the cost of the inner
//! nodes.
#![cfg(test)]

use std::collections::HashMap;

use cid::multihash::Multihash;
use holdfast_content::{BlockSource, Cid, FileImporter, Profile, ProofLimits, Proven, Verdict, prove_file};
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
