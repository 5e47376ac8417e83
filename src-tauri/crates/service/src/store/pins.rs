//! Pin records: one by one. Lists are in `page` and `search`.

use holdfast_content::Cid;
use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, ToSql, Transaction, types::ValueRef};
use serde_json::Map;
use uuid::Uuid;

use super::{
    StoreError,
    database::Database,
    keys::{Owner, random_uuid},
    runs,
};

/// What a pin is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PinStatus {
    /// Blocks are missing and are to be fetched.
    Queued,
    /// Missing blocks are being fetched.
    Fetching,
    /// Every block is held.
    Pinned,
    /// Blocks are missing and could not be fetched.
    Failed,
    /// The owner gave it up.
    Unpinned,
}

impl PinStatus {
    const ALL: [Self; 5] = [Self::Queued, Self::Fetching, Self::Pinned, Self::Failed, Self::Unpinned];

    /// As the database has it.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Fetching => "fetching",
            Self::Pinned => "pinned",
            Self::Failed => "failed",
            Self::Unpinned => "unpinned",
        }
    }

    fn from_word(word: &str) -> Result<Self, StoreError> {
        Self::ALL.into_iter().find(|status| status.word() == word).ok_or(StoreError::Damaged("unknown status"))
    }
}

/// How a pin came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Upload,
    /// By its CID, through the AIOZ API: once per owner and CID.
    ByHash,
    /// By its CID, through the Pinning Service API: as often as it is asked for. With the addresses that were named as
    /// having the content.
    Request(Vec<String>),
}

/// What a client says about a pin.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Metadata {
    pub(crate) name: String,
    pub(crate) mime_type: Option<String>,
    pub(crate) keyvalues: Option<Map<String, serde_json::Value>>,
}

/// A pin to be recorded.
#[derive(Clone, Debug)]
pub(crate) struct NewPin {
    pub(crate) root: Cid,
    /// The CID as the client wrote it.
    pub(crate) cid_text: String,
    pub(crate) origin: Origin,
    pub(crate) state: NewPinState,
    pub(crate) metadata: Metadata,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum NewPinState {
    /// All blocks are held and durable.
    Pinned { content_bytes: u64, is_dir: bool },
    /// Blocks are missing.
    Queued,
}

/// A pin as recorded. Times are microseconds since 1970.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pin {
    pub(crate) id: Uuid,
    pub(crate) file_record_id: Uuid,
    pub(crate) cid_text: String,
    pub(crate) root: Cid,
    pub(crate) content_bytes: Option<u64>,
    pub(crate) metadata: Metadata,
    pub(crate) is_dir: bool,
    pub(crate) origin: Origin,
    pub(crate) status: PinStatus,
    /// Why it failed.
    pub(crate) failure: Option<String>,
    /// Differs among an owner's pins.
    pub(crate) created_at: i64,
    pub(crate) date_pinned: Option<i64>,
    pub(crate) date_unpinned: Option<i64>,
}

/// A pin whose blocks are still to be fetched.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) id: Uuid,
    /// Against whose quota it counts.
    pub(crate) owner: Owner,
    pub(crate) root: Cid,
    /// Multiaddrs that were named as having it.
    pub(crate) origins: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SortKey {
    CreatedAt,
    Size,
    Name,
}

impl SortKey {
    pub(crate) const ALL: [Self; 3] = [Self::CreatedAt, Self::Size, Self::Name];

    pub(crate) const fn column(self) -> &'static str {
        match self {
            Self::CreatedAt => "created_at",
            Self::Size => "order_size",
            Self::Name => "name",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SortOrder {
    Ascending,
    Descending,
}

impl SortOrder {
    pub(crate) const fn sql(self) -> &'static str {
        match self {
            Self::Ascending => "ASC",
            Self::Descending => "DESC",
        }
    }
}

pub(super) const COLUMNS: &str = "id, file_record_id, cid, root, size, name, mime_type, keyvalues, is_dir, \
                                  is_pin_by_hash, status, date_pinned, date_unpinned, created_at, origins, failure";

/// When the pins of a page have so much in what clients say about them, it ends before its limit: in memory it is a
/// multiple. Those who page go on behind what they got.
pub(super) const MAX_PAGE_BYTES: usize = 8 * 1024 * 1024;

/// The most records of one owner, ended pins among them.
const MAX_PINS: i64 = 4_000_000;

/// In microseconds.
const MILLISECOND: i64 = 1000;

/// The table of pins.
#[derive(Clone, Debug)]
pub(crate) struct Pins {
    pub(super) database: Database,
}

impl Pins {
    pub(crate) const fn new(database: Database) -> Self {
        Self { database }
    }

    /// Records a pin; it is on the disk when this returns. The blocks of a pinned one must be there before.
    ///
    /// By hash, an attempt that is repeated stays one record.
    pub(crate) fn insert(&self, owner: Owner, new: &NewPin) -> Result<Pin, StoreError> {
        self.database.write(|transaction| insert(transaction, owner, new))
    }

    /// Whether the owner has that CID pinned.
    pub(crate) fn is_pinned(&self, owner: Owner, root: &Cid) -> Result<bool, StoreError> {
        self.database.read(|transaction| is_live(transaction, owner, &root_bytes(root)))
    }

    pub(crate) fn get(&self, owner: Owner, id: Uuid) -> Result<Option<Pin>, StoreError> {
        self.database.read(|transaction| select_one(transaction, owner, id))
    }

    /// The size of everything that an owner has pinned.
    pub(crate) fn pinned_bytes(&self, owner: Owner) -> Result<u64, StoreError> {
        self.database.read(|transaction| {
            let sql = "SELECT size FROM totals WHERE owner = ?1 AND status = 'pinned'";
            let size: Option<i64> = transaction.query_row(sql, [owner.id], |row| row.get(0)).optional()?;
            Ok(size.unwrap_or(0).cast_unsigned())
        })
    }

    /// Ends a pin and gives what became of it; `None` if there is none of that id. A second time changes nothing.
    pub(crate) fn unpin(&self, owner: Owner, id: Uuid) -> Result<Option<Pin>, StoreError> {
        self.database.write(|transaction| {
            end(transaction, owner, id)?;
            select_one(transaction, owner, id)
        })
    }

    /// Ends a pin; `false` if there is none of that id, or if it has ended before.
    pub(crate) fn remove(&self, owner: Owner, id: Uuid) -> Result<bool, StoreError> {
        self.database.write(|transaction| end(transaction, owner, id))
    }

    /// Ends one pin and records another at one moment; `None` if there is nothing to end.
    pub(crate) fn replace(&self, owner: Owner, old: Uuid, new: &NewPin) -> Result<Option<Pin>, StoreError> {
        self.database.write(|transaction| {
            if !end(transaction, owner, old)? {
                return Ok(None);
            }
            insert(transaction, owner, new).map(Some)
        })
    }

    /// Changes what is said about a pin that has not ended.
    pub(crate) fn describe(
        &self,
        owner: Owner,
        id: Uuid,
        metadata: &Metadata,
        origins: &[String],
    ) -> Result<Option<Pin>, StoreError> {
        self.database.write(|transaction| {
            let origins = serde_json::Value::from(origins).to_string();
            transaction.execute(
                "UPDATE pins SET name = ?3, keyvalues = ?4, origins = iif(origins IS NULL, NULL, ?5)
                 WHERE owner = ?1 AND id = ?2 AND status <> 'unpinned'",
                (owner.id, id.as_bytes(), &metadata.name, keyvalues_text(metadata), origins),
            )?;
            cut_runs_of(transaction, owner, id)?;
            Ok(select_one(transaction, owner, id)?.filter(|pin| pin.status != PinStatus::Unpinned))
        })
    }

    /// Takes a pin that is to be fetched, if there is one, and marks it as being fetched: the oldest of the owner with the
    /// fewest that are being fetched; among several such owners, of the next one after `last_served`.
    pub(crate) fn take_wanted(&self, last_served: Option<Owner>) -> Result<Option<Wanted>, StoreError> {
        self.database.write(|transaction| {
            let mut take = transaction.prepare_cached(
                "UPDATE pins SET status = 'fetching'
                 WHERE row = (
                     SELECT row FROM pins WHERE status = 'queued' AND owner = (
                         SELECT waiting.owner FROM totals AS waiting
                         LEFT JOIN totals AS served ON served.owner = waiting.owner AND served.status = 'fetching'
                         WHERE waiting.status = 'queued' AND waiting.files > 0
                         ORDER BY ifnull(served.files, 0), waiting.owner <= ?1, waiting.owner LIMIT 1
                     ) ORDER BY created_at LIMIT 1
                 )
                 RETURNING id, root, origins, owner,
                     (SELECT user_id FROM owners WHERE owners.id = owner)",
            )?;
            let mut rows = take.query([last_served.map(|owner| owner.id)])?;
            let wanted = match rows.next()? {
                None => None,
                Some(row) => Some(Wanted {
                    id: Uuid::from_bytes(row.get(0)?),
                    root: cid_of(row.get(1)?)?,
                    origins: origins_of(row.get(2)?)?.unwrap_or_default(),
                    owner: Owner { id: row.get(3)?, user_id: Uuid::from_bytes(row.get(4)?) },
                }),
            };
            Ok(wanted)
        })
    }

    /// What was being fetched when the last run ended is to be fetched again.
    pub(crate) fn requeue_interrupted(&self) -> Result<(), StoreError> {
        self.database.write(|transaction| {
            transaction.execute("UPDATE pins SET status = 'queued' WHERE status = 'fetching'", ())?;
            Ok(())
        })
    }

    /// Records that all blocks of a pin are held and durable; `false` if nobody wants it any more.
    pub(crate) fn finish(&self, wanted: &Wanted, content_bytes: u64, is_dir: bool) -> Result<bool, StoreError> {
        let id = wanted.id;
        self.database.write(|transaction| {
            let changed = transaction.execute(
                "UPDATE pins SET status = 'pinned', pinned = 1, size = ?2, order_size = ?2, is_dir = ?3, file_record_id = ?4,
                     date_pinned = ?5, failure = NULL
                 WHERE id = ?1 AND status IN ('queued', 'fetching')",
                (
                    id.as_bytes(),
                    content_bytes.cast_signed(),
                    is_dir,
                    random_uuid()?.as_bytes(),
                    now_microseconds(),
                ),
            )?;
            if changed == 1 {
                cut_runs_of(transaction, wanted.owner, id)?;
            }
            Ok(changed == 1)
        })
    }

    /// Records why the blocks of a pin cannot be had.
    pub(crate) fn fail(&self, id: Uuid, reason: &str) -> Result<(), StoreError> {
        self.database.write(|transaction| {
            transaction.execute(
                "UPDATE pins SET status = 'failed', failure = ?2 WHERE id = ?1 AND status IN ('queued', 'fetching')",
                (id.as_bytes(), reason),
            )?;
            Ok(())
        })
    }
}

pub(crate) fn now_microseconds() -> i64 {
    Timestamp::now().as_microsecond()
}

/// The same for every CID of one DAG.
pub(super) fn root_bytes(root: &Cid) -> Vec<u8> {
    Cid::new_v1(root.codec(), *root.hash()).to_bytes()
}

fn cid_of(bytes: Vec<u8>) -> Result<Cid, StoreError> {
    Cid::try_from(bytes).map_err(|_| StoreError::Damaged("a pin's CID"))
}

fn origins_of(text: Option<String>) -> Result<Option<Vec<String>>, StoreError> {
    let origins = text.map(|text| serde_json::from_str(&text)).transpose();
    origins.map_err(|_| StoreError::Damaged("a pin's origins"))
}

fn keyvalues_text(metadata: &Metadata) -> Option<String> {
    metadata.keyvalues.as_ref().map(|pairs| serde_json::Value::from(pairs.clone()).to_string())
}

fn is_live(transaction: &Transaction<'_>, owner: Owner, root: &[u8]) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM pins INDEXED BY pins_by_root WHERE owner = ?1 AND root = ?2 AND pinned = 1";
    Ok(transaction.prepare_cached(sql)?.exists((owner.id, root))?)
}

fn insert(transaction: &Transaction<'_>, owner: Owner, new: &NewPin) -> Result<Pin, StoreError> {
    let root = root_bytes(&new.root);
    let is_request = matches!(new.origin, Origin::Request(_));
    if !is_request && is_live(transaction, owner, &root)? {
        return Err(StoreError::AlreadyPinned);
    }
    make_room(transaction, owner, MAX_PINS)?;
    let id = match attempt(transaction, owner, &root)? {
        Some((id, status)) if new.origin == Origin::ByHash => {
            if status != PinStatus::Failed.word() && matches!(new.state, NewPinState::Queued) {
                return select_one(transaction, owner, id)?.ok_or(StoreError::Damaged("an attempt is missing"));
            }
            transaction.execute("DELETE FROM pins WHERE id = ?1", [id.as_bytes()])?;
            id
        }
        _ => random_uuid()?,
    };
    let row = insert_row(transaction, owner, id, root, new)?;
    runs::cut_long(transaction, owner, row)?;
    select_one(transaction, owner, id)?.ok_or(StoreError::Damaged("a new pin is missing"))
}

/// Forgets the oldest pin that has ended where there are too many records for another one.
fn make_room(transaction: &Transaction<'_>, owner: Owner, max_pins: i64) -> Result<(), StoreError> {
    let sql = "SELECT ifnull(sum(files), 0) FROM totals WHERE owner = ?1";
    let pins: i64 = transaction.prepare_cached(sql)?.query_row([owner.id], |row| row.get(0))?;
    if pins < max_pins {
        return Ok(());
    }
    let sql = "DELETE FROM pins WHERE row = (SELECT row FROM pins INDEXED BY pins_by_status
               WHERE owner = ?1 AND status = 'unpinned' ORDER BY created_at LIMIT 1)";
    match transaction.prepare_cached(sql)?.execute([owner.id])? {
        0 => Err(StoreError::TooManyPins),
        _ => Ok(()),
    }
}

/// The pin by hash of a CID that is not held.
fn attempt(transaction: &Transaction<'_>, owner: Owner, root: &[u8]) -> Result<Option<(Uuid, String)>, StoreError> {
    let sql = "SELECT id, status FROM pins INDEXED BY pins_by_root WHERE owner = ?1 AND root = ?2 AND origins IS NULL AND is_pin_by_hash = 1
               AND status IN ('queued', 'fetching', 'failed')";
    let found = transaction
        .prepare_cached(sql)?
        .query_row((owner.id, root), |row| Ok((Uuid::from_bytes(row.get(0)?), row.get(1)?)));
    Ok(found.optional()?)
}

fn end(transaction: &Transaction<'_>, owner: Owner, id: Uuid) -> Result<bool, StoreError> {
    let changed = transaction
        .prepare_cached(
            "UPDATE pins SET pinned = 0, status = 'unpinned', date_unpinned = ?1
             WHERE owner = ?2 AND id = ?3 AND status <> 'unpinned'",
        )?
        .execute((now_microseconds(), owner.id, id.as_bytes()))?;
    Ok(changed == 1)
}

/// What a change may have brought into a run.
fn cut_runs_of(transaction: &Transaction<'_>, owner: Owner, id: Uuid) -> Result<(), StoreError> {
    let row: Option<i64> = transaction
        .prepare_cached("SELECT row FROM pins WHERE id = ?1")?
        .query_row([id.as_bytes()], |row| row.get(0))
        .optional()?;
    if let Some(row) = row {
        runs::cut_long(transaction, owner, row)?;
    }
    Ok(())
}

fn insert_row(
    transaction: &Transaction<'_>,
    owner: Owner,
    id: Uuid,
    root: Vec<u8>,
    new: &NewPin,
) -> Result<i64, StoreError> {
    let (status, size, is_dir, file_record_id) = match new.state {
        NewPinState::Pinned { content_bytes, is_dir } => {
            (PinStatus::Pinned, Some(content_bytes.cast_signed()), is_dir, random_uuid()?)
        }
        NewPinState::Queued => (PinStatus::Queued, None, false, Uuid::nil()),
    };
    let last: Option<i64> = transaction
        .prepare_cached("SELECT max(created_at) FROM pins WHERE owner = ?1")?
        .query_row([owner.id], |row| row.get(0))?;
    // Whole milliseconds: clients in JavaScript keep no more of a date, and page by it.
    let next = last.map_or(0, |last| last + 1).max(now_microseconds());
    let created_at = next.saturating_add(MILLISECOND - 1) / MILLISECOND * MILLISECOND;
    let origins = match &new.origin {
        Origin::Request(origins) => Some(serde_json::Value::from(origins.as_slice()).to_string()),
        Origin::Upload | Origin::ByHash => None,
    };
    let values: [&dyn ToSql; 18] = [
        &id.into_bytes(),
        &owner.id,
        &file_record_id.into_bytes(),
        &new.cid_text,
        &root,
        &size,
        // Before all sizes that are known.
        &size.unwrap_or(-1),
        &new.metadata.name,
        &new.metadata.mime_type,
        &keyvalues_text(&new.metadata),
        &is_dir,
        &(new.origin != Origin::Upload),
        &status.word(),
        &(status == PinStatus::Pinned),
        &created_at,
        // The AIOZ API gives a pin by hash that date too while it is not held yet.
        &created_at,
        &None::<i64>,
        &origins,
    ];
    transaction
        .prepare_cached(
            "INSERT INTO pins (id, owner, file_record_id, cid, root, size, order_size, name, mime_type, keyvalues,
                 is_dir, is_pin_by_hash, status, pinned, created_at, date_pinned, date_unpinned, origins)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(values.as_slice())?;
    Ok(transaction.last_insert_rowid())
}

fn select_one(transaction: &Transaction<'_>, owner: Owner, id: Uuid) -> Result<Option<Pin>, StoreError> {
    let mut select = transaction.prepare_cached(&format!("SELECT {COLUMNS} FROM pins WHERE owner = ?1 AND id = ?2"))?;
    let mut rows = select.query((owner.id, id.as_bytes()))?;
    rows.next()?.map(pin).transpose()
}

/// How long what clients said about a pin is, of [`COLUMNS`].
pub(super) fn given_bytes(row: &Row<'_>) -> rusqlite::Result<usize> {
    [2, 5, 6, 7, 14].into_iter().try_fold(0, |bytes, column| match row.get_ref(column)? {
        ValueRef::Text(text) => Ok(bytes + text.len()),
        _ => Ok(bytes),
    })
}

/// Reads [`COLUMNS`].
pub(super) fn pin(row: &Row<'_>) -> Result<Pin, StoreError> {
    let keyvalues: Option<String> = row.get(7)?;
    let keyvalues = keyvalues.map(|text| serde_json::from_str(&text)).transpose();
    let is_pin_by_hash: bool = row.get(9)?;
    Ok(Pin {
        id: Uuid::from_bytes(row.get(0)?),
        file_record_id: Uuid::from_bytes(row.get(1)?),
        cid_text: row.get(2)?,
        root: cid_of(row.get(3)?)?,
        content_bytes: row.get::<_, Option<i64>>(4)?.map(i64::cast_unsigned),
        metadata: Metadata {
            name: row.get(5)?,
            mime_type: row.get(6)?,
            keyvalues: keyvalues.map_err(|_| StoreError::Damaged("a pin's keyvalues"))?,
        },
        is_dir: row.get(8)?,
        origin: match origins_of(row.get(14)?)? {
            Some(origins) => Origin::Request(origins),
            None if is_pin_by_hash => Origin::ByHash,
            None => Origin::Upload,
        },
        status: PinStatus::from_word(&row.get::<_, String>(10)?)?,
        failure: row.get(15)?,
        created_at: row.get(13)?,
        date_pinned: row.get(11)?,
        date_unpinned: row.get(12)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_owner() -> (tempfile::TempDir, Pins) {
        let dir = tempfile::tempdir().unwrap();
        let database = Database::open(&dir.path().join("service.db")).unwrap();
        let sql = "INSERT INTO owners VALUES (1, 'a', zeroblob(16))";
        database.write(|transaction| transaction.execute(sql, ())).unwrap();
        (dir, Pins::new(database))
    }

    fn new_pin(number: u8, metadata: Metadata) -> NewPin {
        let root = Cid::new_v1(0x55, cid::multihash::Multihash::wrap(0, &[number]).unwrap());
        let state = NewPinState::Pinned { content_bytes: 1, is_dir: false };
        NewPin { root, cid_text: root.to_string(), origin: Origin::Upload, state, metadata }
    }

    #[test]
    fn where_records_are_too_many_ended_pins_are_forgotten_and_no_others() {
        let (_dir, pins) = with_owner();
        let owner = Owner { id: 1, user_id: Uuid::nil() };
        let made: Vec<_> =
            (0..4).map(|number| pins.insert(owner, &new_pin(number, Metadata::default())).unwrap()).collect();
        for ended in [&made[1], &made[2]] {
            pins.unpin(owner, ended.id).unwrap();
        }
        let make_room = |max| pins.database.write(|transaction| make_room(transaction, owner, max));
        make_room(5).unwrap();
        assert!(pins.get(owner, made[1].id).unwrap().is_some());
        make_room(4).unwrap();
        assert!(pins.get(owner, made[1].id).unwrap().is_none() && pins.get(owner, made[2].id).unwrap().is_some());
        make_room(3).unwrap();
        assert!(matches!(make_room(2), Err(StoreError::TooManyPins)));
        assert!([0, 3].into_iter().all(|number: usize| pins.get(owner, made[number].id).unwrap().is_some()));
    }

    #[test]
    fn a_page_ends_before_it_is_too_large_to_build() {
        let (_dir, pins) = with_owner();
        let owner = Owner { id: 1, user_id: Uuid::nil() };
        let value = serde_json::Value::from("v".repeat(MAX_PAGE_BYTES / 4));
        for number in 0..6 {
            let keyvalues = Some(serde_json::Map::from_iter([("k".to_owned(), value.clone())]));
            pins.insert(owner, &new_pin(number, Metadata { keyvalues, ..Metadata::default() })).unwrap();
        }
        let statuses = vec![PinStatus::Pinned];
        let search = super::super::search::PinSearch { statuses, limit: 1000, ..Default::default() };
        let found = pins.search(owner, &search).unwrap();
        assert_eq!((found.pins.len(), found.count), (4, 6));
    }

    #[test]
    fn the_dates_of_an_owner_s_pins_differ() {
        let (_dir, pins) = with_owner();
        let mut dates = Vec::new();
        for number in 0..200_u8 {
            let new = new_pin(number, Metadata::default());
            dates.push(pins.insert(Owner { id: 1, user_id: Uuid::nil() }, &new).unwrap().date_pinned.unwrap());
        }
        assert!(dates.is_sorted_by(|a, b| a / MILLISECOND < b / MILLISECOND));
    }
}
