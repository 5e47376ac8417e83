//! The mirror: every account's pins, as the providers last described them.

use std::hash::{DefaultHasher, Hash, Hasher};

use holdfast_content::Cid;
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter, types::Value};

use super::{
    Store, StoreError,
    codec::{cid_from, content_number, metadata_from, metadata_text, signed, unsigned},
};
use crate::{
    account::AccountId,
    clock::UnixMillis,
    error::Error,
    pin::{Listed, MAX_PAGE_ROWS, Pin, PinId, PinKey, PinPage, PinQuery, PinSort, PinStatus, Proof, ProviderPin},
};

const COLUMNS: &str =
    "account, id, cid, name, bytes, status, raw_status, message, is_directory, pinned_at, metadata, proof";

impl Store {
    pub(crate) async fn pins(&self, query: PinQuery) -> Result<PinPage, Error> {
        self.read(move |db| page(db, &query)).await
    }

    pub(crate) async fn pin(&self, key: &PinKey) -> Result<Option<Pin>, Error> {
        let key = key.clone();
        self.read(move |db| {
            let sql = format!("SELECT {COLUMNS} FROM pin WHERE account = ?1 AND id = ?2");
            let row = db.prepare_cached(&sql)?.query_row((&key.account.0, &key.id.0), |row| Ok(pin(row))).optional()?;
            row.transpose()
        })
        .await
    }

    /// Every pin of that id, whatever the account.
    pub(crate) async fn pins_with_id(&self, id: &PinId) -> Result<Vec<Pin>, Error> {
        let id = id.clone();
        self.read(move |db| {
            select(db, &format!("SELECT {COLUMNS} FROM pin WHERE id = ?1 ORDER BY account"), vec![id.0.into()])
        })
        .await
    }

    /// The account's pins of that CID, pinned ones first.
    pub(crate) async fn pins_of_cid(&self, account: &AccountId, cid: Cid) -> Result<Vec<Pin>, Error> {
        let account = account.clone();
        self.read(move |db| {
            let sql = format!(
                "SELECT {COLUMNS} FROM pin WHERE content = ?1 AND cid = ?2 AND +account = ?3 AND status <> 'unpinned'
                 ORDER BY status = 'pinned' DESC"
            );
            select(db, &sql, vec![content_number(&cid).into(), cid.to_string().into(), account.0.into()])
        })
        .await
    }

    /// Pins whose status the provider will change.
    pub(crate) async fn pins_under_way(&self, account: &AccountId, limit: u32) -> Result<Vec<PinId>, Error> {
        let account = account.clone();
        self.read(move |db| {
            let sql = "SELECT id FROM pin WHERE status IN ('queued', 'fetching', 'unknown') AND +account = ?1 ORDER BY seen LIMIT ?2";
            let mut statement = db.prepare_cached(sql)?;
            let rows = statement.query_map((&account.0, limit), |row| Ok(PinId(row.get(0)?)))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// How many other pins hold the same CID, at any account.
    pub(crate) async fn other_copies(&self, key: &PinKey, cid: Cid) -> Result<u64, Error> {
        let key = key.clone();
        self.read(move |db| {
            let sql =
                "SELECT count(*) FROM pin WHERE content = ?1 AND cid = ?2 AND +status = 'pinned' AND NOT (account = ?3 AND id = ?4)";
            let values = (content_number(&cid), cid.to_string(), &key.account.0, &key.id.0);
            let count: i64 = db.query_row(sql, values, |row| row.get(0))?;
            Ok(unsigned(count))
        })
        .await
    }

    /// Writes what a provider said of some pins. Says whether that changed anything.
    pub(crate) async fn observe_pins(
        &self,
        account: &AccountId,
        pins: Vec<ProviderPin>,
        seen: UnixMillis,
    ) -> Result<bool, Error> {
        let account = account.clone();
        self.write(move |db| {
            let mut changed = false;
            for one in &pins {
                changed |= observe(db, &account, one, None, seen, Said::InList)?;
            }
            Ok(changed)
        })
        .await
    }

    /// Removes the account's pins that a whole listing begun at `began` did not have. Says whether there were any.
    pub(crate) async fn forget_unlisted_pins(
        &self,
        account: &AccountId,
        began: UnixMillis,
        listed: Listed,
        now: UnixMillis,
    ) -> Result<bool, Error> {
        let account = account.clone();
        self.write(move |db| {
            let held: i64 = db
                .prepare_cached("SELECT count(*) FROM pin WHERE account = ?1")?
                .query_row([&account.0], |row| row.get(0))?;
            // Every listed pin is in the mirror: as many are the same.
            if unsigned(held) == listed.len() {
                return Ok(false);
            }
            let mut select =
                db.prepare_cached("SELECT row, id FROM pin WHERE account = ?1 AND (seen < ?2 OR seen > ?3)")?;
            let rows = select
                .query_map((&account.0, began.0, now.0), |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))?;
            let mut gone = Vec::new();
            for row in rows {
                let (row, id) = row?;
                if !listed.has(&PinId(id)) {
                    gone.push(row);
                }
            }
            let mut delete = db.prepare_cached("DELETE FROM pin WHERE row = ?1")?;
            for row in &gone {
                delete.execute([row])?;
            }
            Ok(!gone.is_empty())
        })
        .await
    }

    /// Writes a pin as its provider says that it is after a change, whatever its id is now: receipts and transfers follow it,
    /// for its content is the same.
    pub(crate) async fn replace_pin(&self, key: &PinKey, after: ProviderPin, now: UnixMillis) -> Result<Pin, Error> {
        let key = key.clone();
        self.write(move |db| {
            let (account, old, new) = (&key.account.0, &key.id.0, &after.id.0);
            let sql = "SELECT proof FROM pin WHERE account = ?1 AND id = ?2";
            let proof: Option<String> = db.query_row(sql, (account, old), |row| row.get(0)).optional()?;
            let proof = proof.map(|proof| Proof::named(&proof)).filter(|proof| *proof != Proof::NotChecked);
            if new != old {
                db.execute("UPDATE receipt SET pin = ?3 WHERE account = ?1 AND pin = ?2", (account, old, new))?;
                db.execute("UPDATE transfer SET pin = ?3 WHERE account = ?1 AND pin = ?2", (account, old, new))?;
                forget(db, &key)?;
            }
            observe(db, &key.account, &after, proof, now, Said::InAnswer)?;
            if after.name.is_none() {
                let sql = "UPDATE pin SET name = NULL, shown_folded = ?3 WHERE account = ?1 AND id = ?2";
                db.execute(sql, (account, new, folded(&after.cid.to_string())))?;
            }
            let sql = format!("SELECT {COLUMNS} FROM pin WHERE account = ?1 AND id = ?2");
            db.query_row(&sql, (account, new), |row| Ok(pin(row)))?
        })
        .await
    }

    /// Removes pins. Says whether there were any.
    pub(crate) async fn forget_pins(&self, keys: Vec<PinKey>) -> Result<bool, Error> {
        self.write(move |db| {
            let mut forgotten = false;
            for key in &keys {
                forgotten |= forget(db, key)?;
            }
            Ok(forgotten)
        })
        .await
    }

    /// Removes one pin.
    pub(crate) async fn forget_pin(&self, key: &PinKey) -> Result<(), Error> {
        self.forget_pins(vec![key.clone()]).await.map(drop)
    }
}

pub(super) fn forget(db: &Connection, key: &PinKey) -> Result<bool, StoreError> {
    let sql = "DELETE FROM pin WHERE account = ?1 AND id = ?2";
    Ok(db.prepare_cached(sql)?.execute((&key.account.0, &key.id.0))? > 0)
}

/// Where a provider described a pin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// In a list of many.
    InList,
    /// In an answer about this one.
    InAnswer,
}

/// Writes what a provider said of a pin. A proof is only ever added here, and goes when the CID becomes another; a size
/// or name that an answer leaves out is kept.
pub(super) fn observe(
    db: &Connection,
    account: &AccountId,
    pin: &ProviderPin,
    proof: Option<Proof>,
    seen: UnixMillis,
    said: Said,
) -> Result<bool, StoreError> {
    let fingerprint = fingerprint(pin);
    let before: Option<(i64, i64, String)> = db
        .prepare_cached("SELECT row, fingerprint, proof FROM pin WHERE account = ?1 AND id = ?2")?
        .query_row((&account.0, &pin.id.0), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let is_same = |proof_before: &str| proof.is_none_or(|proof| proof.as_str() == proof_before);
    if let Some((row, before, proof_before)) = &before
        && *before == fingerprint
        && is_same(proof_before)
    {
        // Those under way are asked for in turn, and what was made while a list was read need not be in it.
        if said == Said::InAnswer || pin.status.is_under_way() {
            db.prepare_cached("UPDATE pin SET seen = max(seen, ?2) WHERE row = ?1")?.execute((row, seen.0))?;
        }
        return Ok(false);
    }
    let cid = pin.cid.to_string();
    let shown = folded(pin.name.as_deref().filter(|name| !name.is_empty()).unwrap_or(&cid));
    let Some((row, ..)) = before else {
        let proof = match proof {
            Some(proof) => Some(proof.as_str().to_owned()),
            None => proof_of_receipt(db, account, &pin.id, &cid)?,
        };
        let sql = "INSERT INTO pin (account, id, cid, content, name, shown_folded, bytes, status, raw_status, message, is_directory,
                pinned_at, metadata, fingerprint, proof, seen)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, coalesce(?15, 'not_checked'), ?16)";
        db.prepare_cached(sql)?.execute(params![
            account.0,
            pin.id.0,
            cid,
            content_number(&pin.cid),
            pin.name,
            shown,
            pin.bytes.map(signed),
            pin.status.as_str(),
            pin.raw_status,
            pin.message,
            pin.is_directory,
            pin.pinned_at.map(|at| at.0),
            metadata_text(&pin.metadata),
            fingerprint,
            proof,
            seen.0,
        ])?;
        return Ok(true);
    };
    let sql = "UPDATE pin SET
            proof = CASE WHEN cid = ?2 AND (?13 IS NULL OR proof = 'verified') THEN proof ELSE coalesce(?13, 'not_checked') END,
            shown_folded = CASE WHEN ?4 IS NULL AND name IS NOT NULL THEN shown_folded ELSE ?5 END,
            is_directory = CASE WHEN cid = ?2 THEN max(is_directory, ?10) ELSE ?10 END,
            cid = ?2, content = ?3, name = coalesce(?4, name), bytes = coalesce(?6, bytes), status = ?7, raw_status = ?8,
            message = ?9, pinned_at = coalesce(?11, pinned_at), metadata = ?12, fingerprint = ?14, seen = max(seen, ?15)
         WHERE row = ?1";
    db.prepare_cached(sql)?.execute(params![
        row,
        cid,
        content_number(&pin.cid),
        pin.name,
        shown,
        pin.bytes.map(signed),
        pin.status.as_str(),
        pin.raw_status,
        pin.message,
        pin.is_directory,
        pin.pinned_at.map(|at| at.0),
        metadata_text(&pin.metadata),
        proof.map(Proof::as_str),
        fingerprint,
        seen.0,
    ])?;
    Ok(true)
}

/// What a receipt still knows of a pin that the mirror had lost.
fn proof_of_receipt(db: &Connection, account: &AccountId, id: &PinId, cid: &str) -> Result<Option<String>, StoreError> {
    let sql = "SELECT proof FROM receipt WHERE account = ?1 AND pin = ?2 AND cid = ?3
         ORDER BY proof = 'verified' DESC, sequence DESC LIMIT 1";
    Ok(db.prepare_cached(sql)?.query_row((&account.0, &id.0, cid), |row| row.get(0)).optional()?)
}

/// A number that another description of the pin has not.
fn fingerprint(pin: &ProviderPin) -> i64 {
    let mut hasher = DefaultHasher::new();
    pin.hash(&mut hasher);
    hasher.finish().cast_signed()
}

fn page(db: &Connection, query: &PinQuery) -> Result<PinPage, StoreError> {
    let mut conditions = Vec::new();
    let mut values: Vec<Value> = Vec::new();
    if let Some(account) = &query.account {
        values.push(account.0.clone().into());
        conditions.push(format!("account = ?{}", values.len()));
    }
    if let Some(status) = query.status {
        values.push(status.as_str().to_owned().into());
        // Few accounts, and few words for a status: with an account given, the index by status would lead through all others'.
        let bare = if query.account.is_some() { "+" } else { "" };
        conditions.push(format!("{bare}status = ?{}", values.len()));
    }
    let search = query.search.trim();
    if !search.is_empty() {
        values.push(format!("%{}%", escape_like(&folded(search))).into());
        let n = values.len();
        conditions.push(format!("(shown_folded LIKE ?{n} ESCAPE '\\' OR cid LIKE ?{n} ESCAPE '\\')"));
    }
    let filter = if conditions.is_empty() { String::new() } else { format!("WHERE {}", conditions.join(" AND ")) };
    let totals = format!("SELECT count(*), CAST(total(bytes) AS INTEGER) FROM pin {filter}");
    let (total, total_bytes): (i64, i64) =
        db.prepare_cached(&totals)?.query_row(params_from_iter(&values), |row| Ok((row.get(0)?, row.get(1)?)))?;
    let column = match query.sort {
        PinSort::Name => "shown_folded",
        PinSort::Size => "bytes",
        PinSort::Status => "status",
        PinSort::PinnedAt => "pinned_at",
    };
    let direction = if query.descending { "DESC" } else { "ASC" };
    let rows = format!(
        "SELECT {COLUMNS} FROM pin {filter} ORDER BY {column} {direction}, row {direction} LIMIT {} OFFSET {}",
        query.limit.min(MAX_PAGE_ROWS),
        i64::try_from(query.offset).unwrap_or(i64::MAX),
    );
    Ok(PinPage { rows: select(db, &rows, values)?, total: unsigned(total), total_bytes: unsigned(total_bytes) })
}

fn select(db: &Connection, sql: &str, values: Vec<Value>) -> Result<Vec<Pin>, StoreError> {
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map(params_from_iter(values), |row| Ok(pin(row)))?;
    rows.map(|row| row?).collect()
}

/// Text without letter case, in every script; SQLite's own comparison knows that of ASCII alone.
fn folded(text: &str) -> String {
    text.to_lowercase()
}

fn escape_like(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

fn pin(row: &Row<'_>) -> Result<Pin, StoreError> {
    Ok(Pin {
        account: AccountId(row.get(0)?),
        held: ProviderPin {
            id: PinId(row.get(1)?),
            cid: cid_from(&row.get::<_, String>(2)?)?,
            name: row.get(3)?,
            bytes: row.get::<_, Option<i64>>(4)?.map(unsigned),
            status: PinStatus::named(&row.get::<_, String>(5)?),
            raw_status: row.get(6)?,
            message: row.get(7)?,
            is_directory: row.get(8)?,
            pinned_at: row.get::<_, Option<i64>>(9)?.map(UnixMillis),
            metadata: metadata_from(&row.get::<_, String>(10)?)?,
        },
        proof: Proof::named(&row.get::<_, String>(11)?),
    })
}
