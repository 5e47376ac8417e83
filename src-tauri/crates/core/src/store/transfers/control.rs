//! What a person does with transfers: one, those of a batch, all that match.

use rusqlite::{Connection, params_from_iter, types::Value};

use super::{history, row::lane_number};
use crate::{
    clock::UnixMillis,
    ids::{AccountId, TransferId},
    queue::Lane,
    store::{Store, StoreError, codec::unsigned},
    transfer::TransferSet,
};

/// States of what has not begun.
const NOT_BEGUN: &str = "'queued', 'waiting'";

impl Store {
    /// How many transfers of an account have not begun, whatever they wait for.
    pub(crate) async fn not_begun(&self, account: &AccountId) -> Result<u64, StoreError> {
        let account = account.clone();
        self.read(move |db| {
            let sql = "SELECT (SELECT count(*) FROM transfer WHERE state = 'queued' AND account = ?1)
                            + (SELECT count(*) FROM transfer WHERE state = 'waiting' AND account = ?1)";
            Ok(unsigned(db.prepare_cached(sql)?.query_row([&account.0], |row| row.get(0))?))
        })
        .await
    }

    /// Pauses what has not ended. Says how many these are, and which of them run: those are to be stopped, and are paused already.
    pub(crate) async fn pause_these(
        &self,
        which: &TransferSet,
        now: UnixMillis,
    ) -> Result<(usize, Vec<TransferId>), StoreError> {
        let which = of(which);
        self.write(move |db| {
            let running = which.ids(db, "running")?;
            let set = "state = 'paused', until = NULL, code = NULL, failure = NULL, details = NULL";
            let paused = which.update(db, set, &format!("{NOT_BEGUN}, 'running'"), now)?;
            Ok((paused, running))
        })
        .await
    }

    /// A run that was told to pause has ended.
    pub(crate) async fn has_paused(&self, id: &TransferId, now: UnixMillis) -> Result<(), StoreError> {
        let id = id.clone();
        self.write(move |db| {
            let sql = "UPDATE transfer SET state = 'paused', until = NULL, code = NULL, failure = NULL, details = NULL,
                       updated_at = ?2 WHERE id = ?1 AND state IN ('running', 'waiting')";
            db.prepare_cached(sql)?.execute((&id.0, now.0))?;
            Ok(())
        })
        .await
    }

    /// Lets go on what was paused by itself. Says how many.
    pub(crate) async fn resume_these(&self, which: &TransferSet, now: UnixMillis) -> Result<usize, StoreError> {
        let which = of(which);
        self.write(move |db| which.update(db, "state = 'queued'", "'paused'", now)).await
    }

    /// Stops everything that has not begun. Says how much that was, and what is running.
    pub(crate) async fn cancel_these(
        &self,
        which: &TransferSet,
        now: UnixMillis,
    ) -> Result<(usize, Vec<TransferId>), StoreError> {
        let which = of(which);
        self.write(move |db| {
            let set = "state = 'cancelled', until = NULL";
            let cancelled = which.update(db, set, &format!("{NOT_BEGUN}, 'paused', 'asked'"), now)?;
            Ok((cancelled, which.ids(db, "running")?))
        })
        .await
    }

    /// What has failed.
    pub(crate) async fn failed(&self, which: &TransferSet) -> Result<Vec<TransferId>, StoreError> {
        let which = of(which);
        self.read(move |db| which.ids(db, "failed")).await
    }

    /// Puts back in the queue what has failed; `lane` says which one so many may go in at the fastest. Gives how many these are, and
    /// whose.
    pub(crate) async fn requeue_failed(
        &self,
        which: &TransferSet,
        now: UnixMillis,
        lane: fn(usize) -> Lane,
    ) -> Result<(usize, Vec<AccountId>), StoreError> {
        let which = of(which);
        self.write(move |db| {
            let sql = format!(
                "SELECT account, count(*) FROM transfer WHERE state = 'failed' AND {} GROUP BY account",
                which.condition
            );
            let mut accounts = db.prepare_cached(&sql)?;
            let accounts = accounts.query_map(params_from_iter(&which.values), |row| {
                Ok((AccountId(row.get(0)?), row.get::<_, i64>(1)?))
            })?;
            let (accounts, counts): (Vec<_>, Vec<_>) = accounts.collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
            let count = usize::try_from(counts.iter().sum::<i64>()).unwrap_or(usize::MAX);
            let set = format!(
                "state = 'queued', until = NULL, code = NULL, failure = NULL, details = NULL, attempts = 0, failures = 0,
                 sent_in_vain = 0, lane = max(lane, {})",
                lane_number(lane(count))
            );
            which.update(db, &set, "'failed'", now)?;
            Ok((count, accounts))
        })
        .await
    }

    /// Puts what has not begun before everything else of its lane, and its batches with it. Says how many transfers these are.
    pub(crate) async fn move_up(&self, which: &TransferSet, now: UnixMillis) -> Result<usize, StoreError> {
        let which = of(which);
        self.write(move |db| {
            let front = "SELECT ifnull(min(turn), 0) - 1 FROM transfer WHERE turn < 0";
            let front: i64 = db.prepare_cached(front)?.query_row([], |row| row.get(0))?;
            let moved = which.update(db, &format!("turn = {front}"), &format!("{NOT_BEGUN}, 'paused'"), now)?;
            let sql = format!(
                "UPDATE batch SET turn = {front} WHERE number IN (SELECT batch FROM transfer WHERE turn = {front})"
            );
            db.execute(&sql, [])?;
            Ok(moved)
        })
        .await
    }

    /// Forgets transfers that have failed, but not why a file of a watched folder is not pinned.
    pub(crate) async fn clear_failed(&self) -> Result<(), StoreError> {
        self.clear(&TransferSet::all_of(None), "'failed'").await
    }

    /// Forgets transfers that are over, but not that a file of a watched folder was not to be pinned.
    pub(crate) async fn clear_ended(&self, which: &TransferSet) -> Result<(), StoreError> {
        self.clear(which, "'failed', 'done', 'cancelled'").await
    }

    async fn clear(&self, which: &TransferSet, states: &'static str) -> Result<(), StoreError> {
        let which = of(which);
        self.write(move |db| history::clear(db, &which.condition, &which.values, states)).await
    }
}

/// A condition on the table of transfers, and its values.
struct These {
    condition: String,
    values: Vec<Value>,
}

fn of(which: &TransferSet) -> These {
    let (condition, values) = match which {
        TransferSet::One(id) => ("id = ?1".to_owned(), vec![Value::from(id.0.clone())]),
        TransferSet::Batch(id) => ("batch = ?1".to_owned(), vec![Value::from(id.0)]),
        TransferSet::Folder(id) => ("folder = ?1".to_owned(), vec![Value::from(id.0.clone())]),
        TransferSet::Matching { account, text } => {
            let (mut conditions, mut values) = (vec!["1".to_owned()], Vec::new());
            if let Some(account) = account {
                values.push(Value::from(account.0.clone()));
                conditions.push(format!("account = ?{}", values.len()));
            }
            if !text.is_empty() {
                values.push(Value::from(text.to_lowercase()));
                conditions.push(format!("instr(lowercase(name), ?{}) > 0", values.len()));
            }
            (conditions.join(" AND "), values)
        }
    };
    These { condition, values }
}

impl These {
    fn update(&self, db: &Connection, set: &str, states: &str, now: UnixMillis) -> Result<usize, StoreError> {
        let sql = format!(
            "UPDATE transfer SET {set}, updated_at = {} WHERE state IN ({states}) AND {}",
            now.0, self.condition
        );
        Ok(db.execute(&sql, params_from_iter(&self.values))?)
    }

    fn ids(&self, db: &Connection, state: &str) -> Result<Vec<TransferId>, StoreError> {
        let sql = format!("SELECT id FROM transfer WHERE state = '{state}' AND {} ORDER BY sequence", self.condition);
        let mut statement = db.prepare_cached(&sql)?;
        let rows = statement.query_map(params_from_iter(&self.values), |row| row.get(0).map(TransferId))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
