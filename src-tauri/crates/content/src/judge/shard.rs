//! Nodes of sharded directories: a trie of any fan-out, keyed by a hash of the name
//! (<https://specs.ipfs.tech/unixfs/#dag-pb-hamtdirectory>).
//!
//! Every name stands where its hash says, no slot is used twice, and only a root is empty. So every reader finds the same
//! entries, whether it lists or looks one up, no shard stands in two places, and the work is bounded by the number of names.

use cid::Cid;

use super::unfit::{Unfit, check_name};
use crate::{
    dag_pb::PbLink,
    hamt::slots_of,
    unixfs::{SHARD_HASH, UnixFs},
};

/// Slots of a node at most (the specification's limit).
const MAX_FANOUT: u64 = 1024;

/// How a trie's nodes are cut; the same in all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    fanout: u64,
    digits: usize,
}

/// Which hashes lead to a node: their first `bits` bits are `prefix`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    prefix: u64,
    bits: u32,
}

/// A node of a trie.
#[derive(Debug)]
pub(crate) struct Shard {
    pub(crate) shape: Shape,
    pub(crate) links: Vec<SlotLink>,
}

/// What stands in a slot.
#[derive(Debug)]
pub(crate) struct SlotLink {
    pub(crate) slot: u64,
    /// Of an entry; empty where a further shard stands.
    pub(crate) name: Vec<u8>,
    pub(crate) cid: Cid,
    /// Bytes of its DAG, as is said.
    pub(crate) dag_bytes: u64,
}

impl Shape {
    fn of(message: &UnixFs) -> Option<Self> {
        let fanout = message.fanout?;
        let known = message.hash == Some(SHARD_HASH) && fanout.is_power_of_two() && (8..=MAX_FANOUT).contains(&fanout);
        // The digits of the last slot's number in hexadecimal.
        known.then(|| Self { fanout, digits: format!("{:X}", fanout - 1).len() })
    }

    const fn bits(self) -> u32 {
        self.fanout.ilog2()
    }

    /// The slot of the node at `place` in which a name stands; `None` below the end of its hash.
    pub(crate) fn slot_of(self, name: &[u8], place: Place) -> Option<u64> {
        let below = place.bits + self.bits();
        (below <= u64::BITS).then(|| hash_of(name) >> (u64::BITS - below) & (self.fanout - 1))
    }

    /// The place of the node in a slot of the one at `place`.
    pub(crate) fn below(self, place: Place, slot: u64) -> Place {
        Place {
            prefix: place.prefix.checked_shl(self.bits()).unwrap_or_default() | slot,
            bits: place.bits + self.bits(),
        }
    }

    /// Whether a name stands rightly in a slot of the node at `place`.
    pub(crate) fn is_place_of(self, hash: u64, place: Place, slot: u64) -> bool {
        let below = self.below(place, slot);
        below.bits <= u64::BITS && hash >> (u64::BITS - below.bits) == below.prefix
    }

    /// What is wrong with a node of so many links at `place`, below another.
    pub(crate) const fn unfit_below(self, links: usize, place: Place) -> Option<Unfit> {
        match links {
            0 => Some(Unfit::Against("an empty shard inside a directory")),
            _ if place.bits + self.bits() > u64::BITS => {
                Some(Unfit::Against("a shard deeper than the hash of a name is long"))
            }
            _ => None,
        }
    }
}

/// The hash of a name, by which a trie is keyed.
pub(crate) fn hash_of(name: &[u8]) -> u64 {
    u64::from_be_bytes(slots_of(name))
}

/// What is wrong with a name or a shard where it stands.
pub(crate) const WRONG_SLOT: Unfit = Unfit::Against("a shard has a name in the wrong slot");
pub(crate) const NO_SHARD: Unfit = Unfit::Against("not a shard of its directory");

/// Judges a node by itself; its names' places are for who knows where it stands.
pub(super) fn judge(links: Vec<PbLink>, message: &UnixFs) -> Result<Shard, Unfit> {
    let shape = Shape::of(message).ok_or(Unfit::Against("a shard of unknown hash or fan-out"))?;
    let mut used = [0_u64; MAX_FANOUT as usize / 64];
    let mut in_slots = Vec::with_capacity(links.len());
    for PbLink { cid, name, tsize } in links {
        let (slot, name) = slot_and_name(shape, &name).ok_or(Unfit::Against("a shard's link has no slot"))?;
        let (word, bit) = ((slot / 64) as usize, 1 << (slot % 64));
        if used[word] & bit != 0 {
            return Err(Unfit::Against("a shard uses a slot twice"));
        }
        used[word] |= bit;
        if !name.is_empty() {
            check_name(name)?;
        }
        in_slots.push(SlotLink { slot, name: name.to_vec(), cid, dag_bytes: tsize });
    }
    // The node's own list of used slots, a big-endian number: some readers go by it.
    let expected = used.iter().rev().flat_map(|word| word.to_be_bytes());
    let stated = message.data.iter().copied();
    if !expected.skip_while(|&byte| byte == 0).eq(stated.skip_while(|&byte| byte == 0)) {
        return Err(Unfit::Against("a shard's list of its slots is wrong"));
    }
    Ok(Shard { shape, links: in_slots })
}

fn slot_and_name(shape: Shape, name: &[u8]) -> Option<(u64, &[u8])> {
    let (digits, name) = name.split_at_checked(shape.digits)?;
    let is_upper_hex = |digit: &u8| matches!(digit, b'0'..=b'9' | b'A'..=b'F');
    let text = std::str::from_utf8(digits).ok().filter(|_| digits.iter().all(is_upper_hex))?;
    let slot = u64::from_str_radix(text, 16).ok().filter(|&slot| slot < shape.fanout)?;
    Some((slot, name))
}
