//! Pins that a person chose by a question: what they are as a condition of the database, and reading them without their rows.

use std::fmt;

use rusqlite::{Connection, OptionalExtension, params_from_iter, types::Value};

use super::{
    Store, StoreError,
    codec::{cid_from, unsigned},
    orders::Place,
    pins, shelves,
};
use crate::{
    ids::{AccountId, PinId, PinKey},
    pin::{Matching, PinSort},
};
use holdfast_content::Cid;

/// What was chosen.
#[derive(Clone, Debug)]
pub(crate) struct Chosen {
    pub(crate) matching: Matching,
    /// Accounts of whose pins the status is not known.
    pub(crate) outdated: Vec<AccountId>,
}

/// The same as the database knows it at one moment. Its parameters are the first ones of a statement.
#[derive(Clone, Debug)]
pub(crate) struct Condition {
    sql: String,
    pub(super) values: Vec<Value>,
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sql)
    }
}

impl Chosen {
    /// Nothing, where a range has lost one of its ends.
    pub(super) fn condition(&self, db: &Connection) -> Result<Condition, StoreError> {
        let Matching { query, between, except, also } = &self.matching;
        let shelves = shelves::matching(db, query, &self.outdated)?;
        let (mut sql, mut values) = pins::condition(query, &shelves);
        if let Some(ends) = between {
            let mut places = Vec::new();
            for end in ends {
                places.extend(place(db, end, query.sort)?);
            }
            places.sort_by(Place::compare);
            match <[Place; 2]>::try_from(places) {
                Ok([from, until]) => {
                    let (column, at) = (column(query.sort), values.len() + 1);
                    let (of_until, row, of_row) = (at + 2, at + 1, at + 3);
                    sql += &format!(
                        " AND ({column}, row) >= (?{at}, ?{row}) AND ({column}, row) <= (?{of_until}, ?{of_row})"
                    );
                    values.extend([from.value, from.row.into(), until.value, until.row.into()]);
                }
                Err(_) => sql += " AND 0",
            }
        }
        sql += &format!(" AND row NOT IN ({})", rows(db, except)?);
        if !also.is_empty() {
            sql = format!("({sql} OR row IN ({}))", rows(db, also)?);
        }
        Ok(Condition { sql, values })
    }
}

impl Condition {
    pub(super) fn count(&self, db: &Connection) -> Result<u64, StoreError> {
        let sql = format!("SELECT count(*) FROM pin WHERE {self}");
        Ok(unsigned(db.query_row(&sql, params_from_iter(&self.values), |row| row.get(0))?))
    }

    /// How many there are of each account.
    pub(super) fn accounts(&self, db: &Connection) -> Result<Vec<(AccountId, u64)>, StoreError> {
        let sql = format!("SELECT account, count(*) FROM pin WHERE {self} GROUP BY account");
        let mut statement = db.prepare(&sql)?;
        let rows = statement
            .query_map(params_from_iter(&self.values), |row| Ok((AccountId(row.get(0)?), unsigned(row.get(1)?))))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl Store {
    /// What was chosen, as it is now, and how much of that each account has.
    pub(crate) async fn chosen(&self, which: Chosen) -> Result<(Condition, Vec<(AccountId, u64)>), StoreError> {
        self.read(move |db| {
            let condition = which.condition(db)?;
            let accounts = condition.accounts(db)?;
            Ok((condition, accounts))
        })
        .await
    }

    /// Some of an account's behind a row: their keys, and the last one's row.
    pub(crate) async fn chosen_of(
        &self,
        which: Condition,
        account: &AccountId,
        after: i64,
        limit: usize,
    ) -> Result<(Vec<PinKey>, i64), StoreError> {
        let account = account.clone();
        self.read(move |db| {
            // Row after row, so that all these questions together look at each once.
            let sql = format!(
                "SELECT id, row FROM pin NOT INDEXED WHERE {which} AND row > {after} AND account = ?{}
                 ORDER BY row LIMIT {limit}",
                which.values.len() + 1
            );
            let values = which.values.iter().cloned().chain([Value::from(account.0.clone())]);
            let mut statement = db.prepare(&sql)?;
            let mut rows = statement.query(params_from_iter(values))?;
            let (mut keys, mut last) = (Vec::new(), after);
            while let Some(row) = rows.next()? {
                keys.push(PinKey { account: account.clone(), id: PinId(row.get(0)?) });
                last = row.get(1)?;
            }
            Ok((keys, last))
        })
        .await
    }

    /// Which content each is and where, in the order of the question; at most so many.
    pub(crate) async fn contents(&self, which: Chosen, most: u64) -> Result<Vec<(AccountId, Cid)>, StoreError> {
        self.read(move |db| {
            let condition = which.condition(db)?;
            let query = &which.matching.query;
            let (column, order) = (column(query.sort), if query.descending { "DESC" } else { "ASC" });
            let sql = format!(
                "SELECT account, cid FROM pin WHERE {condition} ORDER BY {column} {order}, row {order} LIMIT {most}"
            );
            let mut statement = db.prepare(&sql)?;
            let mut rows = statement.query(params_from_iter(&condition.values))?;
            let mut contents = Vec::new();
            while let Some(row) = rows.next()? {
                contents.push((
                    AccountId(row.get(0)?),
                    cid_from(row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?)?,
                ));
            }
            Ok(contents)
        })
        .await
    }
}

/// What stands in the column that pins are sorted by.
const fn column(sort: PinSort) -> &'static str {
    match sort {
        PinSort::Name => "shown_folded",
        PinSort::Size => "bytes_or_none",
        PinSort::Status => "status",
        PinSort::PinnedAt => "pinned_at_or_none",
    }
}

/// Where a pin stands in an order.
fn place(db: &Connection, key: &PinKey, sort: PinSort) -> Result<Option<Place>, StoreError> {
    let sql =
        format!("SELECT {}, row FROM pin WHERE account = ?1 AND number = pin_number(?2) AND id = ?2", column(sort));
    Ok(db.prepare_cached(&sql)?.query_row((&key.account.0, &key.id.0), Place::read).optional()?)
}

/// The rows of those that there are.
fn rows(db: &Connection, keys: &[PinKey]) -> Result<String, StoreError> {
    let mut row =
        db.prepare_cached("SELECT row FROM pin WHERE account = ?1 AND number = pin_number(?2) AND id = ?2")?;
    let mut found = Vec::new();
    for key in keys {
        let rows = row.query_map((&key.account.0, &key.id.0), |row| row.get::<_, i64>(0))?;
        for row in rows {
            found.push(row?.to_string());
        }
    }
    Ok(found.join(", "))
}
