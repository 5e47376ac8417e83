//! Batches: what transfers were accepted together. Their totals are kept by triggers; nothing here counts transfers.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{
    history,
    row::{COLUMNS, insert, lane_number, transfer},
    under_way,
};
use crate::{
    clock::UnixMillis,
    code::Code,
    ids::{AccountId, BatchId, FolderId, TransferId},
    queue::Lane,
    store::{
        Store, StoreError,
        codec::{signed, unsigned},
    },
    transfer::{Batch, BatchTrouble, Failure, NewBatch, Origin, QueueTotals, Transfer, TransferCounts},
};

const BATCH: &str = "number, origin, name, items, folder, created_at, transfers, queued, running, waiting, paused, asked, failed, \
                     done, cancelled, bytes, bytes_done";

/// Running first, then what needs a person, then as the queue goes, then what is over, newest first.
const IN_ORDER: &str = "ORDER BY standing, ahead, turn, number";

/// That something of a batch has not begun or is under way.
const IS_OPEN: &str = "queued + running + waiting + paused > 0";

/// That a batch waits to be undone, at the time of parameter 1.
const CAN_BE_UNDONE: &str = "origin = 'unpinned' AND created_at IN (SELECT created_at FROM unpinning WHERE until > ?1)";

impl Store {
    /// Writes new transfers as a batch; only then are they accepted. What does such work already, or will, is the same transfer:
    /// asking twice does it once. Gives their ids, in their order.
    pub(crate) async fn accept(
        &self,
        batch: NewBatch,
        transfers: Vec<Transfer>,
    ) -> Result<Vec<TransferId>, StoreError> {
        self.write(move |db| accept_all(db, &batch, &transfers)).await
    }

    /// Accepts transfers in the place of some that have failed, which are forgotten.
    pub(crate) async fn accept_instead(
        &self,
        batch: NewBatch,
        transfers: Vec<Transfer>,
        instead_of: Vec<TransferId>,
    ) -> Result<Vec<TransferId>, StoreError> {
        self.write(move |db| {
            let accepted = accept_all(db, &batch, &transfers)?;
            for id in &instead_of {
                history::clear(db, "id = ?1", &[&id.0], "'failed'")?;
            }
            Ok(accepted)
        })
        .await
    }

    /// How many batches there are, and some of them in their order.
    pub(crate) async fn batches(
        &self,
        offset: u64,
        limit: u32,
        now: UnixMillis,
    ) -> Result<(u64, Vec<Batch>), StoreError> {
        self.read(move |db| {
            let count: i64 = db.prepare_cached("SELECT count(*) FROM batch")?.query_row([], |row| row.get(0))?;
            let sql = format!("SELECT {BATCH} FROM batch {IN_ORDER} LIMIT ?1 OFFSET ?2");
            let mut statement = db.prepare_cached(&sql)?;
            let rows = statement.query_map((limit, signed(offset)), |row| Ok(batch(row)))?;
            let mut batches = rows.map(|row| row?).collect::<Result<Vec<_>, StoreError>>()?;
            batches.iter_mut().try_for_each(|batch| complete(db, batch, now))?;
            Ok((unsigned(count), batches))
        })
        .await
    }

    pub(crate) async fn batch(&self, id: BatchId, now: UnixMillis) -> Result<Option<Batch>, StoreError> {
        self.read(move |db| {
            let sql = format!("SELECT {BATCH} FROM batch WHERE number = ?1");
            let found = db.prepare_cached(&sql)?.query_row([id.0], |row| Ok(batch(row))).optional()?;
            let mut found = found.transpose()?;
            found.iter_mut().try_for_each(|batch| complete(db, batch, now))?;
            Ok(found)
        })
        .await
    }

    /// Some transfers of a batch: what runs, what has failed, what comes next in its order, what services work on, what is over.
    pub(crate) async fn transfers_of_batch(
        &self,
        id: BatchId,
        offset: u64,
        limit: u32,
    ) -> Result<Vec<Transfer>, StoreError> {
        self.read(move |db| {
            let sql = format!("{} LIMIT ?2 OFFSET ?3", of_batch());
            let mut statement = db.prepare_cached(&sql)?;
            let rows = statement.query_map((id.0, limit, signed(offset)), |row| Ok(transfer(row)))?;
            rows.map(|row| row?).collect()
        })
        .await
    }

    /// What has failed of a batch.
    pub(crate) async fn failed_of_batch(&self, id: BatchId) -> Result<Vec<Transfer>, StoreError> {
        self.read(move |db| {
            let sql =
                format!("SELECT {COLUMNS} FROM transfer WHERE batch = ?1 AND standing = 1 ORDER BY turn, sequence");
            let mut statement = db.prepare_cached(&sql)?;
            let rows = statement.query_map([id.0], |row| Ok(transfer(row)))?;
            rows.map(|row| row?).collect()
        })
        .await
    }

    /// The batches of which something has not begun or is under way, as one; without those that can be undone.
    pub(crate) async fn queue_totals(&self, now: UnixMillis) -> Result<QueueTotals, StoreError> {
        self.read(move |db| {
            let sql = format!(
                "SELECT ifnull(sum(queued + running + waiting + paused + asked + failed + done), 0),
                     ifnull(sum(asked + done), 0), ifnull(sum(bytes), 0), ifnull(sum(bytes_done), 0)
                 FROM batch INDEXED BY batch_open WHERE {IS_OPEN} AND NOT ({CAN_BE_UNDONE})"
            );
            Ok(db.prepare_cached(&sql)?.query_row([now.0], |row| {
                Ok(QueueTotals {
                    transfers: unsigned(row.get(0)?),
                    taken: unsigned(row.get(1)?),
                    bytes: unsigned(row.get(2)?),
                    bytes_done: unsigned(row.get(3)?),
                })
            })?)
        })
        .await
    }
}

/// How many transfers wait so that they can be undone.
pub(super) fn undoable(db: &Connection, now: UnixMillis) -> Result<u64, StoreError> {
    let sql =
        format!("SELECT ifnull(sum(waiting), 0) FROM batch INDEXED BY batch_open WHERE {IS_OPEN} AND {CAN_BE_UNDONE}");
    Ok(unsigned(db.prepare_cached(&sql)?.query_row([now.0], |row| row.get(0))?))
}

/// Begins a batch.
pub(in crate::store) fn begin(
    db: &Connection,
    batch: &NewBatch,
    lane: Lane,
    now: UnixMillis,
) -> Result<BatchId, StoreError> {
    let sql = "INSERT INTO batch (origin, name, items, folder, lane, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    db.prepare_cached(sql)?.execute(params![
        batch.origin.as_str(),
        batch.name,
        signed(batch.items),
        batch.folder.as_ref().map(|folder| &folder.0),
        lane_number(lane),
        now.0
    ])?;
    Ok(BatchId(db.last_insert_rowid()))
}

/// Writes the transfer of a file that a folder has, with those of the folder that have not all begun, unless something does such
/// work already. Says whether it was accepted.
pub(in crate::store) fn accept_of_folder(
    db: &Connection,
    batch: &NewBatch,
    transfer: &Transfer,
) -> Result<bool, StoreError> {
    if under_way(db, &transfer.account, &transfer.work)?.is_some() {
        return Ok(false);
    }
    let folder = batch.folder.as_ref().map(|folder| &folder.0);
    let open = "SELECT number FROM batch WHERE folder = ?1 AND queued + waiting > 0 ORDER BY number DESC LIMIT 1";
    let open = db.prepare_cached(open)?.query_row([folder], |row| row.get(0)).optional()?;
    let id = match open {
        Some(number) => {
            db.prepare_cached("UPDATE batch SET items = items + 1 WHERE number = ?1")?.execute([number])?;
            BatchId(number)
        }
        None => begin(db, &NewBatch { items: 1, ..batch.clone() }, transfer.lane, transfer.created_at)?,
    };
    insert(db, transfer, id)?;
    Ok(true)
}

/// Writes new transfers as a batch; what does such work already, or will, is the same transfer.
pub(in crate::store) fn accept_all(
    db: &Connection,
    batch: &NewBatch,
    transfers: &[Transfer],
) -> Result<Vec<TransferId>, StoreError> {
    let (mut ids, mut begun) = (Vec::with_capacity(transfers.len()), None);
    for transfer in transfers {
        ids.push(match under_way(db, &transfer.account, &transfer.work)? {
            Some(same) => same,
            None => {
                let id = match begun {
                    Some(id) => id,
                    None => *begun.insert(begin(db, batch, transfer.lane, transfer.created_at)?),
                };
                insert(db, transfer, id)?;
                transfer.id.clone()
            }
        });
    }
    Ok(ids)
}

fn of_batch() -> String {
    format!("SELECT {COLUMNS} FROM transfer WHERE batch = ?1 ORDER BY standing, turn, sequence")
}

fn batch(row: &Row<'_>) -> Result<Batch, StoreError> {
    let count = |column: usize| row.get(column).map(unsigned);
    Ok(Batch {
        id: BatchId(row.get(0)?),
        origin: Origin::named(&row.get::<_, String>(1)?).ok_or(StoreError::Row("a batch's origin"))?,
        name: row.get(2)?,
        items: count(3)?,
        folder: row.get::<_, Option<String>>(4)?.map(FolderId),
        created_at: UnixMillis(row.get(5)?),
        listed: count(6)?,
        counts: TransferCounts {
            queued: count(7)?,
            running: count(8)?,
            waiting: count(9)?,
            undoable: 0,
            paused: count(10)?,
            asked: count(11)?,
            failed: count(12)?,
            done: count(13)?,
            cancelled: count(14)?,
        },
        bytes: count(15)?,
        bytes_done: count(16)?,
        accounts: Vec::new(),
        next_try: None,
        troubles: Vec::new(),
        only: None,
    })
}

/// Reads what is not in a batch's own row.
fn complete(db: &Connection, batch: &mut Batch, now: UnixMillis) -> Result<(), StoreError> {
    let id = batch.id.0;
    let accounts =
        "SELECT account FROM batch_account JOIN account ON account.id = account WHERE batch = ?1 ORDER BY position";
    let mut accounts = db.prepare_cached(accounts)?;
    batch.accounts = accounts.query_map([id], |row| row.get(0).map(AccountId))?.collect::<Result<_, _>>()?;
    if batch.listed == 1 {
        let only = db.prepare_cached(&of_batch())?.query_row([id], |row| Ok(transfer(row))).optional()?;
        batch.only = only.transpose()?;
    }
    if batch.counts.waiting > 0 {
        let sql = "SELECT min(until) FROM transfer WHERE state = 'waiting' AND until IS NOT NULL AND batch = ?1";
        let next: Option<i64> = db.prepare_cached(sql)?.query_row([id], |row| row.get(0))?;
        batch.next_try = next.map(UnixMillis);
    }
    if batch.counts.waiting > 0 && batch.origin == Origin::Unpinned {
        let sql = format!("SELECT EXISTS (SELECT 1 FROM batch WHERE number = ?2 AND {CAN_BE_UNDONE})");
        if db.prepare_cached(&sql)?.query_row((now.0, id), |row| row.get(0))? {
            batch.counts = batch.counts.with_undoable(batch.counts.waiting);
        }
    }
    if batch.counts.failed + batch.counts.waiting > 0 {
        let sql = "SELECT account, state, code, failure, details, transfers FROM batch_trouble
                   WHERE batch = ?1 AND transfers > 0 ORDER BY state, transfers DESC, account, code";
        let mut troubles = db.prepare_cached(sql)?;
        let troubles = troubles.query_map([id], |row| {
            Ok(BatchTrouble {
                account: AccountId(row.get(0)?),
                has_failed: row.get::<_, String>(1)? == "failed",
                failure: Failure {
                    code: Code::named(&row.get::<_, String>(2)?).unwrap_or(Code::Internal),
                    message: row.get(3)?,
                    details: row.get(4)?,
                },
                transfers: unsigned(row.get(5)?),
            })
        })?;
        batch.troubles = troubles.collect::<Result<_, _>>()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATES: [&str; 8] = ["queued", "running", "waiting", "paused", "asked", "failed", "done", "cancelled"];

    async fn store() -> Store {
        let store = Store::in_memory().await;
        let accounts = |db: &Connection| {
            for account in ["a", "b"] {
                db.execute(
                    "INSERT INTO account (id, label, kind, endpoint, this_computer, position, credentials)
                     VALUES (?1, ?1, 'aioz', 'https://example.org', 0, 1, 'none')",
                    [account],
                )?;
            }
            Ok(())
        };
        store.write(accounts).await.unwrap();
        store
    }

    fn insert_one(db: &Connection, number: i64, batch: i64, account: &str) {
        let sql = "INSERT INTO transfer (id, account, work, name, metadata, state, bytes, attempts, created_at, updated_at, batch,
                       cid) VALUES (?1, ?3, 'pin', ?1, '{}', 'queued', 7 * ?1, 0, 0, 0, ?2, 'bafkqaaa')";
        db.execute(sql, (number, batch, account)).unwrap();
    }

    fn begin_one(db: &Connection) -> i64 {
        let batch = NewBatch { origin: Origin::Pinned, name: "one".into(), items: 3, folder: None };
        begin(db, &batch, Lane::Click, UnixMillis(1)).unwrap().0
    }

    /// The totals of every batch as they are kept, and as they are when its transfers are counted.
    fn totals(db: &Connection) -> [Vec<Vec<i64>>; 2] {
        let columns = STATES[..6].join(", ");
        let counted: Vec<_> = STATES[..6].iter().map(|state| format!("ifnull(sum(state = '{state}'), 0)")).collect();
        let rows = |sql: String| {
            let mut statement = db.prepare(&sql).unwrap();
            let columns = statement.column_count();
            let rows = statement.query_map([], |row| (0..columns).map(|column| row.get(column)).collect());
            rows.unwrap().collect::<Result<Vec<Vec<i64>>, _>>().unwrap()
        };
        [
            rows(format!("SELECT number, transfers, {columns}, bytes, bytes_done FROM batch ORDER BY number")),
            rows(format!(
                "SELECT batch, count(*), {}, sum((state <> 'cancelled') * bytes), sum((state IN ('done', 'asked')) * bytes)
                 FROM transfer WHERE batch IS NOT NULL GROUP BY batch ORDER BY batch",
                counted.join(", ")
            )),
        ]
    }

    #[tokio::test]
    async fn the_totals_of_a_batch_are_those_of_its_transfers_whatever_becomes_of_them() {
        let store = store().await;
        let change = |db: &Connection| {
            let batches: Vec<i64> = (0..3).map(|_| begin_one(db)).collect();
            for number in 0..60 {
                insert_one(db, number, batches[number as usize % 3], if number % 4 == 0 { "a" } else { "b" });
            }
            for step in 0_i64..400 {
                let (number, state) = (step * 37 % 60, STATES[(step * 11 % 8) as usize]);
                let code = ["failed", "waiting"].contains(&state).then_some(["network", "internal"][step as usize % 2]);
                db.execute("UPDATE transfer SET state = ?2, code = ?3 WHERE id = ?1", (number, state, code))?;
                db.execute("UPDATE transfer SET bytes = ?2 WHERE id = ?1", ((step * 13) % 60, step))?;
                let [kept, counted] = totals(db);
                assert_eq!(kept, counted, "after {step} steps");
            }
            let troubles = "SELECT batch, account, state, code, transfers FROM batch_trouble WHERE transfers <> 0
                EXCEPT SELECT batch, account, state, code, count(*) FROM transfer WHERE state IN ('failed', 'waiting')
                GROUP BY 1, 2, 3, 4";
            let wrong: i64 = db.query_row(&format!("SELECT count(*) FROM ({troubles})"), [], |row| row.get(0))?;
            assert_eq!(wrong, 0);
            // What goes with its account takes its batches with it.
            db.execute("DELETE FROM account WHERE id = 'b'", [])?;
            let [kept, counted] = totals(db);
            assert_eq!(
                kept.iter().map(|row| row[..2].to_vec()).collect::<Vec<_>>(),
                counted.iter().map(|row| row[..2].to_vec()).collect::<Vec<_>>()
            );
            db.execute("DELETE FROM account", [])?;
            assert_eq!(totals(db), [Vec::<Vec<i64>>::new(), Vec::new()]);
            Ok(())
        };
        store.write(change).await.unwrap();
    }

    #[tokio::test]
    async fn what_is_done_still_counts_in_its_batch_when_it_is_forgotten() {
        let store = store().await;
        let forget = |db: &Connection| {
            let batch = begin_one(db);
            (0..3).for_each(|number| insert_one(db, number, batch, "a"));
            db.execute("UPDATE transfer SET state = 'done' WHERE id < 2", [])?;
            db.execute("DELETE FROM transfer WHERE id < 2", [])?;
            Ok(())
        };
        store.write(forget).await.unwrap();
        let (_, batches) = store.batches(0, 10, UnixMillis(0)).await.unwrap();
        assert_eq!((batches[0].listed, batches[0].counts.done, batches[0].counts.queued), (1, 2, 1));
        assert_eq!((batches[0].bytes, batches[0].bytes_done), (21, 7));
        let totals = QueueTotals { transfers: 3, taken: 2, bytes: 21, bytes_done: 7 };
        assert_eq!(store.queue_totals(UnixMillis(0)).await.unwrap(), totals);
    }

    #[tokio::test]
    async fn what_runs_is_first_then_what_needs_a_person_then_the_queue_and_what_is_over_newest_first() {
        let store = store().await;
        let states = ["done", "queued", "failed", "running", "queued", "done", "asked"];
        let write = move |db: &Connection| {
            for (number, state) in (0..).zip(states) {
                let batch = begin_one(db);
                insert_one(db, number, batch, "a");
                db.execute("UPDATE transfer SET state = ?2 WHERE id = ?1", (number, state))?;
            }
            Ok(())
        };
        store.write(write).await.unwrap();
        let order = async || {
            let (_, batches) = store.batches(0, 10, UnixMillis(0)).await.unwrap();
            batches.iter().map(|batch| batch.id.0).collect::<Vec<_>>()
        };
        assert_eq!(order().await, [4, 3, 2, 5, 7, 6, 1]);
        let which = crate::transfer::TransferSet::Batch(BatchId(5));
        assert_eq!(store.move_up(&which, UnixMillis(2)).await.unwrap(), 1);
        assert_eq!(order().await, [4, 3, 5, 2, 7, 6, 1]);
        let which = crate::transfer::TransferSet::Batch(BatchId(2));
        store.move_up(&which, UnixMillis(2)).await.unwrap();
        assert_eq!(order().await, [4, 3, 2, 5, 7, 6, 1], "what was moved last is in front");
        let (count, page) = store.batches(2, 2, UnixMillis(0)).await.unwrap();
        assert_eq!((count, page.iter().map(|batch| batch.id.0).collect::<Vec<_>>()), (7, vec![2, 5]));
    }

    #[tokio::test]
    async fn neither_batches_nor_their_transfers_are_sorted_or_looked_for_through_a_table() {
        let store = Store::in_memory().await;
        let questions = [
            format!("SELECT {BATCH} FROM batch {IN_ORDER} LIMIT 100 OFFSET 10"),
            of_batch(),
            format!("SELECT sum(bytes) FROM batch INDEXED BY batch_open WHERE {IS_OPEN}"),
        ];
        for question in questions {
            let sql = format!("EXPLAIN QUERY PLAN {question}");
            let plan = store.read(move |db| {
                let mut plan = db.prepare(&sql)?;
                let parameters = vec![1; plan.parameter_count()];
                let steps = plan.query_map(rusqlite::params_from_iter(parameters), |row| row.get::<_, String>(3))?;
                Ok(steps.collect::<Result<Vec<_>, _>>()?)
            });
            let plan = plan.await.unwrap();
            assert!(plan.iter().all(|step| step.contains("USING INDEX") && !step.contains("B-TREE")), "{plan:#?}");
        }
    }
}
