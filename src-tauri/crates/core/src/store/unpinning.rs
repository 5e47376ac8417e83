//! Removing pins together, in one transaction and so that it can be undone before it begins. What matches a question but for
//! some becomes rows of the queue that the database writes itself, however many.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params_from_iter, types::Value};

use super::{
    Store, StoreError,
    chosen::{Chosen, Condition},
    codec::unsigned,
    transfers::{self, batches},
};
use crate::{
    clock::UnixMillis,
    ids::{BatchId, TransferId, UnpinningId},
    queue::{Lane, pause::TO_UNDO},
    transfer::{NewBatch, Origin, Transfer, TransferCounts, Undone, Unpinning},
};

/// More than fit into the writer's memory, beside everything else.
const MANY: u64 = 10_000;

/// What a slow computer needs to write one of many.
const LONGEST_WRITE: Duration = Duration::from_micros(100);

/// The transfers of an unpinning.
const OF_UNPINNING: &str = "transfer.sequence BETWEEN unpinning.first AND unpinning.last AND transfer.work = 'unpin'
    AND transfer.created_at = unpinning.created_at";

/// Pins that are to be removed together, before they are written.
#[derive(Clone, Debug)]
pub(crate) struct NewUnpinning {
    pub(crate) id: UnpinningId,
    pub(crate) now: UnixMillis,
    /// When they begin; at once where that is `now`.
    pub(crate) begins: UnixMillis,
}

impl NewUnpinning {
    /// The same for so many pins: nobody can undo before all are written, and that time is given on top.
    pub(crate) fn of_so_many(self, pins: u64) -> Self {
        let pins = u32::try_from(pins.saturating_sub(MANY)).unwrap_or(u32::MAX);
        let begins = if self.begins > self.now { self.begins.plus(LONGEST_WRITE * pins) } else { self.begins };
        Self { begins, ..self }
    }
}

/// What a bulk unpin came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bulk {
    /// So many go; those that were on their way already count with them.
    Accepted(u64),
    /// So many would go, and another number was confirmed.
    NotConfirmed(u64),
}

impl Store {
    /// Accepts removing these pins together. What removes one already is the same transfer. Gives their ids, in their order.
    pub(crate) async fn unpin(
        &self,
        new: NewUnpinning,
        batch: NewBatch,
        pins: Vec<Transfer>,
    ) -> Result<Vec<TransferId>, StoreError> {
        self.write(move |db| {
            let ids = batches::accept_all(db, &batch, &pins)?;
            let accepted = pins.iter().zip(&ids).filter(|(pin, id)| pin.id == **id).count() as i64;
            if accepted > 0 {
                note(db, &new, db.last_insert_rowid() - accepted + 1, accepted)?;
            }
            Ok(ids)
        })
        .await
    }

    /// Accepts removing these pins together, if there are as many as `confirmed`, or no more than go without that.
    pub(crate) async fn unpin_matching(
        &self,
        which: Chosen,
        confirmed: u64,
        unconfirmed: u64,
        new: NewUnpinning,
    ) -> Result<Bulk, StoreError> {
        self.write(move |db| {
            let condition = which.condition(db)?;
            let count = condition.count(db)?;
            if count > unconfirmed && count != confirmed {
                return Ok(Bulk::NotConfirmed(count));
            }
            db.pragma_update(None, "cache_spill", count > MANY)?;
            let inserted = insert_as_batch(db, condition, count, &new.of_so_many(count));
            db.pragma_update(None, "cache_spill", false)?;
            inserted.map(|()| Bulk::Accepted(count))
        })
        .await
    }

    /// What can be undone as long as it has not begun, the latest last.
    pub(crate) async fn unpinnings(&self, now: UnixMillis) -> Result<Vec<Unpinning>, StoreError> {
        self.read(move |db| {
            let sql = format!(
                "SELECT id, pins, until FROM unpinning WHERE until > ?1
                 AND EXISTS (SELECT 1 FROM transfer WHERE {OF_UNPINNING} AND state = 'waiting') ORDER BY created_at"
            );
            let mut statement = db.prepare_cached(&sql)?;
            let rows = statement.query_map([now.0], |row| {
                Ok(Unpinning {
                    id: UnpinningId(row.get(0)?),
                    pins: unsigned(row.get(1)?),
                    begins_in: UnixMillis(row.get(2)?).since(now),
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// How many of those that are removed together are in which state.
    pub(crate) async fn unpinning_counts(&self, id: &UnpinningId) -> Result<TransferCounts, StoreError> {
        let id = id.clone();
        self.read(move |db| {
            let sql = format!("SELECT state, count(*) FROM unpinning JOIN transfer ON {OF_UNPINNING} WHERE unpinning.id = ?1 GROUP BY state");
            transfers::counts(db.prepare_cached(&sql)?.query([&id.0])?)
        })
        .await
    }

    /// Forgets, of those that are removed together, all that have not begun.
    pub(crate) async fn undo_unpin(&self, id: &UnpinningId) -> Result<Option<Undone>, StoreError> {
        let id = id.clone();
        self.write(move |db| {
            let sql = "DELETE FROM unpinning WHERE id = ?1 RETURNING first, last, pins, created_at";
            let gone = db.query_row(sql, [&id.0], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?, row.get::<_, i64>(3)?))
            });
            let Some((first, last, pins, created_at)) = gone.optional()? else { return Ok(None) };
            db.pragma_update(None, "cache_spill", unsigned(pins) > MANY)?;
            let sql = "DELETE FROM transfer WHERE sequence BETWEEN ?1 AND ?2 AND work = 'unpin' AND created_at = ?3
                       AND attempts = 0 AND state IN ('waiting', 'queued', 'paused')";
            let undone = db.execute(sql, (first, last, created_at));
            db.pragma_update(None, "cache_spill", false)?;
            let undone = undone? as u64;
            Ok(Some(Undone { pins: undone, begun: unsigned(pins).saturating_sub(undone) }))
        })
        .await
    }
}

fn insert_as_batch(db: &Connection, condition: Condition, count: u64, new: &NewUnpinning) -> Result<(), StoreError> {
    let name = format!("SELECT coalesce(nullif(name, ''), cid) FROM pin WHERE {condition} ORDER BY row LIMIT 1");
    let name = db.query_row(&name, params_from_iter(&condition.values), |row| row.get(0)).optional()?;
    let Some(name) = name else { return Ok(()) };
    let batch = NewBatch { origin: Origin::Unpinned, name, items: count, folder: None };
    let batch = batches::begin(db, &batch, Lane::Bulk, new.now)?;
    insert(db, condition, new, batch)?;
    db.execute("DELETE FROM batch WHERE number = ?1 AND transfers = 0", [batch.0])?;
    Ok(())
}

fn insert(db: &Connection, condition: Condition, new: &NewUnpinning, batch: BatchId) -> Result<(), StoreError> {
    let which = condition.to_string();
    let mut values = condition.values;
    let (at, batch) = (values.len(), batch.0);
    let (state, until) = match new.begins > new.now {
        true => ("waiting", Value::from(new.begins.0)),
        false => ("queued", Value::Null),
    };
    values.extend([Value::from(new.id.0.clone()), new.now.0.into(), state.to_owned().into(), until]);
    let (id, now, state, until) = (at + 1, at + 2, at + 3, at + 4);
    let sql = format!(
        "INSERT INTO transfer
             (id, account, work, name, metadata, state, until, bytes, attempts, pin, created_at, updated_at, lane, batch)
         SELECT ?{id} || '-' || row, account, 'unpin', coalesce(nullif(name, ''), cid), '{{}}', ?{state}, ?{until}, 0, 0, id,
             ?{now}, ?{now}, 1, {batch}
         FROM pin WHERE {which} AND NOT EXISTS (SELECT 1 FROM transfer t WHERE t.account = pin.account AND t.pin = pin.id
             AND t.work = 'unpin' AND t.state IN ('queued', 'running', 'waiting', 'paused'))
         ORDER BY row"
    );
    let inserted = db.execute(&sql, params_from_iter(values))? as i64;
    if inserted > 0 {
        note(db, new, db.last_insert_rowid() - inserted + 1, inserted)?;
    }
    Ok(())
}

/// What is written together has consecutive numbers.
fn note(db: &Connection, new: &NewUnpinning, first: i64, pins: i64) -> Result<(), StoreError> {
    let values = (&new.id.0, first, first + pins - 1, pins, new.now.0, new.begins.0);
    db.execute("INSERT INTO unpinning VALUES (?1, ?2, ?3, ?4, ?5, ?6)", values)?;
    Ok(())
}

/// The clock may have been set since the last engine of this home: nothing waits to be undone for longer than that.
pub(super) fn wait_no_longer(db: &Connection, now: UnixMillis) -> Result<(), StoreError> {
    let longest = now.plus(TO_UNDO).0;
    let sql = "UPDATE transfer SET until = ?1 WHERE state = 'waiting' AND until > ?1 AND code IS NULL";
    db.execute(sql, [longest])?;
    db.execute("UPDATE unpinning SET until = ?1 WHERE until > ?1", [longest])?;
    db.execute("DELETE FROM unpinning WHERE until <= ?1", [now.0])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_can_be_undone_for_as_long_as_a_few_however_long_they_take_to_be_written() {
        let now = UnixMillis(1_000);
        let new = |begins| NewUnpinning { id: UnpinningId("one".into()), now, begins };
        let begins = |grace: Duration, pins| new(now.plus(grace)).of_so_many(pins).begins.since(now);
        assert_eq!(begins(TO_UNDO, 4_000), TO_UNDO);
        assert_eq!(begins(TO_UNDO, 1_010_000), TO_UNDO + Duration::from_secs(100));
        assert_eq!(begins(Duration::ZERO, 1_010_000), Duration::ZERO, "who does not want to undo does not wait");
    }
}
