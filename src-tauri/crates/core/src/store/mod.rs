//! The database of a home: the only place that speaks SQL.

mod accounts;
mod aside;
mod chosen;
mod codec;
mod connections;
mod folders;
mod health;
mod leaving;
mod logins;
mod marks;
mod mirror;
mod orders;
mod paging;
mod pins;
mod places;
mod proofs;
mod receipts;
mod salvage;
mod schema;
mod search;
mod settings;
mod sheets;
mod shelves;
mod transfers;
mod unpinning;

use std::path::Path;

use rusqlite::{Connection, ErrorCode, ffi};
use tokio::sync::watch;

pub(crate) use chosen::{Chosen, Condition};
pub(crate) use folders::Observed;
pub(crate) use health::{Health, is_full};
pub(crate) use mirror::Written;
pub(crate) use salvage::SetAside;
pub(crate) use transfers::{EndOfTry, Finish, Pruned, Wanted};
pub(crate) use unpinning::{Bulk, NewUnpinning};

use crate::clock::UnixMillis;
use connections::{Company, Connections, Held, Kept};

/// Why the database cannot answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no room for what is to be written.
    #[error("the disk with Holdfast's data is full: make room, and try again")]
    Full,
    /// It is not as it was written.
    #[error(
        "Holdfast's database is damaged ({0}): start Holdfast again, and it is set aside and what can be read of it kept"
    )]
    Damaged(String),
    /// The damaged one cannot be set aside.
    #[error("Holdfast's database is damaged, and cannot be set aside: {0}. Nothing of it was changed")]
    SettingAside(#[source] std::io::Error),
    /// It cannot be made.
    #[error("Holdfast's database cannot be made: {0}")]
    Making(#[source] std::io::Error),
    /// SQLite.
    #[error("the database failed: {0}")]
    Sqlite(#[source] rusqlite::Error),
    /// The system does not let it be written, which was found out before.
    #[error("the database cannot be written: {0}")]
    Failing(String),
    /// A newer Holdfast wrote it.
    #[error("the database was written by a newer Holdfast (schema {found}, this one knows {known})")]
    Newer {
        /// Its schema.
        found: i64,
        /// The newest that is known here.
        known: i64,
    },
    /// A row that no version of Holdfast writes.
    #[error("the database has a row that cannot be read: {0}")]
    Row(&'static str),
    /// Its threads are gone.
    #[error("the database was closed")]
    Closed,
    /// A question to it that ended with a defect of Holdfast; nothing of it was written.
    #[error("an internal task ended unexpectedly")]
    Defect,
    /// The system gives it no thread.
    #[error("the system gives no threads to work with: {0}")]
    Thread(std::io::Error),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            _ if is_for_want_of_room(&error) => Self::Full,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged(error.to_string()),
            _ => Self::Sqlite(error),
        }
    }
}

/// That there is no room for what the connections share is called otherwise by SQLite.
fn is_for_want_of_room(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DiskFull)
        || error.sqlite_error().is_some_and(|error| error.extended_code == ffi::SQLITE_IOERR_SHMSIZE)
}

impl StoreError {
    /// Whether it is the database that is damaged.
    pub(crate) const fn is_damage(&self) -> bool {
        matches!(self, Self::Damaged(_))
    }

    /// Whether nothing is wrong with what was to be written or read: it is to be done again once the database is well.
    pub(crate) fn is_of_database(&self) -> bool {
        self.passes() || self.is_damage()
    }

    /// Whether it is over by itself, or once there is room: nothing is wrong with what was to be written.
    pub(crate) fn passes(&self) -> bool {
        use ErrorCode::{
            CannotOpen, DatabaseBusy, DatabaseLocked, OperationAborted, OutOfMemory, ReadOnly, SystemIoFailure,
        };
        match self {
            Self::Full | Self::Failing(_) => true,
            Self::Sqlite(error) => matches!(
                error.sqlite_error_code(),
                Some(
                    CannotOpen
                        | DatabaseBusy
                        | DatabaseLocked
                        | OperationAborted
                        | OutOfMemory
                        | ReadOnly
                        | SystemIoFailure
                )
            ),
            _ => false,
        }
    }
}

/// A handle to the database; clones share it.
#[derive(Clone)]
pub(crate) struct Store {
    connections: Connections,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store")
    }
}

impl Store {
    /// Opens the database file, making or upgrading it; one that is damaged is set aside first. `held` is let go when it is
    /// closed.
    pub(crate) async fn open(path: &Path, held: Held, now: UnixMillis) -> Result<Self, StoreError> {
        let at = path.to_owned();
        tokio::task::spawn_blocking(move || aside::prepare(&at, now)).await.map_err(|_| StoreError::Defect)??;
        Ok(Self { connections: Connections::open(Some(path), held).await? })
    }

    /// How the database is, from now on.
    pub(crate) fn health(&self) -> watch::Receiver<Health> {
        self.connections.health()
    }

    /// Whether there is any use in asking somebody for what is then to be written.
    pub(crate) fn can_be_written(&self) -> Result<(), StoreError> {
        match &*self.health().borrow() {
            Health::Sound => Ok(()),
            Health::Full => Err(StoreError::Full),
            Health::Failing(said) => Err(StoreError::Failing(said.clone())),
            Health::Damaged(said) => Err(StoreError::Damaged(said.clone())),
        }
    }

    /// Looks whether there is room by now, for more than most writes take.
    pub(crate) async fn look_for_room(&self) -> Result<(), StoreError> {
        self.connections.look_for_room().await
    }

    /// One in memory.
    #[cfg(test)]
    async fn in_memory() -> Self {
        Self { connections: Connections::open(None, std::sync::Arc::new(())).await.unwrap() }
    }

    /// Runs `work` whole or not at all; it is on the disk when this returns.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.connections.write(Kept::Lasting, Company::Others, work).await
    }

    /// The same for what a power cut may undo: what is found out again, and nobody is told of.
    pub(crate) async fn write_passing<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.connections.write(Kept::Passing, Company::Others, work).await
    }

    /// The same for what takes long: nobody else's answer waits for it to be kept.
    pub(crate) async fn write_mirror<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.connections.write(Kept::Passing, Company::None, work).await
    }

    /// Runs `work` on one consistent state of the database.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.connections.read(work).await
    }
}
