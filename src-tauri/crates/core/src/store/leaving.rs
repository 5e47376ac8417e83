//! Pins that are to go, of which there may be a million: how many of each account, which these are, and which of them have a
//! copy that stays. Only those are looked at one by one.

use rusqlite::{Connection, params_from_iter, types::Value};

use super::{
    Store, StoreError,
    chosen::{Chosen, Condition},
    codec::{content_number, unsigned},
    pins,
};
use crate::{
    ids::{AccountId, PinId, PinKey},
    pin::Pin,
};

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
    pub(crate) async fn leaving(&self, which: Chosen, few: usize) -> Result<Leaving, StoreError> {
        self.read(move |db| {
            let leaves = which.condition(db)?;
            let stays = format!("{HAS_OTHER}{leaves}))");
            let accounts = leaves.accounts(db)?;
            let sql = format!("SELECT count(*) FROM pin p WHERE {leaves} AND NOT {stays}");
            let alone = db.query_row(&sql, params_from_iter(&leaves.values), |row| row.get(0).map(unsigned))?;
            let first = |which: &str| {
                let sql = format!("SELECT account, id, row FROM pin p WHERE {leaves} {which} ORDER BY row LIMIT {few}");
                Ok::<_, StoreError>(keys(db, &sql, &leaves.values)?.0)
            };
            let (some, some_alone) = (first("")?, first(&format!("AND NOT {stays}"))?);
            Ok(Leaving { accounts, some, alone, some_alone })
        })
        .await
    }

    /// Some of those that have a copy which stays, behind a row: each with the copies that stay, and the last one's row.
    pub(crate) async fn leaving_a_copy(
        &self,
        which: Chosen,
        after: i64,
        limit: usize,
    ) -> Result<(Vec<(Pin, Vec<Pin>)>, i64), StoreError> {
        self.read(move |db| {
            let leaves = which.condition(db)?;
            let sql = format!(
                "SELECT account, id, row FROM pin p WHERE {leaves} AND row > {after} AND {HAS_OTHER}{leaves}))
                 ORDER BY row LIMIT {limit}"
            );
            let (keys, last) = keys(db, &sql, &leaves.values)?;
            let mut leaving = Vec::with_capacity(keys.len());
            for key in keys {
                if let Some(pin) = pins::one(db, &key)? {
                    let others = staying(db, &leaves, &pin)?;
                    leaving.push((pin, others));
                }
            }
            Ok((leaving, last.unwrap_or(after)))
        })
        .await
    }
}

/// The pins of a pin's content that stay.
fn staying(db: &Connection, leaves: &Condition, pin: &Pin) -> Result<Vec<Pin>, StoreError> {
    let sql = format!(
        "SELECT row FROM pin INDEXED BY pin_by_content WHERE content = ?{} AND {leaves}",
        leaves.values.len() + 1
    );
    let values = leaves.values.iter().cloned().chain([content_number(&pin.held.cid).into()]);
    let mut statement = db.prepare_cached(&sql)?;
    let going: Vec<i64> = statement.query_map(params_from_iter(values), |row| row.get(0))?.collect::<Result<_, _>>()?;
    pins::of_content_but(db, &pin.held.cid, &going)
}

fn keys(db: &Connection, sql: &str, values: &[Value]) -> Result<(Vec<PinKey>, Option<i64>), StoreError> {
    let mut statement = db.prepare(sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    let (mut keys, mut last) = (Vec::new(), None);
    while let Some(row) = rows.next()? {
        keys.push(PinKey { account: AccountId(row.get(0)?), id: PinId(row.get(1)?) });
        last = Some(row.get(2)?);
    }
    Ok((keys, last))
}
