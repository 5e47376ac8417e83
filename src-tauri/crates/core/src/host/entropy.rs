//! The system's random numbers.

use crate::entropy::Entropy;

/// The system's random numbers.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn bytes16(&self) -> [u8; 16] {
        uuid::Uuid::new_v4().into_bytes()
    }
}
