//! The CID of a plan is that of its tree, however the disk hands out its bytes.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use holdfast_content::{Discard, FileImporter, Link, Profile, TreeBuilder};
use holdfast_core::{
    content::{HashingPool, Identification, Limits, Urgency, plan},
    disk::{Disk, Entries, Identity, OpenFile, Opened, Root, Stat, Watch, WatchSink},
};
use holdfast_testkit::SimDisk;
use proptest::{collection, prelude::*};

/// A disk whose reads give as little as it likes.
#[derive(Debug)]
struct Piecemeal {
    disk: SimDisk,
    piece_bytes: usize,
}

struct PiecemealFile {
    file: Box<dyn OpenFile>,
    piece_bytes: usize,
}

impl OpenFile for PiecemealFile {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = buffer.len().min(self.piece_bytes);
        self.file.read_at(offset, &mut buffer[..wanted])
    }

    fn stat(&self) -> io::Result<Stat> {
        self.file.stat()
    }
}

#[derive(Debug)]
struct PiecemealRoot {
    root: Arc<dyn Root>,
    piece_bytes: usize,
}

impl Root for PiecemealRoot {
    fn identity(&self) -> io::Result<Identity> {
        self.root.identity()
    }

    fn stat(&self, below: &Path) -> io::Result<Stat> {
        self.root.stat(below)
    }

    fn read_directory(&self, below: &Path) -> io::Result<Entries> {
        self.root.read_directory(below).map(|entries| entries.into_iter().rev().collect())
    }

    fn read_link(&self, below: &Path) -> io::Result<PathBuf> {
        self.root.read_link(below)
    }

    fn open(&self, below: &Path) -> io::Result<Opened> {
        let Opened { file, stat } = self.root.open(below)?;
        Ok(Opened { file: Box::new(PiecemealFile { file, piece_bytes: self.piece_bytes }), stat })
    }

    fn root(&self, below: &Path) -> io::Result<Arc<dyn Root>> {
        Ok(Arc::new(Self { root: self.root.root(below)?, piece_bytes: self.piece_bytes }))
    }
}

impl Disk for Piecemeal {
    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        self.disk.canonicalize(path)
    }

    fn root(&self, path: &Path) -> io::Result<Arc<dyn Root>> {
        Ok(Arc::new(PiecemealRoot { root: self.disk.root(path)?, piece_bytes: self.piece_bytes }))
    }

    fn watch(&self, root: &Path, sink: WatchSink) -> Result<Box<dyn Watch>, String> {
        self.disk.watch(root, sink)
    }
}

/// Files by path. Directories and files never share a name: theirs begin differently.
fn trees() -> impl Strategy<Value = BTreeMap<String, Vec<u8>>> {
    let path = (collection::vec("d[ a-zé\"%]{0,3}", 0..4), "f[ -.0-~ä本]{0,12}")
        .prop_map(|(directories, file)| directories.iter().chain([&file]).cloned().collect::<Vec<_>>().join("/"));
    let content = prop_oneof![
        collection::vec(any::<u8>(), 0..200),
        (any::<u8>(), 0..2_200_000usize).prop_map(|(byte, length)| vec![byte; length]),
    ];
    collection::btree_map(path, content, 1..12)
}

fn file(bytes: &[u8], profile: Profile) -> Link {
    let mut importer = FileImporter::new(profile);
    importer.push(bytes, &mut Discard).unwrap();
    importer.finish(&mut Discard).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_tree_read_in_any_pieces_has_the_cid_of_its_files(
        tree in trees(),
        piece_bytes in prop_oneof![1_000..2_000usize, Just(512 * 1024), 250_000..270_000usize],
    ) {
        let disk = SimDisk::default();
        for (path, bytes) in &tree {
            disk.write(&Path::new("/top").join(path), bytes);
        }
        let disk = Piecemeal { disk, piece_bytes };
        let plan = Arc::new(plan(&disk, Path::new("/top"), Limits::NONE).unwrap());
        prop_assert_eq!(plan.content_bytes(), tree.values().map(|bytes| bytes.len() as u64).sum::<u64>());
        let pool = HashingPool::start(Urgency::Foreground).unwrap();
        let identification = Identification::new(pool);
        let identified = identification.identify(&plan, &Profile::ALL).unwrap();
        for (one, profile) in identified.iter().zip(Profile::ALL) {
            let mut builder = TreeBuilder::new(profile);
            for (path, bytes) in &tree {
                builder.insert(path, file(bytes, profile)).unwrap();
            }
            prop_assert_eq!(&one.link, &builder.finish(&mut Discard).unwrap());
        }
    }
}
