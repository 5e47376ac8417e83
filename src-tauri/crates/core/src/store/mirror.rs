//! Writing the mirror: what providers said of their pins. All of it can be asked for again, so that lists need not wait for
//! the disk.

use holdfast_content::{Cid, same_content};
use rusqlite::{CachedStatement, Connection, params};

use super::{
    Store, StoreError,
    codec::{cid_from, content_number, metadata_text, signed},
    pins,
    shelves::Shelves,
    transfers::asked,
};
use crate::{
    clock::UnixMillis,
    ids::{AccountId, PinId, PinKey},
    pin::{Fingerprint, Known, Pin, PinNumber, ProviderPin},
};

/// What writing to the mirror has changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Written {
    /// Pins are not as they were.
    pub(crate) pins: bool,
    /// Transfers that waited for them have ended.
    pub(crate) transfers: bool,
}

impl Store {
    /// The account's pins as numbers.
    pub(crate) async fn known_pins(&self, account: &AccountId) -> Result<Known, StoreError> {
        let account = account.clone();
        self.read(move |db| {
            let mut select = db.prepare_cached(
                "SELECT pin.number, fingerprint FROM pin_shelf s JOIN pin ON pin.shelf = s.number WHERE s.account = ?1",
            )?;
            let pins = select.query_map([&account.0], |row| Ok((PinNumber(row.get(0)?), Fingerprint(row.get(1)?))))?;
            Ok(pins.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Writes what a provider said of some pins in a list, and ends the transfers that asked for them.
    pub(crate) async fn observe_pins(
        &self,
        account: &AccountId,
        pins: Vec<ProviderPin>,
        seen: UnixMillis,
        now: UnixMillis,
    ) -> Result<Written, StoreError> {
        let account = account.clone();
        let ends_transfers = self.read(asked::any).await?;
        let write = move |db: &Connection| {
            let (mut writer, mut written) = (Writer::new(db)?, Written::default());
            for pin in &pins {
                written.pins |= writer.observe(&account, pin, seen)?;
                if ends_transfers {
                    written.transfers |= asked::settle(db, &account, pin, now)?;
                }
            }
            Ok(written)
        };
        // That a transfer has ended is told, and may not be undone.
        if ends_transfers { self.write(write).await } else { self.write_mirror(write).await }
    }

    /// Those of an account's pins that are not known, or not so.
    pub(crate) async fn news_among(
        &self,
        account: &AccountId,
        pins: Vec<ProviderPin>,
    ) -> Result<Vec<ProviderPin>, StoreError> {
        let account = account.clone();
        self.read(move |db| {
            let sql =
                "SELECT EXISTS (SELECT 1 FROM pin WHERE account = ?1 AND number = ?2 AND id = ?3 AND fingerprint = ?4)";
            let (mut known, mut news) = (db.prepare_cached(sql)?, Vec::new());
            for pin in pins {
                let (number, fingerprint) = (PinNumber::of(&pin.id.0), Fingerprint::of(&pin));
                let values = (&account.0, number.0, &pin.id.0, fingerprint.0);
                if !known.query_row(values, |row| row.get::<_, bool>(0))? {
                    news.push(pin);
                }
            }
            Ok(news)
        })
        .await
    }

    /// The ids of the account's pins of these numbers that nobody has spoken of since `since`.
    pub(crate) async fn pins_unheard_of(
        &self,
        account: &AccountId,
        numbers: Vec<PinNumber>,
        since: UnixMillis,
        now: UnixMillis,
    ) -> Result<Vec<PinId>, StoreError> {
        let account = account.clone();
        self.read(move |db| {
            // What was seen in the future was seen before the clock was set right.
            let sql = "SELECT id FROM pin WHERE account = ?1 AND number = ?2 AND (seen < ?3 OR seen > ?4)";
            let (mut select, mut ids) = (db.prepare_cached(sql)?, Vec::new());
            for number in numbers {
                let found = select.query_map((&account.0, number.0, since.0, now.0), |row| Ok(PinId(row.get(0)?)))?;
                for id in found {
                    ids.push(id?);
                }
            }
            Ok(ids)
        })
        .await
    }

    /// Notes that the provider is asked about these pins.
    pub(crate) async fn note_asked(
        &self,
        account: &AccountId,
        ids: Vec<PinId>,
        now: UnixMillis,
    ) -> Result<(), StoreError> {
        let account = account.clone();
        self.write_passing(move |db| {
            let sql = "UPDATE pin SET asked = ?3
                WHERE account = ?1 AND number = pin_number(?2) AND id = ?2 AND +asked IS NOT NULL";
            let mut update = db.prepare_cached(sql)?;
            for id in ids {
                update.execute((&account.0, &id.0, now.0))?;
            }
            Ok(())
        })
        .await
    }

    /// Writes a pin as its provider says that it is after a change, whatever its id is now: receipts and transfers follow it,
    /// for its content is the same.
    pub(crate) async fn replace_pin(
        &self,
        key: &PinKey,
        after: ProviderPin,
        now: UnixMillis,
    ) -> Result<Pin, StoreError> {
        let key = key.clone();
        self.write(move |db| {
            let (account, old, new) = (&key.account.0, &key.id.0, &after.id.0);
            if new != old {
                db.execute("UPDATE receipt SET pin = ?3 WHERE account = ?1 AND pin = ?2", (account, old, new))?;
                db.execute("UPDATE transfer SET pin = ?3 WHERE account = ?1 AND pin = ?2", (account, old, new))?;
            }
            // What it does not have any more is not kept.
            forget(db, &key)?;
            observe(db, &key.account, &after, now)?;
            let key = PinKey { account: key.account, id: after.id };
            pins::one(db, &key)?.ok_or(StoreError::Row("a pin that was just written"))
        })
        .await
    }

    /// Removes pins that a provider does not have any more, and ends the transfers that asked for them.
    pub(crate) async fn forget_pins(&self, keys: Vec<PinKey>, now: UnixMillis) -> Result<Written, StoreError> {
        let ends_transfers = self.read(asked::any).await?;
        let write = move |db: &Connection| {
            let mut written = Written::default();
            for key in &keys {
                if !ends_transfers || asked::may_be_gone(db, key, now)? {
                    written.pins |= forget(db, key)?;
                }
            }
            written.transfers = ends_transfers;
            Ok(written)
        };
        if ends_transfers { self.write(write).await } else { self.write_mirror(write).await }
    }

    /// Removes one pin.
    pub(crate) async fn forget_pin(&self, key: &PinKey, now: UnixMillis) -> Result<(), StoreError> {
        self.forget_pins(vec![key.clone()], now).await.map(drop)
    }
}

pub(super) fn forget(db: &Connection, key: &PinKey) -> Result<bool, StoreError> {
    let sql = "DELETE FROM pin WHERE account = ?1 AND number = pin_number(?2) AND id = ?2";
    Ok(db.prepare_cached(sql)?.execute((&key.account.0, &key.id.0))? > 0)
}

/// Writes what a provider said of a pin; a size or name that an answer leaves out is kept. Says whether that changed anything.
pub(super) fn observe(
    db: &Connection,
    account: &AccountId,
    pin: &ProviderPin,
    seen: UnixMillis,
) -> Result<bool, StoreError> {
    Writer::new(db)?.observe(account, pin, seen)
}

/// The statements that write a pin, made ready once for many.
struct Writer<'db> {
    db: &'db Connection,
    shelves: Shelves,
    find: CachedStatement<'db>,
    seen: CachedStatement<'db>,
    delete: CachedStatement<'db>,
    insert: CachedStatement<'db>,
}

/// What the mirror had of a pin.
struct Before {
    row: i64,
    fingerprint: Fingerprint,
    cid: Cid,
    name: Option<String>,
    bytes: Option<i64>,
    is_directory: bool,
    pinned_at: Option<i64>,
    seen: i64,
    asked: Option<i64>,
}

impl<'db> Writer<'db> {
    fn new(db: &'db Connection) -> Result<Self, StoreError> {
        Ok(Self {
            db,
            shelves: Shelves::default(),
            find: db.prepare_cached(
                "SELECT row, fingerprint, cid, name, bytes, is_directory, pinned_at, seen, asked FROM pin
                 WHERE account = ?1 AND number = ?2 AND id = ?3",
            )?,
            seen: db.prepare_cached("UPDATE pin SET seen = max(seen, ?2) WHERE row = ?1")?,
            delete: db.prepare_cached("DELETE FROM pin WHERE row = ?1")?,
            insert: db.prepare_cached(
                "INSERT INTO pin (row, number, account, id, cid, content, name, shown_folded, bytes, status,
                     raw_status, message, is_directory, pinned_at, metadata, fingerprint, seen, asked, left_out, shelf,
                     bytes_or_none, pinned_at_or_none)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20,
                     ifnull(?9, -1), ifnull(?14, -1))",
            )?,
        })
    }

    fn observe(&mut self, account: &AccountId, pin: &ProviderPin, seen: UnixMillis) -> Result<bool, StoreError> {
        let (number, fingerprint) = (PinNumber::of(&pin.id.0), Fingerprint::of(pin));
        let before = self.find(account, &pin.id, number)?;
        if let Some(before) = &before
            && before.fingerprint == fingerprint
        {
            self.seen.execute((before.row, seen.0))?;
            return Ok(false);
        }
        let shelf = self.shelves.of(self.db, account, pin.status)?;
        let of_same = before.as_ref().filter(|before| same_content(&before.cid, &pin.cid));
        let cid = pin.cid.to_string();
        let name = pin.name.as_deref().or_else(|| of_same?.name.as_deref());
        if let Some(before) = &before {
            self.delete.execute([before.row])?;
        }
        self.insert.execute(params![
            before.as_ref().map(|before| before.row),
            number.0,
            account.0,
            pin.id.0,
            cid,
            content_number(&pin.cid),
            name,
            pins::folded(name.filter(|name| !name.is_empty()).unwrap_or(&cid)),
            pin.bytes.map(signed).or_else(|| of_same?.bytes),
            pin.status.as_str(),
            pin.raw_status,
            pin.message,
            pin.is_directory || of_same.is_some_and(|same| same.is_directory),
            pin.pinned_at.map(|at| at.0).or_else(|| of_same?.pinned_at),
            metadata_text(&pin.metadata),
            fingerprint.0,
            before.as_ref().map_or(seen.0, |before| before.seen.max(seen.0)),
            pin.status.is_under_way().then(|| before.as_ref().and_then(|before| before.asked).unwrap_or(0)),
            signed(pin.left_out.0),
            shelf,
        ])?;
        Ok(true)
    }

    fn find(&mut self, account: &AccountId, id: &PinId, number: PinNumber) -> Result<Option<Before>, StoreError> {
        let mut rows = self.find.query((&account.0, number.0, &id.0))?;
        let Some(row) = rows.next()? else { return Ok(None) };
        Ok(Some(Before {
            row: row.get(0)?,
            fingerprint: Fingerprint(row.get(1)?),
            cid: cid_from(row.get_ref(2)?.as_str().map_err(|_| StoreError::Row("a CID"))?)?,
            name: row.get(3)?,
            bytes: row.get(4)?,
            is_directory: row.get(5)?,
            pinned_at: row.get(6)?,
            seen: row.get(7)?,
            asked: row.get(8)?,
        }))
    }
}
