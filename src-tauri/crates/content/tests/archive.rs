//! Archives, verification and export: what was imported comes back, and damage is found.
#![cfg(test)]

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    io::{self, Cursor},
    path::Path,
};

use cid::multihash::Multihash;
use holdfast_content::{
    BlockSink, BlockSource, Cid, Discard, ExportError, FileImporter, Link, Profile, ReadError, TreeBuilder, WalkLimits,
    car::{CarError, CarIndex, CarReader, CarWriter},
    export, file_name, import_symlink, verify, verify_archive,
};
use proptest::prelude::*;

fn file(profile: Profile, bytes: &[u8], sink: &mut dyn BlockSink) -> Link {
    let mut importer = FileImporter::new(profile);
    importer.push(bytes, sink).unwrap();
    importer.finish(sink).unwrap()
}

/// A tree with deep files, a symlink and an empty directory, as an archive.
fn archive(profile: Profile) -> (Cid, Vec<u8>) {
    let mut car = CarWriter::new(Cursor::new(Vec::new()), profile).unwrap();
    let mut tree = TreeBuilder::new(profile);
    for (path, length) in [("a.txt", 5), ("deep/er/b.bin", 700), ("deep/c", 0), ("ü \"q\"", 17)] {
        let bytes: Vec<u8> = (0..length).map(|n| n as u8).collect();
        tree.insert(path, file(profile, &bytes, &mut car)).unwrap();
    }
    tree.insert("link", import_symlink(profile, b"deep/c", &mut car).unwrap()).unwrap();
    tree.insert_directory("hollow").unwrap();
    let root = tree.finish(&mut car).unwrap().cid;
    (root, car.finish(&root).unwrap().into_inner())
}

fn index(bytes: &[u8]) -> Result<CarIndex, CarError> {
    let mut file = tempfile::tempfile().unwrap();
    io::copy(&mut &*bytes, &mut file).unwrap();
    io::Seek::rewind(&mut file).unwrap();
    CarIndex::open(file)
}

fn layouts() -> [Profile; 4] {
    [
        Profile::UNIXFS_V1_2025,
        Profile::UNIXFS_V0_2015,
        Profile::UNIXFS_V1_2025.custom(16, 3),
        Profile::UNIXFS_V0_2015.custom(16, 3),
    ]
}

/// What stands at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Thing {
    File(Vec<u8>),
    Symlink(Vec<u8>),
    Directory,
}

/// Every path below a directory with what is there.
fn contents(directory: &Path) -> BTreeMap<String, Thing> {
    let mut found = BTreeMap::new();
    let mut pending = vec![directory.to_owned()];
    while let Some(at) = pending.pop() {
        for entry in fs::read_dir(at).unwrap().map(Result::unwrap) {
            let path = entry.path();
            let name = path.strip_prefix(directory).unwrap().to_str().unwrap().to_owned();
            let kind = entry.file_type().unwrap();
            let thing = if kind.is_symlink() {
                Thing::Symlink(fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes())
            } else if kind.is_dir() {
                pending.push(path);
                Thing::Directory
            } else {
                Thing::File(fs::read(&path).unwrap())
            };
            found.insert(name, thing);
        }
    }
    found
}

#[cfg(unix)]
#[test]
fn a_tree_comes_back_from_its_archive_as_it_was() {
    for profile in layouts() {
        let (root, bytes) = archive(profile);
        let car = index(&bytes).unwrap();
        assert_eq!(car.roots(), [root]);
        let walked = verify(&car, &root, WalkLimits::default()).unwrap();
        assert!(walked.is_complete(), "{walked:?}");
        assert_eq!(walked.blocks, car.blocks());
        let place = tempfile::tempdir().unwrap();
        let target = place.path().join("out");
        let exported = export(&car, &root, &target).unwrap();
        assert_eq!((exported.files, exported.directories, exported.symlinks, exported.bytes), (4, 4, 1, 722));
        let found = contents(&target);
        assert_eq!(found["link"], Thing::Symlink(b"deep/c".into()));
        assert_eq!(found["hollow"], Thing::Directory);
        assert_eq!(found["ü \"q\""], Thing::File((0..17).collect()));
        assert_eq!(found["deep/er/b.bin"], Thing::File((0..700).map(|n| n as u8).collect()));
        assert!(matches!(export(&car, &root, &target), Err(ExportError::Write { .. })), "nothing is written over");
    }
}

#[test]
fn every_cut_of_an_archive_is_noticed() {
    let (root, bytes) = archive(Profile::UNIXFS_V1_2025.custom(16, 3));
    for length in 0..bytes.len() {
        let Ok(car) = index(&bytes[..length]) else { continue };
        // Between two blocks an archive cannot know that more should follow; the walk does.
        assert!(!verify(&car, &root, WalkLimits::default()).unwrap().is_complete(), "cut at {length}");
    }
}

#[test]
fn what_is_missing_or_damaged_is_named() {
    struct Without<'a>(&'a CarIndex, Cid, bool);
    impl BlockSource for Without<'_> {
        fn get(&self, cid: &Cid) -> io::Result<Option<Vec<u8>>> {
            match (*cid == self.1, self.2) {
                (true, true) => Ok(Some(b"something else".into())),
                (true, false) => Ok(None),
                _ => self.0.get(cid),
            }
        }
    }
    let (root, bytes) = archive(Profile::UNIXFS_V1_2025);
    let car = index(&bytes).unwrap();
    for (cid, _) in CarReader::new(&*bytes).unwrap().map(Result::unwrap) {
        let missing = verify(&Without(&car, cid, false), &root, WalkLimits::default()).unwrap();
        assert_eq!((missing.missing, missing.corrupt), (vec![cid], vec![]));
        let corrupt = verify(&Without(&car, cid, true), &root, WalkLimits::default()).unwrap();
        assert_eq!((corrupt.missing, corrupt.corrupt), (vec![], vec![cid]));
    }
}

#[test]
fn what_a_cid_that_holds_its_block_itself_links_to_is_looked_for() {
    let mut car = CarWriter::new(Cursor::new(Vec::new()), Profile::UNIXFS_V1_2025).unwrap();
    let leaf = file(Profile::UNIXFS_V1_2025, b"abc", &mut car).cid;
    let link = [&[0x0a, 36][..], &leaf.to_bytes(), &[0x12, 0, 0x18, 3]].concat();
    // A UnixFS file of three bytes in one part.
    let node = [&[0x12, link.len() as u8][..], &link, b"\x0a\x06\x08\x02\x18\x03\x20\x03"].concat();
    let root = Cid::new_v1(0x70, Multihash::<64>::wrap(0, &node).unwrap());
    let whole = index(&car.finish(&leaf).unwrap().into_inner()).unwrap();
    let walked = verify(&whole, &root, WalkLimits::default()).unwrap();
    assert_eq!((walked.is_complete(), walked.blocks), (true, 1));
    let empty = CarWriter::new(Cursor::new(Vec::new()), Profile::UNIXFS_V1_2025).unwrap();
    let empty = index(&empty.finish(&leaf).unwrap().into_inner()).unwrap();
    assert_eq!(verify(&empty, &root, WalkLimits::default()).unwrap().missing, [leaf]);
}

#[test]
fn a_hostile_archive_is_refused() {
    assert!(matches!(index(b""), Err(CarError::NotACar)));
    assert!(matches!(index(b"<html>"), Err(CarError::NotACar)));
    assert!(matches!(index(b"\x0a\xa1\x67version\x02"), Err(CarError::Version(2))));
    assert!(matches!(index(&[0xff; 64]), Err(CarError::NotACar)));
    let (_, mut bytes) = archive(Profile::UNIXFS_V1_2025);
    let whole = bytes.len();
    bytes.extend([0xff, 0xff, 0xff, 0x7f]);
    assert!(matches!(index(&bytes), Err(CarError::TooLarge(_))));
    bytes.truncate(whole);
    bytes.extend([3, 1, 2, 3]);
    assert!(matches!(index(&bytes), Err(CarError::NoBlock { .. })));
}

#[test]
fn names_of_a_hostile_directory_lead_nowhere() {
    let mut blocks = HashMap::new();
    let mut tree = TreeBuilder::new(Profile::UNIXFS_V1_2025);
    tree.insert("XX", file(Profile::UNIXFS_V1_2025, b"", &mut Discard)).unwrap();
    let root = tree.finish(&mut blocks).unwrap().cid;
    let block = &blocks[&root];
    let at = block.windows(2).position(|two| two == b"XX").unwrap();
    for name in [b"..", b"./", b"/x", b"a\0"] {
        let mut hostile = block.clone();
        hostile[at..at + 2].copy_from_slice(name);
        let place = tempfile::tempdir().unwrap();
        let result = export(&HashMap::from([(root, hostile)]), &root, &place.path().join("out"));
        assert!(matches!(result, Err(ExportError::Read(ReadError::Invalid(..)))), "{name:?}: {result:?}");
        assert_eq!(place.path().read_dir().unwrap().count(), 0);
    }
}

#[test]
fn every_single_bit_of_an_archive_counts() {
    for profile in [Profile::UNIXFS_V1_2025.custom(16, 3), Profile::UNIXFS_V0_2015.custom(16, 3)] {
        let mut car = CarWriter::new(Cursor::new(Vec::new()), profile).unwrap();
        let mut tree = TreeBuilder::new(profile);
        tree.insert("deep/file", file(profile, &[7; 100], &mut car)).unwrap();
        tree.insert("link", import_symlink(profile, b"deep", &mut car).unwrap()).unwrap();
        tree.insert_directory("hollow").unwrap();
        let root = tree.finish(&mut car).unwrap().cid;
        let mut bytes = car.finish(&root).unwrap().into_inner();
        assert!(is_whole(&bytes, &root));
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(!is_whole(&bytes, &root), "bit {} of byte {}", bit % 8, bit / 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }
}

/// Whether an archive names `root` alone and has everything below it.
fn is_whole(archive: &[u8], root: &Cid) -> bool {
    let Ok(reader) = CarReader::new(archive) else { return false };
    reader.roots() == [*root]
        && verify_archive(reader, root, WalkLimits::default()).is_ok_and(|walked| walked.is_complete())
}

/// Something in a tree.
#[derive(Clone, Debug)]
enum Node {
    File(Vec<u8>),
    Symlink(String),
    Directory(BTreeMap<String, Self>),
}

/// Names of all kinds that Linux allows.
fn name() -> impl Strategy<Value = String> {
    const ODD: &[&str] = &[
        ".hidden", "...", " ", "-rf", "a b", "a%20b", "C:", "nul", "a\\b", "\n", "\t", "ü", "u\u{308}", "日本", "🚀",
        "#?&", "'\"", "~",
    ];
    prop_oneof![
        3 => "[a-z]{1,3}",
        2 => prop::sample::select(ODD).prop_map(str::to_owned),
        2 => "[^/\0]{1,40}",
        1 => "[a-z]{255}",
    ]
    .prop_filter("no name of a file", |name| name != "." && name != "..")
}

fn node() -> impl Strategy<Value = Node> {
    let leaf = prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 0..400).prop_map(Node::File),
        1 => "[^\0]{1,60}".prop_map(Node::Symlink),
        1 => Just(Node::Directory(BTreeMap::new())),
    ];
    leaf.prop_recursive(4, 24, 6, |node| prop::collection::btree_map(name(), node, 0..6).prop_map(Node::Directory))
}

/// A directory of so many and so long names that every profile shards it.
fn wide_directory() -> impl Strategy<Value = Node> {
    (900..1_000_usize).prop_map(|count| {
        let entry = |number: usize| (format!("{number:0>250}"), Node::Symlink(number.to_string()));
        Node::Directory((0..count).map(entry).collect())
    })
}

fn tree() -> impl Strategy<Value = BTreeMap<String, Node>> {
    let entries = prop::collection::btree_map(name(), node(), 0..6);
    let wide = prop::option::weighted(0.15, (name(), wide_directory()));
    (entries, wide).prop_map(|(mut entries, wide)| {
        entries.extend(wide);
        entries
    })
}

/// Adds `entries` to `tree`, and to `paths` what an export has to make of them.
fn plant(
    entries: &BTreeMap<String, Node>,
    below: &str,
    tree: &mut TreeBuilder,
    car: &mut CarWriter<Cursor<Vec<u8>>>,
    profile: Profile,
    paths: &mut BTreeMap<String, Thing>,
) {
    for (name, node) in entries {
        let path = if below.is_empty() { name.clone() } else { format!("{below}/{name}") };
        let thing = match node {
            Node::File(bytes) => {
                tree.insert(&path, file(profile, bytes, car)).unwrap();
                Thing::File(bytes.clone())
            }
            Node::Symlink(target) => {
                tree.insert(&path, import_symlink(profile, target.as_bytes(), car).unwrap()).unwrap();
                Thing::Symlink(target.clone().into_bytes())
            }
            Node::Directory(entries) => {
                tree.insert_directory(&path).unwrap();
                plant(entries, &path, tree, car, profile, paths);
                Thing::Directory
            }
        };
        paths.insert(path, thing);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[cfg(target_os = "linux")]
    #[test]
    fn export_after_import_gives_the_same_tree(entries in tree(), layout in 0..4_usize) {
        let profile = layouts()[layout];
        let mut car = CarWriter::new(Cursor::new(Vec::new()), profile).unwrap();
        let (mut tree, mut paths) = (TreeBuilder::new(profile), BTreeMap::new());
        plant(&entries, "", &mut tree, &mut car, profile, &mut paths);
        let root = tree.finish(&mut car).unwrap().cid;
        let bytes = car.finish(&root).unwrap().into_inner();
        prop_assert!(is_whole(&bytes, &root));
        let car = index(&bytes).unwrap();
        let walked = verify(&car, &root, WalkLimits::default()).unwrap();
        prop_assert!(walked.is_complete());
        prop_assert_eq!(walked.blocks, car.blocks());
        let place = tempfile::tempdir().unwrap();
        let target = place.path().join("out");
        let exported = export(&car, &root, &target).unwrap();
        let on_disk = |path: &String| path.split('/').map(|name| file_name(name).into_owned()).collect::<Vec<_>>().join("/");
        let expected: BTreeMap<_, _> = paths.iter().map(|(path, thing)| (on_disk(path), thing.clone())).collect();
        prop_assert_eq!(contents(&target), expected);
        prop_assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1, "nothing is made outside");
        // The root is a directory too.
        prop_assert_eq!(exported.files + exported.directories + exported.symlinks, paths.len() as u64 + 1);
    }

    #[test]
    fn a_flipped_bit_in_the_archive_of_any_tree_is_found(
        entries in tree(),
        layout in 0..4_usize,
        bits in prop::collection::vec(any::<prop::sample::Index>(), 20),
    ) {
        let profile = layouts()[layout];
        let mut car = CarWriter::new(Cursor::new(Vec::new()), profile).unwrap();
        let mut tree = TreeBuilder::new(profile);
        plant(&entries, "", &mut tree, &mut car, profile, &mut BTreeMap::new());
        let root = tree.finish(&mut car).unwrap().cid;
        let mut bytes = car.finish(&root).unwrap().into_inner();
        for bit in bits {
            let bit = bit.index(bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(!is_whole(&bytes, &root), "bit {} of byte {}", bit % 8, bit / 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }
}

proptest! {
    #[test]
    fn any_pieces_of_the_same_bytes_have_the_same_cid(
        bytes in prop::collection::vec(any::<u8>(), 0..3_000),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        layout in 0..4_usize,
    ) {
        let profile = layouts()[layout];
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.sort_unstable();
        let mut importer = FileImporter::new(profile);
        let mut from = 0;
        for cut in cuts.into_iter().chain([bytes.len()]) {
            importer.push(&bytes[from..cut], &mut Discard).unwrap();
            from = cut;
        }
        prop_assert_eq!(importer.finish(&mut Discard).unwrap(), file(profile, &bytes, &mut Discard));
    }
}
