//! Copies: asking accounts' services for them, and what is left when a pin goes.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use futures_util::future::join_all;
use holdfast_content::{Cid, Extent, cid_v1};

use super::{Change, Engine, Which};
use crate::{
    account::{Account, SameLogin, are_at_one_service, same_login},
    error::Error,
    gateway::Gateway,
    ids::{AccountId, PinKey},
    pin::{Pin, PinSet, PinStatus},
    proof::{Check, CopyCheck, CopyState, Course, Doubt, Finding, check_copy},
    store::{Condition, Store},
};

/// Pins that are looked up at a time, of all that match.
const AT_ONCE: usize = 500;

/// Contents of one account whose copy is remembered in a run, so that what is pinned twice is asked for once.
const MOST_REMEMBERED: usize = 10_000;

/// Copies of one account in a row whose gateway does not answer, before the others are not asked for any more.
const MOST_UNANSWERED: u32 = 3;

/// How far a run of checks is, and the way to stop it. Clones share both.
#[derive(Clone, Debug)]
pub struct CheckRun {
    course: Course,
    pins_done: Arc<AtomicU64>,
    pins_total: Arc<AtomicU64>,
    under_way: Arc<Mutex<HashMap<AccountId, Course>>>,
}

/// How far a run of checks is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CheckProgress {
    /// Pins whose check has ended.
    pub pins_done: u64,
    /// Pins of the run.
    pub pins_total: u64,
    /// Blocks looked at for those that are being checked now.
    pub blocks_done: u64,
    /// Those that are to be, as far as they are known.
    pub blocks_total: u64,
}

/// One pin's part of a run.
#[derive(Clone, Debug)]
pub struct CheckedPin {
    /// The pin.
    pub pin: Pin,
    /// Its account.
    pub account: Account,
    /// What the account's copy is.
    pub check: CopyCheck,
}

/// Another pin of the same content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherCopy {
    /// The pin.
    pub pin: Pin,
    /// Its account's label.
    pub label: String,
    /// Whether its account is the same login as the pin's: then it may be the same copy.
    pub same_login: SameLogin,
}

impl OtherCopy {
    /// Whether the content stays when the first pin goes, as far as is known.
    pub(super) fn remains(&self, of: &Pin) -> Remains {
        let is_kept = self.pin.held.status == PinStatus::Pinned
            && !matches!(
                self.pin.copy.map(|copy| copy.state),
                Some(CopyState::Damaged | CopyState::Missing | CopyState::Contradictory)
            );
        match self.same_login {
            _ if !is_kept => Remains::No,
            // The login has it pinned twice.
            _ if self.pin.account == of.account => Remains::Yes,
            SameLogin::No => Remains::Yes,
            SameLogin::Perhaps => Remains::Perhaps,
            SameLogin::Yes => Remains::No,
        }
    }
}

/// Whether content stays somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Remains {
    /// Not that Holdfast knows.
    No,
    /// Only at an account that may be the same login.
    Perhaps,
    /// At another account, or by another pin.
    Yes,
}

/// What is left when pins go.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct UnpinImpact {
    /// How many go.
    pub pins: u64,
    /// How many of each account, by its label.
    pub accounts: BTreeMap<String, u64>,
    /// Which go, by name and account's label: the first few.
    pub some: Vec<(String, String)>,
    /// Pins of which no copy is left, by name and account's label: the first few.
    pub last: Vec<(String, String)>,
    /// How many there are.
    pub last_count: u64,
    /// Pins of which only a copy is left that may be the same one, seen through another account.
    pub perhaps_last_count: u64,
    /// The labels of those accounts.
    pub perhaps_same: Vec<String>,
}

/// Names of an impact that are told.
pub(super) const MOST_NAMED: usize = 8;

impl CheckRun {
    /// A new one, which ends when `engine` does.
    #[must_use]
    pub fn of(engine: &Engine) -> Self {
        Self {
            course: Course::until(engine.shared.stop.child_token()),
            pins_done: Arc::default(),
            pins_total: Arc::default(),
            under_way: Arc::default(),
        }
    }

    /// Ends it soon; what was found by then is kept.
    pub fn stop(&self) {
        self.course.stop();
    }

    /// How far it is.
    #[must_use]
    pub fn progress(&self) -> CheckProgress {
        let mut progress = CheckProgress {
            pins_done: self.pins_done.load(Ordering::Relaxed),
            pins_total: self.pins_total.load(Ordering::Relaxed),
            ..CheckProgress::default()
        };
        for course in self.under_way().values() {
            let (done, total) = course.progress();
            progress.blocks_done += done;
            progress.blocks_total += total;
        }
        progress
    }

    fn under_way(&self) -> MutexGuard<'_, HashMap<AccountId, Course>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An account's pins of a run that have not been asked for.
enum Left {
    Named(Vec<PinKey>),
    Matching { which: Arc<Condition>, after: i64 },
}

impl Left {
    /// The next of them; none when there are no more.
    async fn next(&mut self, store: &Store, account: &AccountId) -> Result<Vec<PinKey>, Error> {
        match self {
            Self::Named(keys) => Ok(std::mem::take(keys)),
            Self::Matching { which, after } => {
                let (keys, last) = store.chosen_of((**which).clone(), account, *after, AT_ONCE).await?;
                *after = last;
                Ok(keys)
            }
        }
    }
}

impl Engine {
    /// Asks the accounts of these pins for their copies: blocks are fetched from each account's gateway and hashed here. One
    /// copy of an account at a time, so that no service has more to do than for one. `checked` is told of every pin; what was
    /// found is in the history by then. Content that an account has pinned twice is asked for once.
    ///
    /// # Errors
    /// [`Error::Cancelled`] when the run was stopped, [`Error::NoSuch`] for a range without its ends, and when the database fails.
    pub async fn check_copies(
        &self,
        pins: PinSet,
        extent: Extent,
        run: &CheckRun,
        checked: impl Fn(CheckedPin) + Sync,
    ) -> Result<(), Error> {
        let (total, of_accounts) = self.left_of(pins).await?;
        run.pins_total.store(total, Ordering::Relaxed);
        let all = of_accounts.into_iter().map(|(id, left)| self.check_copies_of(id, left, extent, run, &checked));
        let ended = join_all(all).await.into_iter().collect();
        self.shared.announce(Change::Pins(Which::Many));
        ended
    }

    async fn left_of(&self, pins: PinSet) -> Result<(u64, Vec<(AccountId, Left)>), Error> {
        match pins {
            PinSet::Named(keys) => {
                let total = keys.len() as u64;
                let mut of_accounts: HashMap<AccountId, Vec<PinKey>> = HashMap::new();
                for key in keys {
                    of_accounts.entry(key.account.clone()).or_default().push(key);
                }
                Ok((total, of_accounts.into_iter().map(|(id, keys)| (id, Left::Named(keys))).collect()))
            }
            PinSet::Matching(matching) => {
                let (which, accounts) = self.shared.store.chosen(self.chosen(matching).await?).await?;
                let (total, which) = (accounts.iter().map(|(_, pins)| pins).sum(), Arc::new(which));
                let left = |(id, _)| (id, Left::Matching { which: Arc::clone(&which), after: i64::MIN });
                Ok((total, accounts.into_iter().map(left).collect()))
            }
        }
    }

    async fn check_copies_of(
        &self,
        id: AccountId,
        mut left: Left,
        extent: Extent,
        run: &CheckRun,
        checked: &(impl Fn(CheckedPin) + Sync),
    ) -> Result<(), Error> {
        let account = self.account(&id).await?;
        let gateway = self.gateway_of(&account, None)?;
        let (mut known, mut unanswered): (HashMap<String, CopyCheck>, Option<(u32, CopyCheck)>) = Default::default();
        let mut keys = Vec::new().into_iter();
        loop {
            let Some(key) = keys.next() else {
                keys = left.next(&self.shared.store, &id).await?.into_iter();
                if keys.len() == 0 {
                    return Ok(());
                }
                continue;
            };
            // What was unpinned meanwhile has no copy to ask for.
            if let Some(pin) = self.shared.store.pin(&key).await? {
                let content = cid_v1(&pin.held.cid);
                let check = match (known.get(&content), &unanswered) {
                    (Some(check), _) => check.clone(),
                    (None, Some((MOST_UNANSWERED.., check))) => check.clone(),
                    (None, _) => self.check_one(&account, gateway.clone(), pin.held.cid, extent, run).await?,
                };
                unanswered = match check.state {
                    CopyState::Unknown(Doubt::Unreachable | Doubt::Unavailable) => {
                        let times = unanswered.map_or(0, |(times, _)| times);
                        Some((times.saturating_add(1), check.clone()))
                    }
                    _ => None,
                };
                if known.len() >= MOST_REMEMBERED {
                    known.clear();
                }
                known.insert(content, check.clone());
                checked(CheckedPin { pin, account: account.clone(), check });
            }
            run.pins_done.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn check_one(
        &self,
        account: &Account,
        gateway: Option<Arc<dyn Gateway>>,
        cid: Cid,
        extent: Extent,
        run: &CheckRun,
    ) -> Result<CopyCheck, Error> {
        let course = run.course.part();
        let _turn = tokio::select! {
            turn = self.checks.take(account.id.clone()) => turn,
            () = course.stopped() => return Err(Error::Cancelled),
        };
        run.under_way().insert(account.id.clone(), course.clone());
        let check = match gateway {
            None => Ok(CopyCheck::not_begun(Doubt::NoGateway, "the account has no gateway to get its blocks from.")),
            Some(gateway) => {
                let ports = &self.shared.ports;
                check_copy(Arc::clone(&ports.clock), &*ports.entropy, gateway, cid, extent, &course).await
            }
        };
        run.under_way().remove(&account.id);
        let check = check?;
        let kept = Check {
            account: account.id.clone(),
            cid,
            at: self.shared.ports.clock.now(),
            finding: Finding::Copy { scope: check.scope, state: check.state },
            reason: check.reason.clone(),
        };
        self.shared.store.keep_check(kept).await?;
        self.shared.announce(Change::Pins(Which::Many));
        Ok(check)
    }

    /// Every pin of that content, at any account.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pins_of(&self, cid: Cid) -> Result<Vec<Pin>, Error> {
        Ok(self.shared.store.pins_of_content(cid).await?)
    }

    /// The other pins of a pin's content.
    pub(super) async fn other_copies(&self, pin: &Pin) -> Result<Vec<OtherCopy>, Error> {
        let mut others = self.shared.store.pins_of_content(pin.held.cid).await?;
        others.retain(|other| other.key() != pin.key());
        if others.is_empty() {
            return Ok(Vec::new());
        }
        Logins::new(self).await?.seen_from(pin, others).await
    }
}

impl UnpinImpact {
    pub(super) fn sorted(mut self) -> Self {
        self.perhaps_same.sort();
        self
    }

    /// So many of an account go.
    pub(super) fn count(&mut self, label: String, pins: u64) {
        self.pins += pins;
        *self.accounts.entry(label).or_default() += pins;
    }

    /// What becomes of a pin's content when only these copies stay.
    pub(super) fn judge(&mut self, pin: &Pin, label: String, others: &[OtherCopy]) {
        match others.iter().map(|other| other.remains(pin)).max().unwrap_or(Remains::No) {
            Remains::Yes => {}
            Remains::Perhaps => {
                self.perhaps_last_count += 1;
                let perhaps = others.iter().filter(|other| other.remains(pin) == Remains::Perhaps);
                for label in perhaps.map(|other| &other.label) {
                    if !self.perhaps_same.contains(label) {
                        self.perhaps_same.push(label.clone());
                    }
                }
            }
            Remains::No => {
                self.last_count += 1;
                if self.last.len() < MOST_NAMED {
                    self.last.push((pin.name(), label));
                }
            }
        }
    }
}

/// Which accounts are one login, as far as that was asked.
pub(super) struct Logins<'a> {
    engine: &'a Engine,
    accounts: HashMap<AccountId, Account>,
    known: HashMap<(AccountId, AccountId), SameLogin>,
}

impl<'a> Logins<'a> {
    pub(super) async fn new(engine: &'a Engine) -> Result<Self, Error> {
        let accounts = engine.shared.store.accounts().await?;
        let accounts = accounts.into_iter().map(|account| (account.id.clone(), account)).collect();
        Ok(Self { engine, accounts, known: HashMap::new() })
    }

    pub(super) fn label(&self, id: &AccountId) -> String {
        self.accounts.get(id).map(|account| account.label.clone()).unwrap_or_default()
    }

    pub(super) async fn seen_from(&mut self, pin: &Pin, others: Vec<Pin>) -> Result<Vec<OtherCopy>, Error> {
        let mut seen = Vec::with_capacity(others.len());
        for other in others {
            let same_login = self.same(&pin.account, &other.account).await?;
            seen.push(OtherCopy { label: self.label(&other.account), same_login, pin: other });
        }
        Ok(seen)
    }

    async fn same(&mut self, a: &AccountId, b: &AccountId) -> Result<SameLogin, Error> {
        if a == b {
            return Ok(SameLogin::Yes);
        }
        let pair = if a < b { (a.clone(), b.clone()) } else { (b.clone(), a.clone()) };
        if let Some(known) = self.known.get(&pair) {
            return Ok(*known);
        }
        let verdict = match (self.accounts.get(a), self.accounts.get(b)) {
            (Some(one), Some(other)) if are_at_one_service(one, other) => {
                same_login(one, other, self.engine.shared.store.lists(a, b).await?)
            }
            _ => SameLogin::No,
        };
        self.known.insert(pair, verdict);
        Ok(verdict)
    }
}
