//! How much an owner's pins may hold.
//!
//! A pin counts the bytes of its DAG's different blocks: a block that stands twice in one DAG counts once. Owners are not
//! told apart by what others have: a block in two DAGs counts in both, whoever has pinned them. A root that an owner has
//! pinned twice counts once. What is stored but not pinned counts for nobody. What clients say about their pins counts for
//! each pin that has not ended: its name, MIME type, keyvalues and origins, as they are stored.
//!
//! A DAG's size is a fact about its root, so it is recorded by root before the pin is; the database then keeps every
//! owner's sum with triggers. Uploads and retrievals under way count as well, from their first byte on, in
//! [`Reservation`]s: several at one time cannot exceed together what each may have alone. The last word has the transaction
//! that records or changes a pin, see [`Quotas::within`].

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use holdfast_content::Cid;
use rusqlite::{OptionalExtension, Transaction};

use super::{StoreError, database::Database, keys::Owner, pin::root_bytes};

/// What an owner may store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quota {
    /// No more than the disk takes.
    Unlimited,
    /// So many bytes in the blocks of all pins and in what is said about them.
    Bytes(u64),
}

/// A pin would hold more than its owner may store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the quota of this key is used up: {used} of {quota} bytes are stored")]
pub(crate) struct OverQuota {
    pub(crate) quota: u64,
    pub(crate) used: u64,
}

/// All owners' quotas and what they have stored. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Quotas {
    database: Database,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug)]
struct Shared {
    /// For owners who have none of their own.
    default: Quota,
    /// By owner: what is on its way to be stored.
    under_way: HashMap<i64, u64>,
}

impl Quotas {
    pub(crate) fn new(database: Database) -> Self {
        let shared = Shared { default: Quota::Unlimited, under_way: HashMap::new() };
        Self { database, shared: Arc::new(Mutex::new(shared)) }
    }

    /// Sets what owners may store who have no quota of their own.
    pub(crate) fn set_default(&self, quota: Quota) {
        self.shared().default = quota;
    }

    /// Gives an owner a quota of its own; it stays over restarts. What is stored already stays stored.
    pub(crate) fn set(&self, owner: Owner, quota: Quota) -> Result<(), StoreError> {
        let bytes = match quota {
            Quota::Unlimited => None,
            Quota::Bytes(bytes) => Some(i64::try_from(bytes).unwrap_or(i64::MAX)),
        };
        self.database.write(|transaction| {
            let sql = "INSERT INTO quotas VALUES (?1, ?2) ON CONFLICT DO UPDATE SET bytes = excluded.bytes";
            transaction.execute(sql, (owner.id, bytes))?;
            Ok(())
        })
    }

    /// What an owner may store.
    pub(crate) fn of(&self, owner: Owner) -> Result<Quota, StoreError> {
        self.database.read(|transaction| self.quota(transaction, owner))
    }

    /// What an owner's pins hold, in bytes of blocks and of what is said about them.
    pub(crate) fn used(&self, owner: Owner) -> Result<u64, StoreError> {
        self.database.read(|transaction| used(transaction, owner))
    }

    /// Makes a change of an owner's pins, and refuses it if they hold more afterwards than they did and than they may.
    pub(super) fn within<T>(
        &self,
        transaction: &Transaction<'_>,
        owner: Owner,
        change: impl FnOnce() -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let before = used(transaction, owner)?;
        let changed = change()?;
        let after = used(transaction, owner)?;
        match self.quota(transaction, owner)? {
            Quota::Bytes(quota) if after > quota.max(before) => Err(OverQuota { quota, used: before }.into()),
            _ => Ok(changed),
        }
    }

    /// Begins to count a pin that is to be; let it live until the pin is recorded.
    pub(crate) fn reserve(&self, owner: Owner) -> Result<Reservation, StoreError> {
        let limit = match self.of(owner)? {
            Quota::Unlimited => None,
            Quota::Bytes(bytes) => Some(bytes),
        };
        let used = self.used(owner)?;
        Ok(Reservation { quotas: self.clone(), owner, limit, used, bytes: 0, unchecked_bytes: 0 })
    }

    /// Records what the DAG below a root holds. Call it before the pin is recorded.
    pub(crate) fn record_dag(&self, root: &Cid, bytes: u64) -> Result<(), StoreError> {
        self.database.write(|transaction| {
            let sql = "INSERT OR IGNORE INTO dag_sizes VALUES (?1, ?2)";
            transaction.prepare_cached(sql)?.execute((root_bytes(root), bytes.cast_signed()))?;
            Ok(())
        })
    }

    fn quota(&self, transaction: &Transaction<'_>, owner: Owner) -> Result<Quota, StoreError> {
        let sql = "SELECT bytes FROM quotas WHERE owner = ?1";
        let own: Option<Option<i64>> =
            transaction.prepare_cached(sql)?.query_row([owner.id], |row| row.get(0)).optional()?;
        Ok(match own {
            Some(Some(bytes)) => Quota::Bytes(bytes.cast_unsigned()),
            Some(None) => Quota::Unlimited,
            None => self.shared().default,
        })
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn used(transaction: &Transaction<'_>, owner: Owner) -> Result<u64, StoreError> {
    let sql = "SELECT ifnull((SELECT bytes FROM usage WHERE owner = ?1), 0)
               + ifnull((SELECT bytes FROM metadata_usage WHERE owner = ?1 AND ended = 0), 0)";
    Ok(transaction.prepare_cached(sql)?.query_row([owner.id], |row| row.get::<_, i64>(0))?.cast_unsigned())
}

/// A part of an owner's quota that is being filled. Given back when dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    quotas: Quotas,
    owner: Owner,
    limit: Option<u64>,
    /// What was stored when it was last looked at.
    used: u64,
    bytes: u64,
    /// Taken since then.
    unchecked_bytes: u64,
}

/// How much is taken before what is stored is looked at again.
const LOOK_EVERY_BYTES: u64 = 16 * 1024 * 1024;

impl Reservation {
    /// Takes a part of what is left.
    pub(crate) fn take(&mut self, bytes: u64) -> Result<(), StoreError> {
        let Some(quota) = self.limit else { return Ok(()) };
        self.unchecked_bytes += bytes;
        if self.unchecked_bytes >= LOOK_EVERY_BYTES {
            self.look()?;
        }
        let mut shared = self.quotas.shared();
        let under_way = shared.under_way.entry(self.owner.id).or_default();
        if self.used.saturating_add(*under_way).saturating_add(bytes) > quota {
            return Err(OverQuota { quota, used: self.used }.into());
        }
        *under_way += bytes;
        self.bytes += bytes;
        Ok(())
    }

    /// Takes the last part, before the pin is recorded, if other pins that came meanwhile leave room for this one.
    pub(crate) fn confirm(&mut self, bytes: u64) -> Result<(), StoreError> {
        self.look()?;
        self.take(bytes)
    }

    /// How much an upload can hold at most that is not refused; `None` for any number: what is left, or, of what is pinned
    /// already, all that is stored.
    pub(crate) fn most_bytes(&self) -> Option<u64> {
        let under_way = self.quotas.shared().under_way.get(&self.owner.id).copied().unwrap_or(0);
        self.limit.map(|limit| limit.saturating_sub(self.used).saturating_sub(under_way).max(self.used))
    }

    fn look(&mut self) -> Result<(), StoreError> {
        self.unchecked_bytes = 0;
        if self.limit.is_some() {
            self.used = self.quotas.used(self.owner)?;
        }
        Ok(())
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut shared = self.quotas.shared();
        if let Some(under_way) = shared.under_way.get_mut(&self.owner.id) {
            *under_way = under_way.saturating_sub(self.bytes);
            if *under_way == 0 {
                shared.under_way.remove(&self.owner.id);
            }
        }
    }
}
