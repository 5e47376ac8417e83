//! A damaged database is set aside whole, with its log, and another with all that can still be read of it takes its place.
//!
//! The new one is made beside it. Once it is complete it is given a name that says so, and from then on whoever opens the home
//! does the rest of the [steps](STEPS), however often they are interrupted: nothing is removed before it is kept elsewhere.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OpenFlags};

use super::{StoreError, codec, salvage, schema};
use crate::clock::UnixMillis;

/// Of a database that is being made.
const NEW: &str = ".new";

/// Of one that is complete and is to take the damaged one's place; a date follows.
const READY: &str = ".ready-";

/// Of one that was set aside; a date follows.
const DAMAGED: &str = ".damaged-";

/// Of a file that is there from when damage was found until the database was looked into.
const DOUBT: &str = ".doubt";

/// Of a file that takes room for a moment.
const ROOM: &str = ".room";

/// What else SQLite keeps of a database.
const LOG: &str = "-wal";
const SHARED: &str = "-shm";

/// Sees to it that there is a database that can be worked with: makes one in a new home, and puts another in the place of one
/// that is damaged.
pub(super) fn prepare(path: &Path, at: UnixMillis) -> Result<(), StoreError> {
    let failed = |error: io::Error| StoreError::SettingAside(error);
    remove(&beside(path, NEW)).map_err(failed)?;
    remove(&room_of(path)).map_err(failed)?;
    for dated in ready(path).map_err(failed)? {
        Exchange { path, dated }.finish().map_err(failed)?;
    }
    let has_log = bytes_of(&beside(path, LOG)) > 0;
    match bytes_of(path) {
        0 if !path.exists() && !has_log => return make_new(path),
        0 => {}
        _ if is_sound(path) => {
            return remove(&doubt_of(path)).map_err(failed);
        }
        _ => {}
    }
    let made = beside(path, NEW);
    let copy = Exchange::at(path, at);
    let name = copy.copy().file_name().unwrap_or_default().to_string_lossy().into_owned();
    create(&made).map_err(failed)?;
    let made = salvage::rescue(path, &made, &name).and_then(|()| copy.made().map_err(failed));
    if made.is_err() {
        remove(&beside(path, NEW)).map_err(failed)?;
    }
    made?;
    copy.finish().map_err(failed)
}

/// A file by which it is tried whether there is room.
pub(super) fn room_of(path: &Path) -> PathBuf {
    beside(path, ROOM)
}

/// A file that is there while a database was found damaged and has not been looked into.
pub(super) fn doubt_of(path: &Path) -> PathBuf {
    beside(path, DOUBT)
}

/// One database that takes another's place.
struct Exchange<'a> {
    path: &'a Path,
    /// When that began, as the names have it.
    dated: OsString,
}

/// What is done once the new database is complete, each so that what is done already is left.
const STEPS: [fn(&Exchange<'_>) -> io::Result<()>; 4] = [
    |exchange| exchange.keep_database(),
    |exchange| exchange.keep_log(),
    |exchange| exchange.put_in_place(),
    |exchange| exchange.forget_doubt(),
];

impl<'a> Exchange<'a> {
    /// One of a date that no other has.
    fn at(path: &'a Path, at: UnixMillis) -> Self {
        let date: String = at.to_rfc3339().chars().take(19).map(|one| if one == ':' { '-' } else { one }).collect();
        let dated =
            |again: u32| Self { path, dated: if again == 0 { date.clone() } else { format!("{date}-{again}") }.into() };
        (0..).map(dated).find(|one| !one.is_taken()).unwrap_or_else(|| dated(0))
    }

    fn is_taken(&self) -> bool {
        [self.copy(), beside(&self.copy(), LOG), self.ready()].iter().any(|path| path.exists())
    }

    fn copy(&self) -> PathBuf {
        dated(self.path, DAMAGED, &self.dated)
    }

    fn ready(&self) -> PathBuf {
        dated(self.path, READY, &self.dated)
    }

    /// The new database is complete.
    fn made(&self) -> io::Result<()> {
        let made = beside(self.path, NEW);
        File::open(&made)?.sync_all()?;
        fs::rename(made, self.ready())?;
        sync_directory(self.path)
    }

    fn finish(&self) -> io::Result<()> {
        STEPS.iter().try_for_each(|step| step(self))
    }

    fn keep_database(&self) -> io::Result<()> {
        keep(self.path, &self.copy())
    }

    fn keep_log(&self) -> io::Result<()> {
        keep(&beside(self.path, LOG), &beside(&self.copy(), LOG))?;
        remove(&beside(self.path, SHARED))
    }

    fn put_in_place(&self) -> io::Result<()> {
        fs::rename(self.ready(), self.path)?;
        sync_directory(self.path)
    }

    fn forget_doubt(&self) -> io::Result<()> {
        remove(&doubt_of(self.path))
    }
}

/// Renames what is there, to a name that nothing else has.
fn keep(path: &Path, to: &Path) -> io::Result<()> {
    if to.exists() && path.exists() {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, format!("{} is there", to.display())));
    }
    match fs::rename(path, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        renamed => renamed,
    }
}

/// The dates of the exchanges that are to be finished.
fn ready(path: &Path) -> io::Result<Vec<OsString>> {
    let mut begins = path.file_name().unwrap_or_default().to_owned();
    begins.push(READY);
    let begins = begins.into_encoded_bytes();
    let mut dates = Vec::new();
    for entry in fs::read_dir(path.parent().unwrap_or(Path::new(".")))? {
        let name = entry?.file_name();
        if let Some(date) = name.as_encoded_bytes().strip_prefix(&*begins) {
            dates.push(String::from_utf8_lossy(date).into_owned().into());
        }
    }
    Ok(dates)
}

/// Makes the database of a new home, complete before it has its name: one that is empty was not always so.
fn make_new(path: &Path) -> Result<(), StoreError> {
    let made = beside(path, NEW);
    create(&made).map_err(StoreError::Making)?;
    let mut db = salvage::open_new(&made)?;
    schema::migrate(&mut db)?;
    db.close().map_err(|(_, error)| error)?;
    let named = File::open(&made).and_then(|file| file.sync_all()).and_then(|()| fs::rename(&made, path));
    named.and_then(|()| sync_directory(path)).map_err(StoreError::Making)
}

/// Whether a database can be worked with, as far as that shows at once; where there is doubt, all of it is looked into. One
/// that cannot even be looked at for another reason is not called damaged.
fn is_sound(path: &Path) -> bool {
    let ask = || -> Result<bool, StoreError> {
        let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        codec::register_functions(&db)?;
        let version: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
        let tables: i64 = db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        if version == 0 && tables == 0 {
            return Ok(false);
        }
        if !doubt_of(path).exists() {
            return Ok(true);
        }
        let answer: String = db.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
        Ok(answer == "ok")
    };
    ask().unwrap_or_else(|error| !error.is_damage())
}

/// An empty file that others cannot read.
fn create(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// What is renamed in a directory stays so after a power cut.
fn sync_directory(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()?;
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

fn bytes_of(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |found| found.len())
}

fn beside(path: &Path, what: &str) -> PathBuf {
    dated(path, what, OsString::new().as_ref())
}

fn dated(path: &Path, what: &str, date: &std::ffi::OsStr) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(what);
    name.push(date);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: UnixMillis = UnixMillis(1_767_225_600_000);

    fn accounts(path: &Path) -> i64 {
        let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
        db.query_row("SELECT count(*) FROM account", [], |row| row.get(0)).unwrap()
    }

    /// A database with an account, whose log is lost in the middle of the file, and something in its log.
    fn damaged(dir: &Path) -> (PathBuf, Vec<u8>) {
        let path = dir.join("holdfast.db");
        prepare(&path, AT).unwrap();
        let db = Connection::open(&path).unwrap();
        codec::register_functions(&db).unwrap();
        db.execute_batch(
            "INSERT INTO account (id, label, kind, endpoint, this_computer, position, credentials)
             VALUES ('a', 'A', 'aioz', 'https://example.org', 0, 1, 'key_and_secret');",
        )
        .unwrap();
        drop(db);
        fs::write(beside(&path, LOG), b"a log").unwrap();
        fs::write(doubt_of(&path), b"").unwrap();
        let mut bytes = fs::read(&path).unwrap();
        let last = bytes.len() - 4096;
        bytes[last..].fill(0);
        fs::write(&path, &bytes).unwrap();
        (path, bytes)
    }

    #[test]
    fn a_new_home_has_a_database_that_is_complete_from_the_first_moment() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("holdfast.db");
        // Another start ended in the middle of making it.
        fs::write(beside(&path, NEW), b"half").unwrap();
        prepare(&path, AT).unwrap();
        assert_eq!(accounts(&path), 0);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        // And is left as it is from then on.
        let before = fs::read(&path).unwrap();
        prepare(&path, AT).unwrap();
        assert_eq!(fs::read(&path).unwrap(), before);
    }

    #[test]
    fn a_crash_between_any_two_steps_loses_neither_the_damaged_database_nor_the_new_one() {
        for done in 0..=STEPS.len() {
            let dir = tempfile::tempdir().unwrap();
            let (path, bytes) = damaged(dir.path());
            create(&beside(&path, NEW)).unwrap();
            let exchange = Exchange::at(&path, AT);
            salvage::rescue(&path, &beside(&path, NEW), "copy").unwrap();
            exchange.made().unwrap();
            STEPS[..done].iter().for_each(|step| step(&exchange).unwrap());
            // The next start, much later.
            prepare(&path, UnixMillis(AT.0 + 1_000_000_000)).unwrap();
            let copy = dir.path().join("holdfast.db.damaged-2026-01-01T00-00-00");
            assert!(fs::read(&copy).unwrap() == bytes, "after {done} steps");
            assert_eq!(fs::read(beside(&copy, LOG)).unwrap(), b"a log");
            assert_eq!(accounts(&path), 1);
            let mut names: Vec<_> =
                fs::read_dir(dir.path()).unwrap().map(|one| one.unwrap().file_name().into_string().unwrap()).collect();
            names.retain(|name| !name.contains("damaged") && !name.ends_with("-shm") && !name.ends_with("-wal"));
            assert_eq!(names, ["holdfast.db"], "after {done} steps");
        }
    }

    #[test]
    fn a_crash_before_the_new_one_is_complete_begins_anew() {
        let dir = tempfile::tempdir().unwrap();
        let (path, bytes) = damaged(dir.path());
        fs::write(beside(&path, NEW), &bytes[..4096]).unwrap();
        prepare(&path, AT).unwrap();
        assert_eq!(accounts(&path), 1);
        assert!(fs::read(dir.path().join("holdfast.db.damaged-2026-01-01T00-00-00")).unwrap() == bytes);
        // Damaged at the same moment once more, it is kept beside the other.
        fs::write(&path, b"").unwrap();
        prepare(&path, AT).unwrap();
        assert_eq!(fs::read(dir.path().join("holdfast.db.damaged-2026-01-01T00-00-00-1")).unwrap(), b"");
        assert_eq!(accounts(&path), 0);
    }

    #[test]
    fn whatever_page_is_damaged_there_is_a_sound_database_afterwards_and_the_damaged_one_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("holdfast.db");
        prepare(&path, AT).unwrap();
        let db = salvage::open_new(&path).unwrap();
        db.execute_batch(
            "INSERT INTO account (id, label, kind, endpoint, this_computer, position, credentials)
                VALUES ('a', 'A', 'aioz', 'https://example.org', 0, 1, 'key_and_secret');
             WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 400)
             INSERT INTO receipt (account, pin, cid, proof, bytes, at) SELECT 'a', 'pin ' || n, 'cid ' || n, 'not_checked', n, n FROM n;
             WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 400)
             INSERT INTO content_proof SELECT n, 'cid ' || n, n FROM n;",
        )
        .unwrap();
        drop(db);
        let whole = fs::read(&path).unwrap();
        let noise = |seed: usize| (0..4096).map(|at| (at * 31 + seed * 17 + at / 7) as u8).collect::<Vec<_>>();
        let mut receipts = Vec::new();
        for page in 0..whole.len() / 4096 {
            for garbage in [vec![0; 4096], noise(page)] {
                let mut bytes = whole.clone();
                bytes[page * 4096..(page + 1) * 4096].copy_from_slice(&garbage);
                fs::write(&path, &bytes).unwrap();
                fs::write(doubt_of(&path), b"").unwrap();
                prepare(&path, UnixMillis(AT.0 + 1_000 * (page as i64 * 2 + i64::from(garbage[1] > 0)))).unwrap();
                let db = Connection::open(&path).unwrap();
                codec::register_functions(&db).unwrap();
                let answer: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
                assert_eq!(answer, "ok", "page {page}");
                let count = db.query_row("SELECT count(*) FROM receipt", [], |row| row.get::<_, i64>(0)).unwrap();
                receipts.push(count);
            }
        }
        let copies = fs::read_dir(dir.path()).unwrap().filter(|one| {
            let name = one.as_ref().unwrap().file_name().into_string().unwrap();
            name.contains(DAMAGED) && !name.contains(LOG)
        });
        assert!(copies.count() > receipts.len() / 2, "all but damage of what is in use nowhere");
        let most = receipts.iter().filter(|count| **count > 300).count();
        assert!(most * 10 > receipts.len() * 8, "what other pages have is kept: {receipts:?}");
    }

    #[test]
    fn a_damaged_database_of_every_earlier_version_becomes_one_of_the_newest() {
        for version in 1..=schema::NEWEST {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("holdfast.db");
            let mut db = salvage::open_new(&path).unwrap();
            schema::migrate_to(&mut db, Some(version)).unwrap();
            db.execute_batch(
                "INSERT INTO account (id, label, kind, endpoint, this_computer, position)
                     VALUES ('a', 'A', 'aioz', 'https://example.org', 0, 1);
                 INSERT INTO transfer (id, account, work, name, metadata, state, bytes, attempts, created_at, updated_at)
                     VALUES ('t', 'a', 'upload', 'n', '{}', 'queued', 1, 0, 1, 1);",
            )
            .unwrap();
            let root: i64 =
                db.query_row("SELECT rootpage FROM sqlite_schema WHERE name = 'pin'", [], |row| row.get(0)).unwrap();
            drop(db);
            let mut bytes = fs::read(&path).unwrap();
            let at = (root as usize - 1) * 4096;
            bytes[at..at + 4096].fill(0);
            fs::write(&path, &bytes).unwrap();
            fs::write(doubt_of(&path), b"").unwrap();
            prepare(&path, AT).unwrap();
            let db = Connection::open(&path).unwrap();
            let kept = "SELECT (SELECT count(*) FROM account WHERE unlisted), (SELECT count(*) FROM transfer),
                (SELECT count FROM transfer_count WHERE state = 'queued'), (SELECT value FROM setting WHERE name = 'set_aside')";
            let kept = db
                .query_row(kept, [], |row| {
                    Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?, row.get::<_, String>(3)?))
                })
                .unwrap();
            let name = "whole holdfast.db.damaged-2026-01-01T00-00-00".into();
            assert_eq!(kept, (1, 1, 1, name), "version {version}");
        }
    }
}
