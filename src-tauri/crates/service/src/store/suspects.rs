//! Blocks and roots of which something wrong was met, until somebody has looked into it.

use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use holdfast_content::Cid;
use tokio::sync::Notify;

/// Suspects of each kind that are remembered; others will be met again.
const MOST_SUSPECTS: usize = 1_000;

/// What is to be looked into.
#[derive(Debug, Default)]
pub(super) struct Suspects {
    noted: Mutex<Noted>,
    news: Notify,
}

#[derive(Debug, Default)]
pub(super) struct Noted {
    /// Blocks with other bytes.
    pub(super) blocks: HashSet<Cid>,
    /// Roots of which a block is not there.
    pub(super) roots: HashSet<Cid>,
    /// Blocks have come that damaged pins may have lacked.
    pub(super) repaired: bool,
}

impl Suspects {
    pub(super) fn note_block(&self, cid: &Cid) {
        self.note(|noted| &mut noted.blocks, cid);
    }

    pub(super) fn note_root(&self, root: &Cid) {
        self.note(|noted| &mut noted.roots, root);
    }

    fn note(&self, which: impl FnOnce(&mut Noted) -> &mut HashSet<Cid>, cid: &Cid) {
        let mut noted = self.noted();
        let suspects = which(&mut noted);
        if suspects.len() < MOST_SUSPECTS && suspects.insert(*cid) {
            self.news.notify_one();
        }
    }

    pub(super) fn note_repair(&self) {
        self.noted().repaired = true;
        self.news.notify_one();
    }

    /// Ends once there is something to look into.
    pub(super) async fn noticed(&self) {
        self.news.notified().await;
    }

    pub(super) fn take(&self) -> Noted {
        std::mem::take(&mut *self.noted())
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
