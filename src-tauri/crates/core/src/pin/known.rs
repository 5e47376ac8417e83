//! What the mirror has of an account while its list is gone through, in little memory.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
};

use sha2::{Digest, Sha256};

use super::{ProviderPin, mirror::is_shown};

/// A number for a provider's id: short to keep and to look for. Should two ids share one, a pin that is gone stays in the
/// mirror until the other is: a million have such a pair once in forty million lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PinNumber(pub(crate) i64);

impl PinNumber {
    pub(crate) fn of(id: &str) -> Self {
        let digest = Sha256::digest(id.as_bytes());
        Self(digest.iter().take(8).fold(0, |number, byte| (number << 8) | i64::from(*byte)))
    }
}

/// A number for all that a provider says of a pin, another for anything else. Only ever compared with others of one program:
/// a newer one takes every pin as changed, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint(pub(crate) i64);

impl Fingerprint {
    pub(crate) fn of(pin: &ProviderPin) -> Self {
        let mut hasher = DefaultHasher::new();
        pin.hash(&mut hasher);
        Self(hasher.finish().cast_signed())
    }
}

/// An account's pins when a pass through its list begins, and which of them the list has.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known(HashMap<PinNumber, KnownPin>);

#[derive(Clone, Copy, Debug)]
struct KnownPin {
    said: Fingerprint,
    is_listed: bool,
}

impl Known {
    /// Takes a pin of the list as there. Says whether the mirror does not have it like that.
    pub(crate) fn is_news(&mut self, pin: &ProviderPin) -> bool {
        let known = self.0.get_mut(&PinNumber::of(&pin.id.0));
        if !is_shown(pin) {
            return known.is_some();
        }
        let Some(known) = known else { return true };
        known.is_listed = true;
        known.said != Fingerprint::of(pin)
    }

    /// Takes what an earlier pass had as there too.
    pub(crate) fn lists_all_of(&mut self, earlier: &Self) {
        for (number, _) in earlier.0.iter().filter(|(_, pin)| pin.is_listed) {
            if let Some(pin) = self.0.get_mut(number) {
                pin.is_listed = true;
            }
        }
    }

    /// Those that the list does not have.
    pub(crate) fn unlisted(&self) -> Vec<PinNumber> {
        self.0.iter().filter(|(_, pin)| !pin.is_listed).map(|(number, _)| *number).collect()
    }
}

impl FromIterator<(PinNumber, Fingerprint)> for Known {
    fn from_iter<I: IntoIterator<Item = (PinNumber, Fingerprint)>>(pins: I) -> Self {
        Self(pins.into_iter().map(|(number, said)| (number, KnownPin { said, is_listed: false })).collect())
    }
}
