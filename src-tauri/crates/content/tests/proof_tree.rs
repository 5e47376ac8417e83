//! Proof of directory trees: equal under any layout, and what differs is found and named.
#![cfg(test)]

use std::{collections::HashMap, io};

use holdfast_content::{
    Cid, Difference, DifferenceKind, EntryWord, FileImporter, LocalBytes, LocalEntry, LocalKind, LocalTree, Profile,
    ProofLimits, TreeBuilder, Verdict, import_symlink, prove_file, prove_tree,
};
use proptest::prelude::*;

type Memory = HashMap<Cid, Vec<u8>>;

#[derive(Clone, Debug)]
enum Entry {
    File(Vec<u8>),
    Hollow,
    Symlink(Vec<u8>),
}

#[derive(Clone, Debug, Default)]
struct Tree(std::collections::BTreeMap<String, Entry>);

impl LocalTree for Tree {
    fn entries(&self, directory: &str) -> io::Result<Vec<LocalEntry>> {
        let prefix = if directory.is_empty() { String::new() } else { format!("{directory}/") };
        let mut entries: Vec<LocalEntry> = Vec::new();
        for (path, entry) in &self.0 {
            let Some(inside) = path.strip_prefix(&prefix) else { continue };
            let (name, kind) = match (inside.split_once('/'), entry) {
                (Some((name, _)), _) => (name, LocalKind::Directory),
                (None, Entry::File(_)) => (inside, LocalKind::File),
                (None, Entry::Hollow) => (inside, LocalKind::Directory),
                (None, Entry::Symlink(target)) => (inside, LocalKind::Symlink(target.clone())),
            };
            if entries.iter().all(|entry| entry.name != name) {
                entries.push(LocalEntry { name: name.into(), kind });
            }
        }
        Ok(entries)
    }

    fn open(&self, file: &str) -> io::Result<Box<dyn LocalBytes + '_>> {
        match self.0.get(file) {
            Some(Entry::File(bytes)) => Ok(Box::new(bytes.as_slice())),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

impl Tree {
    fn import(&self, profile: Profile) -> (Cid, Memory) {
        let mut store = Memory::default();
        let mut tree = TreeBuilder::new(profile);
        for (path, entry) in &self.0 {
            match entry {
                Entry::File(bytes) => {
                    let mut importer = FileImporter::new(profile);
                    importer.push(bytes, &mut store).unwrap();
                    tree.insert(path, importer.finish(&mut store).unwrap()).unwrap();
                }
                Entry::Hollow => tree.insert_directory(path).unwrap(),
                Entry::Symlink(target) => {
                    tree.insert(path, import_symlink(profile, target, &mut store).unwrap()).unwrap();
                }
            }
        }
        (tree.finish(&mut store).unwrap().cid, store)
    }

    fn against(&self, other: &Self, profile: Profile) -> Verdict {
        let (root, store) = other.import(profile);
        prove_tree(self, &root, &store, ProofLimits::default()).unwrap().verdict
    }

    fn with(&self, path: &str, entry: Entry) -> Self {
        let mut other = self.clone();
        other.0.insert(path.into(), entry);
        other
    }

    fn without(&self, path: &str) -> Self {
        let mut other = self.clone();
        other.0.remove(path);
        other
    }
}

/// Bytes without repetition, so that no two leaves are the same.
fn sample(seed: u32, length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32 ^ seed;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as u8
    };
    (0..length).map(next).collect()
}

fn photos() -> Tree {
    let file = |seed, length| Entry::File(sample(seed, length));
    let entries = [
        ("a.txt", file(1, 5)),
        ("2024/summer/b.jpg", file(2, 40_000)),
        ("2024/summer/ü \"q\"", file(3, 1_000)),
        ("2024/hollow", Entry::Hollow),
        ("2024/link", Entry::Symlink(b"../a.txt".to_vec())),
        ("nothing", file(4, 0)),
        ("z", file(5, 17)),
    ];
    Tree(entries.into_iter().map(|(path, entry)| (path.into(), entry)).collect())
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

fn differs(path: &str, kind: DifferenceKind) -> Verdict {
    Verdict::Differs(Difference { path: path.into(), kind })
}

#[test]
fn a_tree_is_proven_under_every_layout_from_its_inner_nodes_alone() {
    let tree = photos();
    for profile in layouts() {
        let (root, store) = tree.import(profile);
        let proven = prove_tree(&tree, &root, &store, ProofLimits::default()).unwrap();
        assert_eq!(proven.verdict, Verdict::Equal, "{profile}");
        let leaves = 40_000_usize.div_ceil(profile.chunk_bytes()) + 1_000_usize.div_ceil(profile.chunk_bytes());
        assert!(proven.fetched_blocks as usize <= store.len() - leaves, "{profile}: {proven:?}");
    }
}

#[test]
fn a_directory_so_large_that_it_is_sharded_is_proven_and_what_it_lacks_is_named() {
    let name = |n: usize| format!("an entry with a rather long name, so that fewer of them are needed {n:05}");
    let tree = Tree((0..4_000).map(|n| (name(n), Entry::File(n.to_string().into_bytes()))).collect());
    for profile in [Profile::UNIXFS_V1_2025, Profile::UNIXFS_V0_2015] {
        let (root, store) = tree.import(profile);
        assert!(store.len() > 4_001, "{profile}: not sharded");
        assert_eq!(prove_tree(&tree, &root, &store, ProofLimits::default()).unwrap().verdict, Verdict::Equal);
        assert_eq!(tree.without(&name(7)).against(&tree, profile), differs(&name(7), DifferenceKind::OnlyThere));
        assert_eq!(tree.against(&tree.without(&name(7)), profile), differs(&name(7), DifferenceKind::OnlyHere));
        let other = tree.with(&name(3_999), Entry::File(b"3998".to_vec()));
        assert_eq!(other.against(&tree, profile), differs(&name(3_999), DifferenceKind::FromByte(3)));
    }
}

#[test]
fn a_missing_and_an_extra_entry_are_named() {
    let tree = photos();
    for profile in layouts() {
        for path in ["a.txt", "2024/summer/b.jpg", "2024/hollow", "2024/link"] {
            assert_eq!(tree.without(path).against(&tree, profile), differs(path, DifferenceKind::OnlyThere));
            assert_eq!(tree.against(&tree.without(path), profile), differs(path, DifferenceKind::OnlyHere));
        }
    }
}

#[test]
fn what_is_of_another_kind_is_named_with_both() {
    let tree = photos();
    let kinds = [
        ("a.txt", Entry::Symlink(b"x".to_vec()), EntryWord::File, EntryWord::Symlink),
        ("a.txt", Entry::Hollow, EntryWord::File, EntryWord::Directory),
        ("2024/hollow", Entry::File(sample(9, 40_000)), EntryWord::Directory, EntryWord::File),
        ("2024/link", Entry::Hollow, EntryWord::Symlink, EntryWord::Directory),
        ("2024/link", Entry::File(vec![1]), EntryWord::Symlink, EntryWord::File),
    ];
    for profile in layouts() {
        for (path, there_is, here, there) in kinds.clone() {
            let verdict = tree.against(&tree.with(path, there_is), profile);
            assert_eq!(verdict, differs(path, DifferenceKind::Kind { here, there }), "{profile}");
        }
    }
}

#[test]
fn a_link_that_points_elsewhere_is_named_and_an_equal_one_is_not_even_fetched() {
    let tree = photos();
    let other = tree.with("2024/link", Entry::Symlink(b"../z".to_vec()));
    for profile in layouts() {
        assert_eq!(tree.against(&other, profile), differs("2024/link", DifferenceKind::Target));
        let (root, mut store) = tree.import(profile);
        let link = import_symlink(profile, b"../a.txt", &mut Memory::default()).unwrap();
        store.remove(&link.cid);
        assert_eq!(prove_tree(&tree, &root, &store, ProofLimits::default()).unwrap().verdict, Verdict::Equal);
    }
}

#[test]
fn a_file_against_a_directory_is_a_difference() {
    let (tree, bytes) = (photos(), sample(1, 3_000));
    let (root, store) = tree.import(Profile::UNIXFS_V1_2025);
    let verdict = prove_file(&bytes.as_slice(), &root, &store, ProofLimits::default()).unwrap().verdict;
    let kind = |here, there| differs("", DifferenceKind::Kind { here, there });
    assert_eq!(verdict, kind(EntryWord::File, EntryWord::Directory));
    for profile in layouts() {
        let mut store = Memory::default();
        let mut importer = FileImporter::new(profile);
        importer.push(&bytes, &mut store).unwrap();
        let file = importer.finish(&mut store).unwrap().cid;
        let verdict = prove_tree(&tree, &file, &store, ProofLimits::default()).unwrap().verdict;
        assert_eq!(verdict, kind(EntryWord::Directory, EntryWord::File));
    }
}

#[test]
fn a_block_that_cannot_be_had_is_named_and_nothing_is_called_equal() {
    let tree = photos();
    let (root, mut store) = tree.import(Profile::UNIXFS_V1_2025.custom(1_000, 7));
    let mut needed = 0;
    let cids: Vec<_> = store.keys().copied().collect();
    for cid in cids {
        let block = store.remove(&cid).unwrap();
        match prove_tree(&tree, &root, &store, ProofLimits::default()).unwrap().verdict {
            Verdict::CannotFetch(missing, _) if missing == cid => needed += 1,
            verdict => assert_eq!(verdict, Verdict::Equal, "{cid} is a leaf"),
        }
        store.insert(cid, block);
    }
    assert!(needed >= 10, "{needed}");
}

proptest! {
    #[test]
    fn one_flipped_bit_deep_in_a_tree_is_found_where_it_is(
        length in 1..40_000_usize,
        at in any::<prop::sample::Index>(),
        bit in 0..8_u8,
        layout in 0..5_usize,
    ) {
        let tree = photos().with("2024/summer/deep/er/file", Entry::File(sample(7, length)));
        let at = at.index(length);
        let mut bytes = sample(7, length);
        bytes[at] ^= 1_u8 << bit;
        let other = tree.with("2024/summer/deep/er/file", Entry::File(bytes));
        let expected = differs("2024/summer/deep/er/file", DifferenceKind::FromByte(at as u64));
        prop_assert_eq!(other.against(&tree, layouts()[layout]), expected);
    }
}
