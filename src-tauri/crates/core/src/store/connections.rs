//! The connections to a home's database: one that writes, and a few that read beside it, each on a thread of its own.
//!
//! Whoever asks waits for a place in a short queue, so that a slow disk slows its askers and fills no memory.

use std::{
    any::Any,
    collections::VecDeque,
    fs, io,
    panic::AssertUnwindSafe,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, ffi};
use tokio::sync::{mpsc, oneshot, watch};

use super::{
    StoreError, aside, codec,
    health::{Health, Watched, is_full},
    schema, sheets,
};

/// Questions that are answered at once beside the one that writes.
const READERS: usize = 2;

/// Jobs that wait for a connection before whoever brings another one waits.
const WAITING_JOBS: usize = 64;

/// Of the database in memory, for the connection that writes.
const WRITER_CACHE_KIB: i32 = 16 * 1024;

/// The same for each that reads.
const READER_CACHE_KIB: i32 = 2 * 1024;

/// Pages of 4 KiB in the log before they go into the database.
const CHECKPOINT_PAGES: i32 = 8 * 1024;

const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How much room a database that had none has to have before all goes on.
const ROOM: usize = 1 << 20;

/// Writes that go into one transaction at the most.
const MOST_TOGETHER: usize = 256;

/// Where a write is when it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// On the disk.
    Lasting,
    /// Where a power cut may undo it, whole: it is on the disk with the next that lasts, or by the next checkpoint.
    Passing,
}

/// Which other writes go with one into a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Company {
    /// All that wait with it.
    Others,
    /// None: it is long, and nobody's answer is to wait for it.
    None,
}

/// The open database; clones share it.
#[derive(Clone)]
pub(super) struct Connections {
    writer: mpsc::Sender<Job>,
    readers: mpsc::Sender<Job>,
    health: Arc<Watched>,
    /// Where it is tried whether there is room.
    room: Option<PathBuf>,
}

/// What is held as long as a connection is open.
pub(super) type Held = Arc<dyn Any + Send + Sync>;

/// A question or a write.
struct Job {
    kept: Kept,
    company: Company,
    work: Work,
}

/// What is done with a connection; nothing where there is no transaction for it.
type Work = Box<dyn FnOnce(rusqlite::Result<&Connection>) -> Done + Send>;

/// What a job came to, before it is told.
struct Done {
    failed: bool,
    tell: Tell,
}

/// Tells whoever asked, also why what was done could not be kept.
type Tell = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

impl Connections {
    /// Opens the database file, making or upgrading it. `None` is one in memory, which one connection writes and reads. `held` is
    /// let go when the last connection is closed.
    pub(super) async fn open(path: Option<&Path>, held: Held) -> Result<Self, StoreError> {
        let (writer, jobs) = mpsc::channel(WAITING_JOBS);
        let at = path.map(Path::to_owned);
        let write = move |connection| write_all(&connection, jobs);
        let shares = run("store-writer", Arc::clone(&held), move || to_write(at.as_deref()), write).await?;
        let health = Arc::new(Watched::new(path.map(aside::doubt_of)));
        let room = path.map(aside::room_of);
        let Some(path) = path.filter(|_| shares == Shares::Yes) else {
            return Ok(Self { readers: writer.clone(), writer, health, room });
        };
        let (readers, jobs) = mpsc::channel(WAITING_JOBS);
        let jobs = Arc::new(Mutex::new(jobs));
        for _ in 0..READERS {
            let (at, jobs) = (path.to_owned(), Arc::clone(&jobs));
            let read = move |connection| read_all(&connection, &jobs);
            run("store-reader", Arc::clone(&held), move || Ok((to_read(&at)?, ())), read).await?;
        }
        Ok(Self { writer, readers, health, room })
    }

    /// How the database is, from now on.
    pub(super) fn health(&self) -> watch::Receiver<Health> {
        self.health.follow()
    }

    /// Writes more than most writes do, and keeps none of it: whether there is room.
    pub(super) async fn look_for_room(&self) -> Result<(), StoreError> {
        self.write(Kept::Lasting, Company::Others, |db| {
            db.execute("INSERT OR REPLACE INTO setting VALUES ('room', hex(zeroblob(32768)))", [])?;
            Ok(db.execute("DELETE FROM setting WHERE name = 'room'", []).map(drop)?)
        })
        .await?;
        // The log may have room of its own where the disk has none.
        if let Some(room) = self.room.clone() {
            let looked = tokio::task::spawn_blocking(move || has_room(&room)).await;
            looked.map_err(|_| StoreError::Defect)?.map_err(|error| match is_full(&error) {
                true => StoreError::Full,
                false => StoreError::Failing(error.to_string()),
            })?;
        }
        self.health.is_sound();
        Ok(())
    }

    /// Runs `work` on the connection that writes, after everything that was brought before. It is undone when it fails, and by
    /// itself; what waits with it is kept in the same transaction.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        kept: Kept,
        company: Company,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        ask(Some(Arc::clone(&self.health)), &self.writer, (kept, company), work).await
    }

    /// Runs `work` on one state of the database, by a connection that only reads, whatever is being written meanwhile.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let answer = ask(None, &self.readers, (Kept::Passing, Company::Others), work).await;
        if let Err(error @ StoreError::Damaged(_)) = &answer {
            self.health.failed(error);
        }
        answer
    }
}

/// Whether a file of some size can be written there.
fn has_room(path: &Path) -> io::Result<()> {
    let written = fs::File::create(path).and_then(|mut file| {
        io::Write::write_all(&mut file, &vec![0; ROOM])?;
        file.sync_all()
    });
    let removed = fs::remove_file(path);
    written.and(removed)
}

async fn ask<T: Send + 'static>(
    health: Option<Arc<Watched>>,
    connection: &mpsc::Sender<Job>,
    (kept, company): (Kept, Company),
    work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let (reply, answer) = oneshot::channel();
    let work = move |connection: rusqlite::Result<&Connection>| {
        let result = connection.map_err(StoreError::from).and_then(work);
        let failed = result.is_err();
        let tell = move |kept: Result<(), StoreError>| {
            let answer = result.and_then(|value| kept.map(|()| value));
            if let (Err(error), Some(health)) = (&answer, health) {
                health.failed(error);
            }
            drop(reply.send(answer));
        };
        Done { failed, tell: Box::new(tell) }
    };
    connection.send(Job { kept, company, work: Box::new(work) }).await.map_err(|_| StoreError::Closed)?;
    answer.await.map_err(|_| StoreError::Defect)?
}

/// Starts a thread that opens a connection and works with it. Gives what else opening it came to.
async fn run<T: Send + 'static>(
    name: &str,
    held: Held,
    open: impl FnOnce() -> Result<(Connection, T), StoreError> + Send + 'static,
    work: impl FnOnce(Connection) + Send + 'static,
) -> Result<T, StoreError> {
    let (ready, opened) = oneshot::channel();
    let run = move || match open() {
        Ok((connection, what)) => {
            drop(ready.send(Ok(what)));
            work(connection);
            drop(held);
        }
        Err(error) => drop(ready.send(Err(error))),
    };
    thread::Builder::new().name(name.into()).spawn(run).map_err(StoreError::Thread)?;
    opened.await.map_err(|_| StoreError::Closed)?
}

/// Answers one question after the other.
fn read_all(connection: &Connection, jobs: &Mutex<mpsc::Receiver<Job>>) {
    let next = || jobs.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
    while let Some(job) = next() {
        let begun = connection.execute_batch("BEGIN");
        if let Some(done) = attempt(job, begun.map(|()| connection)) {
            (done.tell)(Ok(()));
        }
        if !connection.is_autocommit()
            && let Err(error) = connection.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "a question to the database cannot be ended");
        }
    }
}

/// Writes what waits, as much of it in one transaction as may be, until nobody is left who brings any.
fn write_all(connection: &Connection, mut jobs: mpsc::Receiver<Job>) {
    let mut ahead = None;
    while let Some(first) = ahead.take().or_else(|| jobs.blocking_recv()) {
        let has_company = first.company == Company::Others;
        let mut together = VecDeque::from([first]);
        while has_company && ahead.is_none() && together.len() < MOST_TOGETHER {
            match jobs.try_recv() {
                Ok(job) if job.company == Company::Others => together.push_back(job),
                Ok(job) => ahead = Some(job),
                Err(_) => break,
            }
        }
        while !together.is_empty() {
            write_together(connection, &mut together);
        }
    }
}

/// Writes jobs in one transaction, and answers them when that is kept; one that fails is undone by itself. Where the database
/// gives up the whole transaction, those that are left are for another one.
fn write_together(connection: &Connection, jobs: &mut VecDeque<Job>) {
    let synchronous = if jobs.iter().any(|job| job.kept == Kept::Lasting) { "FULL" } else { "NORMAL" };
    let begun = connection
        .pragma_update(None, "synchronous", synchronous)
        .and_then(|()| connection.execute_batch("BEGIN IMMEDIATE"));
    if let Err(error) = begun {
        for job in jobs.drain(..) {
            if let Some(refused) = attempt(job, Err(copy_of(&error))) {
                (refused.tell)(Ok(()));
            }
        }
        return;
    }
    let mut done = Vec::with_capacity(jobs.len());
    let mut kept = Ok(());
    while kept.is_ok()
        && let Some(job) = jobs.pop_front()
    {
        let attempted = attempt(job, connection.execute_batch("SAVEPOINT job").map(|()| connection));
        let failed = attempted.as_ref().is_none_or(|done| done.failed);
        kept = match (connection.is_autocommit(), failed) {
            // A full disk ends the transaction of all of them.
            (true, _) => Err(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_ABORT_ROLLBACK), None)),
            (false, true) => connection.execute_batch("ROLLBACK TO job; RELEASE job"),
            (false, false) => connection.execute_batch("RELEASE job"),
        };
        done.extend(attempted);
    }
    let kept = kept.and_then(|()| sheets::renew(connection)).and_then(|()| connection.execute_batch("COMMIT"));
    if let Err(error) = &kept {
        tracing::debug!(%error, "writes to the database are not kept");
        if !connection.is_autocommit() && connection.execute_batch("ROLLBACK").is_err() {
            tracing::error!("what was written to the database can neither be kept nor undone");
        }
    }
    for done in done {
        (done.tell)(kept.as_ref().map(drop).map_err(|error| copy_of(error).into()));
    }
}

/// Does a job, or tells it that it cannot be done. Nothing comes of one that ends with a defect: whoever brought it sees that.
fn attempt(job: Job, connection: rusqlite::Result<&Connection>) -> Option<Done> {
    let done = std::panic::catch_unwind(AssertUnwindSafe(|| (job.work)(connection)));
    done.inspect_err(|_| tracing::error!("a job of the database ended with a defect")).ok()
}

/// The same failure for another one that it meets.
fn copy_of(error: &rusqlite::Error) -> rusqlite::Error {
    match error {
        rusqlite::Error::SqliteFailure(code, message) => rusqlite::Error::SqliteFailure(*code, message.clone()),
        other => rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_ERROR), Some(other.to_string())),
    }
}

/// Whether others can read beside the connection that writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shares {
    Yes,
    /// There is no room for what they would have in common.
    No,
}

fn to_write(path: Option<&Path>) -> Result<(Connection, Shares), StoreError> {
    let Some(path) = path else { return Ok((writing(Connection::open_in_memory()?)?, Shares::No)) };
    match Connection::open(path).map_err(StoreError::from).and_then(writing) {
        Err(error) if error.passes() => {
            tracing::warn!(%error, "the database is opened for one connection alone");
            let connection = Connection::open(path)?;
            connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
            Ok((writing(connection)?, Shares::No))
        }
        opened => Ok((opened?, Shares::Yes)),
    }
}

fn writing(mut connection: Connection) -> Result<Connection, StoreError> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // Every commit is on the disk before anybody is told of it.
    connection.pragma_update(None, "synchronous", "FULL")?;
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
    use std::{fs, future::Future, pin::Pin};

    use futures_util::future::join_all;

    use super::*;

    /// A connection whose writer is held until `release` is told.
    async fn held(path: &Path) -> (Connections, std::sync::mpsc::Sender<()>, Pin<Box<dyn Future<Output = ()> + Send>>) {
        let connections = Connections::open(Some(path), Arc::new(())).await.unwrap();
        let (release, held) = std::sync::mpsc::channel::<()>();
        let (begun, writing) = oneshot::channel();
        let writer = connections.clone();
        let write = tokio::spawn(async move {
            let work = move |db: &Connection| {
                set(db, "held", "")?;
                begun.send(()).unwrap();
                held.recv().unwrap();
                Ok(())
            };
            writer.write(Kept::Lasting, Company::Others, work).await.unwrap();
        });
        writing.await.unwrap();
        (connections, release, Box::pin(async { write.await.unwrap() }))
    }

    fn set(db: &Connection, name: &str, value: &str) -> Result<(), StoreError> {
        Ok(db.execute("INSERT INTO setting (name, value) VALUES (?1, ?2)", (name, value)).map(drop)?)
    }

    async fn names(connections: &Connections) -> Vec<String> {
        let ask = |db: &Connection| {
            let mut names = db.prepare("SELECT name FROM setting WHERE name <> 'held' ORDER BY name")?;
            Ok(names.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
        };
        connections.read(ask).await.unwrap()
    }

    /// Commits in the log that follows the database.
    fn commits(path: &Path) -> usize {
        let log = fs::read(path.with_extension("db-wal")).unwrap();
        let page = u32::from_be_bytes(log[8..12].try_into().unwrap()) as usize;
        log[32..].chunks(24 + page).filter(|frame| frame[4..8] != [0; 4]).count()
    }

    #[tokio::test]
    async fn questions_are_answered_while_something_long_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let (connections, release, write) = held(&dir.path().join("a.db")).await;
        let settings =
            |db: &Connection| Ok(db.query_row("SELECT count(*) FROM setting", [], |row| row.get::<_, i64>(0))?);
        assert_eq!(connections.read(settings).await.unwrap(), 0);
        release.send(()).unwrap();
        write.await;
        assert_eq!(connections.read(settings).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn a_hundred_writes_that_wait_are_kept_with_a_few_commits() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        let (connections, release, write) = held(&path).await;
        let before = commits(&path);
        let writes = (0..100).map(|number| {
            let write = move |db: &Connection| set(db, &format!("{number:03}"), "");
            connections.write(Kept::Lasting, Company::Others, write)
        });
        let released = async {
            // All that the queue has room for are in it by now.
            release.send(()).unwrap();
            write.await;
        };
        let (written, ()) = tokio::join!(join_all(writes), released);
        assert!(written.iter().all(Result::is_ok));
        assert_eq!(names(&connections).await.len(), 100);
        let commits = commits(&path) - before;
        assert!((2..20).contains(&commits), "{commits} commits, with that of what held the writer");
    }

    #[tokio::test]
    async fn what_fails_is_undone_alone_and_everybody_hears_of_their_own() {
        let dir = tempfile::tempdir().unwrap();
        let (connections, release, write) = held(&dir.path().join("a.db")).await;
        let one = connections.write(Kept::Lasting, Company::Others, |db| set(db, "one", ""));
        let fails = connections.write(Kept::Lasting, Company::Others, |db| {
            set(db, "half", "")?;
            set(db, "one", "twice")
        });
        let defect = connections.write::<()>(Kept::Passing, Company::Others, |db| {
            set(db, "other half", "")?;
            panic!("a defect")
        });
        let two = connections.write(Kept::Passing, Company::Others, |db| set(db, "two", ""));
        let alone = connections.write(Kept::Passing, Company::None, |db| set(db, "alone", ""));
        let released = async {
            release.send(()).unwrap();
            write.await;
        };
        let (one, fails, defect, two, alone, ()) = tokio::join!(one, fails, defect, two, alone, released);
        assert!(one.is_ok() && two.is_ok() && alone.is_ok());
        assert!(matches!(fails, Err(StoreError::Sqlite(_))), "{fails:?}");
        assert!(matches!(defect, Err(StoreError::Defect)), "{defect:?}");
        assert_eq!(names(&connections).await, ["alone", "one", "two"]);
    }

    #[tokio::test]
    async fn nobody_is_told_that_something_is_kept_whose_transaction_was_given_up() {
        let dir = tempfile::tempdir().unwrap();
        let (connections, release, write) = held(&dir.path().join("a.db")).await;
        let one = connections.write(Kept::Lasting, Company::Others, |db| set(db, "one", ""));
        // What SQLite does by itself when the disk is full.
        let full = connections.write(Kept::Lasting, Company::Others, |db| Ok(db.execute_batch("ROLLBACK")?));
        let two = connections.write(Kept::Lasting, Company::Others, |db| set(db, "two", ""));
        let released = async { release.send(()).unwrap() };
        let (one, full, two, ()) = tokio::join!(one, full, two, released);
        drop(write);
        assert!(one.is_err() && full.is_err() && two.is_ok(), "{one:?} {full:?} {two:?}");
        assert_eq!(names(&connections).await, ["two"]);
    }
}
