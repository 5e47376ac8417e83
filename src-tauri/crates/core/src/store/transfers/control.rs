//! What a person does with many transfers at once.

use rusqlite::params;

use super::{history::HAS_MEANING, row::lane_number};
use crate::{
    clock::UnixMillis,
    ids::AccountId,
    queue::Lane,
    store::{Store, StoreError, codec::unsigned},
};

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

    /// Puts back in the queue what has failed, of one account or of all; `lane` says which one so many may go in at the fastest.
    /// Gives how many these are, and whose.
    pub(crate) async fn requeue_failed(
        &self,
        account: Option<&AccountId>,
        now: UnixMillis,
        lane: fn(usize) -> Lane,
    ) -> Result<(usize, Vec<AccountId>), StoreError> {
        let account = account.map(|account| account.0.clone());
        self.write(move |db| {
            let sql = "SELECT account, count(*) FROM transfer
                       WHERE state = 'failed' AND (?1 IS NULL OR account = ?1) GROUP BY account";
            let mut accounts = db.prepare_cached(sql)?;
            let accounts = accounts.query_map([&account], |row| Ok((AccountId(row.get(0)?), row.get::<_, i64>(1)?)))?;
            let (accounts, counts): (Vec<_>, Vec<_>) = accounts.collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
            let count = usize::try_from(counts.iter().sum::<i64>()).unwrap_or(usize::MAX);
            let sql = "UPDATE transfer SET state = 'queued', until = NULL, code = NULL, failure = NULL, details = NULL,
                       attempts = 0, failures = 0, sent_in_vain = 0, lane = max(lane, ?2), updated_at = ?3
                       WHERE state = 'failed' AND (?1 IS NULL OR account = ?1)";
            db.execute(sql, params![account, lane_number(lane(count)), now.0])?;
            Ok((count, accounts))
        })
        .await
    }

    /// Forgets transfers that have failed, but not why a file of a watched folder is not pinned.
    pub(crate) async fn clear_failed(&self) -> Result<(), StoreError> {
        self.write(|db| {
            let sql = format!("UPDATE transfer SET state = 'cancelled' WHERE state = 'failed' AND {HAS_MEANING}");
            db.execute(&sql, [])?;
            db.execute("DELETE FROM transfer WHERE state = 'failed'", [])?;
            Ok(())
        })
        .await
    }
}
