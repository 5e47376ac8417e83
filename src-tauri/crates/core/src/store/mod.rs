//! The database of a home: the only place that speaks SQL. One thread owns the connection.

mod accounts;
mod codec;
mod folders;
mod logins;
mod mirror;
mod pins;
mod proofs;
mod receipts;
mod schema;
mod settings;
mod transfers;

use std::{path::Path, thread, time::Duration};

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

pub(crate) use folders::Observed;
pub(crate) use mirror::Written;
pub(crate) use transfers::Finish;
pub use transfers::TransferCounts;

use crate::error::Error;

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
    /// Its thread is gone.
    #[error("the database was closed")]
    Closed,
}

/// Of the database in memory.
const CACHE_KIB: i32 = 16 * 1024;

/// Pages of 4 KiB in the log before they go into the database.
const CHECKPOINT_PAGES: i32 = 8 * 1024;

/// The setting by which a commit is on the disk when it ends (`FULL`), or when the next such commit or checkpoint does.
const SYNCHRONOUS: &str = "synchronous";

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// A handle to the database; clones share it.
#[derive(Clone)]
pub(crate) struct Store {
    jobs: mpsc::UnboundedSender<Job>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store")
    }
}

impl Store {
    /// Opens the database file, making or upgrading it; `None` is one in memory.
    pub(crate) async fn open(path: Option<&Path>) -> Result<Self, StoreError> {
        let path = path.map(Path::to_owned);
        let (jobs, mut queue) = mpsc::unbounded_channel::<Job>();
        let (ready, opened) = oneshot::channel();
        let run = move || {
            let mut connection = match connect(path.as_deref()) {
                Ok(connection) => connection,
                Err(error) => return drop(ready.send(Err(error))),
            };
            drop(ready.send(Ok(())));
            while let Some(job) = queue.blocking_recv() {
                job(&mut connection);
            }
        };
        let spawned = thread::Builder::new().name("store".into()).spawn(run);
        spawned.map_err(|_| StoreError::Closed)?;
        opened.await.map_err(|_| StoreError::Closed)??;
        Ok(Self { jobs })
    }

    /// Runs `work` in one transaction, which is rolled back when it fails.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Error> {
        self.run(move |connection| in_transaction(connection, work)).await
    }

    /// Runs `work` in one transaction that a power cut may undo, whole: only for what providers can be asked for again.
    pub(crate) async fn write_mirror<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Error> {
        self.run(move |connection| {
            connection.pragma_update(None, SYNCHRONOUS, "NORMAL")?;
            let done = in_transaction(connection, work);
            connection.pragma_update(None, SYNCHRONOUS, "FULL")?;
            done
        })
        .await
    }

    /// Runs `work` without a transaction of its own.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Error> {
        self.run(move |connection| work(connection)).await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |connection| drop(reply.send(work(connection))));
        self.jobs.send(job).map_err(|_| StoreError::Closed)?;
        Ok(answer.await.map_err(|_| StoreError::Closed)??)
    }
}

fn in_transaction<T>(
    connection: &mut Connection,
    work: impl FnOnce(&Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let value = work(&transaction)?;
    transaction.commit()?;
    Ok(value)
}

fn connect(path: Option<&Path>) -> Result<Connection, StoreError> {
    let mut connection = match path {
        Some(path) => Connection::open(path)?,
        None => Connection::open_in_memory()?,
    };
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // Every commit is on the disk before anybody is told of it.
    connection.pragma_update(None, SYNCHRONOUS, "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // A long list changes pages all over its indexes: with these they are kept, and written once instead of with every page.
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    // A transaction that does not fit is written once all the same, not over and over.
    connection.pragma_update(None, "cache_spill", false)?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    connection.set_prepared_statement_cache_capacity(64);
    codec::register_functions(&connection)?;
    schema::migrate(&mut connection)?;
    Ok(connection)
}
