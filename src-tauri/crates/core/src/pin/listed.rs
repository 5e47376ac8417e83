//! Which pins a listing had, in little memory.

use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash, Hasher},
};

use super::PinId;

/// The ids of a list, each as a number of 64 bits. Should two share one, a pin that is gone stays in the mirror until the
/// ids around it change: a million have such a pair once in forty million lists.
#[derive(Clone, Debug, Default)]
pub(crate) struct Listed(HashSet<u64>);

impl Listed {
    pub(crate) fn add(&mut self, id: &PinId) {
        self.0.insert(number(id));
    }

    pub(crate) fn add_all(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(crate) fn has(&self, id: &PinId) -> bool {
        self.0.contains(&number(id))
    }

    pub(crate) fn len(&self) -> u64 {
        self.0.len() as u64
    }
}

fn number(id: &PinId) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}
