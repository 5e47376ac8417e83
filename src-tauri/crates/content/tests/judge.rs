//! What a judgement costs: every block once, however many links lead to it.
#![cfg(test)]

use std::{cell::RefCell, collections::HashMap, io};

use holdfast_content::{
    BlockSource, Cid, FileImporter, Link, Profile, TreeBuilder, WalkLimits, judge, survey, verify, visit_directory,
};

/// Blocks that count how often each was read.
#[derive(Default)]
struct Counted {
    blocks: HashMap<Cid, Vec<u8>>,
    reads: RefCell<HashMap<Cid, usize>>,
    bytes: RefCell<usize>,
}

impl BlockSource for Counted {
    fn get(&self, cid: &Cid) -> io::Result<Option<Vec<u8>>> {
        *self.reads.borrow_mut().entry(*cid).or_default() += 1;
        let block = self.blocks.get(cid).cloned();
        *self.bytes.borrow_mut() += block.as_ref().map_or(0, Vec::len);
        Ok(block)
    }
}

impl Counted {
    fn stored_bytes(&self) -> usize {
        self.blocks.values().map(Vec::len).sum()
    }

    /// Does something and makes sure that it read no block twice.
    fn once<T>(&self, work: impl FnOnce(&Self) -> T) -> T {
        self.reads.borrow_mut().clear();
        *self.bytes.borrow_mut() = 0;
        let done = work(self);
        let most = self.reads.borrow().values().max().copied();
        assert!(most <= Some(1), "a block was read {most:?} times");
        let bytes = *self.bytes.borrow();
        assert!(bytes <= self.stored_bytes(), "{bytes} of {} bytes were read", self.stored_bytes());
        done
    }
}

fn file(blocks: &mut Counted, profile: Profile, bytes: &[u8]) -> Link {
    let mut importer = FileImporter::new(profile);
    importer.push(bytes, &mut blocks.blocks).unwrap();
    importer.finish(&mut blocks.blocks).unwrap()
}

fn read_once(blocks: &Counted, root: &Cid, links: u64, content_bytes: u64) {
    let judged = blocks.once(|source| judge(source, root).unwrap());
    assert_eq!((judged.blocks, judged.content_bytes), (blocks.blocks.len(), content_bytes));
    assert_eq!(judged.dag_bytes, blocks.stored_bytes() as u64);
    assert!((links..2 * links).contains(&judged.links), "{} links were looked at", judged.links);
    for walked in [
        blocks.once(|source| verify(source, root, WalkLimits::default()).unwrap()),
        blocks.once(|source| survey(source, root, WalkLimits::default()).unwrap()),
    ] {
        assert!(walked.is_complete() && walked.blocks == blocks.blocks.len());
    }
}

#[test]
fn a_directory_of_many_links_to_one_large_node_reads_it_once() {
    let profile = Profile::UNIXFS_V0_2015.custom(2_000_000, 174);
    for links in [4_000_u64, 40_000] {
        let mut blocks = Counted::default();
        let large = file(&mut blocks, profile, &vec![7; 2_000_000]);
        let mut tree = TreeBuilder::new(profile);
        for number in 0..links {
            tree.insert(&format!("{number}"), large.clone()).unwrap();
        }
        let root = tree.finish(&mut blocks.blocks).unwrap().cid;
        read_once(&blocks, &root, links, links * 2_000_000);
        let mut entries = 0;
        blocks.once(|source| visit_directory(source, &root, &mut |_| entries += 1).unwrap());
        assert_eq!(entries, links);
    }
}

#[test]
fn directories_and_files_that_repeat_one_another_are_read_once() {
    let profile = Profile::UNIXFS_V0_2015.custom(1_000, 100);
    let mut blocks = Counted::default();
    // A hundred equal leaves under one node, and that a hundred times under another.
    let mut below = file(&mut blocks, profile, &vec![1; 10_000_000]);
    let mut content_bytes = 10_000_000;
    for _ in 0..3 {
        let mut tree = TreeBuilder::new(profile);
        for number in 0..500 {
            tree.insert(&format!("{number}"), below.clone()).unwrap();
        }
        below = tree.finish(&mut blocks.blocks).unwrap();
        content_bytes *= 500;
    }
    assert!(blocks.blocks.len() < 12, "{}", blocks.blocks.len());
    read_once(&blocks, &below.cid, 3 * 500 + 200, content_bytes);
}
