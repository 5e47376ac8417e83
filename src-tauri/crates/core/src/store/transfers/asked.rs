//! Transfers whose service works on the pin that it was asked for: they end with the pin, in the transaction that writes what
//! became of it.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension};

use crate::{
    clock::UnixMillis,
    error::Error,
    ids::{AccountId, PinId, PinKey},
    pin::{ContentProof, PinStatus, ProviderPin, Receipt},
    store::{Store, StoreError, codec::unsigned, receipts},
    transfer::Failure,
};

/// How long a service may not know of a pin that it has just taken: some show it a while later.
const SHOWS_LATER: Duration = Duration::from_secs(120);

impl Store {
    /// Pins that an account was asked for, those first that it was asked about longest ago; of those asked for after `since`
    /// where it is given.
    pub(crate) async fn pins_asked_for(
        &self,
        account: &AccountId,
        since: Option<UnixMillis>,
        limit: u32,
    ) -> Result<Vec<PinId>, StoreError> {
        let account = account.clone();
        self.read(move |db| {
            let sql = "SELECT DISTINCT pin.id FROM transfer t JOIN pin ON pin.account = t.account
                           AND pin.number = pin_number(t.pin) AND pin.id = t.pin
                       WHERE t.state = 'asked' AND t.account = ?1 AND t.updated_at >= ?2 ORDER BY pin.asked LIMIT ?3";
            let mut statement = db.prepare_cached(sql)?;
            let since = since.map_or(i64::MIN, |at| at.0);
            let rows = statement.query_map((&account.0, since, limit), |row| Ok(PinId(row.get(0)?)))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Forgets that asking for a pin by its CID has failed: it is asked for anew by another transfer.
    pub(crate) async fn forget_failed(&self, key: &PinKey) -> Result<(), StoreError> {
        let key = key.clone();
        self.write(move |db| {
            let sql = "DELETE FROM transfer WHERE state = 'failed' AND work = 'pin' AND account = ?1 AND pin = ?2";
            db.execute(sql, (&key.account.0, &key.id.0))?;
            Ok(())
        })
        .await
    }
}

/// Whether any transfer waits for a pin of its service.
pub(in crate::store) fn any(db: &Connection) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM transfer WHERE state = 'asked')";
    Ok(db.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
}

/// Ends the transfers that asked for this pin, where the service has ended it. Says whether there were any.
pub(in crate::store) fn settle(
    db: &Connection,
    account: &AccountId,
    pin: &ProviderPin,
    now: UnixMillis,
) -> Result<bool, StoreError> {
    let ended = match pin.status {
        PinStatus::Pinned | PinStatus::Stored => Ok(()),
        PinStatus::Failed => Err(pin.message.clone().unwrap_or_else(|| pin.raw_status.clone())),
        PinStatus::Unpinned => {
            let why = pin.message.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
            Err(format!("it was removed there{why}"))
        }
        PinStatus::Queued | PinStatus::Fetching | PinStatus::Unknown => return Ok(false),
    };
    let key = PinKey { account: account.clone(), id: pin.id.clone() };
    let transfers = of(db, &key)?;
    for id in &transfers {
        match &ended {
            Ok(()) => pinned(db, id, &key, pin, now)?,
            Err(reason) => failed(db, id, reason, now)?,
        }
    }
    Ok(!transfers.is_empty())
}

/// Ends the transfers that asked for a pin that is no more. `false` when one asked so lately that the service may only not show
/// it yet: then the pin is to stay in the mirror.
pub(in crate::store) fn may_be_gone(db: &Connection, key: &PinKey, now: UnixMillis) -> Result<bool, StoreError> {
    let sql = "SELECT max(updated_at) FROM transfer WHERE state = 'asked' AND account = ?1 AND pin = ?2";
    let asked: Option<i64> = db.prepare_cached(sql)?.query_row((&key.account.0, &key.id.0), |row| row.get(0))?;
    let Some(asked) = asked.map(UnixMillis) else { return Ok(true) };
    if asked <= now && now.since(asked) < SHOWS_LATER {
        return Ok(false);
    }
    for id in of(db, key)? {
        failed(db, &id, "it is not there any more", now)?;
    }
    Ok(true)
}

/// Ends the transfers that asked for a pin that the user has removed.
pub(super) fn cancel(db: &Connection, key: &PinKey, now: UnixMillis) -> Result<(), StoreError> {
    let sql =
        "UPDATE transfer SET state = 'cancelled', updated_at = ?3 WHERE state = 'asked' AND account = ?1 AND pin = ?2";
    db.prepare_cached(sql)?.execute((&key.account.0, &key.id.0, now.0))?;
    Ok(())
}

fn of(db: &Connection, key: &PinKey) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT id FROM transfer WHERE state = 'asked' AND account = ?1 AND pin = ?2";
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map((&key.account.0, &key.id.0), |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn pinned(db: &Connection, transfer: &str, key: &PinKey, pin: &ProviderPin, now: UnixMillis) -> Result<(), StoreError> {
    let sql = "SELECT bytes FROM pin WHERE account = ?1 AND number = pin_number(?2) AND id = ?2";
    let known = db.prepare_cached(sql)?.query_row((&key.account.0, &key.id.0), |row| row.get::<_, Option<i64>>(0));
    let bytes = pin.bytes.or_else(|| known.optional().ok().flatten().flatten().map(unsigned));
    let has_receipt: bool = db
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM receipt WHERE transfer = ?1)")?
        .query_row([transfer], |row| row.get(0))?;
    if !has_receipt {
        let receipt = Receipt {
            pin: key.clone(),
            cid: pin.cid,
            proof: ContentProof::NotChecked,
            profile: None,
            reason: None,
            compared_at: None,
            source: None,
            bytes: bytes.unwrap_or(0),
            at: now,
        };
        receipts::insert(db, Some(transfer), &receipt, None)?;
    }
    let sql = "UPDATE transfer SET state = 'done', updated_at = ?2 WHERE id = ?1";
    db.prepare_cached(sql)?.execute((transfer, now.0))?;
    Ok(())
}

fn failed(db: &Connection, transfer: &str, reason: &str, now: UnixMillis) -> Result<(), StoreError> {
    // Nothing came of it.
    db.prepare_cached("DELETE FROM receipt WHERE transfer = ?1")?.execute([transfer])?;
    let failure = Failure::from(&Error::PinFailed { reason: reason.into() });
    let sql =
        "UPDATE transfer SET state = 'failed', code = ?2, failure = ?3, details = ?4, updated_at = ?5 WHERE id = ?1";
    let values = (transfer, failure.code.as_str(), failure.message, failure.details, now.0);
    db.prepare_cached(sql)?.execute(values)?;
    Ok(())
}
