//! Proofs on request: comparing any pin with files that lie here.

use std::{
    collections::{HashMap, hash_map::Entry},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Semaphore;
use url::Url;

use super::{Change, Engine};
use crate::{
    account::Account,
    content::Limits,
    error::Error,
    gateway::Gateway,
    pin::{PinKey, Proof, Receipt},
    proof::{Comparison, Course, Method, Outcome, compare},
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
    /// the blocks that the account's gateway, or `gateway`, gives. What comes of it is kept with the pin's receipts.
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
        let (plan, outcome) =
            compare((disk, ports.hashing.clone()), clock, gateway, (&path, limits), cid, course).await?;
        let at = ports.clock.now();
        let (proof, profile, reason) = match &outcome {
            Outcome::Verified(Method::Profile(profile)) => (Proof::Verified, Some(profile.name().into()), None),
            Outcome::Verified(Method::Blocks) => (Proof::Verified, None, None),
            Outcome::Differs(difference) => (Proof::Differs, None, Some(format!("{difference}."))),
            Outcome::Unknown(reason) => (Proof::NotReproduced, None, Some(reason.clone())),
        };
        let bytes = plan.content_bytes();
        let source = Some(path.clone());
        let found = Receipt { pin: key.clone(), cid, proof, profile, reason, compared_at: Some(at), source, bytes, at };
        self.shared.store.keep_comparison(found, plan.single_file().copied()).await?;
        self.shared.announce(Change::Pins);
        Ok(Comparison { path, outcome, at })
    }

    /// Bytes that the comparison of a pin has looked at, and how many there are; `None` when it is not being compared.
    #[must_use]
    pub fn proof_progress(&self, key: &PinKey) -> Option<(u64, u64)> {
        self.proofs.under_way().get(key).map(Course::bytes)
    }

    /// Ends the comparison of a pin; that there is none is fine.
    pub fn stop_proof(&self, key: &PinKey) {
        if let Some(course) = self.proofs.under_way().get(key) {
            course.stop();
        }
    }

    fn gateway_of(&self, account: &Account, other: Option<&Url>) -> Result<Option<Arc<dyn Gateway>>, Error> {
        other.or(account.gateway.as_ref()).map(|base| self.shared.ports.connect.gateway(base)).transpose()
    }
}
