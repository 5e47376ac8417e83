//! Removing all that match a question but for some: as rows of the queue that the database writes itself, however many.

use rusqlite::{Connection, params_from_iter, types::Value};

use super::{
    Store, StoreError,
    pins::{self, folded},
    shelves,
};
use crate::{
    clock::UnixMillis,
    ids::{AccountId, PinId, PinKey},
    pin::{Pin, PinQuery, PinStatus},
};

/// More than fit into the writer's memory, beside everything else.
const MANY: u64 = 10_000;

/// Pins that match a question, but for some.
#[derive(Clone, Debug)]
pub(crate) struct Matching {
    pub(crate) query: PinQuery,
    /// Accounts of whose pins the status is not known.
    pub(crate) outdated: Vec<AccountId>,
    pub(crate) except: Vec<PinKey>,
}

impl Matching {
    /// Whether a pin is one of them.
    pub(crate) fn has(&self, pin: &Pin) -> bool {
        let PinQuery { account, status, search, .. } = &self.query;
        let of_status = status.is_none_or(|wanted| match self.outdated.contains(&pin.account) {
            true => wanted == PinStatus::Unknown,
            false => wanted == pin.held.status,
        });
        let text = folded(search.trim());
        let has_text = || folded(&pin.name()).contains(&text) || folded(&pin.held.cid.to_string()).contains(&text);
        account.as_ref().is_none_or(|account| *account == pin.account)
            && of_status
            && has_text()
            && !self.except.contains(&pin.key())
    }
}

impl Store {
    /// Accepts removing these pins, if there are as many as `confirmed`, or no more than go without that. Gives how many there
    /// are, and whether they were accepted; what is being removed already counts with them.
    pub(crate) async fn unpin_matching(
        &self,
        which: Matching,
        confirmed: u64,
        unconfirmed: u64,
        id: String,
        now: UnixMillis,
    ) -> Result<(u64, bool), StoreError> {
        self.write(move |db| {
            let (filter, values) = filter(db, &which)?;
            let count = count(db, &filter, &values)?;
            if count > unconfirmed && count != confirmed {
                return Ok((count, false));
            }
            db.pragma_update(None, "cache_spill", count > MANY)?;
            let inserted = insert(db, &filter, values, &id, now);
            db.pragma_update(None, "cache_spill", false)?;
            inserted.map(|()| (count, true))
        })
        .await
    }

    /// Some of these pins, behind a row: their keys, and the last one's row.
    pub(crate) async fn keys_matching(
        &self,
        which: Matching,
        after: i64,
        limit: usize,
    ) -> Result<(Vec<PinKey>, i64), StoreError> {
        self.read(move |db| {
            let (filter, values) = filter(db, &which)?;
            let sql = format!("SELECT account, id, row FROM pin {filter} AND row > {after} ORDER BY row LIMIT {limit}");
            let mut statement = db.prepare(&sql)?;
            let mut rows = statement.query(params_from_iter(values))?;
            let (mut keys, mut last) = (Vec::new(), after);
            while let Some(row) = rows.next()? {
                keys.push(PinKey { account: AccountId(row.get(0)?), id: PinId(row.get(1)?) });
                last = row.get(2)?;
            }
            Ok((keys, last))
        })
        .await
    }
}

fn filter(db: &Connection, which: &Matching) -> Result<(String, Vec<Value>), StoreError> {
    let shelves = shelves::matching(db, &which.query, &which.outdated)?;
    let (filter, values) = pins::filter(&which.query, &shelves);
    let mut row =
        db.prepare_cached("SELECT row FROM pin WHERE account = ?1 AND number = pin_number(?2) AND id = ?2")?;
    let mut except = Vec::new();
    for key in &which.except {
        let rows = row.query_map((&key.account.0, &key.id.0), |row| row.get::<_, i64>(0))?;
        for row in rows {
            except.push(row?.to_string());
        }
    }
    Ok((format!("{filter} AND row NOT IN ({})", except.join(", ")), values))
}

fn count(db: &Connection, filter: &str, values: &[Value]) -> Result<u64, StoreError> {
    let sql = format!("SELECT count(*) FROM pin {filter}");
    let count: i64 = db.query_row(&sql, params_from_iter(values), |row| row.get(0))?;
    Ok(count.cast_unsigned())
}

fn insert(db: &Connection, filter: &str, mut values: Vec<Value>, id: &str, now: UnixMillis) -> Result<(), StoreError> {
    let (at_id, at_now) = (values.len() + 1, values.len() + 2);
    values.extend([Value::from(id.to_owned()), Value::from(now.0)]);
    let sql = format!(
        "INSERT INTO transfer (id, account, work, name, metadata, state, bytes, attempts, pin, created_at, updated_at, lane)
         SELECT ?{at_id} || '-' || row, account, 'unpin', coalesce(nullif(name, ''), cid), '{{}}', 'queued', 0, 0, id,
             ?{at_now}, ?{at_now}, 1
         FROM pin {filter} AND NOT EXISTS (SELECT 1 FROM transfer t WHERE t.account = pin.account AND t.pin = pin.id
             AND t.work = 'unpin' AND t.state IN ('queued', 'running', 'waiting'))
         ORDER BY row"
    );
    db.execute(&sql, params_from_iter(values))?;
    Ok(())
}
