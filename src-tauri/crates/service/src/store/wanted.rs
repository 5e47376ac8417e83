//! The queue of pins that wait for their content.

use holdfast_content::Cid;
use uuid::Uuid;

use super::{
    StoreError,
    keys::{Owner, random_uuid},
    pin::{cid_of, now_microseconds, origins_of},
    pins::{Pins, cut_runs_of},
};

/// A pin whose blocks are still to be fetched.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) id: Uuid,
    /// Against whose quota it counts.
    pub(crate) owner: Owner,
    pub(crate) root: Cid,
    /// Multiaddrs that were named as having it.
    pub(crate) origins: Vec<String>,
}

impl Pins {
    /// Takes a pin that is to be fetched, if there is one, and marks it as being fetched: the oldest of the owner with the
    /// fewest that are being fetched; among several such owners, of the next one after `last_served`.
    pub(crate) fn take_wanted(&self, last_served: Option<Owner>) -> Result<Option<Wanted>, StoreError> {
        self.database.write(|transaction| {
            let mut take = transaction.prepare_cached(
                "UPDATE pins SET status = 'fetching'
                 WHERE row = (
                     SELECT row FROM pins WHERE status = 'queued' AND owner = (
                         SELECT waiting.owner FROM totals AS waiting
                         LEFT JOIN totals AS served ON served.owner = waiting.owner AND served.status = 'fetching'
                         WHERE waiting.status = 'queued' AND waiting.files > 0
                         ORDER BY ifnull(served.files, 0), waiting.owner <= ?1, waiting.owner LIMIT 1
                     ) ORDER BY created_at LIMIT 1
                 )
                 RETURNING id, root, origins, owner,
                     (SELECT user_id FROM owners WHERE owners.id = owner)",
            )?;
            let mut rows = take.query([last_served.map(|owner| owner.id)])?;
            let wanted = match rows.next()? {
                None => None,
                Some(row) => Some(Wanted {
                    id: Uuid::from_bytes(row.get(0)?),
                    root: cid_of(row.get(1)?)?,
                    origins: origins_of(row.get(2)?)?.unwrap_or_default(),
                    owner: Owner { id: row.get(3)?, user_id: Uuid::from_bytes(row.get(4)?) },
                }),
            };
            Ok(wanted)
        })
    }

    /// What was being fetched when the last run ended is to be fetched again.
    pub(crate) fn requeue_interrupted(&self) -> Result<(), StoreError> {
        self.database.write(|transaction| {
            transaction.execute("UPDATE pins SET status = 'queued' WHERE status = 'fetching'", ())?;
            Ok(())
        })
    }

    /// Records that all blocks of a pin are held and durable; `false` if nobody wants it any more.
    pub(crate) fn finish(&self, wanted: &Wanted, content_bytes: u64, is_dir: bool) -> Result<bool, StoreError> {
        let id = wanted.id;
        self.database.write(|transaction| {
            let changed = transaction.execute(
                "UPDATE pins SET status = 'pinned', pinned = 1, size = ?2, order_size = ?2, is_dir = ?3, file_record_id = ?4,
                     date_pinned = ?5, failure = NULL
                 WHERE id = ?1 AND status IN ('queued', 'fetching')",
                (
                    id.as_bytes(),
                    content_bytes.cast_signed(),
                    is_dir,
                    random_uuid()?.as_bytes(),
                    now_microseconds(),
                ),
            )?;
            if changed == 1 {
                cut_runs_of(transaction, wanted.owner, id)?;
            }
            Ok(changed == 1)
        })
    }

    /// Records why the blocks of a pin cannot be had.
    pub(crate) fn fail(&self, id: Uuid, reason: &str) -> Result<(), StoreError> {
        self.database.write(|transaction| {
            transaction.execute(
                "UPDATE pins SET status = 'failed', failure = ?2 WHERE id = ?1 AND status IN ('queued', 'fetching')",
                (id.as_bytes(), reason),
            )?;
            Ok(())
        })
    }
}
