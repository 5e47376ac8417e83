//! The steps of an upload by way of a node: what has been reached when a try ends is where the next one goes on.

use rusqlite::OptionalExtension;

use super::Finish;
use crate::{
    clock::UnixMillis,
    ids::{AccountId, TransferId},
    pin::ProviderPin,
    store::{Store, StoreError, accounts, mirror, receipts},
};

impl Store {
    /// Writes which version of its file or directory a transfer gives to the node; `None` where that cannot be told.
    pub(crate) async fn set_relayed_version(&self, id: &TransferId, version: Option<i64>) -> Result<(), StoreError> {
        let id = id.clone();
        self.write(move |db| {
            db.execute("UPDATE transfer SET relayed_version = ?2 WHERE id = ?1", (&id.0, version))?;
            Ok(())
        })
        .await
    }

    /// The version that the node was given.
    pub(crate) async fn relayed_version(&self, id: &TransferId) -> Result<Option<i64>, StoreError> {
        let id = id.clone();
        self.read(move |db| {
            let sql = "SELECT relayed_version FROM transfer WHERE id = ?1";
            Ok(db.query_row(sql, [&id.0], |row| row.get::<_, Option<i64>>(0)).optional()?.flatten())
        })
        .await
    }

    /// Writes what the node has taken for a transfer that goes on to another account.
    pub(crate) async fn relay_added(
        &self,
        id: &TransferId,
        record: &TransferId,
        added: Finish,
        now: UnixMillis,
    ) -> Result<(), StoreError> {
        let (id, record) = (id.clone(), record.clone());
        self.write(move |db| {
            let Finish::Pinned { pin, receipt, version, learnt_profile, .. } = added else {
                return Err(StoreError::Row("what a node has taken"));
            };
            let account = &receipt.pin.account;
            mirror::observe(db, account, &pin, now)?;
            receipts::insert(db, Some(&record.0), &receipt, version.as_ref())?;
            if let Some(profile) = learnt_profile {
                accounts::learn_profile(db, account, profile)?;
            }
            let sql =
                "UPDATE transfer SET cid = ?2, pin = NULL, unanswered_since = NULL, updated_at = ?3 WHERE id = ?1";
            db.execute(sql, (&id.0, pin.cid.to_string(), now.0))?;
            Ok(())
        })
        .await
    }

    /// Lets a transfer begin again at the node: the receipt of what is there stays, and is the transfer's no more.
    pub(crate) async fn begin_relay_again(&self, id: &TransferId, record: &TransferId) -> Result<(), StoreError> {
        let (id, record) = (id.clone(), record.clone());
        self.write(move |db| {
            db.execute("UPDATE receipt SET transfer = NULL WHERE transfer = ?1", [&record.0])?;
            db.execute("UPDATE transfer SET pin = NULL, cid = NULL, relayed_version = NULL WHERE id = ?1", [&id.0])?;
            Ok(())
        })
        .await
    }

    /// Writes the pin that a transfer waits for.
    pub(crate) async fn note_asked_for(
        &self,
        id: &TransferId,
        account: &AccountId,
        pin: &ProviderPin,
        now: UnixMillis,
    ) -> Result<(), StoreError> {
        let (id, account, pin) = (id.clone(), account.clone(), pin.clone());
        self.write(move |db| {
            mirror::observe(db, &account, &pin, now)?;
            db.execute("UPDATE transfer SET pin = ?2 WHERE id = ?1", (&id.0, &pin.id.0))?;
            Ok(())
        })
        .await
    }
}
