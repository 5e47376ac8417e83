//! The transfers as a person looks at them, and how many there are.

use rusqlite::Rows;

use super::{
    batches,
    history::HAS_MEANING,
    row::{COLUMNS, transfer},
};
use crate::{
    clock::UnixMillis,
    store::{Store, StoreError, codec::unsigned},
    transfer::{Transfer, TransferCounts},
};

/// States in which something more happens by itself, and those in which nothing does, as the indexes have them.
const OPEN: &str = "'queued', 'running', 'waiting', 'paused', 'asked'";
const ENDED: &str = "'failed', 'done', 'cancelled'";

impl Store {
    /// What runs, what has failed, what comes next in its order, what services work on, and what ended last. However long one of
    /// these is, it leaves room for the others.
    pub(crate) async fn transfers(&self, limit: u32) -> Result<Vec<Transfer>, StoreError> {
        let next = format!("state IN ({OPEN}) AND +state IN ('queued', 'waiting', 'paused')");
        let ended =
            format!("state IN ({ENDED}) AND +state <> 'failed' AND NOT (+state = 'cancelled' AND {HAS_MEANING})");
        // Which, in what order, and the part of the room that is left.
        let sections = [
            ("state = 'running'", "sequence", 1),
            ("state = 'failed'", "sequence DESC", 5),
            (next.as_str(), "sequence", 2),
            ("state = 'asked'", "sequence DESC", 2),
            (ended.as_str(), "sequence DESC", 1),
        ];
        let sections = sections.map(|(which, order, share)| {
            (format!("SELECT {COLUMNS} FROM transfer WHERE {which} ORDER BY {order} LIMIT ?1"), share)
        });
        self.read(move |db| {
            let (mut transfers, mut room) = (Vec::new(), limit);
            for (sql, share) in sections {
                let mut statement = db.prepare_cached(&sql)?;
                for row in statement.query_map([room.div_ceil(share)], |row| Ok(transfer(row)))? {
                    transfers.push(row??);
                    room = room.saturating_sub(1);
                }
            }
            Ok(transfers)
        })
        .await
    }

    pub(crate) async fn transfer_counts(&self, now: UnixMillis) -> Result<TransferCounts, StoreError> {
        self.read(move |db| {
            let counted = counts(db.prepare_cached("SELECT state, count FROM transfer_count")?.query([])?)?;
            Ok(counted.with_undoable(batches::undoable(db, now)?))
        })
        .await
    }
}

/// Rows of a state and a number.
pub(in crate::store) fn counts(mut rows: Rows<'_>) -> Result<TransferCounts, StoreError> {
    let mut counts = TransferCounts::default();
    while let Some(row) = rows.next()? {
        let count = unsigned(row.get(1)?);
        match row.get::<_, String>(0)?.as_str() {
            "queued" => counts.queued = count,
            "running" => counts.running = count,
            "waiting" => counts.waiting = count,
            "paused" => counts.paused = count,
            "asked" => counts.asked = count,
            "failed" => counts.failed = count,
            "done" => counts.done = count,
            "cancelled" => counts.cancelled = count,
            _ => {}
        }
    }
    Ok(counts)
}
