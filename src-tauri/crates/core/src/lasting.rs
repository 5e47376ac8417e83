//! Numbers that stand for something longer where it is written down, or where another release of Holdfast looks for it: they
//! depend on the bytes alone, and not on how a library happens to hash them.

use std::ffi::OsStr;

use sha2::{Digest, Sha256};

/// Adds up bytes to one number. Every part tells its length, so that no two rows of parts look the same.
#[derive(Clone, Debug, Default)]
pub struct LastingNumber(Sha256);

impl LastingNumber {
    /// With more bytes.
    #[must_use]
    pub fn bytes(self, bytes: &[u8]) -> Self {
        let counted = self.number(bytes.len() as u64);
        Self(counted.0.chain_update(bytes))
    }

    /// With the name of a file, which may be no text.
    #[must_use]
    pub fn name(self, name: &OsStr) -> Self {
        #[cfg(unix)]
        {
            self.bytes(std::os::unix::ffi::OsStrExt::as_bytes(name))
        }
        #[cfg(windows)]
        {
            let units: Vec<u8> =
                std::os::windows::ffi::OsStrExt::encode_wide(name).flat_map(u16::to_be_bytes).collect();
            self.bytes(&units)
        }
    }

    /// With a number.
    #[must_use]
    pub fn number(self, number: u64) -> Self {
        Self(self.0.chain_update(number.to_be_bytes()))
    }

    /// With bytes that need not be there.
    #[must_use]
    pub fn optional(self, bytes: Option<&[u8]>) -> Self {
        match bytes {
            Some(bytes) => self.number(1).bytes(bytes),
            None => self.number(0),
        }
    }

    /// The number.
    #[must_use]
    pub fn finish(self) -> u64 {
        self.0.finalize().iter().take(8).fold(0, |number, byte| (number << 8) | u64::from(*byte))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_that_are_cut_elsewhere_are_another_number() {
        let of = |parts: &[&str]| parts.iter().fold(LastingNumber::default(), |all, part| all.bytes(part.as_bytes()));
        assert_ne!(of(&["a", "bc"]).finish(), of(&["ab", "c"]).finish());
        assert_ne!(of(&["", "a"]).finish(), of(&["a", ""]).finish());
        assert_ne!(
            LastingNumber::default().optional(None).finish(),
            LastingNumber::default().optional(Some(b"")).finish()
        );
    }

    #[test]
    fn the_same_bytes_are_the_same_number_in_every_release() {
        assert_eq!(LastingNumber::default().number(7).bytes(b"holdfast").finish(), 6_372_728_239_378_411_745);
    }
}
