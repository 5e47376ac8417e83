//! The mirror's shelves: the pins of one status at one account, counted as they are written. What matches a filter is some
//! shelves, whole.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension};

use super::{Store, StoreError};
use crate::{
    ids::AccountId,
    pin::{PinQuery, PinStatus},
};

/// The pins of one status at one account.
#[derive(Clone, Debug)]
pub(super) struct Shelf {
    pub(super) number: i64,
    pub(super) status: String,
    pub(super) pins: u64,
    bytes: i128,
}

impl Store {
    /// Number of pins and sum of sizes in the mirror.
    pub(crate) async fn account_totals(&self, id: &AccountId) -> Result<(u64, u64), StoreError> {
        let query = PinQuery { account: Some(id.clone()), ..PinQuery::default() };
        self.read(move |db| Ok(totals(&matching(db, &query, &[])?))).await
    }
}

/// The shelves that have pins which match, leaving out what the query searches for.
pub(super) fn matching(db: &Connection, query: &PinQuery, outdated: &[AccountId]) -> Result<Vec<Shelf>, StoreError> {
    let sql =
        "SELECT number, account, status, pins, bytes_high, bytes_low FROM pin_shelf WHERE pins > 0 ORDER BY number";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    let mut shelves = Vec::new();
    while let Some(row) = rows.next()? {
        let (account, status) = (AccountId(row.get(1)?), row.get::<_, String>(2)?);
        let is_outdated = outdated.contains(&account);
        let of_status = query.status.is_none_or(|wanted| match (is_outdated, wanted) {
            (true, PinStatus::Unknown) => true,
            (true, _) => false,
            (false, _) => status == wanted.as_str(),
        });
        if of_status && query.account.as_ref().is_none_or(|wanted| *wanted == account) {
            let (high, low): (i64, i64) = (row.get(4)?, row.get(5)?);
            let pins = row.get::<_, i64>(3)?.cast_unsigned();
            shelves.push(Shelf {
                number: row.get(0)?,
                status,
                pins,
                bytes: (i128::from(high) << 32) + i128::from(low),
            });
        }
    }
    Ok(shelves)
}

/// Pins on these shelves, and the sum of their sizes.
pub(super) fn totals(shelves: &[Shelf]) -> (u64, u64) {
    let bytes: i128 = shelves.iter().map(|shelf| shelf.bytes).sum();
    let bytes = u64::try_from(bytes.clamp(0, i128::from(u64::MAX))).unwrap_or(u64::MAX);
    (shelves.iter().map(|shelf| shelf.pins).sum(), bytes)
}

/// Finds the shelf that a pin belongs on, making it where there is none.
#[derive(Default)]
pub(super) struct Shelves(HashMap<(String, PinStatus), i64>);

impl Shelves {
    pub(super) fn of(&mut self, db: &Connection, account: &AccountId, status: PinStatus) -> Result<i64, StoreError> {
        let key = (account.0.clone(), status);
        if let Some(number) = self.0.get(&key) {
            return Ok(*number);
        }
        let sql = "SELECT number FROM pin_shelf WHERE account = ?1 AND status = ?2";
        let known = db.prepare_cached(sql)?.query_row((&account.0, status.as_str()), |row| row.get(0)).optional()?;
        let number = match known {
            Some(number) => number,
            None => {
                let sql = "INSERT INTO pin_shelf (account, status) VALUES (?1, ?2) RETURNING number";
                db.prepare_cached(sql)?.query_row((&account.0, status.as_str()), |row| row.get(0))?
            }
        };
        self.0.insert(key, number);
        Ok(number)
    }
}
