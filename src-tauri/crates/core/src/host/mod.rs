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

use crate::{
    Error, Ports,
    content::{HashingPool, Urgency},
    provider::HttpConnect,
};

/// The ports of this machine.
///
/// # Errors
/// [`Error::Threads`].
pub fn ports(urgency: Urgency) -> Result<Ports, Error> {
    let entropy = Arc::new(SystemEntropy);
    Ok(Ports {
        clock: Arc::new(SystemClock::default()),
        disk: Arc::new(RealDisk),
        vault: Arc::new(KeyringVault),
        connect: Arc::new(HttpConnect::new(entropy.clone())),
        entropy,
        hashing: HashingPool::start(urgency).map_err(Error::Threads)?,
    })
}
