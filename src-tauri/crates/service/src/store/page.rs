//! Pages of pins by offset, as the AIOZ API lists them.

use rusqlite::{Transaction, types::Value};
use serde_json::Map;

use super::{
    StoreError,
    keys::Owner,
    order::{SortKey, SortOrder},
    pin::{self, COLUMNS, Pin},
    pins::Pins,
    runs::{self, Start},
};

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
        let (key, order) = (self.sort_key.column(), self.sort_order.sql());
        match self.sort_key {
            SortKey::CreatedAt => format!("{key} {order}"),
            SortKey::Size | SortKey::Name => format!("{key} {order}, created_at {order}"),
        }
    }

    /// Said outright, because SQLite keeps no statistics here and sometimes takes one that has not all columns.
    const fn index(&self) -> &'static str {
        match (self.sort_key, self.pinned.is_some()) {
            (SortKey::CreatedAt, false) => "pins_by_date",
            (SortKey::CreatedAt, true) => "pins_by_state_date",
            (SortKey::Size, false) => "pins_by_size",
            (SortKey::Size, true) => "pins_by_state_size",
            (SortKey::Name, false) => "pins_by_name",
            (SortKey::Name, true) => "pins_by_state_name",
        }
    }
}

/// A page of pins, and how many there are on all pages.
#[derive(Debug)]
pub(crate) struct PinPage {
    pub(crate) files: u64,
    pub(crate) content_bytes: u64,
    pub(crate) pins: Vec<Pin>,
}

impl Pins {
    pub(crate) fn list(&self, owner: Owner, query: &PinQuery) -> Result<PinPage, StoreError> {
        self.database.read(|transaction| {
            let (files, content_bytes) = count(transaction, owner, query)?;
            let start = if query.keyvalues.is_empty() {
                let order = (query.sort_key, query.sort_order);
                runs::start(transaction, owner, order, query.pinned, query.offset)?
            } else {
                Some(Start { bound: None, skip: i64::from(query.offset) })
            };
            let Some(start) = start else {
                return Ok(PinPage { files, content_bytes, pins: Vec::new() });
            };
            let (page, values) = rows_of_page(owner, query, start);
            let sql = format!("SELECT {COLUMNS} FROM pins WHERE row IN ({page}) ORDER BY {}", query.order());
            let mut select = transaction.prepare_cached(&sql)?;
            let pins = pin::page(select.query(rusqlite::params_from_iter(values))?)?;
            Ok(PinPage { files, content_bytes, pins })
        })
    }
}

fn count(transaction: &Transaction<'_>, owner: Owner, query: &PinQuery) -> Result<(u64, u64), StoreError> {
    let (sql, values) = if query.keyvalues.is_empty() {
        let condition = match query.pinned {
            None => "",
            Some(true) => " AND status = 'pinned'",
            Some(false) => " AND status <> 'pinned'",
        };
        let sql = format!("SELECT ifnull(sum(files), 0), ifnull(sum(size), 0) FROM totals WHERE owner = ?{condition}");
        (sql, vec![Value::from(owner.id)])
    } else {
        let (condition, values) = condition(owner, query);
        (format!("SELECT count(*), ifnull(sum(size), 0) FROM pins WHERE {condition}"), values)
    };
    let totals: (i64, i64) = transaction
        .prepare_cached(&sql)?
        .query_row(rusqlite::params_from_iter::<Vec<Value>>(values), |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok((totals.0.cast_unsigned(), totals.1.cast_unsigned()))
}

/// Selects no more than an index has, so that skipping to the first pin reads that alone.
fn rows_of_page(owner: Owner, query: &PinQuery, start: Start) -> (String, Vec<Value>) {
    let (mut condition, mut values) = condition(owner, query);
    if let Some((key, created_at)) = start.bound {
        let comparison = match query.sort_order {
            SortOrder::Ascending => ">=",
            SortOrder::Descending => "<",
        };
        condition.push_str(&format!(" AND ({}, created_at) {comparison} (?, ?)", query.sort_key.column()));
        values.extend([key, Value::from(created_at)]);
    }
    values.extend([Value::from(query.limit), Value::from(start.skip)]);
    let sql = format!(
        "SELECT row FROM pins INDEXED BY {} WHERE {condition} ORDER BY {} LIMIT ? OFFSET ?",
        query.index(),
        query.order()
    );
    (sql, values)
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

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::store::{database::Database, quota::Quotas};

    const OWNER: Owner = Owner { id: 1, user_id: Uuid::nil() };

    fn queries() -> impl Iterator<Item = PinQuery> {
        SortKey::ALL.into_iter().flat_map(|sort_key| {
            [SortOrder::Ascending, SortOrder::Descending].into_iter().flat_map(move |sort_order| {
                [None, Some(true), Some(false)].into_iter().map(move |pinned| PinQuery {
                    pinned,
                    keyvalues: Map::new(),
                    sort_key,
                    sort_order,
                    offset: 0,
                    limit: 10,
                })
            })
        })
    }

    #[test]
    fn every_page_is_found_in_an_index_alone() {
        let dir = tempfile::tempdir().unwrap();
        let database = Database::open(&dir.path().join("service.db")).unwrap();
        for query in queries() {
            let key = if query.sort_key == SortKey::Name { Value::from("n".to_owned()) } else { Value::from(7) };
            let (sql, values) = rows_of_page(OWNER, &query, Start { bound: Some((key, 1)), skip: 9 });
            let plan = database.read(|transaction| {
                let mut explain = transaction.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
                let steps = explain.query_map(rusqlite::params_from_iter(values), |row| row.get(3))?;
                steps.collect::<rusqlite::Result<Vec<String>>>()
            });
            let plan = plan.unwrap().join("; ");
            assert!(plan.contains("COVERING INDEX") && !plan.contains("TEMP B-TREE"), "{query:?}: {plan}");
            // Dates differ; there may be a million pins of one name.
            let is_bounded = query.sort_key == SortKey::CreatedAt || plan.contains(",created_at)");
            assert!(is_bounded, "{query:?}: {plan}");
        }
    }

    /// Few different names and sizes, so that runs begin between equal ones.
    fn fill(database: &Database, pins: i64) {
        database
            .write(|transaction| {
                transaction.execute("INSERT INTO owners VALUES (1, 'a', zeroblob(16))", ())?;
                for row in 0..pins {
                    let (pinned, size) = (row % 3 != 0, (row % 5 != 0).then_some(row % 7));
                    transaction
                        .prepare_cached(
                            "INSERT INTO pins (id, owner, file_record_id, cid, root, size, order_size, name, is_dir,
                                 is_pin_by_hash, status, pinned, created_at)
                             VALUES (randomblob(16), 1, zeroblob(16), 'bafkqaaa', x'01550000', ?1, ifnull(?1, -1), ?2, 0, 1,
                                 ?3, ?4, ?5)",
                        )?
                        .execute((
                            size,
                            format!("n{}", row % 4),
                            if pinned { "pinned" } else { "failed" },
                            pinned,
                            row,
                        ))?;
                    runs::cut_long(transaction, OWNER, transaction.last_insert_rowid())?;
                }
                transaction.execute("DELETE FROM pins WHERE row % 11 = 0", ())?;
                transaction.execute(
                    "UPDATE pins SET pinned = 0, status = 'unpinned', name = 'm', size = 99, order_size = 99 WHERE row % 13 = 0",
                    (),
                )?;
                Ok::<_, rusqlite::Error>(())
            })
            .unwrap();
    }

    #[test]
    fn a_page_begins_where_its_offset_says() {
        let dir = tempfile::tempdir().unwrap();
        let database = Database::open(&dir.path().join("service.db")).unwrap();
        fill(&database, 9_000);
        let pins = Pins::new(database.clone(), Quotas::new(database.clone()));
        let runs: i64 = database
            .read(|transaction| transaction.query_row("SELECT count(*) FROM runs", (), |row| row.get(0)))
            .unwrap();
        assert!(runs > 9, "{runs}");
        for query in queries() {
            let all: Vec<_> = {
                let (sql, values) =
                    rows_of_page(OWNER, &PinQuery { limit: 100_000, ..query.clone() }, Start { bound: None, skip: 0 });
                let sql = sql.replacen("SELECT row", "SELECT id", 1);
                database
                    .read(|transaction| {
                        let mut select = transaction.prepare(&sql)?;
                        let rows = select.query_map(rusqlite::params_from_iter(values), |row| row.get(0))?;
                        rows.map(|id| id.map(Uuid::from_bytes)).collect::<rusqlite::Result<_>>()
                    })
                    .unwrap()
            };
            for offset in (0..all.len() as u32 + 700).step_by(351) {
                let page = pins.list(OWNER, &PinQuery { offset, ..query.clone() }).unwrap();
                let expected: Vec<_> = all.iter().skip(offset as usize).take(10).copied().collect();
                assert_eq!(page.pins.iter().map(|pin| pin.id).collect::<Vec<_>>(), expected, "{query:?} {offset}");
                assert_eq!(page.files, all.len() as u64, "{query:?}");
            }
        }
        for moment in [0, 1, 2_047, 2_048, 4_000, 8_999, 20_000] {
            let counted = database.read(|transaction| runs::pinned_before(transaction, OWNER, moment)).unwrap();
            let expected: i64 = database
                .read(|transaction| {
                    let sql = "SELECT count(*) FROM pins WHERE pinned = 1 AND created_at < ?1";
                    transaction.query_row(sql, [moment], |row| row.get(0))
                })
                .unwrap();
            assert_eq!(counted, expected, "{moment}");
        }
    }
}
