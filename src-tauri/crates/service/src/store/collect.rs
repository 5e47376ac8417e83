//! Removes the blocks that no pin needs, while the service runs: see [`holds`](super::holds) for why none that is needed
//! goes.
//!
//! Mark and sweep: all live pins are walked, then every stored block that none of them reached is removed. Only inner
//! nodes are read; leaves are known from the links to them. Counting references instead would make each pin write as
//! many rows as it has blocks. The memory for the mark is some 20 bytes a block, 20 MB for 1 TiB of files.

use std::{collections::HashSet, fs, sync::Arc, time::Duration};

use holdfast_content::{BlockName, BlockSource, CODEC_RAW, Cid, HASH_IDENTITY, ReadError, child_cids};
use tokio::{task::spawn_blocking, time::sleep};
use tokio_util::sync::CancellationToken;

use super::{
    Store, StoreError,
    blocks::{BlockStore, absent_is_fine},
    holds::ShortHash,
    pins::Pins,
    roots::KeptRoot,
};

/// What a collection removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Swept {
    pub(crate) blocks: u64,
    pub(crate) bytes: u64,
    /// Blocks that the mark did not reach and that stay because somebody uses them.
    pub(crate) spared: u64,
}

/// Why nothing was removed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CollectError {
    /// Which blocks lie below a node that is not there is not known, and they may be all that is left of it.
    #[error("the pin of {} is damaged, so nothing was removed: {}", .0.0, .0.1)]
    Damaged(Box<(Cid, ReadError)>),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the pins cannot be read")]
    Database(#[from] rusqlite::Error),
    #[error("the blocks cannot be removed")]
    Io(#[from] std::io::Error),
    /// The service is about to end.
    #[error("given up because the service ends")]
    Stopped,
}

/// Collects whenever there may be something to collect, not sooner than `rest` after it was noted, and less often where
/// it takes long. Ends with `stop`.
pub(crate) async fn keep_collecting(store: Arc<Store>, rest: Duration, stop: CancellationToken) {
    // What the last run left goes at once.
    let mut pause = if store.blocks.has_garbage() { Duration::ZERO } else { rest };
    let mut is_damaged = false;
    loop {
        let noted = async {
            // Before a damaged pin is repaired it would fail again, so not until there is more to collect.
            while is_damaged || !store.blocks.has_garbage() {
                store.blocks.garbage_noted().await;
                is_damaged = false;
            }
            sleep(pause).await;
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = noted => {}
        }
        let started = tokio::time::Instant::now();
        let (collecting, stopped) = (Arc::clone(&store), stop.clone());
        let collected = spawn_blocking(move || collecting.collect(|| stopped.is_cancelled())).await;
        is_damaged = matches!(collected, Ok(Err(CollectError::Damaged(_))) | Err(_));
        match collected {
            Ok(Ok(Swept { blocks, bytes, .. })) => tracing::info!(blocks, bytes, "removed blocks that no pin needs"),
            Ok(Err(CollectError::Stopped)) => return,
            Ok(Err(error)) => {
                if let CollectError::Damaged(damaged) = &error {
                    store.blocks.suspect(&damaged.0);
                }
                log(&error);
            }
            Err(error) => tracing::error!(%error, "a collection failed"),
        }
        // At most a twentieth of the time.
        pause = rest.max(started.elapsed() * 20);
    }
}

/// Logs why nothing was removed, but not of which pin: no log says what is held.
fn log(error: &CollectError) {
    const KEPT: &str = "blocks that no pin needs are kept";
    match error {
        CollectError::Damaged(_) => {
            tracing::error!(error = "a pin is damaged; `holdfast serve check` says which", "{KEPT}");
        }
        error => tracing::error!(error = error as &dyn std::error::Error, "{KEPT}"),
    }
}

/// Walks all live pins, then removes every block that none of them reached. There is one at a time.
pub(super) fn collect(pins: &Pins, blocks: &BlockStore, stop: impl Fn() -> bool) -> Result<Swept, CollectError> {
    blocks.inner.holds.begin_collection();
    blocks.forget_garbage();
    let collected = mark(pins, blocks, &stop).and_then(|marked| {
        let swept = sweep(blocks, &marked.blocks, &stop)?;
        Ok((swept, marked.all_durable && swept.spared == 0))
    });
    blocks.inner.holds.end_collection();
    let (swept, all_durable) = collected.inspect_err(|_| blocks.remember_garbage())?;
    if all_durable {
        blocks.trust();
    }
    Ok(swept)
}

/// Every block that some pin needs.
pub(crate) fn mark(pins: &Pins, blocks: &BlockStore, stop: impl Fn() -> bool) -> Result<Marked, CollectError> {
    let mut marked = Marked { blocks: HashSet::new(), all_durable: true, walked: HashSet::new() };
    pins.visit_kept_roots(|root| marked.walk(blocks, root, &stop))?;
    Ok(marked)
}

/// What a mark has reached.
#[derive(Debug)]
pub(crate) struct Marked {
    pub(crate) blocks: HashSet<ShortHash>,
    /// Whether all of that is pinned, and so was made durable. What is still being fetched may not be.
    all_durable: bool,
    /// Inner nodes whose links were followed.
    walked: HashSet<BlockName>,
}

impl Marked {
    fn walk(
        &mut self,
        blocks: &BlockStore,
        KeptRoot { root, is_pinned }: KeptRoot,
        stop: impl Fn() -> bool,
    ) -> Result<(), CollectError> {
        let mut pending = Vec::new();
        let mut followed = self.note(root, &mut pending);
        self.all_durable &= is_pinned;
        loop {
            if stop() {
                return Err(CollectError::Stopped);
            }
            // Without a pin it is still to be fetched, and so is what is below it; or nobody will ever have it pinned.
            if let Err(error) = followed
                && is_pinned
            {
                return Err(CollectError::Damaged(Box::new((root, error))));
            }
            let Some(cid) = pending.pop() else { return Ok(()) };
            followed = self.follow(blocks, cid, &mut pending);
            if followed.is_err() {
                // A pin of it must meet the same.
                self.walked.remove(&BlockName::of(&cid));
            }
        }
    }

    /// Marks what a node links to.
    fn follow(&mut self, blocks: &BlockStore, cid: Cid, pending: &mut Vec<Cid>) -> Result<(), ReadError> {
        let block = blocks.get(&cid)?.ok_or(ReadError::Missing(cid))?;
        child_cids(&cid, &block)?.into_iter().try_for_each(|child| self.note(child, pending))
    }

    /// Marks a block; an inner node that was not walked is added to `pending`.
    fn note(&mut self, cid: Cid, pending: &mut Vec<Cid>) -> Result<(), ReadError> {
        if cid.hash().code() == HASH_IDENTITY {
            // It is its own block, and so short that it is nested only a few times.
            return child_cids(&cid, cid.hash().digest())?.into_iter().try_for_each(|child| self.note(child, pending));
        }
        self.blocks.insert(ShortHash::of(&cid));
        if cid.codec() != CODEC_RAW && self.walked.insert(BlockName::of(&cid)) {
            pending.push(cid);
        }
        Ok(())
    }
}

/// Removes every block that is neither `needed` nor in use.
fn sweep(blocks: &BlockStore, needed: &HashSet<ShortHash>, stop: impl Fn() -> bool) -> Result<Swept, CollectError> {
    let mut swept = Swept::default();
    blocks.visit(|block| {
        if stop() {
            return Err(CollectError::Stopped);
        }
        let short = ShortHash::of(&block.cid);
        if needed.contains(&short) {
            return Ok(());
        }
        if blocks.inner.holds.remove(short, || absent_is_fine(fs::remove_file(blocks.path(&block.cid))))? {
            swept.blocks += 1;
            swept.bytes += block.bytes;
        } else {
            swept.spared += 1;
        }
        Ok(())
    })?;
    blocks.clear_aside(|cid| needed.contains(&ShortHash::of(cid)))?;
    Ok(swept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logged::logged;

    #[test]
    fn a_collection_takes_what_nobody_needs_and_leaves_what_a_writer_found() {
        let dir = tempfile::tempdir().unwrap();
        let store = BlockStore::open(dir.path()).unwrap();
        let (found, garbage) = (store.keep(b"found"), store.keep(b"garbage"));
        let mut writer = store.writer();
        assert_eq!(writer.find(&found).unwrap(), Some(5));
        store.inner.holds.begin_collection();
        drop(writer);
        let swept = sweep(&store, &HashSet::new(), || false).unwrap();
        store.inner.holds.end_collection();
        assert_eq!(swept, Swept { blocks: 1, bytes: 7, spared: 1 });
        assert_eq!((store.len(&found).unwrap(), store.len(&garbage).unwrap()), (Some(5), None));
    }

    #[test]
    fn the_log_does_not_say_which_pin_is_damaged() {
        let dir = tempfile::tempdir().unwrap();
        let store = BlockStore::open(dir.path()).unwrap();
        let root = Cid::try_from("bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi").unwrap();
        let mut marked = Marked { blocks: HashSet::new(), all_durable: true, walked: HashSet::new() };
        let error = marked.walk(&store, KeptRoot { root, is_pinned: true }, || false).unwrap_err();
        assert!(error.to_string().contains(&root.to_string()), "who collects by hand is told");
        let log = logged(|| super::log(&error));
        assert!(log.contains("a pin is damaged") && !log.contains(&root.to_string()), "{log}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_collection_that_the_database_refused_is_tried_again() {
        let dir = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(dir.path()).unwrap());
        store.blocks.note_garbage();
        let database = rusqlite::Connection::open(dir.path().join("service.db")).unwrap();
        database.execute_batch("ALTER TABLE pins RENAME TO elsewhere").unwrap();
        let rest = Duration::from_secs(60);
        let collecting = keep_collecting(Arc::clone(&store), rest, CancellationToken::new());
        let recovering = async {
            sleep(rest / 2).await;
            assert!(store.blocks.has_garbage());
            database.execute_batch("ALTER TABLE elsewhere RENAME TO pins").unwrap();
            sleep(rest * 2).await;
        };
        tokio::select! {
            () = collecting => {}
            () = recovering => {}
        }
        assert!(!store.blocks.has_garbage());
    }
}
