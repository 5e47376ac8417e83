//! What the service keeps: blocks in files, everything else in one database beside them.
//!
//! A pin is acknowledged only after its blocks and its row are on the disk, in that order. The functions here block;
//! callers in async code use `spawn_blocking`.

pub(crate) mod blocks;
mod by_cid;
pub(crate) mod check;
pub(crate) mod collect;
pub(crate) mod damage;
pub(crate) mod database;
mod held;
pub(crate) mod holding;
pub(crate) mod holds;
pub(crate) mod keys;
pub(crate) mod memory;
pub(crate) mod order;
pub(crate) mod page;
pub(crate) mod pin;
pub(crate) mod pins;
pub(crate) mod quota;
pub(crate) mod room;
mod roots;
mod runs;
mod schema;
pub(crate) mod scopes;
pub(crate) mod search;
pub(crate) mod statistics;
mod suspects;
mod sync;
pub(crate) mod visits;
pub(crate) mod wanted;
pub(crate) mod writer;

use std::{
    fs::{self, File, TryLockError},
    io,
    path::Path,
    sync::{Mutex, PoisonError},
};

use blocks::BlockStore;
use collect::{CollectError, Swept};
use damage::Damage;
use database::Database;
pub(crate) use held::Held;
use holdfast_content::Cid;
use holdfast_private::PrivateDirectory;
use keys::{ApiKeys, Owner};
use memory::Memory;
use pins::Pins;
use quota::{OverQuota, Quotas};
use schema::LastEnd;
use visits::Visits;
use writer::BlockWriter;

use crate::ServiceError;

const DATABASE: &str = "service.db";
const LOCK_FILE: &str = "service.lock";

/// What requests may take together unless it is said otherwise.
pub(crate) const MEMORY_BYTES: usize = 512 * 1024 * 1024;

/// Why the store could not do something.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error("the database failed: {0}")]
    Database(#[from] rusqlite::Error),
    #[error("reading or writing blocks failed: {0}")]
    Io(#[source] io::Error),
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

impl StoreError {
    /// Whether nothing was recorded, neither now nor after a crash: what finds no room is not written whole.
    pub(crate) fn is_surely_undone(&self) -> bool {
        matches!(self, Self::OverQuota(_)) || self.is_full_database()
    }

    /// Whether the database has no room.
    pub(crate) fn is_full_database(&self) -> bool {
        matches!(self, Self::Database(error) if database::is_full(error))
    }
}

impl From<io::Error> for StoreError {
    /// A [`BlockSink`](holdfast_content::BlockSink) can hand on what the store says only within an I/O error.
    fn from(error: io::Error) -> Self {
        error.downcast::<Self>().unwrap_or_else(Self::Io)
    }
}

/// The open directory of a service.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) blocks: BlockStore,
    pub(crate) pins: Pins,
    pub(crate) keys: ApiKeys,
    pub(crate) visits: Visits,
    pub(crate) quotas: Quotas,
    /// For all that requests keep while they last.
    pub(crate) memory: Memory,
    damage: Damage,
    database: Database,
    /// One collection at a time.
    collecting: Mutex<()>,
    lock: File,
}

impl Store {
    /// Opens a directory and brings its database up to date. What interrupted uploads and unpins left is noted as
    /// garbage, for [`collect`](Self::collect).
    pub(crate) fn open(dir: &Path) -> Result<Self, ServiceError> {
        let private = PrivateDirectory::open(dir, LOCK_FILE)?;
        if let Some(notice) = private.notice() {
            tracing::warn!("{notice}");
        }
        let lock = lock(&private)?;
        check_that_none_is_lost(dir)?;
        private.claim_file(DATABASE)?;
        let database = open_database(dir)?;
        let damaged = |error: ServiceError| error.in_database(&dir.join(DATABASE), dir);
        database.write(runs::cut_all).map_err(ServiceError::from).map_err(damaged)?;
        let blocks = BlockStore::open(dir)?;
        let keys = ApiKeys::new(database.clone());
        let visits = Visits::new(database.clone());
        let quotas = Quotas::new(database.clone());
        let pins = Pins::new(database.clone(), quotas.clone());
        match database.write(schema::take_last_end).map_err(ServiceError::from).map_err(damaged)? {
            LastEnd::Clean => {}
            LastEnd::Unclean => {
                blocks.distrust();
                blocks.note_garbage();
            }
            LastEnd::WithGarbage => blocks.note_garbage(),
        }
        let memory = Memory::new(MEMORY_BYTES);
        let damage = Damage::new(database.clone());
        Ok(Self { blocks, pins, keys, visits, quotas, memory, damage, database, collecting: Mutex::new(()), lock })
    }

    /// A writer for the blocks of a pin of this owner, which stops [where the owner's quota does](BlockWriter::within).
    pub(crate) fn writer_for(&self, owner: Owner) -> Result<BlockWriter, StoreError> {
        let writer = self.blocks.writer().counted_in(self.memory.claim(owner));
        Ok(writer.within(self.quotas.reserve(owner)?))
    }

    /// Counts a complete DAG, whose different blocks have so many bytes, against the quota of `writer`'s owner. The last
    /// thing to do before the pin is recorded; `writer` must live until it is.
    pub(crate) fn record_dag(&self, root: &Cid, dag_bytes: u64, writer: &mut BlockWriter) -> Result<(), StoreError> {
        writer.confirm_quota()?;
        self.quotas.record_dag(root, dag_bytes)?;
        self.note_complete(root)
    }

    /// Removes the blocks that no pin needs; may be called whatever else is going on.
    pub(crate) fn collect(&self, stop: impl Fn() -> bool) -> Result<Swept, CollectError> {
        let _alone = self.collecting.lock().unwrap_or_else(PoisonError::into_inner);
        collect::collect(&self.pins, &self.blocks, stop)
    }

    /// Opens the database alone, beside a service that may be running there.
    pub(crate) fn open_database(dir: &Path) -> Result<Database, ServiceError> {
        check_that_none_is_lost(dir)?;
        let path = dir.join(DATABASE);
        fs::metadata(&path).map_err(ServiceError::disk("find", &path))?;
        open_database(dir)
    }

    /// A multihash digest that stays the same for this directory.
    pub(crate) fn peer_digest(&self) -> Result<[u8; 32], StoreError> {
        self.database
            .read(|transaction| Ok(transaction.query_row("SELECT peer_digest FROM service", [], |row| row.get(0))?))
    }

    /// What the next run is to know. Only what is on the disk, and was not doubted, may be counted on by it.
    fn end(&self) -> LastEnd {
        if let Err(error) = self.blocks.make_all_durable() {
            tracing::error!(error = &error as &dyn std::error::Error, "the next start looks at all blocks");
            return LastEnd::Unclean;
        }
        match (self.blocks.is_trusted(), self.blocks.has_garbage()) {
            (false, _) => LastEnd::Unclean,
            (true, true) => LastEnd::WithGarbage,
            (true, false) => LastEnd::Clean,
        }
    }

    /// Ends the use of the directory: call it when nothing writes any more.
    pub(crate) fn close(&self) -> Result<(), ServiceError> {
        if let Err(error) = self.visits.write() {
            tracing::warn!(error = &error as &dyn std::error::Error, "the last visits are not counted");
        }
        let end = self.end();
        let marked = self.database.write(|transaction| schema::note_end(transaction, end));
        self.database.close();
        let unlocked = self.lock.unlock().map_err(ServiceError::disk("unlock", "service.lock"));
        marked?;
        unlocked
    }
}

fn open_database(dir: &Path) -> Result<Database, ServiceError> {
    let path = dir.join(DATABASE);
    Database::open(&path).map_err(|error| error.in_database(&path, dir))
}

/// A database that is gone is not begun anew over its blocks: no pin would need them any more.
fn check_that_none_is_lost(dir: &Path) -> Result<(), ServiceError> {
    let path = dir.join(DATABASE);
    let is_empty = match fs::metadata(&path) {
        Ok(found) if found.len() > 0 => {
            database::is_empty(&path).map_err(|error| ServiceError::from(error).in_database(&path, dir))?
        }
        _ => true,
    };
    let is_lost = is_empty && blocks::are_in(dir).map_err(ServiceError::disk("look into", dir))?;
    if is_lost { Err(ServiceError::DatabaseLost { path, dir: dir.into() }) } else { Ok(()) }
}

fn lock(dir: &PrivateDirectory) -> Result<File, ServiceError> {
    let file = dir.open_file(LOCK_FILE)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(ServiceError::DirectoryInUse(dir.path().into())),
        Err(TryLockError::Error(source)) => {
            Err(ServiceError::Disk { action: "lock", path: dir.path().join(LOCK_FILE), source })
        }
    }
}

#[cfg(test)]
mod tests {
    use cid::multihash::Multihash;
    use holdfast_content::{BlockSink, CODEC_RAW, HASH_SHA2_256};
    use pin::{Metadata, NewPin, NewPinState, Origin};

    use super::*;

    /// A CID of dag-pb.
    const ROOT: &str = "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi";

    fn open(dir: &Path) -> Store {
        Store::open(dir).unwrap()
    }

    /// As after a power loss, as far as the next start can tell.
    fn crash(dir: &Path) {
        drop(open(dir));
    }

    fn raw(number: u8) -> Cid {
        Cid::new_v1(CODEC_RAW, Multihash::wrap(HASH_SHA2_256, &[number; 32]).unwrap())
    }

    fn queue(store: &Store, owner: &str, root: Cid) {
        let owner = store.keys.owner(owner).unwrap();
        let cid_text = root.to_string();
        let (origin, metadata) = (Origin::ByHash, Metadata::default());
        store.pins.insert(owner, &NewPin { root, cid_text, origin, state: NewPinState::Queued, metadata }).unwrap();
    }

    #[test]
    fn a_doubt_stays_until_a_collection_has_ended_it() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path());
        let mut writer = store.blocks.writer();
        writer.put(&ROOT.parse().unwrap(), &[b"bytes"]).unwrap();
        writer.keep();
        drop((writer, store));
        for _ in 0..2 {
            let store = open(dir.path());
            assert!(!store.blocks.is_trusted());
            assert!(matches!(store.collect(|| true), Err(CollectError::Stopped)));
            store.close().unwrap();
        }
        let store = open(dir.path());
        assert!(!store.blocks.is_trusted());
        store.collect(|| false).unwrap();
        assert!(store.blocks.is_trusted());
        store.close().unwrap();
        drop(store);
        assert!(open(dir.path()).blocks.is_trusted());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_run_whose_disk_failed_ends_like_a_crash() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path());
        assert!(!store.blocks.has_failed());
        store.blocks.inner.sync.fail();
        assert!(store.blocks.has_failed());
        store.close().unwrap();
        drop(store);
        let store = open(dir.path());
        assert!(!store.blocks.is_trusted() && store.blocks.has_garbage());
    }

    #[test]
    fn a_collection_does_not_trust_what_was_never_made_durable() {
        let dir = tempfile::tempdir().unwrap();
        crash(dir.path());
        let store = open(dir.path());
        queue(&store, "somebody", ROOT.parse().unwrap());
        store.collect(|| false).unwrap();
        assert!(!store.blocks.is_trusted());
    }

    #[test]
    fn a_collection_does_not_trust_what_a_writer_had_in_hand() {
        let dir = tempfile::tempdir().unwrap();
        crash(dir.path());
        let store = open(dir.path());
        let mut writer = store.blocks.writer();
        writer.put(&ROOT.parse().unwrap(), &[b"bytes"]).unwrap();
        store.collect(|| false).unwrap();
        assert!(!store.blocks.is_trusted());
        drop(writer);
        store.collect(|| false).unwrap();
        assert!(store.blocks.is_trusted());
    }

    #[test]
    fn an_owner_of_many_queued_pins_lets_others_have_their_turn() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path());
        for number in 0..4 {
            queue(&store, "greedy", raw(number));
        }
        for number in 4..6 {
            queue(&store, "modest", raw(number));
        }
        // One after the other, each ends before the next begins.
        let mut last_served = None;
        let mut served = Vec::new();
        while let Some(wanted) = store.pins.take_wanted(last_served).unwrap() {
            last_served = Some(wanted.owner);
            store.pins.fail(wanted.id, "no").unwrap();
            served.push(wanted.root);
        }
        assert_eq!(served, [0, 4, 1, 5, 2, 3].map(raw));
        // All at one time: who has fewer comes first.
        for number in 10..14 {
            queue(&store, "greedy", raw(number));
        }
        let take = || store.pins.take_wanted(None).unwrap().unwrap().root;
        assert_eq!([take(), take()], [10, 11].map(raw));
        queue(&store, "modest", raw(14));
        queue(&store, "modest", raw(15));
        assert_eq!([take(), take(), take()], [14, 15, 12].map(raw));
    }

    #[test]
    fn a_queued_pin_of_damaged_blocks_stops_no_collection() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path());
        let mut writer = store.blocks.writer();
        writer.put(&ROOT.parse().unwrap(), &[b"other bytes"]).unwrap();
        writer.keep();
        drop(writer);
        queue(&store, "somebody", ROOT.parse().unwrap());
        store.collect(|| false).unwrap();
    }
}
