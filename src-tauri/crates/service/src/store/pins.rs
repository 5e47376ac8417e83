//! Pin records: one by one. Lists are in `page` and `search`, those that wait for their content in `wanted`.

use holdfast_content::Cid;
use rusqlite::{OptionalExtension, ToSql, Transaction};
use uuid::Uuid;

use super::{
    StoreError,
    database::Database,
    keys::{Owner, random_uuid},
    pin::{
        COLUMNS, Metadata, NewPin, NewPinState, Origin, Pin, PinStatus, keyvalues_text, now_microseconds, pin,
        root_bytes,
    },
    quota::Quotas,
    runs,
};

/// The records that an owner may have.
#[derive(Clone, Copy, Debug)]
struct RecordLimits {
    /// The most, ended pins among them.
    pins: i64,
    /// The most that may be said in those of ended pins, which no quota counts, in bytes.
    ended_metadata_bytes: i64,
}

const RECORD_LIMITS: RecordLimits = RecordLimits { pins: 4_000_000, ended_metadata_bytes: 64 * 1024 * 1024 };

/// So many ended pins are forgotten at most when another pin is recorded: more than one, so that they become fewer.
const FORGOTTEN_AT_ONCE: usize = 4;

/// In microseconds.
const MILLISECOND: i64 = 1000;

/// The table of pins.
#[derive(Clone, Debug)]
pub(crate) struct Pins {
    pub(super) database: Database,
    quotas: Quotas,
}

impl Pins {
    pub(crate) const fn new(database: Database, quotas: Quotas) -> Self {
        Self { database, quotas }
    }

    /// Records a pin; it is on the disk when this returns. The blocks of a pinned one must be there before.
    ///
    /// By hash, an attempt that is repeated stays one record. Refused when the owner may not store so much.
    pub(crate) fn insert(&self, owner: Owner, new: &NewPin) -> Result<Pin, StoreError> {
        self.database.write(|transaction| self.quotas.within(transaction, owner, || insert(transaction, owner, new)))
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
        let replace = |transaction: &Transaction<'_>| {
            if !end(transaction, owner, old)? {
                return Ok(None);
            }
            insert(transaction, owner, new).map(Some)
        };
        self.database.write(|transaction| self.quotas.within(transaction, owner, || replace(transaction)))
    }

    /// Changes what is said about a pin that has not ended. Refused when the owner may not store so much more.
    pub(crate) fn describe(
        &self,
        owner: Owner,
        id: Uuid,
        metadata: &Metadata,
        origins: &[String],
    ) -> Result<Option<Pin>, StoreError> {
        let describe = |transaction: &Transaction<'_>| {
            let origins = serde_json::Value::from(origins).to_string();
            transaction.execute(
                "UPDATE pins SET name = ?3, keyvalues = ?4, origins = iif(origins IS NULL, NULL, ?5)
                 WHERE owner = ?1 AND id = ?2 AND status <> 'unpinned'",
                (owner.id, id.as_bytes(), &metadata.name, keyvalues_text(metadata), origins),
            )?;
            cut_runs_of(transaction, owner, id)?;
            Ok(select_one(transaction, owner, id)?.filter(|pin| pin.status != PinStatus::Unpinned))
        };
        self.database.write(|transaction| self.quotas.within(transaction, owner, || describe(transaction)))
    }
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
    make_room(transaction, owner, RECORD_LIMITS)?;
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

/// Forgets the oldest pins that have ended where there are too many records for another one, or too much is said in them.
fn make_room(transaction: &Transaction<'_>, owner: Owner, limits: RecordLimits) -> Result<(), StoreError> {
    let sql = "SELECT ifnull((SELECT sum(files) FROM totals WHERE owner = ?1), 0),
                      ifnull((SELECT bytes FROM metadata_usage WHERE owner = ?1 AND ended = 1), 0)";
    for _ in 0..FORGOTTEN_AT_ONCE {
        let (pins, ended_metadata_bytes): (i64, i64) =
            transaction.prepare_cached(sql)?.query_row([owner.id], |row| Ok((row.get(0)?, row.get(1)?)))?;
        if pins < limits.pins && ended_metadata_bytes <= limits.ended_metadata_bytes {
            return Ok(());
        }
        let sql = "DELETE FROM pins WHERE row = (SELECT row FROM pins INDEXED BY pins_by_status
                   WHERE owner = ?1 AND status = 'unpinned' ORDER BY created_at LIMIT 1)";
        let is_forgotten = transaction.prepare_cached(sql)?.execute([owner.id])? == 1;
        if !is_forgotten && pins >= limits.pins {
            return Err(StoreError::TooManyPins);
        }
    }
    Ok(())
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
pub(super) fn cut_runs_of(transaction: &Transaction<'_>, owner: Owner, id: Uuid) -> Result<(), StoreError> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::pin::MAX_PAGE_BYTES;

    fn with_owner() -> (tempfile::TempDir, Pins) {
        let dir = tempfile::tempdir().unwrap();
        let database = Database::open(&dir.path().join("service.db")).unwrap();
        let sql = "INSERT INTO owners VALUES (1, 'a', zeroblob(16))";
        database.write(|transaction| transaction.execute(sql, ())).unwrap();
        (dir, Pins::new(database.clone(), Quotas::new(database)))
    }

    fn new_pin(number: u8, metadata: Metadata) -> NewPin {
        let root = Cid::new_v1(holdfast_content::CODEC_RAW, cid::multihash::Multihash::wrap(0, &[number]).unwrap());
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
        let make_room = |pins_max| {
            let limits = RecordLimits { pins: pins_max, ..RECORD_LIMITS };
            pins.database.write(|transaction| make_room(transaction, owner, limits))
        };
        make_room(5).unwrap();
        assert!(pins.get(owner, made[1].id).unwrap().is_some());
        make_room(4).unwrap();
        assert!(pins.get(owner, made[1].id).unwrap().is_none() && pins.get(owner, made[2].id).unwrap().is_some());
        make_room(3).unwrap();
        assert!(matches!(make_room(2), Err(StoreError::TooManyPins)));
        assert!([0, 3].into_iter().all(|number: usize| pins.get(owner, made[number].id).unwrap().is_some()));
    }

    #[test]
    fn what_is_said_about_ended_pins_is_forgotten_where_it_is_too_much() {
        let (_dir, pins) = with_owner();
        let owner = Owner { id: 1, user_id: Uuid::nil() };
        let described = Metadata { name: "n".repeat(100), ..Metadata::default() };
        let made: Vec<_> =
            (0..9).map(|number| pins.insert(owner, &new_pin(number, described.clone())).unwrap()).collect();
        let forget = || {
            let limits = RecordLimits { ended_metadata_bytes: 250, ..RECORD_LIMITS };
            pins.database.write(|transaction| make_room(transaction, owner, limits)).unwrap();
            let is_there = |pin: &&Pin| pins.get(owner, pin.id).unwrap().is_some();
            made.iter().filter(is_there).map(|pin| pin.created_at).collect::<Vec<_>>()
        };
        let dates = |from: usize| made[from..].iter().map(|pin| pin.created_at).collect::<Vec<_>>();
        assert_eq!(forget(), dates(0), "nothing of live pins");
        for ended in &made[..8] {
            pins.unpin(owner, ended.id).unwrap();
        }
        assert_eq!(forget(), dates(FORGOTTEN_AT_ONCE));
        assert_eq!(forget(), dates(6));
        assert_eq!(forget(), dates(6));
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
