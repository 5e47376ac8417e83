//! Transfers in the database. Every change of state is durable before anybody is told of it.
//!
//! The queue is in here; how a try ended is in `outcome`, what becomes of pins that were asked for in `asked`, and how far one
//! by way of a node has come in `relay`.

pub(super) mod asked;
mod outcome;
mod relay;
mod row;

use rusqlite::OptionalExtension;

use super::{
    Store,
    codec::{signed, unsigned},
};
use crate::{
    account::AccountId,
    clock::UnixMillis,
    error::Error,
    folder::FolderId,
    transfer::{Transfer, TransferId, TransferState, Work},
};
use row::{COLUMNS, columns_of, insert, select, transfer};

pub(crate) use outcome::Finish;

/// Transfers by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TransferCounts {
    /// Accepted.
    pub queued: u64,
    /// Under way.
    pub running: u64,
    /// To be tried again.
    pub waiting: u64,
    /// With a service that works on it.
    pub asked: u64,
    /// Given up.
    pub failed: u64,
    /// Done.
    pub done: u64,
}
impl Store {
    /// Writes new transfers; only then are they accepted.
    pub(crate) async fn accept(&self, transfers: Vec<Transfer>) -> Result<(), Error> {
        self.write(move |db| transfers.iter().try_for_each(|transfer| insert(db, transfer))).await
    }

    pub(crate) async fn transfer(&self, id: &TransferId) -> Result<Option<Transfer>, Error> {
        let id = id.clone();
        self.read(move |db| {
            let sql = format!("SELECT {COLUMNS} FROM transfer WHERE id = ?1");
            db.prepare_cached(&sql)?.query_row([&id.0], |row| Ok(transfer(row))).optional()?.transpose()
        })
        .await
    }

    /// The newest transfers, those that are not final first.
    pub(crate) async fn transfers(&self, limit: u32) -> Result<Vec<Transfer>, Error> {
        self.read(move |db| {
            let sql = format!(
                "SELECT {COLUMNS} FROM transfer
                 ORDER BY state IN ('running', 'waiting', 'queued', 'asked') DESC, sequence DESC LIMIT {limit}"
            );
            select(db, &sql)
        })
        .await
    }

    pub(crate) async fn transfer_counts(&self) -> Result<TransferCounts, Error> {
        self.read(|db| {
            let mut counts = TransferCounts::default();
            let mut statement = db.prepare_cached("SELECT state, count(*) FROM transfer GROUP BY state")?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let count = unsigned(row.get(1)?);
                match row.get::<_, String>(0)?.as_str() {
                    "queued" => counts.queued = count,
                    "running" => counts.running = count,
                    "waiting" => counts.waiting = count,
                    "asked" => counts.asked = count,
                    "failed" => counts.failed = count,
                    "done" => counts.done = count,
                    _ => {}
                }
            }
            Ok(counts)
        })
        .await
    }

    /// What is to be done, oldest first, of accounts that are not in `busy`: what is queued and what waited long enough.
    pub(crate) async fn due_transfers(
        &self,
        now: UnixMillis,
        busy: Vec<AccountId>,
        limit: u32,
    ) -> Result<Vec<Transfer>, Error> {
        self.read(move |db| {
            let sql = format!(
                "SELECT {COLUMNS} FROM transfer
                 WHERE (state = 'queued' OR state = 'waiting' AND until <= ?1)
                   AND account NOT IN (SELECT value FROM json_each(?2)) ORDER BY sequence LIMIT {limit}"
            );
            let mut statement = db.prepare_cached(&sql)?;
            let rows = statement.query_map((now.0, json_of(busy)), |row| Ok(transfer(row)))?;
            rows.map(|row| row?).collect()
        })
        .await
    }

    /// When the next waiting transfer is due, of accounts that are not in `busy`.
    pub(crate) async fn next_due(&self, busy: Vec<AccountId>) -> Result<Option<UnixMillis>, Error> {
        self.read(move |db| {
            let sql = "SELECT min(until) FROM transfer
                       WHERE state = 'waiting' AND account NOT IN (SELECT value FROM json_each(?1))";
            Ok(db.query_row(sql, [json_of(busy)], |row| row.get::<_, Option<i64>>(0))?.map(UnixMillis))
        })
        .await
    }

    /// Begins a try. `false` when the transfer is no longer one that may run.
    pub(crate) async fn begin(&self, id: &TransferId, now: UnixMillis) -> Result<bool, Error> {
        let id = id.clone();
        self.write(move |db| {
            let sql = "UPDATE transfer SET state = 'running', attempts = attempts + 1, updated_at = ?2
                       WHERE id = ?1 AND state IN ('queued', 'waiting')";
            Ok(db.execute(sql, (&id.0, now.0))? == 1)
        })
        .await
    }

    /// Notes that a request goes out whose answer may get lost, or (`None`) that its answer came.
    pub(crate) async fn set_unanswered(&self, id: &TransferId, since: Option<UnixMillis>) -> Result<(), Error> {
        let id = id.clone();
        self.write(move |db| {
            db.execute("UPDATE transfer SET unanswered_since = ?2 WHERE id = ?1", (&id.0, since.map(|at| at.0)))?;
            Ok(())
        })
        .await
    }

    pub(crate) async fn set_transfer_bytes(&self, id: &TransferId, bytes: u64) -> Result<(), Error> {
        let id = id.clone();
        self.write(move |db| {
            db.execute("UPDATE transfer SET bytes = ?2 WHERE id = ?1", (&id.0, signed(bytes)))?;
            Ok(())
        })
        .await
    }

    /// Writes a state that is neither running nor done and the failures until then, unless the transfer has ended meanwhile.
    pub(crate) async fn set_transfer_state(
        &self,
        id: &TransferId,
        state: TransferState,
        failures: u32,
        now: UnixMillis,
    ) -> Result<bool, Error> {
        let id = id.clone();
        self.write(move |db| {
            let until = match &state {
                TransferState::Waiting { until, .. } => Some(until.0),
                _ => None,
            };
            let failure = state.failure();
            let sql =
                "UPDATE transfer SET state = ?2, until = ?3, code = ?4, failure = ?5, details = ?6, updated_at = ?7,
                       failures = ?8 WHERE id = ?1 AND state NOT IN ('done', 'cancelled')";
            let values = (
                &id.0,
                state.as_str(),
                until,
                failure.map(|failure| failure.code.as_str()),
                failure.map(|failure| &failure.message),
                failure.and_then(|failure| failure.details.as_ref()),
                now.0,
                failures,
            );
            Ok(db.execute(sql, values)? == 1)
        })
        .await
    }

    /// Puts a failed, waiting or cancelled transfer back in the queue. `false` when it is none of these.
    pub(crate) async fn requeue(&self, id: &TransferId, now: UnixMillis) -> Result<bool, Error> {
        let id = id.clone();
        self.write(move |db| {
            let sql = "UPDATE transfer SET state = 'queued', until = NULL, code = NULL, failure = NULL, details = NULL,
                       attempts = 0, failures = 0, updated_at = ?2
                       WHERE id = ?1 AND state IN ('failed', 'waiting', 'cancelled')";
            Ok(db.execute(sql, (&id.0, now.0))? == 1)
        })
        .await
    }

    /// Stops everything that has not begun of a folder or, where none is given, of an account. Gives what is running.
    pub(crate) async fn cancel_all(
        &self,
        account: &AccountId,
        folder: Option<&FolderId>,
        now: UnixMillis,
    ) -> Result<Vec<TransferId>, Error> {
        let (account, folder) = (account.clone(), folder.map(|folder| folder.0.clone()));
        self.write(move |db| {
            let sql = "UPDATE transfer SET state = 'cancelled', until = NULL, updated_at = ?3
                       WHERE account = ?1 AND (?2 IS NULL OR folder = ?2) AND state IN ('queued', 'waiting', 'asked')";
            db.execute(sql, (&account.0, &folder, now.0))?;
            let sql =
                "SELECT id FROM transfer WHERE account = ?1 AND (?2 IS NULL OR folder = ?2) AND state = 'running'";
            let mut statement = db.prepare_cached(sql)?;
            let rows = statement.query_map((&account.0, &folder), |row| row.get(0).map(TransferId))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Cancels a transfer that is not running. `false` when it is, or has ended.
    pub(crate) async fn cancel_waiting(&self, id: &TransferId, now: UnixMillis) -> Result<bool, Error> {
        let id = id.clone();
        self.write(move |db| {
            let sql = "UPDATE transfer SET state = 'cancelled', until = NULL, updated_at = ?2
                       WHERE id = ?1 AND state IN ('queued', 'waiting', 'asked', 'failed')";
            Ok(db.execute(sql, (&id.0, now.0))? == 1)
        })
        .await
    }

    /// Puts back what failed because the account's credentials were wrong or missing.
    pub(crate) async fn requeue_unauthorized(&self, account: &AccountId, now: UnixMillis) -> Result<(), Error> {
        let account = account.clone();
        self.write(move |db| {
            let sql = "UPDATE transfer SET state = 'queued', code = NULL, failure = NULL, details = NULL, attempts = 0,
                       failures = 0, updated_at = ?2 WHERE account = ?1 AND state = 'failed'
                         AND code IN ('unauthorized', 'no_secret')";
            db.execute(sql, (&account.0, now.0))?;
            Ok(())
        })
        .await
    }

    /// Puts back uploads that failed because their account takes no files, or because the node on their way did not accept its
    /// credentials: there may be a way now.
    pub(crate) async fn requeue_unsupported_uploads(&self, now: UnixMillis) -> Result<(), Error> {
        self.write(move |db| {
            let sql = "UPDATE transfer SET state = 'queued', code = NULL, failure = NULL, details = NULL, attempts = 0,
                       failures = 0, updated_at = ?1 WHERE work = 'upload' AND state = 'failed' AND (code = 'unsupported'
                         OR code IN ('unauthorized', 'no_secret') AND account IN (SELECT id FROM account WHERE kind = 'psa'))";
            db.execute(sql, [now.0])?;
            Ok(())
        })
        .await
    }

    /// Puts back what nobody wanted to wait for any longer, while the service may have gone on: see
    /// [`Transfer::may_go_on_at_service`].
    pub(crate) async fn requeue_asked_for(&self) -> Result<(), Error> {
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
    pub(crate) async fn requeue_interrupted(&self) -> Result<(), Error> {
        self.write(|db| {
            let sql = "UPDATE transfer SET state = 'queued', attempts = max(attempts - 1, 0) WHERE state = 'running'";
            db.execute(sql, [])?;
            // Whatever the mirror lost: what nobody follows is looked for.
            let sql = "UPDATE transfer SET state = 'queued' WHERE state = 'asked' AND NOT EXISTS (SELECT 1 FROM pin
                WHERE pin.account = transfer.account AND pin.number = pin_number(transfer.pin) AND pin.id = transfer.pin
                  AND +pin.asked IS NOT NULL)";
            db.execute(sql, [])?;
            Ok(())
        })
        .await
    }

    /// Forgets transfers that are done or cancelled, but not that a watched file was not to be pinned.
    pub(crate) async fn clear_finished(&self) -> Result<(), Error> {
        self.write(|db| {
            db.execute("DELETE FROM transfer WHERE state = 'done' OR state = 'cancelled' AND folder IS NULL", [])?;
            Ok(())
        })
        .await
    }

    /// The transfer that already does such work or will, so that asking twice does it once. A file whose bytes a service has
    /// is read again: it may be another one by now.
    pub(crate) async fn under_way(&self, account: &AccountId, work: &Work) -> Result<Option<TransferId>, Error> {
        let (account, word) = (account.clone(), work.as_str());
        let (source, pin, cid) = columns_of(work);
        self.read(move |db| {
            let sql = "SELECT id FROM transfer WHERE account = ?1 AND work = ?2 AND source IS ?3 AND (?4 IS NULL OR pin IS ?4)
                       AND (?5 IS NULL OR cid IS ?5) AND (state IN ('queued', 'running', 'waiting') OR state = 'asked' AND work = 'pin') LIMIT 1";
            let values = (&account.0, word, source, pin, cid);
            Ok(db.query_row(sql, values, |row| row.get(0).map(TransferId)).optional()?)
        })
        .await
    }
}

fn json_of(accounts: Vec<AccountId>) -> String {
    serde_json::to_string(&accounts).unwrap_or_else(|_| "[]".into())
}
