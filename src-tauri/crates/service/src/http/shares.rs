//! That nobody has all of what there is a limited number of.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::store::memory::Claim;

/// Keys from which on those that hold nothing are forgotten.
const MANY_KEYS: usize = 256;

/// A number of permits for each key, such as an owner or an address.
#[derive(Debug)]
pub(crate) struct Shares<K> {
    by_key: Mutex<HashMap<K, Arc<Semaphore>>>,
}

impl<K: Eq + Hash> Shares<K> {
    pub(crate) fn new() -> Self {
        Self { by_key: Mutex::default() }
    }

    /// Where the permits of `key` are to be had, which has `permits` of them and at least one.
    pub(crate) fn of(&self, key: K, permits: usize) -> Arc<Semaphore> {
        let mut by_key = self.by_key.lock().unwrap_or_else(PoisonError::into_inner);
        if by_key.len() >= MANY_KEYS {
            // A permit keeps its semaphore, and so does who waits for one.
            by_key.retain(|_, semaphore| Arc::strong_count(semaphore) > 1);
        }
        Arc::clone(by_key.entry(key).or_insert_with(|| Arc::new(Semaphore::new(permits.max(1)))))
    }
}

/// A permit of all and one of a key's share, held until this is dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    _of_all: OwnedSemaphorePermit,
    _of_share: OwnedSemaphorePermit,
    _memory: Option<Claim>,
}

impl Permit {
    pub(crate) const fn new(of_all: OwnedSemaphorePermit, of_share: OwnedSemaphorePermit) -> Self {
        Self { _of_all: of_all, _of_share: of_share, _memory: None }
    }

    /// With the memory that goes with it.
    pub(crate) fn with_memory(self, memory: Claim) -> Self {
        Self { _memory: Some(memory), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_has_its_share_and_what_holds_nothing_is_forgotten() {
        let shares = Shares::new();
        let take = |key: usize| shares.of(key, 2).try_acquire_owned();
        let held = (take(0).unwrap(), take(0).unwrap());
        assert!(take(0).is_err() && take(1).is_ok());
        for key in 2..10 * MANY_KEYS {
            assert!(take(key).is_ok());
        }
        assert!(shares.by_key.lock().unwrap().len() <= MANY_KEYS);
        assert!(take(0).is_err());
        drop(held);
        assert!(take(0).is_ok());
    }
}
