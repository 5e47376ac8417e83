//! The connections to the database: one that writes, a few that read beside it.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior, ffi, functions::FunctionFlags};

use super::schema;
use crate::ServiceError;

const IDLE_READERS: usize = 4;
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Clone, Debug)]
pub(crate) struct Database {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    writer: Mutex<Option<Connection>>,
    readers: Mutex<Vec<Connection>>,
}

impl Database {
    pub(crate) fn open(path: &Path) -> Result<Self, ServiceError> {
        let mut writer = Connection::open(path)?;
        writer.busy_timeout(BUSY_TIMEOUT)?;
        writer.pragma_update(None, "journal_mode", "WAL")?;
        writer.pragma_update(None, "synchronous", "FULL")?;
        writer.pragma_update(None, "foreign_keys", true)?;
        schema::migrate(&mut writer)?;
        let inner = Inner { path: path.into(), writer: Mutex::new(Some(writer)), readers: Mutex::default() };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Runs `work` in a transaction that is on the disk when this returns; an error undoes it.
    pub(crate) fn write<T, E: From<rusqlite::Error>>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut writer = unpoisoned(&self.inner.writer);
        let writer = writer.as_mut().ok_or_else(closed)?;
        let transaction = Transaction::new(writer, TransactionBehavior::Immediate)?;
        let value = work(&transaction)?;
        transaction.commit()?;
        Ok(value)
    }

    /// Runs `work` on one consistent view of the database.
    pub(crate) fn read<T, E: From<rusqlite::Error>>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let idle = unpoisoned(&self.inner.readers).pop();
        let mut reader = match idle {
            Some(reader) => reader,
            None => self.open_reader()?,
        };
        let value = {
            let transaction = Transaction::new(&mut reader, TransactionBehavior::Deferred)?;
            work(&transaction)?
        };
        let mut readers = unpoisoned(&self.inner.readers);
        if readers.len() < IDLE_READERS {
            readers.push(reader);
        }
        Ok(value)
    }

    /// Closes the connections; what uses them afterwards fails.
    pub(crate) fn close(&self) {
        unpoisoned(&self.inner.readers).clear();
        unpoisoned(&self.inner.writer).take();
    }

    fn open_reader(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let reader = Connection::open_with_flags(&self.inner.path, flags)?;
        reader.busy_timeout(BUSY_TIMEOUT)?;
        let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
        // SQLite's own `lower` knows ASCII only.
        reader.create_scalar_function("folded", 1, flags, |arguments| Ok(fold(arguments.get_raw(0).as_str()?)))?;
        Ok(reader)
    }
}

/// Whether an error is that there is no room. That there is none for what the connections share is called otherwise by SQLite.
pub(crate) fn is_full(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DiskFull)
        || error.sqlite_error().is_some_and(|error| error.extended_code == ffi::SQLITE_IOERR_SHMSIZE)
}

/// Whether nothing was ever written to a database.
pub(super) fn is_empty(path: &Path) -> rusqlite::Result<bool> {
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    db.busy_timeout(BUSY_TIMEOUT)?;
    Ok(db.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0))? == 0)
}

/// What texts that differ only in case have in common.
pub(crate) fn fold(text: &str) -> String {
    text.to_lowercase()
}

fn closed() -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(
        rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_MISUSE),
        Some("the database is closed".into()),
    )
}

/// A panic under one of these locks leaves a connection whose transaction was rolled back, which can go on.
fn unpoisoned<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
