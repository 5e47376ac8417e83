//! Settings: small named values.

use rusqlite::{Connection, OptionalExtension};

use super::{Store, StoreError};

impl Store {
    pub(crate) async fn setting(&self, name: &'static str) -> Result<Option<String>, StoreError> {
        self.read(move |db| get(db, name)).await
    }

    pub(crate) async fn set_setting(&self, name: &'static str, value: Option<String>) -> Result<(), StoreError> {
        self.write(move |db| {
            match value {
                Some(value) => db.execute("INSERT OR REPLACE INTO setting VALUES (?1, ?2)", (name, value))?,
                None => db.execute("DELETE FROM setting WHERE name = ?1", [name])?,
            };
            Ok(())
        })
        .await
    }
}

/// The value of that name.
pub(super) fn get(db: &Connection, name: &str) -> Result<Option<String>, StoreError> {
    Ok(db.query_row("SELECT value FROM setting WHERE name = ?1", [name], |row| row.get(0)).optional()?)
}
