//! Comparing any pin with files that lie here, on request.

use std::{
    collections::{HashMap, hash_map::Entry},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use holdfast_content::Profile;
use tokio::sync::Semaphore;
use url::Url;

use super::{Change, Engine, Which};
use crate::{
    account::Account,
    content::Limits,
    error::Error,
    gateway::Gateway,
    ids::PinKey,
    pin::{ContentProof, Receipt},
    proof::{Check, Comparison, Course, FileState, Finding, Method, Outcome, compare},
};

/// Comparisons at a time: each reads a disk as fast as it can.
const MOST_AT_ONCE: usize = 2;

/// The comparisons under way.
#[derive(Debug)]
pub(super) struct Proofs {
    turns: Semaphore,
    under_way: Mutex<HashMap<PinKey, Course>>,
}

impl Default for Proofs {
    fn default() -> Self {
        Self { turns: Semaphore::new(MOST_AT_ONCE), under_way: Mutex::default() }
    }
}

impl Proofs {
    fn list<'a>(&'a self, key: &'a PinKey, course: &Course) -> Result<Listed<'a>, Error> {
        match self.under_way().entry(key.clone()) {
            Entry::Occupied(_) => Err(Error::InvalidInput("This pin is being compared already.".into())),
            Entry::Vacant(free) => {
                free.insert(course.clone());
                Ok(Listed(self, key))
            }
        }
    }

    fn under_way(&self) -> MutexGuard<'_, HashMap<PinKey, Course>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes a comparison off the list, however it ends.
struct Listed<'a>(&'a Proofs, &'a PinKey);

impl Drop for Listed<'_> {
    fn drop(&mut self) {
        if let Some(course) = self.0.under_way().remove(self.1) {
            course.stop();
        }
    }
}

impl Engine {
    /// Compares a pin with what lies at `path`, or where its upload was read: by its CID under the named profiles, else by
    /// the blocks that the account's gateway, or `gateway`, gives. That says nothing of the account's copy. What comes of it is
    /// in the history; that the files are the pin's, with its receipts and its CID too.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] without a `path` for a pin that was not uploaded from here, or while it is being compared
    /// already; what is wrong with the files; [`Error::Cancelled`] after [`Engine::stop_proof`]. What is wrong with the
    /// gateway is an outcome.
    pub async fn prove(&self, key: &PinKey, path: Option<PathBuf>, gateway: Option<&Url>) -> Result<Comparison, Error> {
        let details = self.pin_details(key).await?;
        let source = details.receipts.iter().find_map(|receipt| receipt.source.clone());
        let was_sent = source.is_some();
        let path = path.or(source).ok_or_else(|| {
            Error::InvalidInput(
                "This pin was not uploaded from here; say which file or folder to compare it with.".into(),
            )
        })?;
        let course = Course::until(self.shared.stop.child_token());
        let _listed = self.proofs.list(key, &course)?;
        let _turn = tokio::select! {
            turn = self.proofs.turns.acquire() => turn.map_err(|_| Error::Internal)?,
            () = course.stopped() => return Err(Error::Cancelled),
        };
        // What was sent had to fit the service; anything else is taken as it is.
        let limits = if was_sent {
            tokio::select! {
                limits = self.upload_limits(&details.account) => limits.unwrap_or(Limits::NONE),
                () = course.stopped() => return Err(Error::Cancelled),
            }
        } else {
            Limits::NONE
        };
        let ports = &self.shared.ports;
        let (disk, clock) = (Arc::clone(&ports.disk), Arc::clone(&ports.clock));
        let gateway = self.gateway_of(&details.account, gateway)?;
        let cid = details.pin.held.cid;
        let mut verified = details.receipts.iter().filter(|receipt| receipt.proof == ContentProof::Verified);
        let made_by = verified.find_map(|receipt| Profile::named(receipt.profile.as_deref()?));
        let known = details.receipts.iter().filter(|one| one.source.as_ref() == Some(&path) && one.cid == cid);
        let known_since = known.map(|receipt| receipt.at).max();
        let (plan, outcome) =
            compare((disk, ports.hashing.clone()), clock, gateway, (&path, limits), (cid, made_by), course).await?;
        let at = ports.clock.now();
        let (state, reason) = match &outcome {
            Outcome::Verified(_) => (FileState::Same, None),
            Outcome::Differs(difference) => {
                (FileState::Other, difference.as_ref().map(|difference| format!("{difference}.")))
            }
            Outcome::Unknown(reason) => (FileState::Unknown, Some(reason.clone())),
        };
        let (proof, profile) = match &outcome {
            Outcome::Verified(Method::Profile(profile)) => (ContentProof::Verified, Some(profile.name().into())),
            Outcome::Verified(Method::Blocks) => (ContentProof::Verified, None),
            Outcome::Unknown(_) => (ContentProof::NotReproduced, None),
            // Other files are no fact about the pin.
            Outcome::Differs(_) => (ContentProof::NotChecked, None),
        };
        if proof != ContentProof::NotChecked {
            let bytes = plan.content_bytes();
            let (source, compared_at) = (Some(path.clone()), Some(at));
            let reason = reason.clone();
            let found = Receipt { pin: key.clone(), cid, proof, profile, reason, compared_at, source, bytes, at };
            self.shared.store.keep_comparison(found, plan.single_file().copied()).await?;
        }
        let finding = Finding::File { path: path.clone(), state };
        self.shared.store.keep_check(Check { account: key.account.clone(), cid, at, finding, reason }).await?;
        self.shared.announce(Change::Pins(Which::one(key.clone())));
        Ok(Comparison { path, known_since, outcome, at })
    }

    /// Bytes that the comparison of a pin has looked at, and how many there are; `None` when it is not being compared.
    #[must_use]
    pub fn proof_progress(&self, key: &PinKey) -> Option<(u64, u64)> {
        self.proofs.under_way().get(key).map(Course::progress)
    }

    /// Ends the comparison of a pin; that there is none is fine.
    pub fn stop_proof(&self, key: &PinKey) {
        if let Some(course) = self.proofs.under_way().get(key) {
            course.stop();
        }
    }

    pub(super) fn gateway_of(&self, account: &Account, other: Option<&Url>) -> Result<Option<Arc<dyn Gateway>>, Error> {
        let base = other.or(account.gateway.as_ref());
        Ok(base.map(|base| self.shared.gateway(account, base)).transpose()?)
    }
}
