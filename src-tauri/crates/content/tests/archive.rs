//! Archives, verification and export: what was imported comes back, and damage is found.
#![cfg(test)]

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Cursor},
    path::Path,
};

use cid::multihash::Multihash;
use holdfast_content::{
    BlockSink, BlockSource, Cid, Discard, ExportError, FileImporter, Link, Profile, TreeBuilder, WalkLimits,
    car::{CarError, CarIndex, CarReader, CarWriter},
    export, import_symlink, verify,
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

/// Every path below a directory with what is there.
fn contents(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut pending = vec![directory.to_owned()];
    while let Some(at) = pending.pop() {
        for entry in fs::read_dir(at).unwrap().map(Result::unwrap) {
            let path = entry.path();
            let name = path.strip_prefix(directory).unwrap().to_string_lossy().into_owned();
            let kind = entry.file_type().unwrap();
            if kind.is_symlink() {
                found.insert(name, fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes());
            } else if kind.is_dir() {
                found.insert(name, b"directory".into());
                pending.push(path);
            } else {
                found.insert(name, fs::read(&path).unwrap());
            }
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
        assert_eq!(found["link"], b"deep/c");
        assert_eq!(found["hollow"], b"directory");
        assert_eq!(found["ü \"q\""].len(), 17);
        assert_eq!(found["deep/er/b.bin"], (0..700).map(|n| n as u8).collect::<Vec<_>>());
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
    struct One(Cid, Vec<u8>);
    impl BlockSource for One {
        fn get(&self, cid: &Cid) -> io::Result<Option<Vec<u8>>> {
            Ok((*cid == self.0).then(|| self.1.clone()))
        }
    }
    #[derive(Default)]
    struct Last(Option<Vec<u8>>);
    impl BlockSink for Last {
        fn put(&mut self, _: &Cid, parts: &[&[u8]]) -> io::Result<()> {
            self.0 = Some(parts.concat());
            Ok(())
        }
    }
    let mut last = Last::default();
    let mut tree = TreeBuilder::new(Profile::UNIXFS_V1_2025);
    tree.insert("XX", file(Profile::UNIXFS_V1_2025, b"", &mut Discard)).unwrap();
    let root = tree.finish(&mut last).unwrap().cid;
    let block = last.0.unwrap();
    let at = block.windows(2).position(|two| two == b"XX").unwrap();
    for name in [b"..", b"./", b"/x", b"a\0"] {
        let mut hostile = block.clone();
        hostile[at..at + 2].copy_from_slice(name);
        let place = tempfile::tempdir().unwrap();
        let result = export(&One(root, hostile), &root, &place.path().join("out"));
        assert!(matches!(result, Err(ExportError::BadName(_))), "{name:?}: {result:?}");
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

    #[test]
    fn a_flipped_bit_anywhere_in_an_archive_is_found(bit in any::<prop::sample::Index>()) {
        let (root, mut bytes) = archive(Profile::UNIXFS_V1_2025.custom(16, 3));
        let bit = bit.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        let found = match index(&bytes) {
            Err(_) => true,
            Ok(car) => car.roots() != [root] || !verify(&car, &root, WalkLimits::default()).unwrap().is_complete(),
        };
        prop_assert!(found, "bit {} of byte {}", bit % 8, bit / 8);
    }
}
