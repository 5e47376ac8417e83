//! A service's directory while no service runs on it: what `gc`, `stats` and `check` work on.

use std::path::Path;

use crate::{
    ServiceError,
    store::{Store, check::Checked, statistics::Statistics},
};

/// The directory of a service that does not run; nobody else can have it meanwhile. Everything here blocks.
#[derive(Debug)]
pub struct StoppedService {
    store: Store,
}

/// What a collection removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Collected {
    /// Blocks that no pin needs.
    pub blocks: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl StoppedService {
    /// Takes the directory.
    ///
    /// # Errors
    /// [`ServiceError::DirectoryInUse`] while a service runs on it; what opening it met.
    pub fn open(dir: &Path) -> Result<Self, ServiceError> {
        Ok(Self { store: Store::open(dir)? })
    }

    /// Removes every block that no pin needs.
    ///
    /// # Errors
    /// [`ServiceError::Storage`]: a pin is damaged, and then nothing is removed; the disk or the database failed.
    pub fn collect(&self) -> Result<Collected, ServiceError> {
        let swept = self.store.collect(|| false).map_err(ServiceError::storage)?;
        Ok(Collected { blocks: swept.blocks, bytes: swept.bytes })
    }

    /// Counts what is there.
    ///
    /// # Errors
    /// [`ServiceError::Storage`].
    pub fn statistics(&self) -> Result<Statistics, ServiceError> {
        self.store.statistics().map_err(ServiceError::storage)
    }

    /// Reads every block and walks every pin; `progress` is told of what was found so far after every block. Files of
    /// damaged blocks are put aside, so that a new upload of the same content repairs its pins.
    ///
    /// # Errors
    /// [`ServiceError::Storage`]. Damage is no error but in the answer.
    pub fn check(&self, progress: impl FnMut(&Checked)) -> Result<Checked, ServiceError> {
        self.store.check(progress).map_err(ServiceError::storage)
    }

    /// Gives the directory free.
    ///
    /// # Errors
    /// Those of the database and the lock.
    pub fn close(self) -> Result<(), ServiceError> {
        self.store.close()
    }
}
