//! What a try of a transfer came to: receipt, pin and state, each in one transaction.

use super::asked;
use crate::{
    clock::UnixMillis,
    disk::Fingerprint,
    error::Error,
    pin::{ContentProof, PinKey, ProviderPin, Receipt},
    store::{Store, accounts, mirror, receipts},
    transfer::TransferId,
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

impl Store {
    /// Writes pin, receipt and state in one transaction. A transfer ends with its pin: one that the service is working on is
    /// followed from then on.
    pub(crate) async fn finish(&self, id: &TransferId, finish: Finish, now: UnixMillis) -> Result<(), Error> {
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
    pub(crate) async fn note_taken(&self, id: &TransferId, taken: Finish, now: UnixMillis) -> Result<(), Error> {
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
}
