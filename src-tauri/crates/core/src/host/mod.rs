//! The real ports: the operating system's clock, disk, keyring and randomness. Nothing else in this crate touches them.

mod clock;
mod disk;
mod entropy;
mod keyring;

use std::sync::Arc;

pub use clock::SystemClock;
pub use disk::RealDisk;
pub use entropy::SystemEntropy;
pub use keyring::KeyringVault;

use crate::{Ports, provider::HttpConnect};

/// The ports of this machine.
#[must_use]
pub fn ports() -> Ports {
    let entropy = Arc::new(SystemEntropy);
    Ports {
        clock: Arc::new(SystemClock::default()),
        disk: Arc::new(RealDisk),
        vault: Arc::new(KeyringVault),
        connect: Arc::new(HttpConnect::new(entropy.clone())),
        entropy,
    }
}
