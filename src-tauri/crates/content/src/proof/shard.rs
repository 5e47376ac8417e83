//! The entries of a directory's DAG: of one node, or of a trie of shards of any fan-out.

use cid::Cid;

use super::fetch::{End, Fetcher};
use crate::judge::{
    node::{Block, Node},
    shard::{NO_SHARD, Place, Shard, WRONG_SLOT, hash_of},
};

/// Is given an entry's name and what it names.
type TakeEntry<'a> = dyn FnMut(&[u8], Cid) -> Result<(), End> + 'a;

/// Gives `take` every entry of the directory whose root node was fetched.
pub(super) fn entries(fetcher: &mut Fetcher<'_>, cid: &Cid, node: Node, take: &mut TakeEntry<'_>) -> Result<(), End> {
    match node {
        Node::Directory(links) => {
            for link in &links {
                fetcher.look()?;
                take(&link.name, link.cid)?;
            }
            Ok(())
        }
        Node::Shard(shard) => shard_entries(fetcher, cid, &shard, Place::default(), take),
        Node::File(_) | Node::Symlink(_) => Err(End::Cannot(*cid, "not a directory")),
    }
}

fn shard_entries(
    fetcher: &mut Fetcher<'_>,
    cid: &Cid,
    shard: &Shard,
    place: Place,
    take: &mut TakeEntry<'_>,
) -> Result<(), End> {
    fetcher.hold(shard.links.len())?;
    for link in &shard.links {
        fetcher.look()?;
        if link.name.is_empty() {
            let place = shard.shape.below(place, link.slot);
            match fetcher.block(&link.cid)? {
                Block::Node(Node::Shard(below)) if below.shape == shard.shape => {
                    if let Some(why) = below.shape.unfit_below(below.links.len(), place) {
                        return Err(End::unfit(&link.cid, why));
                    }
                    shard_entries(fetcher, &link.cid, &below, place, take)?;
                }
                _ => return Err(End::unfit(&link.cid, NO_SHARD)),
            }
        } else if shard.shape.is_place_of(hash_of(&link.name), place, link.slot) {
            take(&link.name, link.cid)?;
        } else {
            return Err(End::unfit(cid, WRONG_SLOT));
        }
    }
    fetcher.release(shard.links.len());
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::{
        BlockSource, LocalBytes, LocalEntry, LocalKind, LocalTree, ProofLimits, Proven, Verdict,
        block::{CODEC_DAG_PB, CODEC_RAW},
        dag_pb::{encode_data, encode_link, write_varint},
        hamt::slots_of,
        proof::made_blocks::MadeBlocks,
        prove_tree,
        unixfs::{SHARD_HASH, TYPE_SHARD},
    };

    impl MadeBlocks {
        /// A shard node with these links, its list of slots made from `slots`.
        fn shard(&self, fanout: u64, links: &[(String, Cid)], slots: &[u64]) -> Cid {
            let mut bitfield = vec![0_u8; fanout as usize / 8];
            for slot in slots {
                let last = bitfield.len() - 1;
                bitfield[last - *slot as usize / 8] |= 1 << (slot % 8);
            }
            let mut message = vec![0x08, TYPE_SHARD as u8, 0x12];
            write_varint(&mut message, bitfield.len() as u64);
            message.extend(bitfield);
            message.extend([0x28, SHARD_HASH as u8, 0x30]);
            write_varint(&mut message, fanout);
            let mut block = Vec::new();
            for (name, cid) in links {
                encode_link(&mut block, cid, name.as_bytes(), 1);
            }
            encode_data(&mut block, &message);
            self.put(CODEC_DAG_PB, block)
        }

        /// The trie of these names, every one a file with its name as content.
        fn trie(&self, fanout: u64, names: &[&str], bits: u32) -> Cid {
            let width = fanout.ilog2();
            let digits = format!("{:X}", fanout - 1).len();
            let slot_of = |name: &str| u64::from_be_bytes(slots_of(name.as_bytes())) << bits >> (64 - width);
            let (mut links, mut slots) = (Vec::new(), Vec::new());
            for slot in 0..fanout {
                let here: Vec<_> = names.iter().copied().filter(|name| slot_of(name) == slot).collect();
                let prefix = format!("{slot:0digits$X}");
                match here.as_slice() {
                    [] => continue,
                    [name] => links.push((prefix + name, self.put(CODEC_RAW, name.as_bytes().to_vec()))),
                    several => links.push((prefix, self.trie(fanout, several, bits + width))),
                }
                slots.push(slot);
            }
            self.shard(fanout, &links, &slots)
        }
    }

    struct Names(Vec<String>);

    impl LocalTree for Names {
        fn entries(&self, _: &str) -> io::Result<Vec<LocalEntry>> {
            Ok(self.0.iter().map(|name| LocalEntry { name: name.clone(), kind: LocalKind::File }).collect())
        }

        fn open(&self, file: &str) -> io::Result<Box<dyn LocalBytes + '_>> {
            let found = self.0.iter().find(|name| *name == file).ok_or(io::ErrorKind::NotFound)?;
            Ok(Box::new(Whole(found.as_bytes())))
        }
    }

    struct Whole<'a>(&'a [u8]);

    impl LocalBytes for Whole<'_> {
        fn len(&self) -> u64 {
            self.0.len() as u64
        }

        fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
            self.0.read_at(offset, buffer)
        }
    }

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|n| format!("file {n}")).collect()
    }

    fn proven(here: &[String], root: &Cid, blocks: &MadeBlocks) -> Proven {
        prove_tree(&Names(here.to_vec()), root, blocks, ProofLimits::default()).unwrap()
    }

    fn refused(here: &[String], root: &Cid, blocks: &MadeBlocks) -> &'static str {
        match proven(here, root, blocks).verdict {
            Verdict::CannotFetch(_, why) => why,
            verdict => panic!("{verdict:?}"),
        }
    }

    #[test]
    fn tries_of_every_fan_out_are_read() {
        let all = names(3_000);
        let borrowed: Vec<_> = all.iter().map(String::as_str).collect();
        for fanout in [8, 16, 64, 256, 1024] {
            let blocks = MadeBlocks::default();
            let root = blocks.trie(fanout, &borrowed, 0);
            assert_eq!(proven(&all, &root, &blocks).verdict, Verdict::Equal, "{fanout}");
            assert!(matches!(proven(&all[1..], &root, &blocks).verdict, Verdict::Differs(_)), "{fanout}");
        }
        let blocks = MadeBlocks::default();
        assert_eq!(proven(&[], &blocks.shard(256, &[], &[]), &blocks).verdict, Verdict::Equal);
    }

    #[test]
    fn names_in_wrong_slots_or_twice_are_refused() {
        let (blocks, all) = (MadeBlocks::default(), names(1));
        let file = blocks.put(CODEC_RAW, all[0].as_bytes().to_vec());
        let right = u64::from(slots_of(all[0].as_bytes())[0]);
        let wrong = (right + 1) % 256;
        let link = |slot: u64| (format!("{slot:02X}{}", all[0]), file);
        let root = blocks.shard(256, &[link(right)], &[right]);
        assert_eq!(proven(&all, &root, &blocks).verdict, Verdict::Equal);
        let root = blocks.shard(256, &[link(wrong)], &[wrong]);
        assert_eq!(refused(&all, &root, &blocks), "a shard has a name in the wrong slot");
        let root = blocks.shard(256, &[link(right), link(right)], &[right]);
        assert_eq!(refused(&all, &root, &blocks), "a shard uses a slot twice");
        let root = blocks.shard(256, &[link(right)], &[wrong]);
        assert_eq!(refused(&all, &root, &blocks), "a shard's list of its slots is wrong");
        for name in ["", "A", "0g", "+1x", "é"] {
            let root = blocks.shard(256, &[(name.into(), file)], &[0]);
            assert_eq!(refused(&all, &root, &blocks), "a shard's link has no slot", "{name:?}");
        }
        let two = blocks.shard(256, &[link(right), (format!("{wrong:02X}"), root)], &[right, wrong]);
        assert!(matches!(proven(&all, &two, &blocks).verdict, Verdict::CannotFetch(..)));
    }

    #[test]
    fn empty_shards_and_shards_of_another_shape_are_refused() {
        let (blocks, all) = (MadeBlocks::default(), names(1));
        let empty = blocks.shard(256, &[], &[]);
        let root = blocks.shard(256, &[("00".into(), empty)], &[0]);
        assert_eq!(refused(&all, &root, &blocks), "an empty shard inside a directory");
        let other = blocks.trie(16, &["file 0"], 0);
        let root = blocks.shard(256, &[("00".into(), other)], &[0]);
        assert_eq!(refused(&all, &root, &blocks), "not a shard of its directory");
        for fanout in [2, 24, 2048] {
            let root = blocks.shard(fanout.max(8), &[], &[]);
            let bytes = blocks.get(&root).unwrap().unwrap();
            let at = bytes.len() - if fanout.max(8) < 128 { 1 } else { 2 };
            let mut other = bytes[..at].to_vec();
            write_varint(&mut other, fanout);
            if other.len() == bytes.len() {
                let root = blocks.put(CODEC_DAG_PB, other);
                assert_eq!(refused(&[], &root, &blocks), "a shard of unknown hash or fan-out", "{fanout}");
            }
        }
    }

    #[test]
    fn shards_that_repeat_one_another_end_at_once() {
        let (blocks, all) = (MadeBlocks::default(), names(1));
        let mut below = blocks.shard(8, &[], &[]);
        for _ in 0..30 {
            let links: Vec<_> = (0..8).map(|slot| (slot.to_string(), below)).collect();
            below = blocks.shard(8, &links, &[0, 1, 2, 3, 4, 5, 6, 7]);
        }
        let proven = proven(&all, &below, &blocks);
        assert!(matches!(proven.verdict, Verdict::CannotFetch(..)), "{proven:?}");
        assert!(proven.fetched_blocks < 30, "{proven:?}");
    }
}
