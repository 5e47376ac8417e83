//! Pin records.

use holdfast_content::Cid;
use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, ToSql, Transaction, types::Value};
use serde_json::Map;
use uuid::Uuid;

use super::{
    StoreError,
    database::Database,
    keys::{Owner, random_uuid},
};

/// What a pin is worth, in the words of the AIOZ API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PinStatus {
    /// Every block is held.
    Pinned,
    /// Blocks are missing and there is nowhere to get them from.
    RetrieveFailed,
    /// The owner gave it up.
    Unpinned,
}

impl PinStatus {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Pinned => "pinned",
            Self::RetrieveFailed => "retrieveFailed",
            Self::Unpinned => "unpinNormally",
        }
    }

    fn from_word(word: &str) -> Result<Self, StoreError> {
        [Self::Pinned, Self::RetrieveFailed, Self::Unpinned]
            .into_iter()
            .find(|status| status.word() == word)
            .ok_or(StoreError::Damaged("unknown status"))
    }
}

/// How a pin came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Upload,
    ByHash,
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
    RetrieveFailed,
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
    pub(crate) date_pinned: Option<i64>,
    pub(crate) date_unpinned: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SortKey {
    CreatedAt,
    Size,
    Name,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SortOrder {
    Ascending,
    Descending,
}

/// Which pins of an owner are asked for.
#[derive(Clone, Debug)]
pub(crate) struct PinQuery {
    pub(crate) pinned: Option<bool>,
    /// Pairs that must all be among a pin's own.
    pub(crate) keyvalues: Map<String, serde_json::Value>,
    pub(crate) sort_key: SortKey,
    pub(crate) sort_order: SortOrder,
    pub(crate) offset: u32,
    pub(crate) limit: u32,
}

impl PinQuery {
    fn order(&self) -> String {
        let key = match self.sort_key {
            SortKey::CreatedAt => "created_at",
            SortKey::Size => "size",
            SortKey::Name => "name",
        };
        let order = match self.sort_order {
            SortOrder::Ascending => "ASC",
            SortOrder::Descending => "DESC",
        };
        format!("{key} {order}, row {order}")
    }
}

/// A page of pins, and how many there are on all pages.
#[derive(Debug)]
pub(crate) struct PinPage {
    pub(crate) files: u64,
    pub(crate) content_bytes: u64,
    pub(crate) pins: Vec<Pin>,
}

const COLUMNS: &str = "id, file_record_id, cid, root, size, name, mime_type, keyvalues, is_dir, is_pin_by_hash, \
                       status, date_pinned, date_unpinned";

/// The table of pins.
#[derive(Clone, Debug)]
pub(crate) struct Pins {
    pub(super) database: Database,
}

impl Pins {
    pub(crate) const fn new(database: Database) -> Self {
        Self { database }
    }

    /// Records a pin; it is on the disk when this returns. The blocks must be there before.
    ///
    /// A failed attempt that is repeated stays one record.
    pub(crate) fn insert(&self, owner: Owner, new: &NewPin) -> Result<Pin, StoreError> {
        self.database.write(|transaction| {
            let root = root_bytes(&new.root);
            if is_live(transaction, owner, &root)? {
                return Err(StoreError::AlreadyPinned);
            }
            let id = match failed_attempt(transaction, owner, &root)? {
                Some(failed) if new.origin == Origin::ByHash => {
                    transaction.execute("DELETE FROM pins WHERE id = ?1", [failed.as_bytes()])?;
                    failed
                }
                _ => random_uuid()?,
            };
            insert_row(transaction, owner, id, root, new)?;
            select_one(transaction, owner, id)?.ok_or(StoreError::Damaged("a new pin is missing"))
        })
    }

    /// Whether the owner has that CID pinned.
    pub(crate) fn is_pinned(&self, owner: Owner, root: &Cid) -> Result<bool, StoreError> {
        self.database.read(|transaction| is_live(transaction, owner, &root_bytes(root)))
    }

    pub(crate) fn get(&self, owner: Owner, id: Uuid) -> Result<Option<Pin>, StoreError> {
        self.database.read(|transaction| select_one(transaction, owner, id))
    }

    /// Ends a pin and gives what became of it; `None` if there is none of that id. A second time changes nothing.
    pub(crate) fn unpin(&self, owner: Owner, id: Uuid) -> Result<Option<Pin>, StoreError> {
        self.database.write(|transaction| {
            transaction.execute(
                "UPDATE pins SET pinned = 0, status = ?1, date_unpinned = ?2
                 WHERE owner = ?3 AND id = ?4 AND status <> ?1",
                (PinStatus::Unpinned.word(), now_microseconds(), owner.id, id.as_bytes()),
            )?;
            select_one(transaction, owner, id)
        })
    }

    pub(crate) fn list(&self, owner: Owner, query: &PinQuery) -> Result<PinPage, StoreError> {
        self.database.read(|transaction| {
            let (files, content_bytes) = count(transaction, owner, query)?;
            let (page, values) = rows_of_page(owner, query);
            let sql = format!("SELECT {COLUMNS} FROM pins WHERE row IN ({page}) ORDER BY {}", query.order());
            let mut select = transaction.prepare_cached(&sql)?;
            let mut rows = select.query(rusqlite::params_from_iter(values))?;
            let mut pins = Vec::new();
            while let Some(row) = rows.next()? {
                pins.push(pin(row)?);
            }
            Ok(PinPage { files, content_bytes, pins })
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

fn is_live(transaction: &Transaction<'_>, owner: Owner, root: &[u8]) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM pins WHERE owner = ?1 AND root = ?2 AND pinned = 1";
    Ok(transaction.prepare_cached(sql)?.exists((owner.id, root))?)
}

fn failed_attempt(transaction: &Transaction<'_>, owner: Owner, root: &[u8]) -> Result<Option<Uuid>, StoreError> {
    let sql = "SELECT id FROM pins WHERE owner = ?1 AND root = ?2 AND status = 'retrieveFailed'";
    let id = transaction.prepare_cached(sql)?.query_row((owner.id, root), |row| row.get(0)).optional()?;
    Ok(id.map(Uuid::from_bytes))
}

fn insert_row(
    transaction: &Transaction<'_>,
    owner: Owner,
    id: Uuid,
    root: Vec<u8>,
    new: &NewPin,
) -> Result<(), StoreError> {
    let keyvalues = new.metadata.keyvalues.as_ref().map(|pairs| serde_json::Value::from(pairs.clone()).to_string());
    let (status, size, is_dir, file_record_id) = match new.state {
        NewPinState::Pinned { content_bytes, is_dir } => {
            (PinStatus::Pinned, Some(content_bytes.cast_signed()), is_dir, random_uuid()?)
        }
        NewPinState::RetrieveFailed => (PinStatus::RetrieveFailed, None, false, Uuid::nil()),
    };
    let last: Option<i64> = transaction
        .prepare_cached("SELECT max(created_at) FROM pins WHERE owner = ?1")?
        .query_row([owner.id], |row| row.get(0))?;
    let created_at = last.map_or(0, |last| last + 1).max(now_microseconds());
    let values: [&dyn ToSql; 16] = [
        &id.into_bytes(),
        &owner.id,
        &file_record_id.into_bytes(),
        &new.cid_text,
        &root,
        &size,
        &new.metadata.name,
        &new.metadata.mime_type,
        &keyvalues,
        &is_dir,
        &(new.origin == Origin::ByHash),
        &status.word(),
        &(status == PinStatus::Pinned),
        &created_at,
        // The API gives a pin by hash that date too while it is not held yet.
        &created_at,
        &None::<i64>,
    ];
    transaction
        .prepare_cached(
            "INSERT INTO pins (id, owner, file_record_id, cid, root, size, name, mime_type, keyvalues, is_dir,
                 is_pin_by_hash, status, pinned, created_at, date_pinned, date_unpinned)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(values.as_slice())?;
    Ok(())
}

fn select_one(transaction: &Transaction<'_>, owner: Owner, id: Uuid) -> Result<Option<Pin>, StoreError> {
    let mut select = transaction.prepare_cached(&format!("SELECT {COLUMNS} FROM pins WHERE owner = ?1 AND id = ?2"))?;
    let mut rows = select.query((owner.id, id.as_bytes()))?;
    rows.next()?.map(pin).transpose()
}

fn count(transaction: &Transaction<'_>, owner: Owner, query: &PinQuery) -> Result<(u64, u64), StoreError> {
    let (sql, values) = if query.keyvalues.is_empty() {
        let condition = if query.pinned.is_some() { "owner = ? AND pinned = ?" } else { "owner = ?" };
        let values = [Some(Value::from(owner.id)), query.pinned.map(Value::from)].into_iter().flatten().collect();
        (format!("SELECT ifnull(sum(files), 0), ifnull(sum(size), 0) FROM totals WHERE {condition}"), values)
    } else {
        let (condition, values) = condition(owner, query);
        (format!("SELECT count(*), ifnull(sum(size), 0) FROM pins WHERE {condition}"), values)
    };
    let totals: (i64, i64) = transaction
        .prepare_cached(&sql)?
        .query_row(rusqlite::params_from_iter::<Vec<Value>>(values), |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok((totals.0.cast_unsigned(), totals.1.cast_unsigned()))
}

/// Selects no more than an index has, so that skipping to the offset reads that alone.
fn rows_of_page(owner: Owner, query: &PinQuery) -> (String, Vec<Value>) {
    let (condition, mut values) = condition(owner, query);
    values.extend([Value::from(query.limit), Value::from(query.offset)]);
    (format!("SELECT row FROM pins WHERE {condition} ORDER BY {} LIMIT ? OFFSET ?", query.order()), values)
}

fn condition(owner: Owner, query: &PinQuery) -> (String, Vec<Value>) {
    let mut sql = String::from("owner = ?");
    let mut values = vec![Value::from(owner.id)];
    if let Some(pinned) = query.pinned {
        sql.push_str(" AND pinned = ?");
        values.push(Value::from(pinned));
    }
    for (key, value) in &query.keyvalues {
        let (types, value) = match value {
            serde_json::Value::String(text) => ("'text'", Value::from(text.clone())),
            serde_json::Value::Number(number) => match number.as_i64() {
                Some(integer) => ("'integer', 'real'", Value::from(integer)),
                None => ("'integer', 'real'", Value::from(number.as_f64())),
            },
            serde_json::Value::Bool(bool) => ("'true', 'false'", Value::from(*bool)),
            // Nothing else is ever stored.
            _ => ("'object'", Value::Null),
        };
        sql.push_str(" AND EXISTS (SELECT 1 FROM json_each(keyvalues) AS pair");
        sql.push_str(&format!(" WHERE pair.key = ? AND pair.type IN ({types}) AND pair.value = ?)"));
        values.extend([Value::from(key.clone()), value]);
    }
    (sql, values)
}

fn pin(row: &Row<'_>) -> Result<Pin, StoreError> {
    let root: Vec<u8> = row.get(3)?;
    let keyvalues: Option<String> = row.get(7)?;
    let keyvalues = keyvalues.map(|text| serde_json::from_str(&text)).transpose();
    Ok(Pin {
        id: Uuid::from_bytes(row.get(0)?),
        file_record_id: Uuid::from_bytes(row.get(1)?),
        cid_text: row.get(2)?,
        root: Cid::try_from(root).map_err(|_| StoreError::Damaged("a pin's CID"))?,
        content_bytes: row.get::<_, Option<i64>>(4)?.map(i64::cast_unsigned),
        metadata: Metadata {
            name: row.get(5)?,
            mime_type: row.get(6)?,
            keyvalues: keyvalues.map_err(|_| StoreError::Damaged("a pin's keyvalues"))?,
        },
        is_dir: row.get(8)?,
        origin: if row.get(9)? { Origin::ByHash } else { Origin::Upload },
        status: PinStatus::from_word(&row.get::<_, String>(10)?)?,
        date_pinned: row.get(11)?,
        date_unpinned: row.get(12)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_is_found_in_an_index_alone() {
        let dir = tempfile::tempdir().unwrap();
        let database = Database::open(&dir.path().join("service.db")).unwrap();
        let owner = Owner { id: 1, user_id: Uuid::nil() };
        for sort_key in [SortKey::CreatedAt, SortKey::Size, SortKey::Name] {
            for sort_order in [SortOrder::Ascending, SortOrder::Descending] {
                for pinned in [None, Some(true), Some(false)] {
                    let query = PinQuery { pinned, keyvalues: Map::new(), sort_key, sort_order, offset: 9, limit: 10 };
                    let (sql, values) = rows_of_page(owner, &query);
                    let plan = database.read(|transaction| {
                        let mut explain = transaction.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
                        let steps = explain.query_map(rusqlite::params_from_iter(values), |row| row.get(3))?;
                        steps.collect::<rusqlite::Result<Vec<String>>>()
                    });
                    let plan = plan.unwrap().join("; ");
                    assert!(plan.contains("COVERING INDEX") && !plan.contains("TEMP B-TREE"), "{query:?}: {plan}");
                }
            }
        }
    }

    #[test]
    fn the_dates_of_an_owner_s_pins_differ() {
        let dir = tempfile::tempdir().unwrap();
        let database = Database::open(&dir.path().join("service.db")).unwrap();
        let sql = "INSERT INTO owners VALUES (1, 'a', zeroblob(16))";
        database.write(|transaction| transaction.execute(sql, ())).unwrap();
        let pins = Pins::new(database);
        let mut dates = Vec::new();
        for number in 0..200_u8 {
            let root = Cid::new_v1(0x55, cid::multihash::Multihash::wrap(0, &[number]).unwrap());
            let state = NewPinState::Pinned { content_bytes: 1, is_dir: false };
            let metadata = Metadata::default();
            let new = NewPin { root, cid_text: root.to_string(), origin: Origin::Upload, state, metadata };
            dates.push(pins.insert(Owner { id: 1, user_id: Uuid::nil() }, &new).unwrap().date_pinned.unwrap());
        }
        assert!(dates.is_sorted_by(|a, b| a < b));
    }
}
