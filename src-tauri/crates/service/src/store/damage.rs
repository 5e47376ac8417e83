//! Pins of which blocks are missing or damaged: what is met of that is looked into and recorded, so that a pin says `failed`
//! with the reason until it is whole again.
//!
//! Whoever reads a block and finds other bytes notes it as suspect, whoever misses a block of a root notes the root; both
//! are cheap, and bounded. One task looks into what was noted. A damaged block's file is put aside, so that an upload writes
//! it again. Which pins have it is found by walking them, as a collection does: no index of blocks is kept for what never
//! happens on a sound disk.

use std::{io, sync::Arc, time::Duration};

use holdfast_content::{BlockSource, Cid, WalkLimits, Walked, survey};
use rusqlite::OptionalExtension;
use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use super::{
    Store, StoreError, blocks::BlockStore, database::Database, holds::ShortHash, pin::cid_of, pin::root_bytes,
    suspects::Noted,
};

/// One fault of a pin says enough.
const LIMITS: WalkLimits = WalkLimits { blocks: usize::MAX, named: 1 };

/// Looks into what was noted, not sooner than `rest` after it was, and less often where that takes long. Ends with `stop`.
pub(crate) async fn keep_looking(store: Arc<Store>, rest: Duration, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = store.blocks.inner.suspects.noticed() => {}
        }
        let started = Instant::now();
        let (looking, stopped) = (Arc::clone(&store), stop.clone());
        match spawn_blocking(move || looking.look_into_suspects(|| stopped.is_cancelled())).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::error!(error = &error as &dyn std::error::Error, "cannot look into damage of what is stored");
            }
            Err(error) => tracing::error!(%error, "looking into damage failed"),
        }
        // At most a twentieth of the time.
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(rest.max(started.elapsed() * 20)) => {}
        }
    }
}

impl Store {
    /// All that is damaged of this root's pins has come again, if anything was.
    pub(crate) fn note_complete(&self, root: &Cid) -> Result<(), StoreError> {
        if !self.damage.is_any()? {
            return Ok(());
        }
        self.damage.clear(root)?;
        // Other pins may have the same blocks.
        self.blocks.inner.suspects.note_repair();
        Ok(())
    }

    /// Records of a root's pins what is wrong with them, if anything is.
    pub(super) fn record_state(&self, root: &Cid, walked: &Walked) -> Result<(), StoreError> {
        match reason_of(walked) {
            Some(reason) => self.damage.record(root, &reason),
            None => self.damage.clear(root),
        }
    }

    fn look_into_suspects(&self, stop: impl Fn() -> bool) -> Result<(), StoreError> {
        let Noted { blocks, roots, repaired } = self.blocks.inner.suspects.take();
        let mut damaged = false;
        for block in blocks {
            damaged |= self.blocks.set_aside_if_damaged(&block)?;
        }
        if damaged {
            tracing::error!("a stored block is damaged and was put aside; pins that need it are shown as failed");
        }
        let roots: Vec<Cid> = if damaged {
            self.damage.pinned_roots()?
        } else {
            let recorded = if repaired { self.damage.recorded()? } else { Vec::new() };
            recorded.into_iter().chain(roots).collect()
        };
        for root in roots {
            if stop() {
                return Ok(());
            }
            if self.damage.is_pinned(&root)? {
                self.record_state(&root, &survey(&Sound(&self.blocks), &root, LIMITS)?)?;
            }
        }
        Ok(())
    }
}

impl BlockStore {
    /// Notes that a block of a DAG that may be pinned is not there.
    pub(crate) fn suspect(&self, root: &Cid) {
        self.inner.suspects.note_root(root);
    }

    /// Puts a block's file aside that has other bytes, unless somebody is using it. Says whether it did.
    fn set_aside_if_damaged(&self, cid: &Cid) -> io::Result<bool> {
        let mut is_damaged = false;
        self.inner.holds.unless_held(ShortHash::of(cid), || {
            is_damaged = self.len(cid)?.is_some() && self.get_if_sound(cid)?.is_none();
            if is_damaged { self.set_aside(cid) } else { Ok(()) }
        })?;
        Ok(is_damaged)
    }
}

fn reason_of(walked: &Walked) -> Option<String> {
    let lost = walked.missing.first().or(walked.corrupt.first());
    let lost = lost.map(|cid| format!("the block {cid} is missing or damaged"));
    let unreadable = || Some(walked.refused.first()?.to_string());
    let unknown = || walked.unknown.first().map(|cid| format!("the block {cid} is of a kind that is not known"));
    let what = lost.or_else(unreadable).or_else(unknown)?;
    Some(format!("the service does not have all of it any more: {what}; uploading or fetching it again repairs it"))
}

/// Blocks of which a damaged one is not there.
pub(super) struct Sound<'a>(pub(super) &'a BlockStore);

impl BlockSource for Sound<'_> {
    fn get(&self, cid: &Cid) -> io::Result<Option<Vec<u8>>> {
        self.0.get_if_sound(cid)
    }

    fn len_of(&self, cid: &Cid) -> io::Result<Option<u64>> {
        self.0.len(cid)
    }
}

/// The table of roots that are not complete.
#[derive(Debug)]
pub(super) struct Damage {
    database: Database,
}

impl Damage {
    pub(super) const fn new(database: Database) -> Self {
        Self { database }
    }

    fn is_any(&self) -> Result<bool, StoreError> {
        self.database.read(|transaction| Ok(transaction.prepare_cached("SELECT 1 FROM damage")?.exists(())?))
    }

    fn is_pinned(&self, root: &Cid) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM pins INDEXED BY pins_of_root WHERE root = ?1 AND pinned = 1";
        self.database.read(|transaction| Ok(transaction.prepare_cached(sql)?.exists([root_bytes(root)])?))
    }

    fn record(&self, root: &Cid, reason: &str) -> Result<(), StoreError> {
        self.database.write(|transaction| {
            let sql = "INSERT INTO damage VALUES (?1, ?2) ON CONFLICT DO UPDATE SET reason = excluded.reason";
            transaction.execute(sql, (root_bytes(root), reason))?;
            Ok(())
        })
    }

    /// Forgets it of this root, and of those that nobody has pinned any more.
    fn clear(&self, root: &Cid) -> Result<(), StoreError> {
        let root = root_bytes(root);
        let sql = "SELECT 1 FROM damage WHERE root = ?1";
        let is_recorded: Option<i64> = self.database.read::<_, StoreError>(|transaction| {
            Ok(transaction.prepare_cached(sql)?.query_row([&root], |row| row.get(0)).optional()?)
        })?;
        if is_recorded.is_none() {
            return Ok(());
        }
        self.database.write(|transaction| {
            let sql = "DELETE FROM damage WHERE root = ?1
                OR NOT EXISTS (SELECT 1 FROM pins INDEXED BY pins_of_root WHERE pins.root = damage.root AND pinned = 1)";
            transaction.execute(sql, [root])?;
            Ok(())
        })
    }

    fn recorded(&self) -> Result<Vec<Cid>, StoreError> {
        self.roots("SELECT root FROM damage")
    }

    fn pinned_roots(&self) -> Result<Vec<Cid>, StoreError> {
        self.roots("SELECT DISTINCT root FROM pins INDEXED BY pins_of_root WHERE pinned = 1")
    }

    fn roots(&self, sql: &str) -> Result<Vec<Cid>, StoreError> {
        self.database.read(|transaction| {
            let mut select = transaction.prepare(sql)?;
            let rows = select.query_map((), |row| row.get::<_, Vec<u8>>(0))?;
            rows.map(|root| cid_of(root?)).collect()
        })
    }
}
