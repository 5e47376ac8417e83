//! How much is held in all.

use super::{Store, StoreError};

/// Numbers over all owners.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Held {
    /// Pins.
    pub(crate) pins: u64,
    /// Bytes of their files; what two pins share counts twice.
    pub(crate) bytes: u64,
}

impl Store {
    /// Counts what is pinned.
    pub(crate) fn held(&self) -> Result<Held, StoreError> {
        self.database.read(|transaction| {
            let sql = "SELECT ifnull(sum(files), 0), ifnull(sum(size), 0) FROM totals WHERE status = 'pinned'";
            let (pins, bytes): (i64, i64) =
                transaction.prepare_cached(sql)?.query_row((), |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok(Held { pins: pins.cast_unsigned(), bytes: bytes.cast_unsigned() })
        })
    }
}
