//! Questions to the mirror: every account's pins, as the providers last described them.

use holdfast_content::{Cid, same_content};
use rusqlite::{Connection, OptionalExtension, Row, params_from_iter, types::Value};

use super::{
    Store, StoreError,
    codec::{cid_from, content_number, metadata_from, unsigned},
    paging::{self, Part},
    proofs, search,
    shelves::{self, Shelf},
};
use crate::{
    clock::UnixMillis,
    ids::{AccountId, PinId, PinKey},
    pin::{ContentProof, LeftOut, MAX_PAGE_ROWS, Pin, PinPage, PinQuery, PinStatus, ProviderPin},
};

const COLUMNS: &str =
    "account, id, cid, name, bytes, status, raw_status, message, is_directory, pinned_at, metadata, left_out";

impl Store {
    /// A page; pins of the accounts that are `outdated` are of unknown status, whatever they were when those last told.
    pub(crate) async fn pins(&self, query: PinQuery, outdated: Vec<AccountId>) -> Result<PinPage, StoreError> {
        self.read(move |db| page(db, &query, &outdated)).await
    }

    pub(crate) async fn pin(&self, key: &PinKey) -> Result<Option<Pin>, StoreError> {
        let key = key.clone();
        self.read(move |db| one(db, &key)).await
    }

    /// Every pin of that id, whatever the account.
    pub(crate) async fn pins_with_id(&self, id: &PinId) -> Result<Vec<Pin>, StoreError> {
        let id = id.clone();
        self.read(move |db| {
            let sql = format!(
                "SELECT {COLUMNS} FROM pin
                 WHERE number = pin_number(?1) AND id = ?1 ORDER BY account"
            );
            select(db, &sql, vec![id.0.into()])
        })
        .await
    }

    /// The account's pins of that content, pinned ones first.
    pub(crate) async fn pins_of_cid(&self, account: &AccountId, cid: Cid) -> Result<Vec<Pin>, StoreError> {
        let account = account.clone();
        self.read(move |db| {
            let sql = format!(
                "SELECT {COLUMNS} FROM pin WHERE content = ?1 AND +account = ?2 AND +status <> 'unpinned'
                 ORDER BY status = 'pinned' DESC"
            );
            let mut pins = select(db, &sql, vec![content_number(&cid).into(), account.0.into()])?;
            pins.retain(|pin| same_content(&pin.held.cid, &cid));
            Ok(pins)
        })
        .await
    }

    /// Pins whose status the provider will change, those first that it was asked about longest ago.
    pub(crate) async fn pins_under_way(&self, account: &AccountId, limit: u32) -> Result<Vec<PinId>, StoreError> {
        let account = account.clone();
        self.read(move |db| {
            let sql = "SELECT id FROM pin WHERE account = ?1 AND asked IS NOT NULL ORDER BY asked LIMIT ?2";
            let mut statement = db.prepare_cached(sql)?;
            let rows = statement.query_map((&account.0, limit), |row| Ok(PinId(row.get(0)?)))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Those of these pins that there are, each with every other pin of its content.
    pub(crate) async fn pins_and_their_others(&self, keys: Vec<PinKey>) -> Result<Vec<(Pin, Vec<Pin>)>, StoreError> {
        self.read(move |db| {
            let mut found = Vec::with_capacity(keys.len());
            for key in keys {
                if let Some(pin) = one(db, &key)? {
                    let mut others = of_content(db, &pin.held.cid)?;
                    others.retain(|other| other.key() != key);
                    found.push((pin, others));
                }
            }
            Ok(found)
        })
        .await
    }

    /// Every pin of that content, at any account.
    pub(crate) async fn pins_of_content(&self, cid: Cid) -> Result<Vec<Pin>, StoreError> {
        self.read(move |db| of_content(db, &cid)).await
    }
}

/// Every pin of that content, at any account.
pub(super) fn of_content(db: &Connection, cid: &Cid) -> Result<Vec<Pin>, StoreError> {
    of_content_but(db, cid, &[])
}

/// The same without the pins at these rows.
pub(super) fn of_content_but(db: &Connection, cid: &Cid, rows: &[i64]) -> Result<Vec<Pin>, StoreError> {
    let rows: Vec<_> = rows.iter().map(i64::to_string).collect();
    let sql = format!(
        "SELECT {COLUMNS} FROM pin WHERE content = ?1 AND +status <> 'unpinned' AND row NOT IN ({}) ORDER BY row",
        rows.join(", ")
    );
    let mut pins = select(db, &sql, vec![content_number(cid).into()])?;
    pins.retain(|pin| same_content(&pin.held.cid, cid));
    Ok(pins)
}

pub(super) fn one(db: &Connection, key: &PinKey) -> Result<Option<Pin>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM pin WHERE account = ?1 AND number = pin_number(?2) AND id = ?2");
    let found = db.prepare_cached(&sql)?.query_row((&key.account.0, &key.id.0), |row| Ok(pin(row))).optional()?;
    let mut found = found.transpose()?;
    if let Some(pin) = &mut found {
        proofs::complete(db, pin)?;
    }
    Ok(found)
}

/// Text without letter case, in every script; SQLite's own comparison knows that of ASCII alone.
pub(super) fn folded(text: &str) -> String {
    text.to_lowercase()
}

fn page(db: &Connection, query: &PinQuery, outdated: &[AccountId]) -> Result<PinPage, StoreError> {
    let shelves = shelves::matching(db, query, outdated)?;
    let limit = query.limit.min(MAX_PAGE_ROWS).into();
    let part = Part { offset: query.offset, limit, descending: query.descending };
    if !query.search.trim().is_empty() {
        let found = search::page(db, query, part, &shelves)?;
        return Ok(PinPage { rows: at(db, found.rows)?, total: found.total, total_bytes: found.total_bytes });
    }
    let rows = paging::rows(db, &shelves, query.sort, part)?;
    let (total, total_bytes) = shelves::totals(&shelves);
    Ok(PinPage { rows: at(db, rows)?, total, total_bytes })
}

/// The pins at these rows, in their order.
fn at(db: &Connection, rows: Vec<i64>) -> Result<Vec<Pin>, StoreError> {
    let mut statement = db.prepare_cached(&format!("SELECT {COLUMNS} FROM pin WHERE row = ?1"))?;
    let mut pins = Vec::with_capacity(rows.len());
    for row in rows {
        let mut pin = statement.query_row([row], |row| Ok(pin(row)))??;
        proofs::complete(db, &mut pin)?;
        pins.push(pin);
    }
    Ok(pins)
}

/// The condition for what a query searches for, on these shelves, and its parameters.
pub(super) fn condition(query: &PinQuery, shelves: &[Shelf]) -> (String, Vec<Value>) {
    let among: Vec<_> = shelves.iter().map(|shelf| shelf.number.to_string()).collect();
    let text = query.search.trim();
    // With a text, everything is looked at in any case.
    let bare = if text.is_empty() { "" } else { "+" };
    let on_shelves = format!("{bare}shelf IN ({})", among.join(", "));
    if text.is_empty() {
        return (on_shelves, Vec::new());
    }
    let has_text = "(shown_folded LIKE ?1 ESCAPE '\\' OR cid LIKE ?1 ESCAPE '\\')";
    (format!("{on_shelves} AND {has_text}"), vec![format!("%{}%", escape_like(&folded(text))).into()])
}

fn select(db: &Connection, sql: &str, values: Vec<Value>) -> Result<Vec<Pin>, StoreError> {
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map(params_from_iter(values), |row| Ok(pin(row)))?;
    let mut pins: Vec<Pin> = rows.map(|row| row?).collect::<Result<_, _>>()?;
    // Only of the rows that are shown: what is known of a content stands at its digest, not at a million pins.
    for pin in &mut pins {
        proofs::complete(db, pin)?;
    }
    Ok(pins)
}

fn escape_like(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

/// A pin as its provider describes it.
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
            left_out: LeftOut(unsigned(row.get(11)?)),
        },
        content: ContentProof::NotChecked,
        copy: None,
    })
}
