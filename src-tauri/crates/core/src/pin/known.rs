//! What the mirror has of an account while its list is gone through, in little memory.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use super::{ProviderPin, mirror::is_shown};
use crate::lasting::LastingNumber;

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

/// A number for all that a provider says of a pin, another for anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint(pub(crate) i64);

impl Fingerprint {
    pub(crate) fn of(pin: &ProviderPin) -> Self {
        let ProviderPin { id, cid, name, bytes, status, raw_status, message, is_directory, .. } = pin;
        let number = LastingNumber::default()
            .bytes(id.0.as_bytes())
            .bytes(&cid.to_bytes())
            .optional(name.as_deref().map(str::as_bytes))
            .optional(bytes.map(u64::to_be_bytes).as_ref().map(<[u8; 8]>::as_slice))
            .bytes(status.as_str().as_bytes())
            .bytes(raw_status.as_bytes())
            .optional(message.as_deref().map(str::as_bytes))
            .number((*is_directory).into())
            .optional(pin.pinned_at.map(|at| at.0.to_be_bytes()).as_ref().map(<[u8; 8]>::as_slice))
            .number(pin.left_out.0)
            .number(pin.metadata.len() as u64);
        let pairs = pin.metadata.iter();
        let number = pairs.fold(number, |number, (key, value)| number.bytes(key.as_bytes()).bytes(value.as_bytes()));
        Self(number.finish().cast_signed())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::UnixMillis,
        pin::{LeftOut, Metadata, PinId, PinStatus},
    };

    #[test]
    fn what_is_known_of_a_pin_is_the_same_number_in_every_release() {
        let pin = ProviderPin {
            id: PinId("a".into()),
            cid: "bafkqaaa".parse().unwrap(),
            name: Some("a name".into()),
            bytes: Some(7),
            status: PinStatus::Pinned,
            raw_status: "pinned".into(),
            message: None,
            is_directory: true,
            pinned_at: Some(UnixMillis(1_700_000_000_000)),
            metadata: Metadata::from([("key".into(), "value".into())]),
            left_out: LeftOut(2),
        };
        let number = -6_123_634_085_426_730_146;
        assert_eq!(Fingerprint::of(&pin).0, number);
        assert_ne!(Fingerprint::of(&ProviderPin { message: Some(String::new()), ..pin }).0, number);
        assert_eq!(PinNumber::of("a").0, -3_848_465_438_864_589_366);
    }
}
