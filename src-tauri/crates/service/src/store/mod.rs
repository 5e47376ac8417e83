//! What the service keeps: blocks in files, everything else in one database beside them.
//!
//! A pin is acknowledged only after its blocks and its row are on the disk, in that order. The functions here block;
//! callers in async code use `spawn_blocking`.

pub(crate) mod blocks;
pub(crate) mod check;
pub(crate) mod collect;
mod database;
mod held;
pub(crate) mod holding;
pub(crate) mod holds;
pub(crate) mod keys;
pub(crate) mod page;
pub(crate) mod pins;
pub(crate) mod quota;
pub(crate) mod room;
mod roots;
mod runs;
mod schema;
pub(crate) mod scopes;
pub(crate) mod search;
pub(crate) mod statistics;
mod sync;
pub(crate) mod visits;
pub(crate) mod writer;

use std::{
    fs::{self, File, TryLockError},
    io,
    path::Path,
    sync::{Mutex, PoisonError},
};

use blocks::{BlockStore, Swept};
use collect::CollectError;
use database::Database;
pub(crate) use held::Held;
use holdfast_content::Cid;
use keys::{ApiKeys, Owner};
use pins::Pins;
use quota::{OverQuota, Quotas};
use schema::LastEnd;
use visits::Visits;
use writer::BlockWriter;

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
    #[error("there are 4000000 pins of this key, and no more can be kept")]
    TooManyPins,
    #[error(transparent)]
    OverQuota(#[from] OverQuota),
}

/// The open directory of a service.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) blocks: BlockStore,
    pub(crate) pins: Pins,
    pub(crate) keys: ApiKeys,
    pub(crate) visits: Visits,
    pub(crate) quotas: Quotas,
    database: Database,
    /// One collection at a time.
    collecting: Mutex<()>,
    lock: File,
}

impl Store {
    /// Opens a directory and brings its database up to date. What interrupted uploads and unpins left is noted as
    /// garbage, for [`collect`](Self::collect).
    pub(crate) fn open(dir: &Path) -> Result<Self, ServiceError> {
        create_private_dir(dir).map_err(ServiceError::disk("make the directory", dir))?;
        let lock = lock_dir(dir)?;
        let database = Database::open(&dir.join(DATABASE))?;
        database.write(runs::cut_all)?;
        let blocks = BlockStore::open(dir)?;
        let pins = Pins::new(database.clone());
        let keys = ApiKeys::new(database.clone());
        let visits = Visits::new(database.clone());
        let quotas = Quotas::new(database.clone());
        match database.write(schema::take_last_end)? {
            LastEnd::Clean => {}
            LastEnd::Unclean => {
                blocks.distrust();
                blocks.note_garbage();
            }
            LastEnd::WithGarbage => blocks.note_garbage(),
        }
        Ok(Self { blocks, pins, keys, visits, quotas, database, collecting: Mutex::new(()), lock })
    }

    /// A writer for the blocks of a pin of this owner, which stops where the owner's quota does.
    pub(crate) fn writer_for(&self, owner: Owner) -> Result<BlockWriter, StoreError> {
        Ok(self.blocks.writer().within(self.quotas.reserve(owner)?))
    }

    /// Counts a complete DAG, whose different blocks have so many bytes, against the quota of `writer`'s owner. The last
    /// thing to do before the pin is recorded; `writer` must live until it is.
    pub(crate) fn record_dag(&self, root: &Cid, dag_bytes: u64, writer: &mut BlockWriter) -> Result<(), StoreError> {
        writer.confirm_quota()?;
        self.quotas.record_dag(root, dag_bytes)
    }

    /// Removes the blocks that no pin needs; may be called whatever else is going on.
    pub(crate) fn collect(&self, stop: impl Fn() -> bool) -> Result<Swept, CollectError> {
        let _alone = self.collecting.lock().unwrap_or_else(PoisonError::into_inner);
        collect::collect(&self.pins, &self.blocks, stop)
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
        let end = if self.blocks.has_garbage() { LastEnd::WithGarbage } else { LastEnd::Clean };
        let marked = self.database.write(|transaction| schema::note_end(transaction, end));
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
