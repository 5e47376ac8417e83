//! Transfers in the database. Every change of state is durable before anybody is told of it.
//!
//! What is accepted together is in `batches`; what is next in `queue`, how a try ended in `outcome`, what becomes of pins that were asked for in
//! `asked`, how far one by way of a node has come in `relay`, what a person sees in `list` and does with many in
//! `control`, what is kept of those that have ended in `history`.

pub(super) mod asked;
pub(super) mod batches;
mod control;
mod history;
mod list;
mod outcome;
mod queue;
mod relay;
mod row;

use rusqlite::{Connection, OptionalExtension, types::Value};

use super::{Store, StoreError, unpinning};
use crate::{
    clock::UnixMillis,
    ids::{AccountId, TransferId},
    queue::pause::LONGEST_REST,
    transfer::{Transfer, Work},
};
use row::{COLUMNS, columns_of, transfer};

pub(crate) use history::Pruned;
pub(super) use list::counts;
pub(crate) use outcome::{EndOfTry, Finish};
pub(crate) use queue::Wanted;

/// Each shelf's newest pin is the last one of its index: no upload looks through an account.
const UNANSWERED: &str = "UPDATE transfer SET unanswered_since = ?2, newest_then = (
    SELECT nullif(max((SELECT max(pinned_at_or_none) FROM pin WHERE pin.shelf = pin_shelf.number)), -1)
    FROM pin_shelf WHERE pin_shelf.account = transfer.account) WHERE id = ?1";

impl Store {
    pub(crate) async fn transfer(&self, id: &TransferId) -> Result<Option<Transfer>, StoreError> {
        let id = id.clone();
        self.read(move |db| {
            let sql = format!("SELECT {COLUMNS} FROM transfer WHERE id = ?1");
            db.prepare_cached(&sql)?.query_row([&id.0], |row| Ok(transfer(row))).optional()?.transpose()
        })
        .await
    }

    /// Begins a try. `false` when the transfer is no longer one that may run. After a power cut it may be as if it had not begun;
    /// what is sent is written down before.
    pub(crate) async fn begin(&self, id: &TransferId, now: UnixMillis) -> Result<bool, StoreError> {
        let id = id.clone();
        self.write_passing(move |db| {
            let sql = "UPDATE transfer SET state = 'running', attempts = attempts + 1, updated_at = ?2
                       WHERE id = ?1 AND state IN ('queued', 'waiting')";
            Ok(db.execute(sql, (&id.0, now.0))? == 1)
        })
        .await
    }

    /// Notes that a request goes out whose answer may get lost, or (`None`) that its answer came.
    pub(crate) async fn set_unanswered(&self, id: &TransferId, since: Option<UnixMillis>) -> Result<(), StoreError> {
        let id = id.clone();
        self.write(move |db| {
            match since {
                Some(since) => db.prepare_cached(UNANSWERED)?.execute((&id.0, since.0))?,
                None => {
                    db.prepare_cached("UPDATE transfer SET unanswered_since = NULL WHERE id = ?1")?.execute([&id.0])?
                }
            };
            Ok(())
        })
        .await
    }

    /// When the newest pin that was known at its account was pinned, by the service's clock, as that request went out.
    pub(crate) async fn newest_then(&self, id: &TransferId) -> Result<Option<UnixMillis>, StoreError> {
        let id = id.clone();
        self.read(move |db| {
            let sql = "SELECT newest_then FROM transfer WHERE id = ?1";
            let newest = db.prepare_cached(sql)?.query_row([&id.0], |row| row.get::<_, Option<i64>>(0)).optional()?;
            Ok(newest.flatten().map(UnixMillis))
        })
        .await
    }

    /// Notes how much there is to send, which is found out with every try.
    pub(crate) async fn set_transfer_bytes(&self, id: &TransferId, bytes: u64) -> Result<(), StoreError> {
        let id = id.clone();
        self.write_passing(move |db| {
            db.execute("UPDATE transfer SET bytes = ?2 WHERE id = ?1", (&id.0, row::size(bytes)))?;
            Ok(())
        })
        .await
    }

    /// Puts a failed, waiting or cancelled transfer back in the queue. `false` when it is none of these.
    pub(crate) async fn requeue(&self, id: &TransferId, now: UnixMillis) -> Result<bool, StoreError> {
        let id = id.clone();
        self.write(move |db| {
            let sql = "UPDATE transfer SET state = 'queued', until = NULL, code = NULL, failure = NULL, details = NULL,
                       attempts = 0, failures = 0, sent_in_vain = 0, updated_at = ?2
                       WHERE id = ?1 AND state IN ('failed', 'waiting', 'cancelled')";
            Ok(db.execute(sql, (&id.0, now.0))? == 1)
        })
        .await
    }

    /// Cancels a transfer that is not running. `false` when it is, or has ended.
    pub(crate) async fn cancel_waiting(&self, id: &TransferId, now: UnixMillis) -> Result<bool, StoreError> {
        let id = id.clone();
        self.write(move |db| {
            let sql = "UPDATE transfer SET state = 'cancelled', until = NULL, updated_at = ?2
                       WHERE id = ?1 AND state IN ('queued', 'waiting', 'paused', 'asked', 'failed')";
            Ok(db.execute(sql, (&id.0, now.0))? == 1)
        })
        .await
    }

    /// Puts back what failed because the account's credentials were wrong or missing.
    pub(crate) async fn requeue_unauthorized(&self, account: &AccountId, now: UnixMillis) -> Result<(), StoreError> {
        let account = account.clone();
        self.write(move |db| {
            let sql = "UPDATE transfer SET state = 'queued', code = NULL, failure = NULL, details = NULL, attempts = 0,
                       failures = 0, sent_in_vain = 0, updated_at = ?2 WHERE account = ?1 AND state = 'failed'
                         AND code IN ('unauthorized', 'no_secret')";
            db.execute(sql, (&account.0, now.0))?;
            Ok(())
        })
        .await
    }

    /// Puts back uploads that failed because their account takes no files, or because the node on their way did not accept its
    /// credentials: there may be a way now.
    pub(crate) async fn requeue_unsupported_uploads(&self, now: UnixMillis) -> Result<(), StoreError> {
        self.write(move |db| {
            let sql = "UPDATE transfer SET state = 'queued', code = NULL, failure = NULL, details = NULL, attempts = 0,
                       failures = 0, sent_in_vain = 0, updated_at = ?1 WHERE work = 'upload' AND state = 'failed' AND (code = 'unsupported'
                         OR code IN ('unauthorized', 'no_secret') AND account IN (SELECT id FROM account WHERE kind = 'psa'))";
            db.execute(sql, [now.0])?;
            Ok(())
        })
        .await
    }

    /// Puts back what nobody wanted to wait for any longer, while the service may have gone on: see
    /// [`Transfer::may_go_on_at_service`].
    pub(crate) async fn requeue_asked_for(&self) -> Result<(), StoreError> {
        self.write(|db| {
            // Its tries count on: only who tries again asks the service anew for what has failed meanwhile.
            let sql = "UPDATE transfer SET state = 'queued', code = NULL, failure = NULL, details = NULL, failures = 0
                       WHERE state = 'failed' AND work = 'upload' AND pin IS NOT NULL
                         AND code NOT IN ('pin_failed', 'cid_mismatch')";
            db.execute(sql, [])?;
            Ok(())
        })
        .await
    }

    /// Puts back what ran when the last engine of this home ended; that try does not count.
    pub(crate) async fn requeue_interrupted(&self, now: UnixMillis) -> Result<(), StoreError> {
        self.write(move |db| {
            let sql = "UPDATE transfer SET state = 'queued', attempts = max(attempts - 1, 0) WHERE state = 'running'";
            db.execute(sql, [])?;
            // Whether their account's gate is closed is found out anew.
            db.execute("UPDATE transfer SET state = 'queued' WHERE state = 'waiting' AND until IS NULL", [])?;
            // The clock may have been set meanwhile, and nothing waits for longer than that.
            let longest = now.plus(LONGEST_REST).0;
            db.execute("UPDATE transfer SET until = ?1 WHERE state = 'waiting' AND until > ?1", [longest])?;
            unpinning::wait_no_longer(db, now)?;
            // Whatever the mirror lost: what nobody follows is looked for.
            let sql = "UPDATE transfer SET state = 'queued' WHERE state = 'asked' AND NOT EXISTS (SELECT 1 FROM pin
                WHERE pin.account = transfer.account AND pin.number = pin_number(transfer.pin) AND pin.id = transfer.pin
                  AND +pin.asked IS NOT NULL)";
            db.execute(sql, [])?;
            Ok(())
        })
        .await
    }
}

/// The transfer that already does such work or will. A file whose bytes a service has is read again: it may be another one by
/// now.
fn under_way(db: &Connection, account: &AccountId, work: &Work) -> Result<Option<TransferId>, StoreError> {
    let (source, pin, cid) = columns_of(work);
    let (column, value) = match work {
        Work::Upload { .. } => {
            ("source = ?3 AND state IN ('queued', 'running', 'waiting', 'paused')", Value::from(source))
        }
        Work::Pin { .. } => {
            ("cid = ?3 AND state IN ('queued', 'running', 'waiting', 'paused', 'asked')", Value::from(cid))
        }
        Work::Unpin { .. } => ("pin = ?3 AND state IN ('queued', 'running', 'waiting', 'paused')", Value::from(pin)),
    };
    let sql = format!("SELECT id FROM transfer WHERE account = ?1 AND work = ?2 AND {column} LIMIT 1");
    let values = (&account.0, work.as_str(), value);
    Ok(db.prepare_cached(&sql)?.query_row(values, |row| row.get(0).map(TransferId)).optional()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_newest_pin_of_an_account_is_read_from_an_index_and_not_looked_for() {
        let store = Store::in_memory().await;
        let plan = store.read(|db| {
            let mut plan = db.prepare(&format!("EXPLAIN QUERY PLAN {UNANSWERED}"))?;
            Ok(plan.query_map(("a", 1), |row| row.get::<_, String>(3))?.collect::<Result<Vec<_>, _>>()?)
        });
        let plan = plan.await.unwrap();
        let of_pins: Vec<_> = plan.iter().filter(|step| step.ends_with(')') && step.contains(" pin ")).collect();
        assert!(!of_pins.is_empty(), "{plan:#?}");
        assert!(of_pins.iter().all(|step| step.contains("pin_by_shelf_and_pinned_at (shelf=?)")), "{plan:#?}");
    }
}
