//! Watched folders and what was last seen in them. What is to be done follows from that and the receipts.

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, OptionalExtension, Row};

use super::{
    Store, StoreError,
    codec::{fingerprint_from, path_bytes, path_from, signed, unsigned},
    transfers,
};
use crate::{
    clock::UnixMillis,
    disk::Fingerprint,
    folder::{EntryState, Folder, FolderEntry},
    ids::{AccountId, FolderId, TransferId},
    transfer::{NewBatch, Transfer},
};

/// Why a file waits.
const HELD: &str = "a program has it open and may still write to it";

const COLUMNS: &str = "id, path, account, settle_ms, last_scan";

/// The receipt for exactly the observed version of a file.
const RECEIPT_OF_VERSION: &str = "receipt r WHERE r.account = f.account AND r.source = o.path AND r.bytes = o.bytes
    AND r.modified_ns = o.modified_ns AND r.changed_ns = o.changed_ns AND r.device = o.device AND r.inode = o.inode";

/// A file as it was seen, and why it is left out, if it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Observed {
    pub(crate) path: PathBuf,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) skipped: Option<&'static str>,
}

/// What became of files that were seen.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    /// Files whose transfers were accepted.
    pub(crate) accepted: Vec<PathBuf>,
    /// Files that are being sent: whether in this version shows once that has ended.
    pub(crate) another_look: Vec<PathBuf>,
}

/// A folder's files by state.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FolderCounts {
    pub(crate) pinned: u64,
    pub(crate) waiting: u64,
    /// Of those that wait.
    pub(crate) held: u64,
    pub(crate) skipped: u64,
    pub(crate) failed: u64,
}

impl Store {
    pub(crate) async fn folders(&self) -> Result<Vec<Folder>, StoreError> {
        self.read(|db| {
            let sql = format!("SELECT {COLUMNS} FROM folder ORDER BY path");
            let mut statement = db.prepare_cached(&sql)?;
            let rows = statement.query_map([], folder)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Adds a folder. `false` when its path is watched already.
    pub(crate) async fn add_folder(&self, folder: Folder) -> Result<bool, StoreError> {
        self.write(move |db| {
            let sql = "INSERT OR IGNORE INTO folder (id, path, account, settle_ms) VALUES (?1, ?2, ?3, ?4)";
            let settle_ms = i64::try_from(folder.settle.as_millis()).unwrap_or(i64::MAX);
            Ok(db.execute(sql, (&folder.id.0, path_bytes(&folder.path), &folder.account.0, settle_ms))? == 1)
        })
        .await
    }

    /// Forgets a folder and what was seen in it; its pins and receipts stay. What of it has not been sent is not sent by itself
    /// any more, whatever it waits or failed for.
    pub(crate) async fn remove_folder(&self, id: &FolderId, now: UnixMillis) -> Result<bool, StoreError> {
        let id = id.clone();
        self.write(move |db| {
            let sql = "UPDATE transfer SET state = 'cancelled', until = NULL, updated_at = ?2
                       WHERE folder = ?1 AND state NOT IN ('running', 'done', 'cancelled')";
            db.execute(sql, (&id.0, now.0))?;
            db.execute("UPDATE transfer SET folder = NULL WHERE folder = ?1", [&id.0])?;
            Ok(db.execute("DELETE FROM folder WHERE id = ?1", [&id.0])? == 1)
        })
        .await
    }

    pub(crate) async fn set_last_scan(&self, id: &FolderId, at: UnixMillis) -> Result<(), StoreError> {
        let id = id.clone();
        self.write(move |db| {
            db.execute("UPDATE folder SET last_scan = ?2 WHERE id = ?1", (&id.0, at.0))?;
            Ok(())
        })
        .await
    }

    /// The files among those seen that need to be sent: not left out, this version without a receipt, and nothing under way or
    /// given up for it.
    pub(crate) async fn to_send(&self, id: &FolderId, seen: Vec<Observed>) -> Result<Vec<PathBuf>, StoreError> {
        let id = id.clone();
        self.read(move |db| {
            let mut to_send = Vec::new();
            for one in seen {
                if need(db, &id, &one)? == Need::Work {
                    to_send.push(one.path);
                }
            }
            Ok(to_send)
        })
        .await
    }

    /// Writes what was seen together with the transfers of what needs to be sent: a version that is known is pinned, left out,
    /// or was tried. `None` when the folder is watched no more; then nothing is written.
    pub(crate) async fn take(
        &self,
        id: &FolderId,
        seen: Vec<Observed>,
        batch: NewBatch,
        transfers: HashMap<PathBuf, Transfer>,
    ) -> Result<Option<Taken>, StoreError> {
        let id = id.clone();
        self.write(move |db| {
            let is_watched = "SELECT EXISTS (SELECT 1 FROM folder WHERE id = ?1)";
            if !db.prepare_cached(is_watched)?.query_row([&id.0], |row| row.get::<_, bool>(0))? {
                return Ok(None);
            }
            let mut taken = Taken::default();
            for one in seen {
                let is_taken = match need(db, &id, &one)? {
                    Need::Nothing => true,
                    Need::AnotherLook => false,
                    // What somebody else has asked for may have been read before this version was there.
                    Need::Work => match transfers.get(&one.path) {
                        Some(transfer) => transfers::batches::accept_of_folder(db, &batch, transfer)?,
                        None => false,
                    },
                };
                if !is_taken {
                    note_unsettled(db, &id, &one.path)?;
                    taken.another_look.push(one.path);
                    continue;
                }
                note_settled(db, &id, &one)?;
                if transfers.contains_key(&one.path) {
                    taken.accepted.push(one.path);
                }
            }
            Ok(Some(taken))
        })
        .await
    }

    /// Notes files that are there and may still be changing. What was last seen of them settled is kept.
    pub(crate) async fn note_unsettled(&self, id: &FolderId, paths: Vec<PathBuf>) -> Result<(), StoreError> {
        let id = id.clone();
        self.write(move |db| paths.iter().try_for_each(|path| note_unsettled(db, &id, path))).await
    }

    /// Notes files that a program has open for writing. Whatever they were last seen as, they are looked at as if for the
    /// first time once they were closed.
    pub(crate) async fn note_held(&self, id: &FolderId, paths: Vec<PathBuf>) -> Result<(), StoreError> {
        let id = id.clone();
        self.write(move |db| {
            let sql = "INSERT OR REPLACE INTO observed VALUES (?1, ?2, 0, 0, 0, 0, 0, ?3, 0)";
            let mut statement = db.prepare_cached(sql)?;
            paths.iter().try_for_each(|path| statement.execute((&id.0, path_bytes(path), HELD)).map(drop))?;
            Ok(())
        })
        .await
    }

    /// The newest uploads of a folder that were given up because the file could not be read, or not whole in one version.
    pub(crate) async fn unreadable_uploads(&self, id: &FolderId) -> Result<Vec<(TransferId, PathBuf)>, StoreError> {
        let id = id.clone();
        self.read(move |db| {
            let sql = "SELECT t.id, t.source FROM transfer t
                       WHERE t.state = 'failed' AND +t.folder = ?1 AND t.code IN ('file_unreadable', 'file_changed')
                         AND t.sequence = (SELECT max(sequence) FROM transfer n WHERE n.folder = ?1 AND n.source = t.source)
                       LIMIT 1000";
            let mut statement = db.prepare_cached(sql)?;
            let rows = statement.query_map([&id.0], |row| Ok((TransferId(row.get(0)?), path_from(row.get(1)?))))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Forgets what is no longer there: everything that is not in `present`, after the whole folder was seen but for what is
    /// at or below `unreadable`.
    pub(crate) async fn retain_observed(
        &self,
        id: &FolderId,
        present: HashSet<PathBuf>,
        unreadable: Vec<PathBuf>,
    ) -> Result<(), StoreError> {
        let id = id.clone();
        self.write(move |db| {
            let mut statement = db.prepare_cached("SELECT path FROM observed WHERE folder = ?1")?;
            let known: Vec<Vec<u8>> = statement.query_map([&id.0], |row| row.get(0))?.collect::<Result<_, _>>()?;
            let mut delete = db.prepare_cached("DELETE FROM observed WHERE folder = ?1 AND path = ?2")?;
            for path in known {
                let known = path_from(path.clone());
                if !present.contains(&known) && !unreadable.iter().any(|hidden| known.starts_with(hidden)) {
                    delete.execute((&id.0, path))?;
                }
            }
            Ok(())
        })
        .await
    }

    /// Forgets a path, and nothing below it.
    pub(crate) async fn forget_one(&self, id: &FolderId, path: &Path) -> Result<(), StoreError> {
        let (id, path) = (id.clone(), path_bytes(path));
        self.write(move |db| {
            db.execute("DELETE FROM observed WHERE folder = ?1 AND path = ?2", (&id.0, path))?;
            Ok(())
        })
        .await
    }

    /// Forgets a path and everything below it.
    pub(crate) async fn forget_observed(&self, id: &FolderId, path: &Path) -> Result<(), StoreError> {
        let (id, path) = (id.clone(), path_bytes(path));
        self.write(move |db| {
            // A separator is one byte on every system.
            let separator = std::path::MAIN_SEPARATOR as u8;
            let (mut below, mut after) = (path.clone(), path.clone());
            below.push(separator);
            after.push(separator + 1);
            let sql = "DELETE FROM observed WHERE folder = ?1 AND (path = ?2 OR path >= ?3 AND path < ?4)";
            db.execute(sql, (&id.0, path, below, after))?;
            Ok(())
        })
        .await
    }

    pub(crate) async fn folder_counts(&self, id: &FolderId) -> Result<FolderCounts, StoreError> {
        let id = id.clone();
        self.read(move |db| {
            let sql = format!("SELECT state, count(*) FROM ({}) GROUP BY state", entries_sql());
            let mut counts = FolderCounts::default();
            let mut statement = db.prepare_cached(&sql)?;
            let mut rows = statement.query([&id.0])?;
            while let Some(row) = rows.next()? {
                let count = unsigned(row.get(1)?);
                match row.get::<_, String>(0)?.as_str() {
                    "pinned" => counts.pinned = count,
                    "skipped" => counts.skipped = count,
                    "failed" => counts.failed = count,
                    "held" => counts.held = count,
                    _ => counts.waiting = count,
                }
            }
            counts.waiting += counts.held;
            Ok(counts)
        })
        .await
    }

    /// The files that are not simply pinned, failed ones first.
    pub(crate) async fn folder_entries(&self, id: &FolderId, limit: u32) -> Result<Vec<FolderEntry>, StoreError> {
        let id = id.clone();
        self.read(move |db| {
            let sql = format!(
                "SELECT path, state, reason FROM ({}) WHERE state <> 'pinned'
                 ORDER BY state = 'failed' DESC, state IN ('waiting', 'held') DESC, path LIMIT {limit}",
                entries_sql()
            );
            let mut statement = db.prepare_cached(&sql)?;
            let rows = statement.query_map([&id.0], |row| {
                let state = match row.get::<_, String>(1)?.as_str() {
                    "skipped" => EntryState::Skipped,
                    "failed" => EntryState::Failed,
                    _ => EntryState::Waiting,
                };
                Ok(FolderEntry { path: path_from(row.get(0)?), state, reason: row.get(2)? })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}

/// Every file of folder ?1 with its state and reason.
fn entries_sql() -> String {
    let status = status_of_pin();
    format!(
        "SELECT o.path, CASE
            WHEN o.settled = 0 AND o.skipped IS NOT NULL THEN 'held'
            WHEN o.settled = 0 THEN 'waiting'
            WHEN o.skipped IS NOT NULL THEN 'skipped'
            WHEN EXISTS (SELECT 1 FROM {RECEIPT_OF_VERSION} AND EXISTS (
                SELECT 1 FROM pin WHERE {PIN_OF_RECEIPT} AND +pin.status = 'pinned')) THEN 'pinned'
            WHEN {status} IN ('failed', 'unpinned') THEN 'failed'
            WHEN {status} IS NOT NULL THEN 'waiting'
            WHEN EXISTS (SELECT 1 FROM {RECEIPT_OF_VERSION}) THEN 'skipped'
            WHEN {LAST_STATE} IN ('failed', 'cancelled') THEN 'failed'
            ELSE 'waiting' END AS state,
         CASE
            WHEN o.skipped IS NOT NULL THEN o.skipped
            WHEN o.settled = 0 THEN 'it may still be changing'
            WHEN {status} IS NOT NULL THEN 'the service says: ' || {status}
            WHEN EXISTS (SELECT 1 FROM {RECEIPT_OF_VERSION}) THEN 'it was pinned and has been unpinned'
            ELSE (SELECT coalesce(t.failure, CASE t.state WHEN 'cancelled' THEN 'cancelled' END) FROM transfer t
                WHERE t.folder = o.folder AND t.source = o.path ORDER BY t.sequence DESC LIMIT 1) END AS reason
         FROM observed o JOIN folder f ON f.id = o.folder WHERE o.folder = ?1"
    )
}

/// What the service says of the pin that the newest receipt for the observed version names; null when it is no more.
fn status_of_pin() -> String {
    format!(
        "(SELECT pin.status FROM pin, {RECEIPT_OF_VERSION} AND {PIN_OF_RECEIPT}
          ORDER BY r.sequence DESC LIMIT 1)"
    )
}

const PIN_OF_RECEIPT: &str = "pin.account = r.account AND pin.number = pin_number(r.pin) AND pin.id = r.pin";

const LAST_STATE: &str =
    "(SELECT t.state FROM transfer t WHERE t.folder = o.folder AND t.source = o.path ORDER BY t.sequence DESC LIMIT 1)";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    Nothing,
    Work,
    AnotherLook,
}

fn need(db: &Connection, id: &FolderId, one: &Observed) -> Result<Need, StoreError> {
    if one.skipped.is_some() {
        return Ok(Need::Nothing);
    }
    let (path, print) = (path_bytes(&one.path), one.fingerprint);
    let known = "SELECT bytes, modified_ns, changed_ns, device, inode FROM observed WHERE folder = ?1 AND path = ?2";
    let known: Option<Fingerprint> =
        db.prepare_cached(known)?.query_row((&id.0, &path), |row| fingerprint_from(row, 0)).optional()?;
    let sql = "SELECT EXISTS (SELECT 1 FROM receipt r JOIN folder f ON f.account = r.account
                   WHERE f.id = ?1 AND r.source = ?2 AND r.bytes = ?3 AND r.modified_ns = ?4 AND r.changed_ns = ?5
                     AND r.device = ?6 AND r.inode = ?7),
               (SELECT state FROM transfer WHERE folder = ?1 AND source = ?2 ORDER BY sequence DESC LIMIT 1)";
    let version = (
        &id.0,
        &path,
        signed(print.bytes),
        print.modified_ns,
        print.changed_ns,
        signed(print.device),
        signed(print.inode),
    );
    let (has_receipt, last): (bool, Option<String>) =
        db.prepare_cached(sql)?.query_row(version, |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(match last.as_deref() {
        _ if has_receipt => Need::Nothing,
        // What was given up or stopped is tried again when the file is another one.
        Some("failed" | "cancelled") if known == Some(print) => Need::Nothing,
        // The file is read when its turn comes, in whatever version.
        Some("queued" | "waiting" | "paused") => Need::Nothing,
        Some("running") => Need::AnotherLook,
        _ => Need::Work,
    })
}

fn note_settled(db: &Connection, id: &FolderId, one: &Observed) -> Result<(), StoreError> {
    let print = one.fingerprint;
    let sql = "INSERT OR REPLACE INTO observed VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 1)";
    db.prepare_cached(sql)?.execute((
        &id.0,
        path_bytes(&one.path),
        signed(print.bytes),
        print.modified_ns,
        print.changed_ns,
        signed(print.device),
        signed(print.inode),
        one.skipped,
    ))?;
    Ok(())
}

/// The version that a row has is one that was settled: none has the fingerprint of what was not yet.
fn note_unsettled(db: &Connection, id: &FolderId, path: &Path) -> Result<(), StoreError> {
    let sql = "INSERT INTO observed VALUES (?1, ?2, 0, 0, 0, 0, 0, NULL, 0)
               ON CONFLICT (folder, path) DO UPDATE SET skipped = NULL, settled = 0
               WHERE settled <> 0 OR skipped IS NOT NULL";
    db.prepare_cached(sql)?.execute((&id.0, path_bytes(path)))?;
    Ok(())
}

fn folder(row: &Row<'_>) -> rusqlite::Result<Folder> {
    Ok(Folder {
        id: FolderId(row.get(0)?),
        path: path_from(row.get(1)?),
        account: AccountId(row.get(2)?),
        settle: Duration::from_millis(unsigned(row.get(3)?)),
        last_scan: row.get::<_, Option<i64>>(4)?.map(UnixMillis),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_receipt_leads_to_its_pin_and_not_through_all_of_the_account() {
        let store = Store::in_memory().await;
        let plan = store.read(|db| {
            let mut statement = db.prepare(&format!("EXPLAIN QUERY PLAN {}", entries_sql()))?;
            let steps = statement.query_map(["a folder"], |row| row.get::<_, String>(3))?;
            Ok(steps.collect::<Result<Vec<_>, _>>()?)
        });
        let looked_up: Vec<_> = plan.await.unwrap().into_iter().filter(|step| step.contains(" pin ")).collect();
        assert!(looked_up.iter().all(|step| step.contains("pin_by_number (number=?)")), "{looked_up:#?}");
        assert!(!looked_up.is_empty());
    }
}
