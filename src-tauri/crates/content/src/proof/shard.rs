//! The entries of a directory's DAG: of one node, or of a trie of shards of any fan-out
//! (<https://specs.ipfs.tech/unixfs/#dag-pb-hamtdirectory>).
//!
//! A shard is believed only if every name stands where its hash says, no slot is used twice, and nothing is empty: so the
//! work is bounded by the number of names, and every reader finds the same entries.

use cid::Cid;

use super::fetch::{Block, End, Fetcher, Node};
use crate::{
    dag_pb::PbLink,
    hamt::slots_of,
    unixfs::{SHARD_HASH, TYPE_DIRECTORY, TYPE_SHARD},
};

/// Slots of a shard node at most (the specification's limit).
const MAX_FANOUT: u64 = 1024;

/// Is given an entry's name and link.
type TakeEntry<'a> = dyn FnMut(&[u8], &PbLink) -> Result<(), End> + 'a;

/// Gives `take` every entry of the directory whose root node was fetched.
pub(super) fn entries(fetcher: &mut Fetcher<'_>, cid: &Cid, node: Node, take: &mut TakeEntry<'_>) -> Result<(), End> {
    if node.message.kind == TYPE_DIRECTORY {
        for link in &node.links {
            fetcher.look()?;
            take(&link.name, link)?;
        }
        return Ok(());
    }
    let Some(shape) = Shape::of(&node) else { return Err(End::Cannot(*cid, "a shard of unknown hash or fan-out")) };
    let mut trie = Trie { fetcher, shape, take };
    // An empty directory may be a shard; a shard in a shard may not be empty.
    if node.links.is_empty() {
        return trie.check_bitfield(cid, &node, &[0; MAX_FANOUT as usize / 64]);
    }
    trie.shard(cid, node, Place { prefix: 0, bits: 0 })
}

/// How a trie's nodes are cut; the same in all of them.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Shape {
    fanout: u64,
    bits: u32,
    digits: usize,
}

impl Shape {
    fn of(node: &Node) -> Option<Self> {
        let fanout = node.message.fanout?;
        let known = node.message.kind == TYPE_SHARD
            && node.message.hash == Some(SHARD_HASH)
            && fanout.is_power_of_two()
            && (8..=MAX_FANOUT).contains(&fanout);
        // The digits of the last slot's number in hexadecimal.
        known.then(|| Self { fanout, bits: fanout.ilog2(), digits: format!("{:X}", fanout - 1).len() })
    }
}

/// Which hashes lead to a node: their first `bits` bits are `prefix`.
#[derive(Clone, Copy)]
struct Place {
    prefix: u64,
    bits: u32,
}

struct Trie<'a, 'b, 'c> {
    fetcher: &'a mut Fetcher<'b>,
    shape: Shape,
    take: &'a mut TakeEntry<'c>,
}

impl Trie<'_, '_, '_> {
    fn shard(&mut self, cid: &Cid, node: Node, place: Place) -> Result<(), End> {
        let invalid = |why| Err(End::Cannot(*cid, why));
        let below = place.bits + self.shape.bits;
        if below > u64::BITS {
            return invalid("a shard deeper than the hash of a name is long");
        }
        if node.links.is_empty() {
            return invalid("an empty shard inside a directory");
        }
        self.fetcher.hold(node.links.len())?;
        let mut used = [0_u64; MAX_FANOUT as usize / 64];
        for link in &node.links {
            self.fetcher.look()?;
            let Some((slot, name)) = self.slot_of(link) else { return invalid("a shard's link has no slot") };
            let (word, bit) = ((slot / 64) as usize, 1 << (slot % 64));
            if used[word] & bit != 0 {
                return invalid("a shard uses a slot twice");
            }
            used[word] |= bit;
            let prefix = place.prefix << self.shape.bits | slot;
            if name.is_empty() {
                match self.fetcher.block(&link.cid)? {
                    Block::Node(child) if Shape::of(&child) == Some(self.shape) => {
                        self.shard(&link.cid, child, Place { prefix, bits: below })?;
                    }
                    _ => return Err(End::Cannot(link.cid, "not a shard of its directory")),
                }
            } else if u64::from_be_bytes(slots_of(name)) >> (u64::BITS - below) == prefix {
                (self.take)(name, link)?;
            } else {
                return invalid("a shard has a name in the wrong slot");
            }
        }
        self.check_bitfield(cid, &node, &used)?;
        self.fetcher.release(node.links.len());
        Ok(())
    }

    fn slot_of<'l>(&self, link: &'l PbLink) -> Option<(u64, &'l [u8])> {
        let (digits, name) = link.name.split_at_checked(self.shape.digits)?;
        let is_upper_hex = |digit: &u8| matches!(digit, b'0'..=b'9' | b'A'..=b'F');
        let text = std::str::from_utf8(digits).ok().filter(|_| digits.iter().all(is_upper_hex))?;
        let slot = u64::from_str_radix(text, 16).ok().filter(|&slot| slot < self.shape.fanout)?;
        Some((slot, name))
    }

    /// The node's own list of used slots, a big-endian number, must be that of its links: some readers go by it.
    fn check_bitfield(&self, cid: &Cid, node: &Node, used: &[u64]) -> Result<(), End> {
        let expected = used.iter().rev().flat_map(|word| word.to_be_bytes());
        let stated = node.message.data.iter().copied();
        if expected.skip_while(|&byte| byte == 0).eq(stated.skip_while(|&byte| byte == 0)) {
            Ok(())
        } else {
            Err(End::Cannot(*cid, "a shard's list of its slots is wrong"))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::{
        BlockSource, LocalBytes, LocalEntry, LocalKind, LocalTree, ProofLimits, Proven, Verdict,
        block::{CODEC_DAG_PB, CODEC_RAW},
        dag_pb::{encode_data, encode_link, write_varint},
        proof::made_blocks::MadeBlocks,
        prove_tree,
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
