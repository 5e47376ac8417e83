//! Which blocks somebody is using who has not come to an end: neither a collection nor a writer that gives up may remove
//! them.
//!
//! # Why no block that a pin needs is ever removed
//!
//! Files of blocks are removed in one place, [`Holds::remove`], under one lock, and only while nobody holds the block.
//! Whoever makes a pin first **holds** a block (under the same lock), **then** looks whether its file is there, then
//! commits the pin, and only then lets go. So a removal comes either before the hold, and the look finds no file and
//! writes it again, or it finds the hold and leaves the file: an upload cannot count on a block that goes.
//!
//! A collection removes what its mark did not reach. It first begins to **remember** what is let go, then reads the
//! list of pins, then walks them, then removes. A pin whose commit came before the list is on it, so all its blocks are
//! marked. A pin whose commit came after it let go of its blocks after that, so they are remembered, and remembered
//! blocks are not removed until the collection's end.
//!
//! A writer that gives up takes back the blocks that it wrote itself, but not one that another writer held in the
//! meantime: that one may have made a pin of it.

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    io,
    sync::{Mutex, MutexGuard, PoisonError},
};

use holdfast_content::Cid;

/// Enough of a digest to say which blocks stay, at a sixth of the memory of a CID. Blocks that share it, which anybody can
/// name, are kept together. What is passed over because it was met before is decided by
/// [`BlockName`](holdfast_content::BlockName) instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ShortHash([u8; 16]);

impl ShortHash {
    pub(crate) fn of(cid: &Cid) -> Self {
        Self::of_digest(cid.hash().digest())
    }

    pub(crate) fn of_digest(digest: &[u8]) -> Self {
        let mut short = [0; 16];
        let length = digest.len().min(short.len());
        short[..length].copy_from_slice(&digest[..length]);
        Self(short)
    }
}

/// The blocks in use.
#[derive(Debug, Default)]
pub(crate) struct Holds {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    held: HashMap<ShortHash, Hold>,
    /// What was let go since the running collection began; `None` while there is none.
    let_go: Option<HashSet<ShortHash>>,
}

#[derive(Clone, Copy, Debug)]
struct Hold {
    writers: u32,
    /// Whether a second writer came.
    shared: bool,
}

impl Holds {
    /// Counts one more user. Look for the block's file afterwards, not before.
    pub(crate) fn hold(&self, block: ShortHash) {
        let mut state = self.state();
        match state.held.entry(block) {
            Entry::Occupied(mut held) => {
                let held = held.get_mut();
                held.writers += 1;
                held.shared = true;
            }
            Entry::Vacant(place) => {
                place.insert(Hold { writers: 1, shared: false });
            }
        }
    }

    /// One user needs the block no more, or a pin needs it from now on.
    pub(crate) fn let_go(&self, block: ShortHash) {
        self.state().let_go(block);
    }

    /// A user who wrote the block gives up: `remove` takes its file away unless another one held it too. Says whether it
    /// was taken away.
    pub(crate) fn give_up(&self, block: ShortHash, remove: impl FnOnce() -> io::Result<()>) -> io::Result<bool> {
        let mut state = self.state();
        let alone = state.held.get(&block).is_some_and(|hold| hold.writers == 1 && !hold.shared);
        let removed = if alone { remove().map(|()| true) } else { Ok(false) };
        state.let_go(block);
        removed
    }

    /// Begins a collection, of which there is one at a time: from now on what is let go is remembered.
    pub(crate) fn begin_collection(&self) {
        self.state().let_go = Some(HashSet::new());
    }

    /// Within a collection: `remove` takes an unmarked block's file away unless it is held or was let go since the
    /// beginning. Says whether it was.
    pub(crate) fn remove(&self, block: ShortHash, remove: impl FnOnce() -> io::Result<()>) -> io::Result<bool> {
        let state = self.state();
        let in_use =
            state.held.contains_key(&block) || state.let_go.as_ref().is_none_or(|let_go| let_go.contains(&block));
        if in_use {
            return Ok(false);
        }
        remove().map(|()| true)
    }

    /// Does something to a block's file unless the block is held; nobody takes hold of it meanwhile.
    pub(crate) fn unless_held(&self, block: ShortHash, work: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let state = self.state();
        if state.held.contains_key(&block) { Ok(()) } else { work() }
    }

    /// Ends the collection.
    pub(crate) fn end_collection(&self) {
        self.state().let_go = None;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn let_go(&mut self, block: ShortHash) {
        if let Some(let_go) = &mut self.let_go {
            let_go.insert(block);
        }
        if let Entry::Occupied(mut held) = self.held.entry(block) {
            held.get_mut().writers -= 1;
            if held.get().writers == 0 {
                held.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: ShortHash = ShortHash([7; 16]);

    fn removes(holds: &Holds) -> bool {
        holds.remove(BLOCK, || Ok(())).unwrap()
    }

    #[test]
    fn outside_of_a_collection_nothing_is_removed() {
        assert!(!removes(&Holds::default()));
    }

    #[test]
    fn what_is_held_stays_and_what_nobody_holds_goes() {
        let holds = Holds::default();
        holds.hold(BLOCK);
        holds.begin_collection();
        assert!(!removes(&holds));
        holds.end_collection();
        holds.let_go(BLOCK);
        holds.begin_collection();
        assert!(removes(&holds));
    }

    #[test]
    fn what_is_let_go_during_a_collection_stays_until_the_next() {
        let holds = Holds::default();
        holds.hold(BLOCK);
        holds.begin_collection();
        holds.let_go(BLOCK);
        assert!(!removes(&holds));
        holds.end_collection();
        holds.begin_collection();
        assert!(removes(&holds));
    }

    #[test]
    fn a_block_that_another_writer_held_is_not_taken_back() {
        let holds = Holds::default();
        holds.hold(BLOCK);
        holds.hold(BLOCK);
        holds.let_go(BLOCK);
        assert!(!holds.give_up(BLOCK, || Ok(())).unwrap());
        holds.hold(BLOCK);
        assert!(holds.give_up(BLOCK, || Ok(())).unwrap());
    }
}
