//! Transfers in the database. Every change of state is durable before anybody is told of it.

use rusqlite::{Connection, OptionalExtension, Row};

use super::{
    Store, StoreError, accounts,
    codec::{cid_from, metadata_from, metadata_text, path_bytes, path_from, signed, unsigned},
    mirror, receipts,
};
use crate::{
    account::AccountId,
    clock::UnixMillis,
    disk::Fingerprint,
    error::{Code, Error},
    folder::FolderId,
    pin::{PinId, PinKey, Proof, ProviderPin, Receipt},
    transfer::{Failure, Transfer, TransferId, TransferState, Work},
};

const COLUMNS: &str = "id, account, work, source, folder, name, metadata, state, until, code, failure, details, bytes, \
                       attempts, unanswered_since, pin, cid, verified, created_at, updated_at";

/// Transfers by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TransferCounts {
    /// Accepted.
    pub queued: u64,
    /// Under way.
    pub running: u64,
    /// To be tried again.
    pub waiting: u64,
    /// Given up.
    pub failed: u64,
    /// Done.
    pub done: u64,
}

/// How a transfer ended well; written in one transaction.
#[derive(Clone, Debug)]
pub(crate) enum Finish {
    /// The account has the pin.
    Pinned {
        pin: Box<ProviderPin>,
        proof: Proof,
        receipt: Box<Receipt>,
        version: Option<Fingerprint>,
        learnt_profile: Option<&'static str>,
    },
    /// The account has it no more.
    Unpinned(PinKey),
}

impl Store {
    /// Writes new transfers; only then are they accepted.
    pub(crate) async fn accept(&self, transfers: Vec<Transfer>) -> Result<(), Error> {
        self.write(move |db| transfers.iter().try_for_each(|transfer| insert(db, transfer))).await
    }

    pub(crate) async fn transfer(&self, id: &TransferId) -> Result<Option<Transfer>, Error> {
        let id = id.clone();
        self.read(move |db| {
            let sql = format!("SELECT {COLUMNS} FROM transfer WHERE id = ?1");
            db.prepare_cached(&sql)?.query_row([&id.0], |row| Ok(transfer(row))).optional()?.transpose()
        })
        .await
    }

    /// The newest transfers, those that are not final first.
    pub(crate) async fn transfers(&self, limit: u32) -> Result<Vec<Transfer>, Error> {
        self.read(move |db| {
            let sql = format!(
                "SELECT {COLUMNS} FROM transfer
                 ORDER BY state IN ('running', 'waiting', 'queued') DESC, sequence DESC LIMIT {limit}"
            );
            select(db, &sql)
        })
        .await
    }

    pub(crate) async fn transfer_counts(&self) -> Result<TransferCounts, Error> {
        self.read(|db| {
            let mut counts = TransferCounts::default();
            let mut statement = db.prepare_cached("SELECT state, count(*) FROM transfer GROUP BY state")?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let count = unsigned(row.get(1)?);
                match row.get::<_, String>(0)?.as_str() {
                    "queued" => counts.queued = count,
                    "running" => counts.running = count,
                    "waiting" => counts.waiting = count,
                    "failed" => counts.failed = count,
                    "done" => counts.done = count,
                    _ => {}
                }
            }
            Ok(counts)
        })
        .await
    }

    /// What is to be done, oldest first, of accounts that are not in `busy`: what is queued and what waited long enough.
    pub(crate) async fn due_transfers(
        &self,
        now: UnixMillis,
        busy: Vec<AccountId>,
        limit: u32,
    ) -> Result<Vec<Transfer>, Error> {
        self.read(move |db| {
            let sql = format!(
                "SELECT {COLUMNS} FROM transfer
                 WHERE (state = 'queued' OR state = 'waiting' AND until <= ?1)
                   AND account NOT IN (SELECT value FROM json_each(?2)) ORDER BY sequence LIMIT {limit}"
            );
            let mut statement = db.prepare_cached(&sql)?;
            let rows = statement.query_map((now.0, json_of(busy)), |row| Ok(transfer(row)))?;
            rows.map(|row| row?).collect()
        })
        .await
    }

    /// When the next waiting transfer is due, of accounts that are not in `busy`.
    pub(crate) async fn next_due(&self, busy: Vec<AccountId>) -> Result<Option<UnixMillis>, Error> {
        self.read(move |db| {
            let sql = "SELECT min(until) FROM transfer
                       WHERE state = 'waiting' AND account NOT IN (SELECT value FROM json_each(?1))";
            Ok(db.query_row(sql, [json_of(busy)], |row| row.get::<_, Option<i64>>(0))?.map(UnixMillis))
        })
        .await
    }

    /// Begins a try. `false` when the transfer is no longer one that may run.
    pub(crate) async fn begin(&self, id: &TransferId, now: UnixMillis) -> Result<bool, Error> {
        let id = id.clone();
        self.write(move |db| {
            let sql = "UPDATE transfer SET state = 'running', attempts = attempts + 1, updated_at = ?2
                       WHERE id = ?1 AND state IN ('queued', 'waiting')";
            Ok(db.execute(sql, (&id.0, now.0))? == 1)
        })
        .await
    }

    /// Notes that a request goes out whose answer may get lost, or (`None`) that its answer came.
    pub(crate) async fn set_unanswered(&self, id: &TransferId, since: Option<UnixMillis>) -> Result<(), Error> {
        let id = id.clone();
        self.write(move |db| {
            db.execute("UPDATE transfer SET unanswered_since = ?2 WHERE id = ?1", (&id.0, since.map(|at| at.0)))?;
            Ok(())
        })
        .await
    }

    pub(crate) async fn set_transfer_bytes(&self, id: &TransferId, bytes: u64) -> Result<(), Error> {
        let id = id.clone();
        self.write(move |db| {
            db.execute("UPDATE transfer SET bytes = ?2 WHERE id = ?1", (&id.0, signed(bytes)))?;
            Ok(())
        })
        .await
    }

    /// Writes a state that is neither running nor done, unless the transfer has ended meanwhile.
    pub(crate) async fn set_transfer_state(
        &self,
        id: &TransferId,
        state: TransferState,
        now: UnixMillis,
    ) -> Result<bool, Error> {
        let id = id.clone();
        self.write(move |db| {
            let until = match &state {
                TransferState::Waiting { until, .. } => Some(until.0),
                _ => None,
            };
            let failure = state.failure();
            let sql =
                "UPDATE transfer SET state = ?2, until = ?3, code = ?4, failure = ?5, details = ?6, updated_at = ?7
                       WHERE id = ?1 AND state NOT IN ('done', 'cancelled')";
            let values = (
                &id.0,
                state.as_str(),
                until,
                failure.map(|failure| failure.code.as_str()),
                failure.map(|failure| &failure.message),
                failure.and_then(|failure| failure.details.as_ref()),
                now.0,
            );
            Ok(db.execute(sql, values)? == 1)
        })
        .await
    }

    /// Puts a failed, waiting or cancelled transfer back in the queue. `false` when it is none of these.
    pub(crate) async fn requeue(&self, id: &TransferId, now: UnixMillis) -> Result<bool, Error> {
        let id = id.clone();
        self.write(move |db| {
            let sql = "UPDATE transfer SET state = 'queued', until = NULL, code = NULL, failure = NULL, details = NULL,
                       attempts = 0, updated_at = ?2 WHERE id = ?1 AND state IN ('failed', 'waiting', 'cancelled')";
            Ok(db.execute(sql, (&id.0, now.0))? == 1)
        })
        .await
    }

    /// Stops everything that has not begun of a folder or, where none is given, of an account. Gives what is running.
    pub(crate) async fn cancel_all(
        &self,
        account: &AccountId,
        folder: Option<&FolderId>,
        now: UnixMillis,
    ) -> Result<Vec<TransferId>, Error> {
        let (account, folder) = (account.clone(), folder.map(|folder| folder.0.clone()));
        self.write(move |db| {
            let sql = "UPDATE transfer SET state = 'cancelled', until = NULL, updated_at = ?3
                       WHERE account = ?1 AND (?2 IS NULL OR folder = ?2) AND state IN ('queued', 'waiting')";
            db.execute(sql, (&account.0, &folder, now.0))?;
            let sql =
                "SELECT id FROM transfer WHERE account = ?1 AND (?2 IS NULL OR folder = ?2) AND state = 'running'";
            let mut statement = db.prepare_cached(sql)?;
            let rows = statement.query_map((&account.0, &folder), |row| row.get(0).map(TransferId))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Cancels a transfer that is not running. `false` when it is, or has ended.
    pub(crate) async fn cancel_waiting(&self, id: &TransferId, now: UnixMillis) -> Result<bool, Error> {
        let id = id.clone();
        self.write(move |db| {
            let sql = "UPDATE transfer SET state = 'cancelled', until = NULL, updated_at = ?2
                       WHERE id = ?1 AND state IN ('queued', 'waiting', 'failed')";
            Ok(db.execute(sql, (&id.0, now.0))? == 1)
        })
        .await
    }

    /// Puts back what failed because the account's credentials were wrong or missing.
    pub(crate) async fn requeue_unauthorized(&self, account: &AccountId, now: UnixMillis) -> Result<(), Error> {
        let account = account.clone();
        self.write(move |db| {
            let sql = "UPDATE transfer SET state = 'queued', code = NULL, failure = NULL, details = NULL, attempts = 0,
                       updated_at = ?2 WHERE account = ?1 AND state = 'failed' AND code = 'unauthorized'";
            db.execute(sql, (&account.0, now.0))?;
            Ok(())
        })
        .await
    }

    /// Puts back uploads that failed because their account takes no files, or because the node on their way did not accept its
    /// credentials: there may be a way now.
    pub(crate) async fn requeue_unsupported_uploads(&self, now: UnixMillis) -> Result<(), Error> {
        self.write(move |db| {
            let sql = "UPDATE transfer SET state = 'queued', code = NULL, failure = NULL, details = NULL, attempts = 0,
                       updated_at = ?1 WHERE work = 'upload' AND state = 'failed' AND (code = 'unsupported'
                         OR code = 'unauthorized' AND account IN (SELECT id FROM account WHERE kind = 'psa'))";
            db.execute(sql, [now.0])?;
            Ok(())
        })
        .await
    }

    /// Ends a transfer well: receipt, pin and state in one transaction.
    pub(crate) async fn finish(&self, id: &TransferId, finish: Finish, now: UnixMillis) -> Result<(), Error> {
        let id = id.clone();
        self.write(move |db| {
            match finish {
                Finish::Pinned { pin, proof, receipt, version, learnt_profile } => {
                    let account = &receipt.pin.account;
                    mirror::observe(db, account, &pin, (proof != Proof::NotChecked).then_some(proof), now)?;
                    receipts::insert(db, Some(&id.0), &receipt, version.as_ref())?;
                    if let Some(profile) = learnt_profile {
                        accounts::learn_profile(db, account, profile)?;
                    }
                    let verified = match proof {
                        Proof::Verified => Some(true),
                        Proof::NotReproduced | Proof::Differs => Some(false),
                        Proof::NotChecked => None,
                    };
                    let values = (&id.0, &pin.id.0, pin.cid.to_string(), verified);
                    db.execute("UPDATE transfer SET pin = ?2, cid = ?3, verified = ?4 WHERE id = ?1", values)?;
                }
                Finish::Unpinned(key) => {
                    mirror::forget(db, &key)?;
                }
            }
            let sql = "UPDATE transfer SET state = 'done', until = NULL, code = NULL, failure = NULL, details = NULL,
                       unanswered_since = NULL, updated_at = ?2 WHERE id = ?1";
            db.execute(sql, (&id.0, now.0))?;
            Ok(())
        })
        .await
    }

    /// Writes what a provider has taken, before it is known what that proves: whatever happens meanwhile, it is not sent again.
    pub(crate) async fn note_taken(&self, id: &TransferId, taken: Finish, now: UnixMillis) -> Result<(), Error> {
        let id = id.clone();
        self.write(move |db| {
            if let Finish::Pinned { pin, proof, receipt, version, .. } = taken {
                mirror::observe(db, &receipt.pin.account, &pin, Some(proof), now)?;
                receipts::insert(db, Some(&id.0), &receipt, version.as_ref())?;
            }
            Ok(())
        })
        .await
    }

    /// Takes that back, for what is not what was sent.
    pub(crate) async fn take_back(&self, id: &TransferId, pin: &PinKey) -> Result<(), Error> {
        let (id, key) = (id.clone(), pin.clone());
        self.write(move |db| {
            db.execute("DELETE FROM receipt WHERE transfer = ?1", [&id.0])?;
            let sql = "SELECT NOT EXISTS (SELECT 1 FROM receipt WHERE account = ?1 AND pin = ?2)";
            if db.query_row(sql, (&key.account.0, &key.id.0), |row| row.get(0))? {
                mirror::forget(db, &key)?;
            }
            Ok(())
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
    ) -> Result<(), Error> {
        let (id, record) = (id.clone(), record.clone());
        self.write(move |db| {
            let Finish::Pinned { pin, proof, receipt, version, learnt_profile } = added else {
                return Err(StoreError::Row("what a node has taken"));
            };
            let account = &receipt.pin.account;
            mirror::observe(db, account, &pin, (proof != Proof::NotChecked).then_some(proof), now)?;
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
    pub(crate) async fn begin_relay_again(&self, id: &TransferId, record: &TransferId) -> Result<(), Error> {
        let (id, record) = (id.clone(), record.clone());
        self.write(move |db| {
            db.execute("UPDATE receipt SET transfer = NULL WHERE transfer = ?1", [&record.0])?;
            db.execute("UPDATE transfer SET pin = NULL, cid = NULL WHERE id = ?1", [&id.0])?;
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
    ) -> Result<(), Error> {
        let (id, account, pin) = (id.clone(), account.clone(), pin.clone());
        self.write(move |db| {
            mirror::observe(db, &account, &pin, None, now)?;
            db.execute("UPDATE transfer SET pin = ?2 WHERE id = ?1", (&id.0, &pin.id.0))?;
            Ok(())
        })
        .await
    }

    /// Puts back what ran when the last engine of this home ended; that try does not count.
    pub(crate) async fn requeue_interrupted(&self) -> Result<(), Error> {
        self.write(|db| {
            let sql = "UPDATE transfer SET state = 'queued', attempts = max(attempts - 1, 0) WHERE state = 'running'";
            db.execute(sql, [])?;
            Ok(())
        })
        .await
    }

    /// Forgets transfers that are done or cancelled, but not that a watched file was not to be pinned.
    pub(crate) async fn clear_finished(&self) -> Result<(), Error> {
        self.write(|db| {
            db.execute("DELETE FROM transfer WHERE state = 'done' OR state = 'cancelled' AND folder IS NULL", [])?;
            Ok(())
        })
        .await
    }

    /// The transfer that already does such work or will, so that asking twice does it once.
    pub(crate) async fn under_way(&self, account: &AccountId, work: &Work) -> Result<Option<TransferId>, Error> {
        let (account, word) = (account.clone(), work.as_str());
        let (source, pin, cid) = columns_of(work);
        self.read(move |db| {
            let sql = "SELECT id FROM transfer WHERE account = ?1 AND work = ?2 AND source IS ?3 AND (?4 IS NULL OR pin IS ?4)
                       AND (?5 IS NULL OR cid IS ?5) AND state IN ('queued', 'running', 'waiting') LIMIT 1";
            let values = (&account.0, word, source, pin, cid);
            Ok(db.query_row(sql, values, |row| row.get(0).map(TransferId)).optional()?)
        })
        .await
    }
}

fn json_of(accounts: Vec<AccountId>) -> String {
    serde_json::to_string(&accounts).unwrap_or_else(|_| "[]".into())
}

type WorkColumns = (Option<Vec<u8>>, Option<String>, Option<String>);

fn columns_of(work: &Work) -> WorkColumns {
    match work {
        Work::Upload { path, .. } => (Some(path_bytes(path)), None, None),
        Work::Pin { cid } => (None, None, Some(cid.to_string())),
        Work::Unpin { pin } => (None, Some(pin.0.clone()), None),
    }
}

fn insert(db: &Connection, transfer: &Transfer) -> Result<(), StoreError> {
    let (source, pin, cid) = columns_of(&transfer.work);
    let folder = match &transfer.work {
        Work::Upload { folder: Some(folder), .. } => Some(&folder.0),
        _ => None,
    };
    let sql =
        "INSERT INTO transfer (id, account, work, source, folder, name, metadata, state, bytes, attempts, pin, cid,
               created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'queued', ?8, 0, ?9, ?10, ?11, ?11)";
    db.prepare_cached(sql)?.execute((
        &transfer.id.0,
        &transfer.account.0,
        transfer.work.as_str(),
        source,
        folder,
        &transfer.name,
        metadata_text(&transfer.metadata),
        signed(transfer.bytes),
        pin,
        cid,
        transfer.created_at.0,
    ))?;
    Ok(())
}

fn select(db: &Connection, sql: &str) -> Result<Vec<Transfer>, StoreError> {
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map([], |row| Ok(transfer(row)))?;
    rows.map(|row| row?).collect()
}

fn transfer(row: &Row<'_>) -> Result<Transfer, StoreError> {
    let pin = row.get::<_, Option<String>>(15)?.map(PinId);
    let cid = row.get::<_, Option<String>>(16)?.map(|text| cid_from(&text)).transpose()?;
    let work = match (row.get::<_, String>(2)?.as_str(), row.get::<_, Option<Vec<u8>>>(3)?, &pin, &cid) {
        ("upload", Some(source), _, _) => {
            Work::Upload { path: path_from(source), folder: row.get::<_, Option<String>>(4)?.map(FolderId) }
        }
        ("pin", _, _, Some(cid)) => Work::Pin { cid: *cid },
        ("unpin", _, Some(pin), _) => Work::Unpin { pin: pin.clone() },
        _ => return Err(StoreError::Row("a transfer's work")),
    };
    Ok(Transfer {
        id: TransferId(row.get(0)?),
        account: AccountId(row.get(1)?),
        work,
        name: row.get(5)?,
        metadata: metadata_from(&row.get::<_, String>(6)?)?,
        state: state(row)?,
        bytes: unsigned(row.get(12)?),
        attempts: row.get(13)?,
        unanswered_since: row.get::<_, Option<i64>>(14)?.map(UnixMillis),
        pin,
        cid,
        verified: row.get(17)?,
        created_at: UnixMillis(row.get(18)?),
        updated_at: UnixMillis(row.get(19)?),
    })
}

fn state(row: &Row<'_>) -> Result<TransferState, StoreError> {
    let failure = || -> Result<Failure, StoreError> {
        let code = row.get::<_, Option<String>>(9)?.and_then(|name| Code::named(&name));
        Ok(Failure {
            code: code.unwrap_or(Code::Internal),
            message: row.get::<_, Option<String>>(10)?.unwrap_or_default(),
            details: row.get(11)?,
        })
    };
    Ok(match row.get::<_, String>(7)?.as_str() {
        "queued" => TransferState::Queued,
        "running" => TransferState::Running,
        "waiting" => TransferState::Waiting {
            until: UnixMillis(row.get::<_, Option<i64>>(8)?.unwrap_or(0)),
            failure: failure()?,
        },
        "failed" => TransferState::Failed(failure()?),
        "done" => TransferState::Done,
        "cancelled" => TransferState::Cancelled,
        _ => return Err(StoreError::Row("a transfer's state")),
    })
}
