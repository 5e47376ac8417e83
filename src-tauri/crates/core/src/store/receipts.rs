//! Receipts: what an account took, and from which version of which file.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, Row};

use super::{
    Store, StoreError,
    codec::{cid_from, fingerprint_from, path_bytes, path_from, signed, unsigned},
    proofs, salvage,
};
use crate::{
    clock::UnixMillis,
    disk::Fingerprint,
    ids::{AccountId, PinId, PinKey, TransferId},
    pin::{ContentProof, Receipt},
};

const COLUMNS: &str = "account, pin, cid, proof, profile, reason, compared_at, source, bytes, at";

impl Store {
    /// A pin's receipts, newest first.
    pub(crate) async fn receipts(&self, key: &PinKey) -> Result<Vec<Receipt>, StoreError> {
        let key = key.clone();
        self.read(move |db| {
            let sql = format!(
                "SELECT {COLUMNS} FROM receipt WHERE account = ?1 AND pin = ?2 ORDER BY sequence DESC LIMIT 100"
            );
            let mut statement = db.prepare_cached(&sql)?;
            let rows = statement.query_map((&key.account.0, &key.id.0), |row| Ok(receipt(row)))?;
            rows.map(|row| row?).collect()
        })
        .await
    }

    /// Whence a pin's bytes were read, or were to be when it came to nothing; last first.
    pub(crate) async fn sources_of(&self, key: &PinKey) -> Result<Vec<PathBuf>, StoreError> {
        let key = key.clone();
        self.read(move |db| {
            let sql = "SELECT source, max(at) FROM (
                    SELECT source, at FROM receipt WHERE account = ?1 AND pin = ?2
                    UNION ALL
                    SELECT source, created_at FROM transfer
                    WHERE state = 'failed' AND work = 'upload' AND account = ?1 AND pin = ?2)
                WHERE source IS NOT NULL GROUP BY source ORDER BY 2 DESC LIMIT 10";
            let mut statement = db.prepare_cached(sql)?;
            let rows = statement.query_map((&key.account.0, &key.id.0), |row| Ok(path_from(row.get(0)?)))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// The receipt for exactly this version of a file whose pin is still in the mirror.
    pub(crate) async fn receipt_of_version(
        &self,
        account: &AccountId,
        path: &Path,
        version: Fingerprint,
    ) -> Result<Option<Receipt>, StoreError> {
        let (account, path) = (account.clone(), path_bytes(path));
        self.read(move |db| {
            let sql = format!(
                "SELECT {COLUMNS} FROM receipt WHERE account = ?1 AND source = ?2
                 AND bytes = ?3 AND modified_ns = ?4 AND changed_ns = ?5 AND device = ?6 AND inode = ?7
                 AND EXISTS (SELECT 1 FROM pin WHERE pin.account = receipt.account AND pin.number = pin_number(receipt.pin)
                     AND pin.id = receipt.pin AND +status <> 'unpinned')
                 ORDER BY sequence DESC LIMIT 1"
            );
            let values = (
                &account.0,
                path,
                signed(version.bytes),
                version.modified_ns,
                version.changed_ns,
                signed(version.device),
                signed(version.inode),
            );
            db.prepare_cached(&sql)?.query_row(values, |row| Ok(receipt(row))).optional()?.transpose()
        })
        .await
    }

    /// The receipt of a transfer, and the version of the file that it is for, where it is one file.
    pub(crate) async fn receipt_of_transfer(
        &self,
        id: &TransferId,
    ) -> Result<Option<(Receipt, Option<Fingerprint>)>, StoreError> {
        let id = id.clone();
        self.read(move |db| {
            let sql = format!(
                "SELECT {COLUMNS}, bytes, modified_ns, changed_ns, device, inode FROM receipt WHERE transfer = ?1"
            );
            let found = db.prepare_cached(&sql)?.query_row([&id.0], |row| {
                let version = row.get::<_, Option<i64>>(11)?.map(|_| fingerprint_from(row, 10)).transpose()?;
                Ok(receipt(row).map(|receipt| (receipt, version)))
            });
            found.optional()?.transpose()
        })
        .await
    }

    /// Keeps what comparing local files with a pin came to, for the receipts of the same file; `found` has the path, the proof and
    /// what goes with it. What was verified once stays so. Files that were found to be the pin's are as good as if they had been
    /// sent: there is a receipt for them from then on.
    pub(crate) async fn keep_comparison(&self, found: Receipt, version: Option<Fingerprint>) -> Result<(), StoreError> {
        self.write(move |db| {
            let sql = "UPDATE receipt SET proof = ?5, profile = ?6, reason = ?7, compared_at = ?8
                 WHERE account = ?1 AND pin = ?2 AND cid = ?3 AND source = ?4 AND (?5 = 'verified' OR proof <> 'verified')";
            let values = (
                &found.pin.account.0,
                &found.pin.id.0,
                found.cid.to_string(),
                found.source.as_deref().map(path_bytes),
                found.proof.as_str(),
                &found.profile,
                &found.reason,
                found.compared_at.map(|at| at.0),
            );
            let updated = db.execute(sql, values)? > 0;
            match found.proof {
                ContentProof::Verified if updated => proofs::note_verified(db, &found.cid, found.at),
                ContentProof::Verified => insert(db, None, &found, version.as_ref()),
                _ => Ok(()),
            }
        })
        .await
    }

    /// Whether the account holds something of that size, so that looking for it by CID may save an upload.
    pub(crate) async fn holds_that_size(&self, account: &AccountId, bytes: u64) -> Result<bool, StoreError> {
        let account = account.clone();
        self.read(move |db| {
            // A provider's size may be that of the DAG; a receipt has that of the content.
            let sql = "SELECT EXISTS (SELECT 1 FROM pin_shelf s JOIN pin ON pin.shelf = s.number AND bytes_or_none = ?2 WHERE s.account = ?1)
                OR EXISTS (SELECT 1 FROM receipt r JOIN pin ON pin.account = r.account AND pin.number = pin_number(r.pin) AND pin.id = r.pin
                    WHERE r.account = ?1 AND r.bytes = ?2)";
            if salvage::has_lost_receipts(db)? {
                return Ok(true);
            }
            Ok(db.prepare_cached(sql)?.query_row((&account.0, signed(bytes)), |row| row.get(0))?)
        })
        .await
    }
}

/// Writes a receipt; a transfer's is written once, and only what it proves may change.
pub(super) fn insert(
    db: &Connection,
    transfer: Option<&str>,
    receipt: &Receipt,
    version: Option<&Fingerprint>,
) -> Result<(), StoreError> {
    db.execute(
        "INSERT INTO receipt (transfer, account, pin, cid, proof, profile, reason, compared_at, source, bytes,
            modified_ns, changed_ns, device, inode, at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
         ON CONFLICT (transfer) DO UPDATE SET proof = excluded.proof, profile = excluded.profile, reason = excluded.reason,
            compared_at = excluded.compared_at",
        (
            transfer,
            &receipt.pin.account.0,
            &receipt.pin.id.0,
            receipt.cid.to_string(),
            receipt.proof.as_str(),
            &receipt.profile,
            &receipt.reason,
            receipt.compared_at.map(|at| at.0),
            receipt.source.as_deref().map(path_bytes),
            signed(receipt.bytes),
            version.map(|version| version.modified_ns),
            version.map(|version| version.changed_ns),
            version.map(|version| signed(version.device)),
            version.map(|version| signed(version.inode)),
            receipt.at.0,
        ),
    )?;
    if receipt.proof == ContentProof::Verified {
        proofs::note_verified(db, &receipt.cid, receipt.at)?;
    }
    Ok(())
}

fn receipt(row: &Row<'_>) -> Result<Receipt, StoreError> {
    Ok(Receipt {
        pin: PinKey { account: AccountId(row.get(0)?), id: PinId(row.get(1)?) },
        cid: cid_from(&row.get::<_, String>(2)?)?,
        proof: ContentProof::named(&row.get::<_, String>(3)?),
        profile: row.get(4)?,
        reason: row.get(5)?,
        compared_at: row.get::<_, Option<i64>>(6)?.map(UnixMillis),
        source: row.get::<_, Option<Vec<u8>>>(7)?.map(path_from),
        bytes: unsigned(row.get(8)?),
        at: UnixMillis(row.get(9)?),
    })
}
