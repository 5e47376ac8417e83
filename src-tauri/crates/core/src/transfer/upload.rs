//! An upload: look, perhaps recognise, send while hashing, compare, and write the receipt.

use std::{sync::Arc, time::Duration};

use holdfast_content::{Cid, Profile, same_content};
use tokio::sync::OwnedMutexGuard;
use tokio_util::sync::CancellationToken;

use super::{Transfer, TransferId, Work, find};
use crate::{
    account::Account,
    clock::UnixMillis,
    content::{Identification, Identified, Likeness, Limits, Plan, Progress, UploadBody, plan_at},
    disk::Place,
    engine::Shared,
    error::Error,
    gateway::{Gateway, NoGateway},
    ids::PinKey,
    pin::{ContentProof, ProviderPin, Receipt},
    proof::{Course, Outcome, by_blocks},
    provider::{Provider, ProviderError},
    store::Finish,
};

/// How long an upload's end may wait for the proof by blocks, and what its reading takes at the least; it can be asked for
/// again.
const PROOF_TIME: Duration = Duration::from_secs(30);
const PROOF_BYTES_PER_SECOND: u64 = 64 << 20;

/// What is known of an upload's bytes and the provider's CID.
struct Finding {
    proof: ContentProof,
    profile: Option<String>,
    reason: Option<String>,
    compared_at: Option<UnixMillis>,
}

/// That nobody else uploads what may be the same bytes.
pub(crate) type Turn = OwnedMutexGuard<()>;

/// One try of one upload.
pub(super) struct Upload<'a> {
    pub(super) shared: &'a Shared,
    pub(super) transfer: &'a Transfer,
    /// What the receipt is kept under.
    pub(super) record: &'a TransferId,
    pub(super) account: &'a Account,
    pub(super) place: &'a Place,
    pub(super) progress: Progress,
    pub(super) cancel: &'a CancellationToken,
}

impl Upload<'_> {
    /// What it came to, and the turn that is to be held until that is written: who comes next finds it then.
    pub(super) async fn run(self) -> Result<(Finish, Turn), Error> {
        let (provider, limits) = tokio::select! {
            ready = self.prepare() => ready?,
            () = self.cancel.cancelled() => return Err(Error::Cancelled),
        };
        let plan = {
            let (disk, place) = (Arc::clone(&self.shared.ports.disk), self.place.clone());
            let is_watched = matches!(self.transfer.work, Work::Upload { folder: Some(_), .. });
            let look = move || {
                let plan = plan_at(&*disk, &place, limits)?;
                // What is written through a mapping may leave no trace but the bytes.
                let is_held = is_watched && plan.has_writer();
                if is_held { Err(Error::BeingWritten { path: place.path() }) } else { Ok(Arc::new(plan)) }
            };
            self.blocking(look).await?
        };
        let turn = self.turn(&plan).await?;
        Ok((self.sent(&plan, &provider).await?, turn))
    }

    /// What is to be sent, if that has this CID under a profile; what cannot be read has none.
    pub(super) async fn plan_of(&self, cid: &Cid) -> Result<Option<Arc<Plan>>, Error> {
        let (_, limits) = self.prepare().await?;
        let (disk, place) = (Arc::clone(&self.shared.ports.disk), self.place.clone());
        let looked = self.blocking(move || plan_at(&*disk, &place, limits).map(Arc::new)).await;
        let identified = match looked {
            Ok(plan) => self.identify(&plan, Profile::ALL.to_vec()).await.map(|identified| (plan, identified)),
            Err(error) => Err(error),
        };
        match identified {
            Ok((plan, identified)) => {
                let is_that = identified.iter().any(|one| same_content(&one.link.cid, cid));
                Ok(Some(plan).filter(|_| is_that))
            }
            Err(Error::Cancelled) => Err(Error::Cancelled),
            Err(_) => Ok(None),
        }
    }

    /// Sends what is known to be nowhere there.
    pub(super) async fn send_again(
        &self,
        plan: Arc<Plan>,
        provider: &Arc<dyn Provider>,
    ) -> Result<(Finish, Turn), Error> {
        let turn = self.turn(&plan).await?;
        Ok((self.sent_anew(&plan, provider).await?, turn))
    }

    /// Waits until nobody else sends what may be the same bytes.
    async fn turn(&self, plan: &Arc<Plan>) -> Result<Turn, Error> {
        let planned = Arc::clone(plan);
        let likeness = self.blocking(move || Likeness::of(&planned)).await?;
        self.shared.running.set_total(&self.transfer.id, plan.content_bytes());
        self.shared.store.set_transfer_bytes(&self.transfer.id, plan.content_bytes()).await?;
        tokio::select! {
            turn = self.shared.upload_turns.take((self.account.id.clone(), likeness)) => Ok(turn),
            () = self.cancel.cancelled() => Err(Error::Cancelled),
        }
    }

    async fn sent(&self, plan: &Arc<Plan>, provider: &Arc<dyn Provider>) -> Result<Finish, Error> {
        if let Some(finish) = self.same_version(provider, plan).await? {
            return Ok(finish);
        }
        if let Some(finish) = self.recognise(provider, plan).await? {
            return Ok(finish);
        }
        self.sent_anew(plan, provider).await
    }

    async fn sent_anew(&self, plan: &Arc<Plan>, provider: &Arc<dyn Provider>) -> Result<Finish, Error> {
        let (pin, sent) = self.send(provider, plan).await?;
        // The upload's answer has neither size nor the settled status.
        let pin = provider.get(&pin.id).await.ok().filter(|now| now.cid == pin.cid).unwrap_or(pin);
        self.compare(plan, pin, sent).await
    }

    async fn prepare(&self) -> Result<(Arc<dyn Provider>, Limits), Error> {
        let provider = self.shared.access.provider(self.account).await?;
        Ok((provider, self.shared.access.limits(self.account).await?))
    }

    /// Exactly this version of this file is pinned there.
    async fn same_version(&self, provider: &Arc<dyn Provider>, plan: &Arc<Plan>) -> Result<Option<Finish>, Error> {
        let Some(version) = plan.single_file() else { return Ok(None) };
        let known = self.shared.store.receipt_of_version(&self.account.id, &self.place.path(), *version).await?;
        let Some(known) = known else { return Ok(None) };
        let Some(pin) = find::in_mirror(self.shared, self.account, provider, &[known.cid]).await? else {
            return Ok(None);
        };
        if known.proof == ContentProof::NotReproduced && self.account.profile.is_none() {
            return self.prove(plan, pin, &[]).await.map(Some);
        }
        let finding = Finding {
            proof: known.proof,
            profile: known.profile,
            reason: known.reason,
            compared_at: known.compared_at,
        };
        Ok(Some(self.finish(plan, pin, finding, None)))
    }

    /// The same bytes are pinned there under another name, or were sent in a try whose answer got lost.
    async fn recognise(&self, provider: &Arc<dyn Provider>, plan: &Arc<Plan>) -> Result<Option<Finish>, Error> {
        let newer = match self.transfer.unanswered_since {
            Some(_) => {
                let paging = self.shared.access.capabilities(self.account).await?.paging;
                find::newer_than(provider, paging, self.shared.store.newest_then(&self.transfer.id).await?).await?
            }
            None => Some(Vec::new()),
        };
        // Before anything is read: what is not there is not what was sent.
        let may_be_there = newer.as_ref().is_none_or(|newer| !newer.is_empty());
        if !may_be_there && !self.shared.store.holds_that_size(&self.account.id, plan.content_bytes()).await? {
            return Ok(None);
        }
        let identified = self.identify(plan, self.profiles()).await?;
        let cids = cids_of(&identified);
        let found = match newer {
            None => find::anywhere(self.shared, self.account, provider, &cids).await?,
            Some(newer) => match find::among(newer, &cids) {
                Some(pin) => Some(pin),
                None => find::in_mirror(self.shared, self.account, provider, &cids).await?,
            },
        };
        match found {
            Some(pin) => self.compare(plan, pin, identified).await.map(Some),
            None => Ok(None),
        }
    }

    /// Sends everything. Gives the provider's pin and the CIDs of what was sent.
    async fn send(
        &self,
        provider: &Arc<dyn Provider>,
        plan: &Arc<Plan>,
    ) -> Result<(ProviderPin, Vec<Identified>), Error> {
        let (store, id) = (&self.shared.store, &self.transfer.id);
        self.progress.reset();
        let pool = self.shared.ports.hashing.clone();
        let expected = self.expected_profiles().await?;
        let (body, sent) = UploadBody::new(pool, Arc::clone(plan), expected, self.progress.clone());
        // What stays on this computer takes nothing of its line.
        let body = match self.account.this_computer {
            true => body,
            false => body.throttled(self.shared.up.clone()),
        };
        store.set_unanswered(id, Some(self.shared.ports.clock.now())).await?;
        let answer = tokio::select! {
            answer = provider.upload(&self.transfer.name, &self.transfer.metadata, body) => answer,
            () = self.cancel.cancelled() => return Err(Error::Cancelled),
        };
        let sent = sent.outcome().await;
        match answer {
            // It answered before it had read everything.
            Ok(pin) if matches!(sent, Err(Error::Cancelled)) => Ok((pin, self.identify(plan, self.profiles()).await?)),
            Ok(pin) => Ok((pin, sent?)),
            Err(error) => {
                if !error.leaves_open_what_happened() {
                    store.set_unanswered(id, None).await?;
                }
                // What could not be read or hashed breaks the request, and is the reason, not the connection.
                let sent = match sent {
                    Err(reason) if !matches!(reason, Error::Cancelled) => {
                        store.set_unanswered(id, None).await?;
                        return Err(reason);
                    }
                    sent => sent,
                };
                if !matches!(error, ProviderError::AlreadyExists { .. }) {
                    return Err(error.into());
                }
                let identified = match sent {
                    Ok(identified) if identified.len() == self.profiles().len() => identified,
                    // The provider answered before it had read everything, or has it under a CID that was not expected.
                    _ => self.identify(plan, self.profiles()).await?,
                };
                let found = find::anywhere(self.shared, self.account, provider, &cids_of(&identified)).await?;
                found.map(|pin| (pin, identified)).ok_or_else(|| error.into())
            }
        }
    }

    /// Compares the provider's CID with those of the bytes.
    async fn compare(
        &self,
        plan: &Arc<Plan>,
        pin: ProviderPin,
        mut identified: Vec<Identified>,
    ) -> Result<Finish, Error> {
        let matches = |all: &[Identified]| -> Vec<Profile> {
            all.iter().filter(|one| same_content(&one.link.cid, &pin.cid)).map(|one| one.profile).collect()
        };
        let mut matching = matches(&identified);
        if matching.is_empty() && identified.len() < Profile::ALL.len() {
            identified = self.identify(plan, Profile::ALL.to_vec()).await?;
            matching = matches(&identified);
        }
        match matching.as_slice() {
            [] => self.prove(plan, pin, &identified).await,
            [first, rest @ ..] => {
                // Small files have the same CID under several profiles and teach nothing.
                let learnt = (rest.is_empty() && self.account.profile != Some(*first)).then(|| first.name());
                Ok(self.finish(plan, pin, self.found(ContentProof::Verified, Some(*first), None), learnt))
            }
        }
    }

    /// Compares what was sent with the blocks behind a CID that no profile gives. The provider has accepted it by now: whatever
    /// is wrong with the gateway, the pin is there, only not verified.
    async fn prove(&self, plan: &Arc<Plan>, pin: ProviderPin, identified: &[Identified]) -> Result<Finish, Error> {
        let is_alarm = self.account.profile.is_some();
        // What the CID says by itself needs no gateway, and no word of the service.
        let alone = self.by_blocks(plan, pin.cid, Arc::new(NoGateway)).await;
        if let Ok(alone @ (Outcome::Verified(_) | Outcome::Differs(_))) = alone {
            return self.judged(plan, pin, identified, alone).await;
        }
        if !is_alarm && self.account.gateway.is_some() {
            // The proof takes its time, and a CID that nothing gives is not found again after a crash.
            let reason = "it was not compared with its blocks yet.".into();
            let taken =
                self.finish(plan, pin.clone(), self.found(ContentProof::NotReproduced, None, Some(reason)), None);
            self.shared.store.note_taken(self.record, taken, self.shared.ports.clock.now()).await?;
        }
        let outcome = match &self.account.gateway {
            Some(base) => self.by_blocks(plan, pin.cid, self.shared.gateway(self.account, base)?).await,
            None => Ok(Outcome::Unknown("the account has no gateway to get its blocks from.".into())),
        };
        let outcome = outcome.unwrap_or_else(|error| Outcome::Unknown(format!("{error}.")));
        self.judged(plan, pin, identified, outcome).await
    }

    /// The upload's end by what a proof came to.
    async fn judged(
        &self,
        plan: &Arc<Plan>,
        pin: ProviderPin,
        identified: &[Identified],
        outcome: Outcome,
    ) -> Result<Finish, Error> {
        let is_alarm = self.account.profile.is_some();
        let reason = match outcome {
            Outcome::Verified(_) => {
                return Ok(self.finish(plan, pin, self.found(ContentProof::Verified, None, None), None));
            }
            outcome @ Outcome::Differs(_) => {
                let (theirs, difference) = (pin.cid.to_string(), outcome.to_string());
                if !is_alarm {
                    let key = PinKey { account: self.account.id.clone(), id: pin.id };
                    self.shared.store.take_back(self.record, &key).await?;
                }
                let ours = self.own_cid(plan, identified).await?;
                return Err(Error::ContentDiffers { ours, theirs, difference });
            }
            Outcome::Unknown(reason) => reason,
        };
        // This provider's CIDs used to be those of a profile: that this one is not is an alarm.
        if is_alarm {
            let ours = self.own_cid(plan, identified).await?;
            return Err(Error::CidMismatch { ours, theirs: pin.cid.to_string() });
        }
        Ok(self.finish(plan, pin, self.found(ContentProof::NotReproduced, None, Some(reason)), None))
    }

    /// The CID to tell people of what was sent.
    async fn own_cid(&self, plan: &Arc<Plan>, identified: &[Identified]) -> Result<String, Error> {
        match identified {
            [first, ..] => Ok(first.link.cid.to_string()),
            [] => {
                let identified = self.identify(plan, vec![self.account.profile.unwrap_or(Profile::ALL[0])]).await?;
                Ok(identified.first().map(|one| one.link.cid.to_string()).unwrap_or_default())
            }
        }
    }

    fn found(&self, proof: ContentProof, profile: Option<Profile>, reason: Option<String>) -> Finding {
        let compared_at = Some(self.shared.ports.clock.now());
        Finding { proof, profile: profile.map(|profile| profile.name().into()), reason, compared_at }
    }

    async fn by_blocks(&self, plan: &Arc<Plan>, cid: Cid, gateway: Arc<dyn Gateway>) -> Result<Outcome, Error> {
        let ports = &self.shared.ports;
        let course = Course::until(self.cancel.child_token());
        let clock = Arc::clone(&ports.clock);
        let time = PROOF_TIME + Duration::from_secs(plan.content_bytes() / PROOF_BYTES_PER_SECOND);
        tokio::select! {
            proven = by_blocks(clock, gateway, Arc::clone(plan), cid, course.clone()) => proven,
            () = ports.clock.sleep(time) => {
                course.stop();
                Ok(Outcome::Unknown("the gateway took too long.".into()))
            }
        }
    }

    fn finish(
        &self,
        plan: &Plan,
        mut pin: ProviderPin,
        finding: Finding,
        learnt_profile: Option<&'static str>,
    ) -> Finish {
        let bytes = plan.content_bytes();
        pin.bytes = pin.bytes.or(Some(bytes));
        pin.is_directory |= plan.is_directory;
        pin.name = pin.name.or_else(|| Some(self.transfer.name.clone()));
        let receipt = Receipt {
            pin: PinKey { account: self.account.id.clone(), id: pin.id.clone() },
            cid: pin.cid,
            proof: finding.proof,
            profile: finding.profile,
            reason: finding.reason,
            compared_at: finding.compared_at,
            source: Some(self.place.path()),
            bytes,
            at: self.shared.ports.clock.now(),
        };
        Finish::Pinned {
            pin: Box::new(pin),
            proof: receipt.proof,
            receipt: Box::new(receipt),
            version: plan.single_file().copied(),
            learnt_profile,
        }
    }

    fn profiles(&self) -> Vec<Profile> {
        self.account.profile.map_or_else(|| Profile::ALL.to_vec(), |profile| vec![profile])
    }

    /// Those to hash while sending. Where the provider says whose CIDs it gives, the others are for when it gives others.
    async fn expected_profiles(&self) -> Result<Vec<Profile>, Error> {
        let told = self.shared.access.capabilities(self.account).await?.profile;
        Ok(told.filter(|_| self.account.profile.is_none()).map_or_else(|| self.profiles(), |profile| vec![profile]))
    }

    async fn identify(&self, plan: &Arc<Plan>, profiles: Vec<Profile>) -> Result<Vec<Identified>, Error> {
        let identification = Identification { pool: self.shared.ports.hashing.clone(), cancel: self.cancel.clone() };
        let plan = Arc::clone(plan);
        self.blocking(move || identification.identify(&plan, &profiles)).await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        tokio::select! {
            done = tokio::task::spawn_blocking(work) => done.map_err(|_| Error::Internal)?,
            () = self.cancel.cancelled() => Err(Error::Cancelled),
        }
    }
}

fn cids_of(identified: &[Identified]) -> Vec<Cid> {
    identified.iter().map(|one| one.link.cid).collect()
}
