//! What the service keeps: blocks in files, everything else in one database beside them.
//!
//! A pin is acknowledged only after its blocks and its row are on the disk, in that order. The functions here block;
//! callers in async code use `spawn_blocking`.

pub(crate) mod blocks;
mod collect;
mod database;
mod held;
pub(crate) mod holding;
pub(crate) mod keys;
pub(crate) mod page;
pub(crate) mod pins;
mod runs;
mod schema;
pub(crate) mod scopes;
pub(crate) mod search;
mod sync;
pub(crate) mod visits;

use std::{
    fs::{self, File, TryLockError},
    io,
    path::Path,
};

use blocks::BlockStore;
use database::Database;
pub(crate) use held::Held;
use keys::ApiKeys;
use pins::Pins;
use visits::Visits;

use crate::ServiceError;

const DATABASE: &str = "service.db";

/// Why the store could not do something.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error("the database failed")]
    Database(#[from] rusqlite::Error),
    #[error("reading or writing blocks failed")]
    Io(#[from] io::Error),
    #[error("the system gave no random bytes")]
    Random(#[from] getrandom::Error),
    #[error("Pin with that hash already exists")]
    AlreadyPinned,
    #[error("a stored record is damaged: {0}")]
    Damaged(&'static str),
}

/// The open directory of a service.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) blocks: BlockStore,
    pub(crate) pins: Pins,
    pub(crate) keys: ApiKeys,
    pub(crate) visits: Visits,
    database: Database,
    lock: File,
}

impl Store {
    /// Opens a directory, brings its database up to date and removes what interrupted uploads and unpins left.
    pub(crate) fn open(dir: &Path) -> Result<Self, ServiceError> {
        create_private_dir(dir).map_err(ServiceError::disk("make the directory", dir))?;
        let lock = lock_dir(dir)?;
        let database = Database::open(&dir.join(DATABASE))?;
        database.write(runs::cut_all)?;
        let blocks = BlockStore::open(dir)?;
        let pins = Pins::new(database.clone());
        let keys = ApiKeys::new(database.clone());
        let visits = Visits::new(database.clone());
        if database.write(schema::take_unclean_mark)? && !collect::collect(&pins, &blocks) {
            blocks.note_garbage();
        }
        Ok(Self { blocks, pins, keys, visits, database, lock })
    }

    /// Opens the database alone, beside a service that may be running there.
    pub(crate) fn open_database(dir: &Path) -> Result<Database, ServiceError> {
        let path = dir.join(DATABASE);
        fs::metadata(&path).map_err(ServiceError::disk("find", &path))?;
        Database::open(&path)
    }

    /// A multihash digest that stays the same for this directory.
    pub(crate) fn peer_digest(&self) -> Result<[u8; 32], StoreError> {
        self.database
            .read(|transaction| Ok(transaction.query_row("SELECT peer_digest FROM service", [], |row| row.get(0))?))
    }

    /// Ends the use of the directory: call it when nothing writes any more.
    pub(crate) fn close(&self) -> Result<(), ServiceError> {
        if let Err(error) = self.visits.write() {
            tracing::warn!(error = &error as &dyn std::error::Error, "the last visits are not counted");
        }
        let marked = if self.blocks.has_garbage() {
            Ok(())
        } else {
            self.database.write(|transaction| schema::set_unclean_mark(transaction, false))
        };
        self.database.close();
        let unlocked = self.lock.unlock().map_err(ServiceError::disk("unlock", "service.lock"));
        marked?;
        unlocked
    }
}

fn lock_dir(dir: &Path) -> Result<File, ServiceError> {
    let path = dir.join("service.lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(ServiceError::disk("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(ServiceError::DirectoryInUse(dir.into())),
        Err(TryLockError::Error(source)) => Err(ServiceError::Disk { action: "lock", path, source }),
    }
}

fn create_private_dir(dir: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}
