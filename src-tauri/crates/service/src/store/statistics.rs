//! What a store holds, in numbers.

use std::{collections::HashSet, io};

use super::{
    Store, StoreError,
    collect::{CollectError, mark},
    holds::ShortHash,
    keys::Owner,
    quota::Quota,
};

/// Numbers about a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statistics {
    /// Stored blocks.
    pub blocks: u64,
    /// Their bytes.
    pub block_bytes: u64,
    /// Blocks that no pin needs; `None` where that cannot be said because a pin is damaged.
    pub reclaimable_blocks: Option<u64>,
    /// Their bytes.
    pub reclaimable_bytes: Option<u64>,
    /// Bytes that the file system has free; `None` where it does not say.
    pub free_bytes: Option<u64>,
    /// What each owner of keys has.
    pub owners: Vec<OwnerStatistics>,
}

/// Numbers about one owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnerStatistics {
    /// Its name.
    pub name: String,
    /// The names of its keys.
    pub keys: Vec<String>,
    /// Live pins.
    pub pins: u64,
    /// Bytes of the files in them.
    pub content_bytes: u64,
    /// Bytes that count against the quota.
    pub used_bytes: u64,
    /// What it may store.
    pub quota: Quota,
}

impl Store {
    /// Counts. Looks at every block's file and walks every pin.
    pub(crate) fn statistics(&self) -> Result<Statistics, StoreError> {
        let needed: Option<HashSet<ShortHash>> = match mark(&self.pins, &self.blocks, || false) {
            Ok(marked) => Some(marked.blocks),
            Err(CollectError::Damaged(_) | CollectError::Stopped) => None,
            Err(CollectError::Store(error)) => return Err(error),
            Err(CollectError::Database(error)) => return Err(error.into()),
            Err(CollectError::Io(error)) => return Err(error.into()),
        };
        let mut statistics = Statistics {
            blocks: 0,
            block_bytes: 0,
            reclaimable_blocks: needed.as_ref().map(|_| 0),
            reclaimable_bytes: needed.as_ref().map(|_| 0),
            free_bytes: self.blocks.room().free_bytes()?,
            owners: self.owners()?,
        };
        self.blocks.visit::<io::Error>(|block| {
            statistics.blocks += 1;
            statistics.block_bytes += block.bytes;
            if needed.as_ref().is_some_and(|needed| !needed.contains(&ShortHash::of(&block.cid))) {
                statistics.reclaimable_blocks = statistics.reclaimable_blocks.map(|count| count + 1);
                statistics.reclaimable_bytes = statistics.reclaimable_bytes.map(|bytes| bytes + block.bytes);
            }
            Ok(())
        })?;
        Ok(statistics)
    }

    fn owners(&self) -> Result<Vec<OwnerStatistics>, StoreError> {
        let rows = self.database.read::<_, StoreError>(|transaction| {
            let mut select = transaction.prepare(
                "SELECT owners.id, owners.user_id, owners.name,
                     (SELECT json_group_array(keys.name) FROM keys WHERE keys.owner = owners.id),
                     count(pins.row), ifnull(sum(pins.size), 0)
                 FROM owners LEFT JOIN pins ON pins.owner = owners.id AND pins.pinned = 1
                 GROUP BY owners.id ORDER BY owners.id",
            )?;
            let rows = select.query_map((), |row| {
                let owner = Owner { id: row.get(0)?, user_id: uuid::Uuid::from_bytes(row.get(1)?) };
                let (pins, bytes): (i64, i64) = (row.get(4)?, row.get(5)?);
                Ok((owner, row.get(2)?, row.get::<_, String>(3)?, pins.cast_unsigned(), bytes.cast_unsigned()))
            })?;
            Ok(rows.collect::<rusqlite::Result<Vec<_>>>()?)
        })?;
        let owner = |(owner, name, keys, pins, content_bytes): (Owner, String, String, u64, u64)| {
            let keys = serde_json::from_str(&keys).map_err(|_| StoreError::Damaged("a key's name"))?;
            let (used_bytes, quota) = (self.quotas.used(owner)?, self.quotas.of(owner)?);
            Ok(OwnerStatistics { name, keys, pins, content_bytes, used_bytes, quota })
        };
        rows.into_iter().map(owner).collect()
    }
}
