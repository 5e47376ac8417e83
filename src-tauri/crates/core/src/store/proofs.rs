//! What is known of content, of an account's copies, and the history of what was asked.

use holdfast_content::{Cid, cid_v1, same_content};
use rusqlite::{Connection, Row};

use super::{
    Store, StoreError,
    codec::{cid_from, content_number, path_bytes, path_from, signed, unsigned},
};
use crate::{
    clock::UnixMillis,
    ids::AccountId,
    pin::{ContentProof, CopyStanding, Pin},
    proof::{Check, CopyState, Doubt, FileState, Finding, Scope},
};

/// What the history has of one account's pin at most. What its copy was found to be last stays, whatever was asked since.
const MOST_OF_ONE: i64 = 20;

/// What it has of all together: as many as the largest table of pins.
const MOST_OF_ALL: i64 = 1_000_000;

const COLUMNS: &str = "account, cid, at, kind, checked, known, outcome, code, reason, path";

impl Store {
    /// Adds to the history.
    pub(crate) async fn keep_check(&self, check: Check) -> Result<(), StoreError> {
        self.write(move |db| {
            let (kind, scope, outcome, code, path) = match &check.finding {
                Finding::Copy { scope, state } => {
                    let code = match state {
                        CopyState::Unknown(doubt) => Some(doubt.as_str()),
                        _ => None,
                    };
                    ("copy", Some(*scope), state.as_str(), code, None)
                }
                Finding::File { path, state } => ("file", None, state.as_str(), None, Some(path_bytes(path))),
            };
            let (checked, known) = match scope {
                Some(Scope::All { blocks }) => (Some(signed(blocks)), None),
                Some(Scope::Sample { blocks, of }) => (Some(signed(blocks)), Some(signed(of))),
                None => (None, None),
            };
            let (account, content) = (&check.account.0, content_number(&check.cid));
            let sql = "INSERT INTO proof (account, content, cid, at, kind, checked, known, outcome, code, reason, path)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
            db.prepare_cached(sql)?.execute((
                account,
                content,
                check.cid.to_string(),
                check.at.0,
                kind,
                checked,
                known,
                outcome,
                code,
                &check.reason,
                path,
            ))?;
            let sql = "DELETE FROM proof WHERE content = ?1 AND account = ?2
                AND sequence NOT IN (SELECT sequence FROM proof WHERE content = ?1 AND account = ?2
                    ORDER BY sequence DESC LIMIT ?3)
                AND sequence NOT IN (SELECT max(sequence) FROM proof WHERE content = ?1 AND account = ?2
                    AND kind = 'copy' AND outcome <> 'unknown')";
            db.prepare_cached(sql)?.execute((content, account, MOST_OF_ONE))?;
            let sql = "DELETE FROM proof WHERE sequence <= (SELECT max(sequence) FROM proof) - ?1";
            db.prepare_cached(sql)?.execute([MOST_OF_ALL])?;
            Ok(())
        })
        .await
    }

    /// What was asked about an account's pin of that content, newest first.
    pub(crate) async fn checks(&self, account: &AccountId, cid: Cid) -> Result<Vec<Check>, StoreError> {
        let account = account.clone();
        self.read(move |db| {
            let sql = format!("SELECT {COLUMNS} FROM proof WHERE content = ?1 AND account = ?2 ORDER BY sequence DESC");
            let mut statement = db.prepare_cached(&sql)?;
            let rows = statement.query_map((content_number(&cid), &account.0), |row| Ok(check(row)))?;
            let mut checks: Vec<Check> = rows.map(|row| row?).collect::<Result<_, _>>()?;
            checks.retain(|check| same_content(&check.cid, &cid));
            Ok(checks)
        })
        .await
    }
}

/// Writes down that bytes which were read here have this CID.
pub(super) fn note_verified(db: &Connection, cid: &Cid, at: UnixMillis) -> Result<(), StoreError> {
    let sql = "INSERT OR IGNORE INTO content_proof (content, cid, at) VALUES (?1, ?2, ?3)";
    db.prepare_cached(sql)?.execute((content_number(cid), cid_v1(cid), at.0))?;
    Ok(())
}

/// Adds what is known here to what a provider said of a pin.
pub(super) fn complete(db: &Connection, pin: &mut Pin) -> Result<(), StoreError> {
    let cid = pin.held.cid;
    pin.copy = copy_standing(db, &pin.account, &cid)?;
    pin.content = if is_verified(db, &cid)? {
        ContentProof::Verified
    } else {
        // A CID that came back for what was sent there says nothing of the same CID elsewhere.
        let sql = "SELECT cid FROM receipt WHERE account = ?1 AND pin = ?2 AND proof = 'not_reproduced'";
        let mut statement = db.prepare_cached(sql)?;
        let mut rows = statement.query((&pin.account.0, &pin.held.id.0))?;
        any_of(&mut rows, &cid)?.map_or(ContentProof::NotChecked, |()| ContentProof::NotReproduced)
    };
    Ok(())
}

fn is_verified(db: &Connection, cid: &Cid) -> Result<bool, StoreError> {
    let mut statement = db.prepare_cached("SELECT cid FROM content_proof WHERE content = ?1")?;
    let mut rows = statement.query([content_number(cid)])?;
    Ok(any_of(&mut rows, cid)?.is_some())
}

/// Whether one of the rows' CIDs is that one: a number stands for many digests.
fn any_of(rows: &mut rusqlite::Rows<'_>, cid: &Cid) -> Result<Option<()>, StoreError> {
    while let Some(row) = rows.next()? {
        if same_content(&cid_from(&row.get::<_, String>(0)?)?, cid) {
            return Ok(Some(()));
        }
    }
    Ok(None)
}

fn copy_standing(db: &Connection, account: &AccountId, cid: &Cid) -> Result<Option<CopyStanding>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM proof WHERE content = ?1 AND account = ?2 AND kind = 'copy' AND outcome <> 'unknown'
         ORDER BY sequence DESC"
    );
    let mut statement = db.prepare_cached(&sql)?;
    let mut rows = statement.query((content_number(cid), &account.0))?;
    while let Some(row) = rows.next()? {
        let check = check(row)?;
        if let Finding::Copy { scope, state } = check.finding
            && same_content(&check.cid, cid)
        {
            return Ok(Some(CopyStanding { at: check.at, scope, state }));
        }
    }
    Ok(None)
}

fn check(row: &Row<'_>) -> Result<Check, StoreError> {
    let (kind, outcome): (String, String) = (row.get(3)?, row.get(6)?);
    let unreadable = || StoreError::Row("what a check came to");
    let finding = if kind == "copy" {
        let blocks = row.get::<_, Option<i64>>(4)?.map(unsigned).ok_or_else(unreadable)?;
        let scope = match row.get::<_, Option<i64>>(5)?.map(unsigned) {
            Some(of) => Scope::Sample { blocks, of },
            None => Scope::All { blocks },
        };
        let state = match outcome.as_str() {
            "sound" => CopyState::Sound,
            "damaged" => CopyState::Damaged,
            "missing" => CopyState::Missing,
            "contradictory" => CopyState::Contradictory,
            _ => {
                let code: Option<String> = row.get(7)?;
                CopyState::Unknown(code.as_deref().and_then(Doubt::named).ok_or_else(unreadable)?)
            }
        };
        Finding::Copy { scope, state }
    } else {
        let state = match outcome.as_str() {
            "same" => FileState::Same,
            "other" => FileState::Other,
            _ => FileState::Unknown,
        };
        Finding::File { path: row.get::<_, Option<Vec<u8>>>(9)?.map(path_from).ok_or_else(unreadable)?, state }
    };
    Ok(Check {
        account: AccountId(row.get(0)?),
        cid: cid_from(&row.get::<_, String>(1)?)?,
        at: UnixMillis(row.get(2)?),
        finding,
        reason: row.get(8)?,
    })
}
