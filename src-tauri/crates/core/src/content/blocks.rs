//! The memory of an upload: a fixed number of blocks that go round.
//!
//! The disk fills them, the connection and the hashing read them, and only when both are done with one is it filled again.
//! Whichever of the three is slowest, the others wait for it, and nothing piles up between them.

use std::{
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Blocks of one upload: one is filled, the others are hashed and sent meanwhile.
const BLOCKS: usize = 4;

/// The blocks of one upload. Each holds so many bytes at most.
#[derive(Debug)]
pub(super) struct Blocks {
    bytes: usize,
    places: Arc<Semaphore>,
    /// Memory of blocks that came back, to be filled again.
    buffers: Mutex<Vec<Vec<u8>>>,
}

impl Blocks {
    pub(super) fn of(bytes: usize) -> Arc<Self> {
        Arc::new(Self { bytes, places: Arc::new(Semaphore::new(BLOCKS)), buffers: Mutex::default() })
    }

    /// An empty block, if one is there.
    pub(super) fn try_take(self: &Arc<Self>) -> Option<Block> {
        Arc::clone(&self.places).try_acquire_owned().ok().map(|place| self.block(place))
    }

    /// An empty block, as soon as one has come back.
    pub(super) async fn take(self: &Arc<Self>) -> Option<Block> {
        Arc::clone(&self.places).acquire_owned().await.ok().map(|place| self.block(place))
    }

    fn block(self: &Arc<Self>, place: OwnedSemaphorePermit) -> Block {
        let buffer = self.buffers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let buffer = buffer.unwrap_or_else(|| Vec::with_capacity(self.bytes));
        Block { buffer, filled: 0, home: Arc::clone(self), _place: place }
    }
}

/// A block. It goes back when it and everything that was made of it are dropped.
#[derive(Debug)]
pub(super) struct Block {
    /// As long as it was ever filled, so that it is made of zeros once.
    buffer: Vec<u8>,
    filled: usize,
    home: Arc<Blocks>,
    // Given back after the buffer.
    _place: OwnedSemaphorePermit,
}

impl Block {
    /// How much of it is filled.
    pub(super) const fn filled(&self) -> usize {
        self.filled
    }

    /// How much more fits.
    pub(super) fn room(&self) -> usize {
        self.home.bytes - self.filled
    }

    /// The next bytes of it, to be filled; no more of them than there is room for.
    pub(super) fn next(&mut self, bytes: usize) -> &mut [u8] {
        let (from, to) = (self.filled, self.filled + bytes.min(self.room()));
        if self.buffer.len() < to {
            self.buffer.resize(to, 0);
        }
        self.filled = to;
        &mut self.buffer[from..to]
    }

    /// What it was filled with.
    pub(super) fn freeze(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Block {
    fn as_ref(&self) -> &[u8] {
        &self.buffer[..self.filled]
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        self.home.buffers.lock().unwrap_or_else(PoisonError::into_inner).push(mem::take(&mut self.buffer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_never_more_than_so_many_and_what_comes_back_is_used_again() {
        let blocks = Blocks::of(10);
        let mut taken: Vec<_> = (0..BLOCKS).map(|_| blocks.try_take().unwrap()).collect();
        assert!(blocks.try_take().is_none());
        let mut first = taken.remove(0);
        first.next(3).copy_from_slice(b"abc");
        assert_eq!((first.filled(), first.room(), first.next(20).len()), (3, 7, 7));
        let address = first.buffer.as_ptr();
        let (bytes, part) = {
            let all = first.freeze();
            (all.clone(), all.slice(1..3))
        };
        drop(bytes);
        assert_eq!(&part[..], b"bc");
        assert!(blocks.try_take().is_none(), "a part of it is still there");
        drop(part);
        let again = blocks.try_take().unwrap();
        assert_eq!((again.filled(), again.buffer.as_ptr()), (0, address));
    }
}
