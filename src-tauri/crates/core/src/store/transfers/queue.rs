//! What the queue asks the database: which transfer is next at an account, when one is due, and what waits at a gate.

use std::ops::RangeInclusive;

use rusqlite::{Connection, OptionalExtension};

use super::row::{COLUMNS, lane_number, transfer};
use crate::{
    clock::UnixMillis,
    ids::AccountId,
    queue::{Lane, gate::Task},
    store::{Store, StoreError, settings},
    transfer::Transfer,
};

/// The setting that stops all work.
const PAUSED: &str = "paused";

/// Work of one kind that an account may be given.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) account: AccountId,
    pub(crate) task: Task,
    /// Nothing of a lane behind this one.
    pub(crate) slowest: Lane,
    /// What waits at the account's gate as well.
    pub(crate) held_too: bool,
}

impl Store {
    /// The accounts that are not paused, and whether everything is.
    pub(crate) async fn accounts_at_work(&self) -> Result<(bool, Vec<AccountId>), StoreError> {
        self.read(|db| {
            let mut accounts = db.prepare_cached("SELECT id FROM account WHERE NOT paused ORDER BY position")?;
            let accounts = accounts.query_map([], |row| row.get(0).map(AccountId))?;
            Ok((is_everything_paused(db)?, accounts.collect::<Result<_, _>>()?))
        })
        .await
    }

    /// Stops all work, or lets it go on: of an account, or everything.
    pub(crate) async fn set_paused(&self, account: Option<&AccountId>, paused: bool) -> Result<(), StoreError> {
        let account = account.cloned();
        self.write(move |db| {
            match (account, paused) {
                (Some(account), _) => {
                    db.execute("UPDATE account SET paused = ?2 WHERE id = ?1", (account.0, paused))?
                }
                (None, true) => db.execute("INSERT OR REPLACE INTO setting VALUES (?1, '')", [PAUSED])?,
                (None, false) => db.execute("DELETE FROM setting WHERE name = ?1", [PAUSED])?,
            };
            Ok(())
        })
        .await
    }

    /// The accounts that are paused, and whether everything is.
    pub(crate) async fn paused(&self) -> Result<(bool, Vec<AccountId>), StoreError> {
        self.read(|db| {
            let mut accounts = db.prepare_cached("SELECT id FROM account WHERE paused")?;
            let accounts = accounts.query_map([], |row| row.get(0).map(AccountId))?;
            Ok((is_everything_paused(db)?, accounts.collect::<Result<_, _>>()?))
        })
        .await
    }

    /// The next transfer of each account among what may be given to it.
    pub(crate) async fn next_transfers(
        &self,
        now: UnixMillis,
        wanted: Vec<Wanted>,
    ) -> Result<Vec<Transfer>, StoreError> {
        self.read(move |db| {
            let mut next = Vec::new();
            for wanted in wanted.chunk_by(|a, b| a.account == b.account) {
                let mut best: Option<(i64, i64, i64)> = None;
                for wanted in wanted {
                    let first = first_of(db, wanted, now)?;
                    best = best.into_iter().chain(first).min();
                }
                if let Some((_, _, sequence)) = best {
                    let sql = format!("SELECT {COLUMNS} FROM transfer WHERE sequence = ?1");
                    next.push(db.prepare_cached(&sql)?.query_row([sequence], |row| Ok(transfer(row)))??);
                }
            }
            Ok(next)
        })
        .await
    }

    /// When the next waiting transfer is due among what may be given to accounts.
    pub(crate) async fn next_due(&self, wanted: Vec<Wanted>) -> Result<Option<UnixMillis>, StoreError> {
        self.read(move |db| {
            let sql = "SELECT min(until) FROM transfer
                       WHERE state = 'waiting' AND account = ?1 AND work = ?2 AND lane = ?3 AND until > 0";
            let mut statement = db.prepare_cached(sql)?;
            let mut next: Option<i64> = None;
            for wanted in wanted {
                for lane in lanes_up_to(wanted.slowest) {
                    let due = statement.query_row((&wanted.account.0, work_of(wanted.task), lane), |row| row.get(0))?;
                    next = next.into_iter().chain::<Option<i64>>(due).min();
                }
            }
            Ok(next.map(UnixMillis))
        })
        .await
    }

    /// Puts what waits at an account's gate back in the queue. Says how many.
    pub(crate) async fn release(&self, account: &AccountId) -> Result<usize, StoreError> {
        let account = account.clone();
        self.write(move |db| {
            let sql = "UPDATE transfer SET state = 'queued', code = NULL, failure = NULL, details = NULL
                       WHERE state = 'waiting' AND account = ?1 AND until IS NULL";
            Ok(db.prepare_cached(sql)?.execute([&account.0])?)
        })
        .await
    }

    /// The clock was set by so many milliseconds: what waits by it does so for as long as before.
    pub(crate) async fn move_waiting(&self, by: i64) -> Result<(), StoreError> {
        self.write(move |db| {
            let sql = "UPDATE transfer SET until = until + ?1 WHERE state = 'waiting' AND until IS NOT NULL";
            db.execute(sql, [by])?;
            db.execute("UPDATE unpinning SET until = until + ?1", [by])?;
            Ok(())
        })
        .await
    }
}

fn is_everything_paused(db: &Connection) -> Result<bool, StoreError> {
    Ok(settings::get(db, PAUSED)?.is_some())
}

/// Lane, turn and sequence of what is next of one kind.
fn first_of(db: &Connection, wanted: &Wanted, now: UnixMillis) -> Result<Option<(i64, i64, i64)>, StoreError> {
    let (account, work) = (&wanted.account.0, work_of(wanted.task));
    let queued =
        "SELECT turn, sequence FROM transfer WHERE state = 'queued' AND account = ?1 AND work = ?2 AND lane = ?3
                  ORDER BY turn, sequence LIMIT 1";
    let due = "SELECT turn, sequence FROM transfer WHERE state = 'waiting' AND account = ?1 AND work = ?2 AND lane = ?3
               AND until <= ?4 ORDER BY until LIMIT 1";
    let held =
        "SELECT turn, sequence FROM transfer WHERE state = 'waiting' AND account = ?1 AND work = ?2 AND lane = ?3
                AND until IS NULL ORDER BY turn, sequence LIMIT 1";
    let mut queued = db.prepare_cached(queued)?;
    let (mut due, mut held) = (db.prepare_cached(due)?, db.prepare_cached(held)?);
    for lane in lanes_up_to(wanted.slowest) {
        let place = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
        let mut first: Option<(i64, i64)> = queued.query_row((account, work, lane), place).optional()?;
        first = first.into_iter().chain(due.query_row((account, work, lane, now.0), place).optional()?).min();
        if wanted.held_too {
            first = first.into_iter().chain(held.query_row((account, work, lane), place).optional()?).min();
        }
        if let Some((turn, sequence)) = first {
            return Ok(Some((lane, turn, sequence)));
        }
    }
    Ok(None)
}

/// Every lane is asked for by itself, so that what is due of one is found without looking through the others.
fn lanes_up_to(slowest: Lane) -> RangeInclusive<i64> {
    lane_number(Lane::Click)..=lane_number(slowest)
}

const fn work_of(task: Task) -> &'static str {
    match task {
        Task::Upload => "upload",
        Task::Pin => "pin",
        Task::Unpin => "unpin",
    }
}
