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
    let (entropy, clock) = (Arc::new(SystemEntropy), Arc::new(SystemClock::default()));
    Ok(Ports {
        clock: clock.clone(),
        disk: Arc::new(RealDisk),
        vault: Arc::new(KeyringVault::default()),
        connect: Arc::new(HttpConnect::new(entropy.clone(), clock)),
        entropy,
        hashing: HashingPool::start(urgency).map_err(Error::Threads)?,
    })
}
