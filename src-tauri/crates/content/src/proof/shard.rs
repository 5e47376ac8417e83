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

/// Gives `take` every entry of the directory whose root node was fetched.
pub(super) fn entries(
    fetcher: &mut Fetcher<'_>,
    cid: &Cid,
    node: Node,
    take: &mut dyn FnMut(&[u8], &PbLink) -> Result<(), End>,
) -> Result<(), End> {
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

struct Trie<'a, 'b> {
    fetcher: &'a mut Fetcher<'b>,
    shape: Shape,
    take: &'a mut dyn FnMut(&[u8], &PbLink) -> Result<(), End>,
}

impl Trie<'_, '_> {
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

    fn slot_of<'c>(&self, link: &'c PbLink) -> Option<(u64, &'c [u8])> {
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
