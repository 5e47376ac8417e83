//! The database of a home: the only place that speaks SQL.

mod accounts;
mod chosen;
mod codec;
mod connections;
mod folders;
mod leaving;
mod logins;
mod marks;
mod mirror;
mod paging;
mod pins;
mod places;
mod proofs;
mod receipts;
mod schema;
mod search;
mod settings;
mod sheets;
mod shelves;
mod transfers;
mod unpinning;

use std::path::Path;

use rusqlite::Connection;

pub(crate) use chosen::{Chosen, Condition};
pub(crate) use folders::Observed;
pub(crate) use mirror::Written;
pub(crate) use transfers::{EndOfTry, Finish, Pruned, Wanted};
pub(crate) use unpinning::{Bulk, NewUnpinning};

use connections::{Company, Connections, Held, Kept};

/// Why the database cannot answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite.
    #[error("the database failed: {0}")]
    Sqlite(#[from] rusqlite::Error),
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
    /// Opens the database file, making or upgrading it. `held` is let go when it is closed.
    pub(crate) async fn open(path: &Path, held: Held) -> Result<Self, StoreError> {
        Ok(Self { connections: Connections::open(Some(path), held).await? })
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
