//! What a try of a transfer came to: receipt, pin and state, each in one transaction.

use super::asked;
use crate::{
    clock::UnixMillis,
    disk::Fingerprint,
    ids::{PinKey, TransferId},
    pin::{ContentProof, ProviderPin, Receipt},
    store::{Store, StoreError, accounts, codec::signed, mirror, receipts},
    transfer::TransferState,
};

/// What a try came to that went well; written in one transaction.
#[derive(Clone, Debug)]
pub(crate) enum Finish {
    /// The account has a pin; whether the transfer has ended is up to the pin's status.
    Pinned {
        pin: Box<ProviderPin>,
        proof: ContentProof,
        receipt: Box<Receipt>,
        version: Option<Fingerprint>,
        learnt_profile: Option<&'static str>,
    },
    /// The account has it no more.
    Unpinned(PinKey),
}

impl Finish {
    /// The pin that came or went.
    pub(crate) const fn pin(&self) -> &PinKey {
        match self {
            Self::Pinned { receipt, .. } => &receipt.pin,
            Self::Unpinned(key) => key,
        }
    }
}

/// What a try came to that did not go well.
#[derive(Clone, Debug)]
pub(crate) struct EndOfTry {
    /// Neither running nor done.
    pub(crate) state: TransferState,
    pub(crate) failures: u32,
    pub(crate) sent_in_vain: u64,
}

impl Store {
    /// Writes how a try ended that did not go well, unless the transfer has ended meanwhile.
    pub(crate) async fn end_try(&self, id: &TransferId, end: EndOfTry, now: UnixMillis) -> Result<bool, StoreError> {
        let id = id.clone();
        self.write(move |db| {
            let until = end.state.until().map(|at| at.0);
            let failure = end.state.failure();
            let sql =
                "UPDATE transfer SET state = ?2, until = ?3, code = ?4, failure = ?5, details = ?6, updated_at = ?7,
                       failures = ?8, sent_in_vain = ?9 WHERE id = ?1 AND state NOT IN ('done', 'cancelled')";
            let values = (
                &id.0,
                end.state.as_str(),
                until,
                failure.map(|failure| failure.code.as_str()),
                failure.map(|failure| &failure.message),
                failure.and_then(|failure| failure.details.as_ref()),
                now.0,
                end.failures,
                signed(end.sent_in_vain),
            );
            Ok(db.prepare_cached(sql)?.execute(values)? == 1)
        })
        .await
    }

    /// Writes pin, receipt and state in one transaction. A transfer ends with its pin: one that the service is working on is
    /// followed from then on.
    pub(crate) async fn finish(&self, id: &TransferId, finish: Finish, now: UnixMillis) -> Result<(), StoreError> {
        let id = id.clone();
        self.write(move |db| {
            match finish {
                Finish::Pinned { pin, proof, receipt, version, learnt_profile } => {
                    let account = &receipt.pin.account;
                    mirror::observe(db, account, &pin, now)?;
                    // That bytes were taken is so whatever becomes of the pin; that there is one, only when there is.
                    if receipt.source.is_some() {
                        receipts::insert(db, Some(&id.0), &receipt, version.as_ref())?;
                    }
                    if let Some(profile) = learnt_profile {
                        accounts::learn_profile(db, account, profile)?;
                    }
                    let verified = match proof {
                        ContentProof::Verified => Some(true),
                        ContentProof::NotReproduced => Some(false),
                        ContentProof::NotChecked => None,
                    };
                    let sql = "UPDATE transfer SET pin = ?2, cid = ?3, verified = ?4, state = 'asked', until = NULL, code = NULL,
                               failure = NULL, details = NULL, unanswered_since = NULL, updated_at = ?5 WHERE id = ?1";
                    db.execute(sql, (&id.0, &pin.id.0, pin.cid.to_string(), verified, now.0))?;
                    asked::settle(db, account, &pin, now)?;
                }
                Finish::Unpinned(key) => {
                    mirror::forget(db, &key)?;
                    asked::cancel(db, &key, now)?;
                    let sql = "UPDATE transfer SET state = 'done', until = NULL, code = NULL, failure = NULL, details = NULL,
                               unanswered_since = NULL, updated_at = ?2 WHERE id = ?1";
                    db.execute(sql, (&id.0, now.0))?;
                }
            }
            Ok(())
        })
        .await
    }

    /// Writes what a provider has taken, before it is known what that proves: whatever happens meanwhile, it is not sent again.
    pub(crate) async fn note_taken(&self, id: &TransferId, taken: Finish, now: UnixMillis) -> Result<(), StoreError> {
        let id = id.clone();
        self.write(move |db| {
            if let Finish::Pinned { pin, receipt, version, .. } = taken {
                mirror::observe(db, &receipt.pin.account, &pin, now)?;
                receipts::insert(db, Some(&id.0), &receipt, version.as_ref())?;
            }
            Ok(())
        })
        .await
    }

    /// Takes that back, for what is not what was sent.
    pub(crate) async fn take_back(&self, id: &TransferId, pin: &PinKey) -> Result<(), StoreError> {
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
}
