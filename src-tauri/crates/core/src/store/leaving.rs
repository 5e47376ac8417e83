//! Pins that are to go, of which there may be a million: how many of each account, which these are, and which of them have a
//! copy that stays. Only those are looked at one by one.

use rusqlite::{Connection, params_from_iter};

use super::{
    Store, StoreError,
    codec::unsigned,
    unpinning::{Matching, filter},
};
use crate::ids::{AccountId, PinId, PinKey};

/// Pins that match a question, together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Leaving {
    /// How many of each account.
    pub(crate) accounts: Vec<(AccountId, u64)>,
    /// The first few.
    pub(crate) some: Vec<PinKey>,
    /// How many there are whose content no other pin has that stays.
    pub(crate) alone: u64,
    /// The first few of these.
    pub(crate) some_alone: Vec<PinKey>,
}

/// That another pin of the same content stays.
const HAS_OTHER: &str = "EXISTS (SELECT 1 FROM pin q WHERE q.content = p.content AND q.row <> p.row AND NOT (";

impl Store {
    /// What goes when all goes that matches; `few` of them are named.
    pub(crate) async fn leaving(&self, which: Matching, few: usize) -> Result<Leaving, StoreError> {
        self.read(move |db| {
            let (filter, values) = filter(db, &which)?;
            let stays = format!("{HAS_OTHER}{}))", condition(&filter));
            let sql = format!("SELECT account, count(*) FROM pin p {filter} GROUP BY account");
            let accounts = db
                .prepare(&sql)?
                .query_map(params_from_iter(&values), |row| Ok((AccountId(row.get(0)?), unsigned(row.get(1)?))))?
                .collect::<Result<Vec<_>, _>>()?;
            let sql = format!("SELECT count(*) FROM pin p {filter} AND NOT {stays}");
            let alone = db.query_row(&sql, params_from_iter(&values), |row| row.get(0).map(unsigned))?;
            let first = |which: &str| {
                let sql = format!("SELECT account, id, row FROM pin p {filter} {which} ORDER BY row LIMIT {few}");
                Ok::<_, StoreError>(keys(db, &sql, &values)?.0)
            };
            let (some, some_alone) = (first("")?, first(&format!("AND NOT {stays}"))?);
            Ok(Leaving { accounts, some, alone, some_alone })
        })
        .await
    }

    /// Some of those that have a copy which stays, behind a row: their keys, and the last one's row.
    pub(crate) async fn leaving_a_copy(
        &self,
        which: Matching,
        after: i64,
        limit: usize,
    ) -> Result<(Vec<PinKey>, i64), StoreError> {
        self.read(move |db| {
            let (filter, values) = filter(db, &which)?;
            let sql = format!(
                "SELECT account, id, row FROM pin p {filter} AND row > {after} AND {HAS_OTHER}{})) ORDER BY row LIMIT {limit}",
                condition(&filter)
            );
            let (keys, last) = keys(db, &sql, &values)?;
            Ok((keys, last.unwrap_or(after)))
        })
        .await
    }
}

fn condition(filter: &str) -> &str {
    filter.trim_start().trim_start_matches("WHERE ")
}

fn keys(
    db: &Connection,
    sql: &str,
    values: &[rusqlite::types::Value],
) -> Result<(Vec<PinKey>, Option<i64>), StoreError> {
    let mut statement = db.prepare(sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    let (mut keys, mut last) = (Vec::new(), None);
    while let Some(row) = rows.next()? {
        keys.push(PinKey { account: AccountId(row.get(0)?), id: PinId(row.get(1)?) });
        last = Some(row.get(2)?);
    }
    Ok((keys, last))
}
