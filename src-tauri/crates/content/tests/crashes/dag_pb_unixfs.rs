//! What must hold of any bytes that are read as the blocks of a DAG. The fuzz target and the regression test run this.

use std::{collections::HashMap, io};

use holdfast_content::{
    BlockSource, Cid, FileImporter, FileReader, Link, NodeKind, Profile, TreeBuilder, WalkLimits, child_cids,
    list_directory, resolve, stat, verify,
};

const LIMITS: WalkLimits = WalkLimits { blocks: 10_000, named: 10_000 };

/// What stands between two blocks in the input of [`check`].
pub(crate) const BETWEEN_BLOCKS: &[u8] = b"\xff\xfe\xfd\xfc";

/// The digest that names the block of that number there.
pub(crate) fn digest_of_block(number: usize) -> [u8; 32] {
    [number as u8; 32]
}

/// Reads `input` as the blocks of a DAG, in every way there is: nothing is read without an end, and what comes out can be
/// imported and read again as the same.
pub(crate) fn check(input: &[u8]) {
    let numbered = Numbered::split(input);
    for codec in [0x70_u8, 0x55] {
        let root = Numbered::cid(codec, 0);
        let children = child_cids(&root, &numbered.0[0]);
        if let Ok(children) = &children {
            assert!(children.len() <= input.len());
        }
        let walked = verify(&numbered, &root, LIMITS).unwrap();
        assert!(!walked.is_complete(), "none of these blocks is what its CID says");
        match stat(&numbered, &root) {
            Ok(NodeKind::File { bytes }) => read_file(&numbered, &root, bytes),
            Ok(NodeKind::Directory) => list(&numbered, &root),
            Ok(NodeKind::Symlink { target }) => assert!(target.len() <= input.len()),
            Err(_) => assert!(FileReader::open(&numbered, &root).is_err()),
        }
    }
}

fn read_file(source: &Numbered, root: &Cid, bytes: u64) {
    let reader = FileReader::open(source, root).unwrap();
    assert_eq!(reader.bytes(), bytes);
    // A small DAG may be a file of any size: one block in many places.
    let pieces: Result<Vec<_>, _> = reader.take(300).collect();
    let Ok(pieces) = pieces else { return };
    let read = pieces.concat();
    assert!(read.len() as u64 <= bytes);
    if pieces.len() < 300 {
        assert_eq!(read.len() as u64, bytes, "a file without an error is whole");
    }
    for (start, end) in [(0, 1), (bytes / 2, bytes / 2 + 3), (bytes.saturating_sub(1), u64::MAX)] {
        let part: Result<Vec<_>, _> = FileReader::open(source, root).unwrap().range(start..end).take(300).collect();
        let wanted = read.get(start as usize..(end as usize).min(read.len()));
        if let (Ok(part), Some(wanted), true) = (part, wanted, read.len() as u64 == bytes) {
            assert_eq!(part.concat(), wanted);
        }
    }
    if read.len() < 10_000 {
        let mut blocks = HashMap::new();
        let mut importer = FileImporter::new(Profile::UNIXFS_V0_2015.custom(16, 3));
        importer.push(&read, &mut blocks).unwrap();
        let cid = importer.finish(&mut blocks).unwrap().cid;
        let again: Result<Vec<_>, _> = FileReader::open(&blocks, &cid).unwrap().collect();
        assert_eq!(again.unwrap().concat(), read);
    }
}

fn list(source: &Numbered, root: &Cid) {
    for path in [["a", "b"], ["index.html", ""], ["", "é"]] {
        let _ = resolve(source, root, path);
    }
    let Ok(entries) = list_directory(source, root) else { return };
    let mut tree = TreeBuilder::new(Profile::UNIXFS_V1_2025);
    let mut inserted = Vec::new();
    for entry in entries {
        let link = Link { cid: entry.cid, dag_bytes: entry.dag_bytes % (1 << 40), content_bytes: 0 };
        if !entry.name.contains('/') && tree.insert(&entry.name, link.clone()).is_ok() {
            inserted.push((entry.name, link.cid, link.dag_bytes));
        }
    }
    let mut blocks = HashMap::new();
    let root = tree.finish(&mut blocks).unwrap().cid;
    let again = list_directory(&blocks, &root).unwrap();
    let again: Vec<_> = again.into_iter().map(|entry| (entry.name, entry.cid, entry.dag_bytes)).collect();
    assert_eq!(again, inserted);
}

/// Blocks that are named by their place, so that an input can be a DAG without the hashes that it would need.
struct Numbered(Vec<Vec<u8>>);

impl Numbered {
    fn split(input: &[u8]) -> Self {
        let (mut blocks, mut rest) = (Vec::new(), input);
        while let Some(at) = rest.windows(BETWEEN_BLOCKS.len()).position(|window| window == BETWEEN_BLOCKS) {
            blocks.push(rest[..at].to_vec());
            rest = &rest[at + BETWEEN_BLOCKS.len()..];
        }
        blocks.push(rest.to_vec());
        Self(blocks)
    }

    fn cid(codec: u8, number: usize) -> Cid {
        let mut bytes = vec![1, codec, 0x12, 32];
        bytes.extend(digest_of_block(number));
        Cid::try_from(bytes).unwrap()
    }
}

impl BlockSource for Numbered {
    fn get(&self, cid: &Cid) -> io::Result<Option<Vec<u8>>> {
        let number = cid.hash().digest().first().map_or(0, |first| usize::from(*first));
        let is_numbered = cid.hash().digest() == digest_of_block(number);
        Ok(is_numbered.then(|| self.0.get(number).cloned()).flatten())
    }
}
