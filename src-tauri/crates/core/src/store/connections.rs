//! The connections to a home's database: one that writes, and a few that read beside it, each on a thread of its own.
//!
//! Whoever asks waits for a place in a short queue, so that a slow disk slows its askers and fills no memory.

use std::{
    panic::AssertUnwindSafe,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use rusqlite::{Connection, OpenFlags};
use tokio::sync::{mpsc, oneshot};

use super::{StoreError, codec, schema};

/// Questions that are answered at once beside the one that writes.
const READERS: usize = 3;

/// Jobs that wait for a connection before whoever brings another one waits.
const WAITING_JOBS: usize = 64;

/// Of the database in memory, for the connection that writes.
const WRITER_CACHE_KIB: i32 = 16 * 1024;

/// The same for each that reads.
const READER_CACHE_KIB: i32 = 4 * 1024;

/// Pages of 4 KiB in the log before they go into the database.
const CHECKPOINT_PAGES: i32 = 8 * 1024;

const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The setting by which a commit is on the disk when it ends (`FULL`), or when the next such commit or checkpoint does.
pub(super) const SYNCHRONOUS: &str = "synchronous";

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// The open database; clones share it.
#[derive(Clone)]
pub(super) struct Connections {
    writer: mpsc::Sender<Job>,
    readers: mpsc::Sender<Job>,
}

impl Connections {
    /// Opens the database file, making or upgrading it. `None` is one in memory, which one connection writes and reads.
    pub(super) async fn open(path: Option<&Path>) -> Result<Self, StoreError> {
        let (writer, jobs) = mpsc::channel(WAITING_JOBS);
        let jobs = Arc::new(Mutex::new(jobs));
        let at = path.map(Path::to_owned);
        run("store-writer", jobs, move || to_write(at.as_deref())).await?;
        let Some(path) = path else { return Ok(Self { readers: writer.clone(), writer }) };
        let (readers, jobs) = mpsc::channel(WAITING_JOBS);
        let jobs = Arc::new(Mutex::new(jobs));
        for _ in 0..READERS {
            let at = path.to_owned();
            run("store-reader", Arc::clone(&jobs), move || to_read(&at)).await?;
        }
        Ok(Self { writer, readers })
    }

    /// Runs `work` on the connection that writes, after everything that was brought before.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        ask(&self.writer, work).await
    }

    /// Runs `work` on one that only reads, whatever is being written meanwhile.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        ask(&self.readers, work).await
    }
}

async fn ask<T: Send + 'static>(
    connection: &mpsc::Sender<Job>,
    work: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let (reply, answer) = oneshot::channel();
    let job: Job = Box::new(move |connection| drop(reply.send(work(connection))));
    connection.send(job).await.map_err(|_| StoreError::Closed)?;
    answer.await.map_err(|_| StoreError::Defect)?
}

/// Starts a thread that opens a connection and does one job after another with it.
async fn run(
    name: &str,
    jobs: Arc<Mutex<mpsc::Receiver<Job>>>,
    open: impl FnOnce() -> Result<Connection, StoreError> + Send + 'static,
) -> Result<(), StoreError> {
    let (ready, opened) = oneshot::channel();
    let run = move || {
        let mut connection = match open() {
            Ok(connection) => connection,
            Err(error) => return drop(ready.send(Err(error))),
        };
        drop(ready.send(Ok(())));
        let next = || jobs.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
        while let Some(job) = next() {
            // What a defect in one job leaves behind is rolled back; the others have nothing to do with it.
            let done = std::panic::catch_unwind(AssertUnwindSafe(|| job(&mut connection)));
            if done.is_err() {
                tracing::error!("a job of the database ended with a defect");
            }
        }
    };
    thread::Builder::new().name(name.into()).spawn(run).map_err(StoreError::Thread)?;
    opened.await.map_err(|_| StoreError::Closed)?
}

fn to_write(path: Option<&Path>) -> Result<Connection, StoreError> {
    let mut connection = match path {
        Some(path) => Connection::open(path)?,
        None => Connection::open_in_memory()?,
    };
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // Every commit is on the disk before anybody is told of it.
    connection.pragma_update(None, SYNCHRONOUS, "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // A long list changes pages all over its indexes: with these they are kept, and written once instead of with every page.
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    // A transaction that does not fit is written once all the same, not over and over.
    connection.pragma_update(None, "cache_spill", false)?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    connection.set_prepared_statement_cache_capacity(64);
    codec::register_functions(&connection)?;
    schema::migrate(&mut connection)?;
    Ok(connection)
}

fn to_read(path: &PathBuf) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "cache_size", -READER_CACHE_KIB)?;
    connection.set_prepared_statement_cache_capacity(64);
    codec::register_functions(&connection)?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn questions_are_answered_while_something_long_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let connections = Connections::open(Some(&dir.path().join("a.db"))).await.unwrap();
        let (release, held) = std::sync::mpsc::channel::<()>();
        let (begun, writing) = oneshot::channel();
        let writer = connections.clone();
        let write = tokio::spawn(async move {
            let work = move |connection: &mut Connection| {
                let transaction = connection.transaction()?;
                transaction.execute("INSERT INTO setting (name, value) VALUES ('a', 'b')", [])?;
                begun.send(()).unwrap();
                held.recv().unwrap();
                Ok(transaction.commit()?)
            };
            writer.write(work).await
        });
        writing.await.unwrap();
        let settings = |connection: &mut Connection| {
            Ok(connection.query_row("SELECT count(*) FROM setting", [], |row| row.get::<_, i64>(0))?)
        };
        assert_eq!(connections.read(settings).await.unwrap(), 0);
        release.send(()).unwrap();
        write.await.unwrap().unwrap();
        assert_eq!(connections.read(settings).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn a_defect_in_one_job_ends_only_that_job() {
        let dir = tempfile::tempdir().unwrap();
        let connections = Connections::open(Some(&dir.path().join("a.db"))).await.unwrap();
        let defect = connections.write::<()>(|connection| {
            connection.execute("INSERT INTO setting (name, value) VALUES ('kept', 'b')", [])?;
            let transaction = connection.transaction()?;
            transaction.execute("INSERT INTO setting (name, value) VALUES ('a', 'b')", [])?;
            panic!("a defect")
        });
        assert!(matches!(defect.await, Err(StoreError::Defect)));
        let names = connections.write(|connection| {
            Ok(connection.query_row("SELECT group_concat(name) FROM setting", [], |row| row.get::<_, String>(0))?)
        });
        assert_eq!(names.await.unwrap(), "kept");
    }
}
