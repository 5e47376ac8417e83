//! Ended transfers as a history: what is forgotten of it, and what is not.

use rusqlite::{Connection, ToSql, params_from_iter};

use crate::{
    clock::UnixMillis,
    store::{Store, StoreError, codec::unsigned},
};

/// Rows that are looked at before others have their turn.
const ROWS_AT_ONCE: i64 = 500;

/// That a row says of a watched file that it is not to be pinned in the version that was last seen.
pub(super) const HAS_MEANING: &str = "state IN ('failed', 'cancelled') AND folder IS NOT NULL
    AND folder IN (SELECT id FROM folder) AND NOT EXISTS (
    SELECT 1 FROM transfer newer WHERE newer.folder = transfer.folder AND newer.source = transfer.source
        AND newer.sequence > transfer.sequence)";

/// What a look at some of the history came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pruned {
    /// The last row that was looked at, where there are more.
    pub(crate) more_after: Option<i64>,
    /// Transfers that were forgotten.
    pub(crate) forgotten: u64,
}

impl Store {
    /// Forgets transfers that are done or cancelled, but not that a watched file was not to be pinned.
    pub(crate) async fn clear_finished(&self) -> Result<(), StoreError> {
        self.write(|db| clear(db, "1", &[] as &[&str], "'done', 'cancelled'")).await
    }

    /// How many transfers are done or cancelled.
    pub(crate) async fn finished_count(&self) -> Result<u64, StoreError> {
        self.read(|db| {
            let sql = "SELECT ifnull(sum(count), 0) FROM transfer_count WHERE state IN ('done', 'cancelled')";
            Ok(unsigned(db.prepare_cached(sql)?.query_row([], |row| row.get(0))?))
        })
        .await
    }

    /// Forgets some of the oldest transfers behind a row: what ended before `ended_before`, and as many as are `surplus` of those
    /// that are done or cancelled. What failed is there for its time, however much was done since.
    pub(crate) async fn prune_history(
        &self,
        after: i64,
        ended_before: UnixMillis,
        surplus: u64,
    ) -> Result<Pruned, StoreError> {
        self.write_passing(move |db| {
            let sql = prune_sql();
            let mut statement = db.prepare_cached(&sql)?;
            let rows = statement.query_map((after, ROWS_AT_ONCE), |row| {
                Ok((row.get(0)?, row.get(1)?, UnixMillis(row.get(2)?), row.get(3)?))
            })?;
            let rows: Vec<(i64, bool, UnixMillis, bool)> = rows.collect::<Result<_, _>>()?;
            let (mut forgotten, mut surplus) = (0, surplus);
            for (sequence, is_failure, ended_at, has_meaning) in &rows {
                let is_surplus = !is_failure && surplus > 0;
                if !has_meaning && (is_surplus || *ended_at < ended_before) {
                    let gone = forget(db, *sequence)?;
                    (forgotten, surplus) = (forgotten + gone, surplus.saturating_sub(gone));
                }
            }
            let more_after = rows.last().map(|row| row.0).filter(|_| rows.len() as i64 == ROWS_AT_ONCE);
            Ok(Pruned { more_after, forgotten })
        })
        .await
    }
}

/// Forgets transfers of some states. What says of a watched file that it is not to be pinned stays as that, and is of no batch.
pub(super) fn clear<V: ToSql>(db: &Connection, condition: &str, values: &[V], states: &str) -> Result<(), StoreError> {
    let these = format!("state IN ({states}) AND {condition}");
    let meaning: Vec<i64> = {
        let mut statement = db.prepare(&format!("SELECT sequence FROM transfer WHERE {these} AND {HAS_MEANING}"))?;
        statement.query_map(params_from_iter(values), |row| row.get(0))?.collect::<Result<_, _>>()?
    };
    let mut statement = db.prepare(&format!("SELECT sequence FROM transfer WHERE {these} AND NOT ({HAS_MEANING})"))?;
    let rows: Vec<i64> = statement.query_map(params_from_iter(values), |row| row.get(0))?.collect::<Result<_, _>>()?;
    for sequence in meaning {
        db.prepare_cached("UPDATE transfer SET batch = NULL WHERE sequence = ?1")?.execute([sequence])?;
        db.prepare_cached("UPDATE transfer SET state = 'cancelled' WHERE sequence = ?1")?.execute([sequence])?;
    }
    rows.into_iter().try_for_each(|sequence| forget(db, sequence).map(drop))
}

fn prune_sql() -> String {
    format!(
        "SELECT sequence, state = 'failed', updated_at, {HAS_MEANING} FROM transfer INDEXED BY transfer_ended
         WHERE state IN ('failed', 'done', 'cancelled') AND sequence > ?1 ORDER BY sequence LIMIT ?2"
    )
}

/// Forgets a transfer with those of the same watched file that it came after: they would speak for the file again.
fn forget(db: &Connection, sequence: i64) -> Result<u64, StoreError> {
    let earlier = "DELETE FROM transfer WHERE sequence < ?1 AND state IN ('failed', 'cancelled')
        AND (folder, source) = (SELECT folder, source FROM transfer WHERE sequence = ?1)";
    let earlier = db.prepare_cached(earlier)?.execute([sequence])?;
    let itself = db.prepare_cached("DELETE FROM transfer WHERE sequence = ?1")?.execute([sequence])?;
    Ok((earlier + itself) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANY: i64 = 1_200;

    /// Transfers by folder, source and state, each ended at the time of its place.
    async fn store_with(transfers: Vec<(Option<&'static str>, String, &'static str)>) -> Store {
        let store = Store::in_memory().await;
        let write = move |db: &Connection| {
            db.execute_batch(
                "INSERT INTO account (id, label, kind, endpoint, this_computer, position, credentials)
                     VALUES ('a', 'A', 'aioz', 'https://example.org', 0, 1, 'none');
                 INSERT INTO folder (id, path, account, settle_ms) VALUES ('watched', x'2f', 'a', 0);",
            )?;
            for (sequence, (folder, source, state)) in (1_i64..).zip(transfers) {
                db.execute(
                    "INSERT INTO transfer (sequence, id, account, work, source, folder, name, metadata, state, bytes, attempts,
                         created_at, updated_at) VALUES (?1, ?1, 'a', 'upload', ?2, ?3, '', '{}', ?4, 0, 1, 0, ?1)",
                    (sequence, source.into_bytes(), folder, state),
                )?;
            }
            Ok(())
        };
        store.write(write).await.unwrap();
        store
    }

    async fn left(store: &Store) -> Vec<i64> {
        let ask = |db: &Connection| {
            let mut rows = db.prepare("SELECT sequence FROM transfer ORDER BY sequence")?;
            Ok(rows.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
        };
        store.read(ask).await.unwrap()
    }

    async fn prune(store: &Store, ended_before: i64, surplus: u64) -> u64 {
        let (mut after, mut forgotten) = (0, 0);
        loop {
            let pruned = store.prune_history(after, UnixMillis(ended_before), surplus - forgotten).await.unwrap();
            forgotten += pruned.forgotten;
            match pruned.more_after {
                Some(more) => after = more,
                None => return forgotten,
            }
        }
    }

    fn unwatched(states: &[&'static str]) -> Vec<(Option<&'static str>, String, &'static str)> {
        states.iter().enumerate().map(|(number, state)| (None, number.to_string(), *state)).collect()
    }

    #[tokio::test]
    async fn what_ended_long_ago_is_forgotten_and_nothing_that_goes_on() {
        let store = store_with(unwatched(&["done", "failed", "queued", "waiting", "cancelled", "done"])).await;
        assert_eq!(prune(&store, 6, 0).await, 3);
        assert_eq!(left(&store).await, [3, 4, 6]);
    }

    #[tokio::test]
    async fn of_more_than_are_kept_the_oldest_are_forgotten_in_small_parts_and_no_failure() {
        let states: Vec<_> = (0..MANY).map(|number| if number % 4 == 0 { "failed" } else { "done" }).collect();
        let store = store_with(unwatched(&states)).await;
        let finished = store.finished_count().await.unwrap();
        assert_eq!(finished, 900);
        let first = store.prune_history(0, UnixMillis(0), finished - 10).await.unwrap();
        assert_eq!(first, Pruned { more_after: Some(ROWS_AT_ONCE), forgotten: 375 });
        assert_eq!(prune(&store, 0, finished - 10 - first.forgotten).await, 515);
        assert_eq!(store.finished_count().await.unwrap(), 10);
        assert_eq!(store.transfer_counts(UnixMillis(0)).await.unwrap().failed, 300);
        assert_eq!(left(&store).await.last(), Some(&MANY));
    }

    #[tokio::test]
    async fn that_a_watched_file_is_not_to_be_pinned_is_remembered_however_old_it_is() {
        let (watched, removed) = (Some("watched"), Some("removed"));
        let history = vec![
            (watched, "stopped".into(), "cancelled"),
            (watched, "given up".into(), "failed"),
            (removed, "stopped".into(), "cancelled"),
            (watched, "at last".into(), "failed"),
            (watched, "at last".into(), "done"),
            (watched, "again".into(), "done"),
            (watched, "again".into(), "cancelled"),
        ];
        let store = store_with(history.clone()).await;
        prune(&store, 1_000, 0).await;
        assert_eq!(left(&store).await, [1, 2, 7]);
        let store = store_with(history).await;
        store.clear_finished().await.unwrap();
        assert_eq!(left(&store).await, [1, 2, 7]);
    }

    #[tokio::test]
    async fn history_is_looked_through_by_its_indexes() {
        let store = Store::in_memory().await;
        let plan = store.read(|db| {
            let mut plan = db.prepare(&format!("EXPLAIN QUERY PLAN {}", prune_sql()))?;
            Ok(plan.query_map((0, 1), |row| row.get::<_, String>(3))?.collect::<Result<Vec<_>, _>>()?)
        });
        let plan = plan.await.unwrap();
        let through_all = |step: &String| step.contains("B-TREE") || step.starts_with("SCAN transfer");
        assert!(!plan.iter().any(through_all), "{plan:#?}");
        assert!(plan.iter().any(|step| step.contains("transfer_ended")), "{plan:#?}");
    }
}
