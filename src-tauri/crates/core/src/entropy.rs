//! The port for randomness.

use uuid::Uuid;

/// Gives random bytes.
pub trait Entropy: Send + Sync + 'static {
    /// 16 random bytes.
    fn bytes16(&self) -> [u8; 16];
}

/// A new random id (UUID version 4).
pub(crate) fn new_id(entropy: &dyn Entropy) -> String {
    uuid::Builder::from_random_bytes(entropy.bytes16()).into_uuid().to_string()
}

/// A fixed id, made from `name`, for things of which a home has one.
pub(crate) const THIS_COMPUTER_ID: Uuid = Uuid::from_u128(0x686f_6c64_6661_7374_8000_7468_6973_7063);
