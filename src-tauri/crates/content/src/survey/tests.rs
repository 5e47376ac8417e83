use std::collections::{HashMap, HashSet};

use super::*;
use crate::{FileImporter, Link, Profile, TreeBuilder, child_cids};

type Blocks = HashMap<Cid, Vec<u8>>;

/// Chunks of 1,000 bytes, seven links a node.
const LAYOUT: Profile = Profile::UNIXFS_V1_2025.custom(1_000, 7);

fn bytes_of(seed: u8, count: usize) -> Vec<u8> {
    (0..count).map(|at| (at as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes()[7] ^ seed).collect()
}

fn file(layout: Profile, bytes: &[u8], blocks: &mut Blocks) -> Link {
    let mut importer = FileImporter::new(layout);
    importer.push(bytes, blocks).unwrap();
    importer.finish(blocks).unwrap()
}

/// A small number now and then, the same every time.
fn numbers() -> impl FnMut(u64) -> u64 {
    let mut state = 1u64;
    move |below| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    }
}

fn survey(blocks: &Blocks, root: Cid, extent: Extent, below: &mut dyn FnMut(u64) -> u64) -> (Surveyed, Vec<Cid>) {
    let (mut survey, mut asked) = (Survey::of(root, extent), Vec::new());
    // A few at a time, and the last one comes back first.
    loop {
        let together: Vec<_> = std::iter::from_fn(|| survey.wanted()).take(3).collect();
        if together.is_empty() {
            break;
        }
        for wanted in together.iter().rev() {
            asked.push(wanted.cid);
            let looked = blocks.get(&wanted.cid).map_or(Looked::Missing, |bytes| look_at(&wanted.cid, bytes));
            survey.take(wanted, looked, below);
        }
    }
    let (done, all) = survey.progress();
    assert_eq!(done, all, "nothing is left");
    (survey.end(), asked)
}

#[test]
fn every_block_is_asked_for_once_and_a_repeated_one_is_one() {
    let mut blocks = Blocks::new();
    let mut bytes = bytes_of(1, 60_000);
    bytes.resize(200_000, 0);
    let root = file(LAYOUT, &bytes, &mut blocks).cid;
    let (found, asked) = survey(&blocks, root, Extent::Whole, &mut |_| 0);
    assert_eq!(asked.len(), blocks.len());
    assert_eq!(found.refused, None);
    assert_eq!(asked.iter().collect::<HashSet<_>>().len(), blocks.len());
    assert_eq!((found.looked_at, found.known), (blocks.len() as u64, blocks.len() as u64));
    assert_eq!(found.bytes, blocks.values().map(|block| block.len() as u64).sum::<u64>());
    assert!(found.faults.is_empty() && found.unclear.is_none() && !found.is_sample);
}

#[test]
fn a_fault_is_named_with_the_file_and_the_byte_at_which_the_block_begins() {
    let mut blocks = Blocks::new();
    let photo = file(LAYOUT, &bytes_of(2, 123_456), &mut blocks);
    let mut tree = TreeBuilder::new(LAYOUT);
    tree.insert("2026/photo.jpg", photo).unwrap();
    tree.insert("note", file(LAYOUT, b"hello", &mut blocks)).unwrap();
    let root = tree.finish(&mut blocks).unwrap().cid;
    let chunk = |at: usize| file(LAYOUT, &bytes_of(2, 123_456)[at..at + 1_000], &mut Blocks::new()).cid;
    blocks.get_mut(&chunk(77_000)).unwrap()[5] ^= 1;
    blocks.remove(&chunk(101_000));
    blocks.remove(&file(LAYOUT, b"hello", &mut Blocks::new()).cid);
    let (found, _) = survey(&blocks, root, Extent::Whole, &mut |_| 0);
    let mut named: Vec<_> =
        found.faults.iter().map(|fault| (fault.place.path.as_ref(), fault.place.byte, fault.kind)).collect();
    named.sort_by_key(|(path, byte, _)| (path.len(), *byte));
    assert_eq!(
        named,
        [
            ("note", None, FaultKind::Missing),
            ("2026/photo.jpg", Some(77_000), FaultKind::Damaged),
            ("2026/photo.jpg", Some(101_000), FaultKind::Missing),
        ]
    );
    blocks.remove(&root);
    let (found, _) = survey(&blocks, root, Extent::Whole, &mut |_| 0);
    assert_eq!((found.looked_at, found.faults[0].place.path.as_ref()), (1, ""));
}

#[test]
fn of_many_parts_all_inner_nodes_and_some_parts_are_looked_at() {
    // Nine nodes of seven chunks, which are more than a block together.
    const CHUNK: usize = 300_000;
    let (mut blocks, layout) = (Blocks::new(), Profile::UNIXFS_V1_2025.custom(CHUNK, 7));
    let root = file(layout, &bytes_of(3, 63 * CHUNK), &mut blocks).cid;
    let inner: HashSet<_> =
        blocks.iter().filter(|(cid, bytes)| !child_cids(cid, bytes).unwrap().is_empty()).map(|(cid, _)| *cid).collect();
    assert_eq!((blocks.len(), inner.len()), (75, 12));
    for extent in [
        Extent::Sample { parts: 62, bytes: u64::MAX, drawn: 20 },
        Extent::Sample { parts: 9_999, bytes: 63 * CHUNK as u64 - 1, drawn: 20 },
    ] {
        let (found, asked) = survey(&blocks, root, extent, &mut numbers());
        assert_eq!((found.is_sample, found.looked_at, found.known), (true, 32, 75));
        assert!(inner.iter().all(|cid| asked.contains(cid)));
    }
    for enough in
        [Extent::Sample { parts: 63, bytes: u64::MAX, drawn: 20 }, Extent::Sample { parts: 0, bytes: 0, drawn: 63 }]
    {
        let (found, asked) = survey(&blocks, root, enough, &mut numbers());
        assert!(!found.is_sample, "{enough:?}");
        assert_eq!(asked.len(), blocks.len());
    }
}

#[test]
fn every_part_is_drawn_as_often_as_any_other() {
    let mut blocks = Blocks::new();
    let mut tree = TreeBuilder::new(LAYOUT);
    for at in 0..50u8 {
        tree.insert(&format!("{at}"), file(LAYOUT, &[at; 10], &mut blocks)).unwrap();
    }
    let root = tree.finish(&mut blocks).unwrap().cid;
    let (mut drawn, mut numbers) = (HashMap::<Cid, u32>::new(), numbers());
    for _ in 0..1_000 {
        let extent = Extent::Sample { parts: 20, bytes: u64::MAX, drawn: 10 };
        for cid in survey(&blocks, root, extent, &mut numbers).1 {
            *drawn.entry(cid).or_default() += 1;
        }
    }
    assert_eq!(drawn.remove(&root), Some(1_000));
    assert_eq!(drawn.len(), 50);
    // 200 are expected, give or take five times the deviation.
    assert!(drawn.values().all(|times| (137..263).contains(times)), "{drawn:?}");
}

#[test]
fn a_directory_that_is_sharded_leads_to_its_entries_by_their_names() {
    let mut blocks = Blocks::new();
    let mut tree = TreeBuilder::new(LAYOUT);
    for at in 0..6_000u32 {
        let name = format!("{at:05}{}", "x".repeat(60));
        tree.insert(&name, file(LAYOUT, &at.to_le_bytes(), &mut blocks)).unwrap();
    }
    let root = tree.finish(&mut blocks).unwrap().cid;
    assert!(blocks.len() > 6_001, "it is sharded");
    blocks.remove(&file(LAYOUT, &4_321u32.to_le_bytes(), &mut Blocks::new()).cid);
    let (found, _) = survey(&blocks, root, Extent::Whole, &mut |_| 0);
    let [fault] = found.faults.as_slice() else { panic!("{:?}", found.faults) };
    assert_eq!(fault.place.path.as_ref(), format!("04321{}", "x".repeat(60)));
}

#[test]
fn what_cannot_be_judged_is_said_and_is_no_fault() {
    let cbor: Cid = "bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua".parse().unwrap();
    let (found, _) = survey(&Blocks::from([(cbor, Vec::new())]), cbor, Extent::Whole, &mut |_| 0);
    assert_eq!(found.faults.len(), 1, "other bytes are damage whatever the codec");
    let sha = |bytes: &[u8]| file(LAYOUT, bytes, &mut Blocks::new()).cid;
    let cbor = Cid::new_v1(0x71, *sha(b"{}").hash());
    let (found, _) = survey(&Blocks::from([(cbor, b"{}".to_vec())]), cbor, Extent::Whole, &mut |_| 0);
    assert_eq!((found.unclear, found.faults.len()), (Some(Unclear::Unknown(cbor)), 0));
    let no_node = Cid::new_v1(0x70, *sha(b"hello").hash());
    let (found, _) = survey(&Blocks::from([(no_node, b"hello".to_vec())]), no_node, Extent::Whole, &mut |_| 0);
    let refused = found.refused.unwrap();
    assert_eq!((refused.cid, found.unclear, found.faults.len()), (no_node, None, 0));
    assert!(refused.to_string().contains("not a valid node"), "{refused}");
}
