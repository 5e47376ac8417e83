//! The port for randomness.

use uuid::Uuid;

/// Gives random bytes.
pub trait Entropy: Send + Sync + 'static {
    /// 16 random bytes.
    fn bytes16(&self) -> [u8; 16];
}

/// A random number below `count`, each as likely as any other; 0 below 0 and 1.
pub(crate) fn number_below(entropy: &dyn Entropy, count: u64) -> u64 {
    let number = u128::from_le_bytes(entropy.bytes16()) % u128::from(count.max(1));
    number as u64
}

/// A new random id (UUID version 4).
pub(crate) fn new_id(entropy: &dyn Entropy) -> String {
    uuid::Builder::from_random_bytes(entropy.bytes16()).into_uuid().to_string()
}

/// A fixed id, made from `name`, for things of which a home has one.
pub(crate) const THIS_COMPUTER_ID: Uuid = Uuid::from_u128(0x686f_6c64_6661_7374_8000_7468_6973_7063);
