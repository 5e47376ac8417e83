//! How the engine gets at an account's provider: credentials from the vault, one adapter an account, and what the last
//! request showed.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use holdfast_content::{Entries, EntryRules};
use tokio::sync::Notify;

use super::{Account, AccountId, AccountState, Keep, ProviderKind, SecretKept};
use crate::{
    clock::{Clock, UnixMillis},
    code::Code,
    content::{FILES_ONLY, Limits, Names},
    error::Error,
    provider::{Capabilities, Connect, Provider, ProviderError, UploadForms},
    vault::{CredentialKind, Credentials, SessionVault, Vault, VaultError},
};

/// The providers of all accounts.
pub(crate) struct Access {
    vault: Arc<dyn Vault>,
    session: SessionVault,
    connect: Arc<dyn Connect>,
    clock: Arc<dyn Clock>,
    known: Mutex<HashMap<AccountId, Known>>,
    replacements: AtomicU64,
    vault_failed_at: tokio::sync::Mutex<Option<(Duration, String)>>,
    writing: tokio::sync::Mutex<()>,
    forgetting: Notify,
    /// Why the service that Holdfast runs itself cannot be started.
    why_not_running: Mutex<Option<String>>,
}

/// After a failure of the vault, before it is asked again.
const VAULT_REST: Duration = Duration::from_secs(5);

/// How old what the database has of an account that answers may be.
const OFTEN_ENOUGH: Duration = Duration::from_secs(60);

/// What an account showed, as it is kept for the next run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Contact {
    /// When it last answered.
    pub(crate) told_at: Option<UnixMillis>,
    /// Why it does not.
    pub(crate) trouble: Option<(Code, String)>,
}

/// A moment among those at which credentials were replaced.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Since(u64);

#[derive(Default)]
struct Known {
    /// The number of the replacement by which the account has its credentials: what was found out with others is not kept.
    generation: u64,
    /// It is gone for good; who still has a copy of the account gets nothing.
    removed: bool,
    provider: Option<Arc<dyn Provider>>,
    capabilities: Option<Capabilities>,
    state: Option<AccountState>,
    last_contact: Option<UnixMillis>,
    /// What it told of its pins may not be so any more.
    is_outdated: bool,
    /// What an earlier run showed, until this one has asked.
    earlier: Option<AccountState>,
    /// What of this the database has.
    written: Option<Contact>,
    secret_missing: bool,
    /// What the keyring has of it is not its secret any more.
    entry_outdated: bool,
}

impl Known {
    fn is_locked_out(&self) -> bool {
        !self.removed && matches!(self.state, Some(AccountState::Failed { code, .. }) if code.wants_credentials())
    }
}

impl Access {
    pub(crate) fn new(vault: Arc<dyn Vault>, connect: Arc<dyn Connect>, clock: Arc<dyn Clock>) -> Self {
        Self {
            vault,
            session: SessionVault::default(),
            connect,
            clock,
            known: Mutex::default(),
            replacements: AtomicU64::default(),
            vault_failed_at: tokio::sync::Mutex::default(),
            writing: tokio::sync::Mutex::default(),
            forgetting: Notify::new(),
            why_not_running: Mutex::default(),
        }
    }

    /// The account's provider.
    ///
    /// # Errors
    /// [`Error::NoSuch`] once the account is removed, [`Error::NoSecret`], and what the vault answers.
    pub(crate) async fn provider(&self, account: &Account) -> Result<Arc<dyn Provider>, Error> {
        loop {
            let generation = match self.known().entry(account.id.clone()).or_default() {
                Known { removed: true, .. } => {
                    return Err(Error::NoSuch { what: "account", id: account.id.0.clone() });
                }
                Known { provider: Some(provider), .. } => return Ok(Arc::clone(provider)),
                Known { generation, .. } => *generation,
            };
            let found = self.credentials(account).await;
            let connected =
                found.map(|found| found.map(|credentials| self.connect.connect(account, credentials)).transpose());
            let mut known = self.known();
            let known = known.entry(account.id.clone()).or_default();
            if known.generation != generation {
                // They were replaced while the keyring was asked, which may take as long as a person does.
                continue;
            }
            let connected = connected??;
            known.secret_missing = connected.is_none();
            let provider = connected.ok_or_else(|| Error::NoSecret { label: account.label.clone() })?;
            known.provider = Some(Arc::clone(&provider));
            return Ok(provider);
        }
    }

    /// A provider for an account that is not saved yet.
    pub(crate) fn try_out(&self, account: &Account, credentials: Credentials) -> Result<Arc<dyn Provider>, Error> {
        Ok(self.connect.connect(account, credentials)?)
    }

    /// What the account's provider takes; asks it once.
    pub(crate) async fn limits(&self, account: &Account) -> Result<Limits, Error> {
        let forms = self.upload_forms(account).await?;
        Ok(Limits {
            empty_files: forms.empty_files,
            entries: if forms.directory_parts { EntryRules::EVERYTHING } else { FILES_ONLY },
            outward_links: Entries::LeftOut,
            names: if forms.exact_paths { Names::Exact } else { Names::InForms },
        })
    }

    /// What content the account's provider takes; asks it once.
    pub(crate) async fn upload_forms(&self, account: &Account) -> Result<UploadForms, Error> {
        let forms = self.capabilities(account).await?.upload;
        Ok(forms.ok_or(ProviderError::Unsupported { what: "it takes no files, only CIDs" })?)
    }

    /// What the account's provider can do; asks it once.
    pub(crate) async fn capabilities(&self, account: &Account) -> Result<Capabilities, Error> {
        let known = self.known().get(&account.id).and_then(|known| known.capabilities);
        match known {
            Some(capabilities) => Ok(capabilities),
            None => self.test(account).await,
        }
    }

    /// Whether the account's provider takes files, as far as that has shown. Asks nobody.
    pub(crate) fn takes_files(&self, account: &Account) -> bool {
        let known = self.known().get(&account.id).and_then(|known| known.capabilities);
        match (known, &account.card) {
            (Some(capabilities), _) => capabilities.upload.is_some(),
            (None, Some(card)) => card.upload.is_some(),
            (None, None) => account.kind != ProviderKind::Psa,
        }
    }

    /// Whether the account's provider lets pins be changed, as far as that has shown. Asks nobody.
    pub(crate) fn may_edit(&self, account: &Account) -> bool {
        let known = self.known().get(&account.id).and_then(|known| known.capabilities);
        match (&account.card, known) {
            // A service may say that it can, and then not do it.
            (Some(card), capabilities) => card.edit && capabilities.is_none_or(|capabilities| capabilities.edit),
            (None, Some(capabilities)) => capabilities.edit,
            (None, None) => account.kind == ProviderKind::Psa,
        }
    }

    /// Whether the account's pins have metadata, as far as that has shown. Asks nobody.
    pub(crate) fn keeps_metadata(&self, account: &Account) -> bool {
        let known = self.known().get(&account.id).and_then(|known| known.capabilities);
        let says_so = known.map_or(account.kind != ProviderKind::Kubo, |capabilities| capabilities.metadata);
        says_so && account.card.as_ref().is_none_or(|card| card.metadata)
    }

    /// Asks whether the account's credentials are right.
    pub(crate) async fn test(&self, account: &Account) -> Result<Capabilities, Error> {
        let since = self.moment();
        let result = match self.provider(account).await {
            Ok(provider) => provider.test().await.map_err(Error::from),
            Err(error) => Err(error),
        };
        self.note(&account.id, since, result.as_ref().err());
        if let Ok(capabilities) = &result {
            let mut known = self.known();
            let known = known.entry(account.id.clone()).or_default();
            if known.generation <= since.0 {
                known.capabilities = Some(*capabilities);
            }
        }
        result
    }

    /// This moment. Taken before a provider is asked for, so that its answer can be told from one to the credentials after it.
    pub(crate) fn moment(&self) -> Since {
        Since(self.replacements.load(Ordering::Acquire))
    }

    /// Whether any account has got other credentials since then.
    pub(crate) fn were_replaced(&self, since: Since) -> bool {
        self.moment().0 != since.0
    }

    /// Remembers how a listing of the account ended. Whatever kept it from its end is shown: the mirror is out of date.
    pub(crate) fn note_listing(&self, account: &AccountId, since: Since, error: Option<&Error>) {
        match error {
            // It will be asked when it wants to be.
            Some(Error::Provider(ProviderError::RateLimited { .. })) => self.note(account, since, error),
            Some(error @ Error::Provider(_)) => self.show(account, since, failed(error), true),
            _ => self.note(account, since, error),
        }
    }

    /// Remembers what a request to the provider after `since` showed of the account, unless its credentials are others by now.
    pub(crate) fn note(&self, account: &AccountId, since: Since, error: Option<&Error>) {
        let state = match error {
            None => AccountState::Ok,
            Some(
                error @ (Error::NoSecret { .. }
                | Error::ServiceNotRunning { .. }
                | Error::Vault(_)
                | Error::Provider(
                    ProviderError::Unauthorized { .. }
                    | ProviderError::Forbidden { .. }
                    | ProviderError::Unreachable { .. }
                    | ProviderError::Network { .. }
                    | ProviderError::Unavailable { .. }
                    | ProviderError::NotAPinningApi { .. },
                )),
            ) => failed(error),
            // The provider answered; it only did not like this request, or what came of it is not right.
            Some(
                Error::Provider(_)
                | Error::StillFetching { .. }
                | Error::PinFailed { .. }
                | Error::CidMismatch { .. }
                | Error::OtherCid { .. }
                | Error::ContentDiffers { .. },
            ) => AccountState::Ok,
            // It was not asked, or what it said to that is not known.
            Some(_) => return,
        };
        // Who does not permit one thing may well tell the rest.
        let is_outdated = match &state {
            AccountState::Failed { code, .. } => *code != Code::Forbidden,
            _ => false,
        };
        self.show(account, since, state, is_outdated);
    }

    fn show(&self, account: &AccountId, since: Since, state: AccountState, is_outdated: bool) {
        let mut known = self.known();
        let known = known.entry(account.clone()).or_default();
        if known.generation > since.0 {
            return;
        }
        if state == AccountState::Ok {
            known.last_contact = Some(self.clock.now());
            known.is_outdated = false;
        }
        known.is_outdated |= is_outdated;
        known.state = Some(state);
    }

    /// Forgets that an account's credentials were not accepted: somebody wants to know whether they are now.
    pub(crate) fn try_again(&self, account: &AccountId) {
        if let Some(known) = self.known().get_mut(account).filter(|known| known.is_locked_out()) {
            known.state = None;
        }
    }

    /// What the last request showed, and when the provider last answered.
    pub(crate) fn state(&self, account: &AccountId) -> (AccountState, Option<UnixMillis>) {
        let known = self.known();
        let known = known.get(account);
        let state = known.and_then(|known| known.state.clone().or_else(|| known.earlier.clone()));
        let state = state.unwrap_or(AccountState::Unknown);
        (state, known.and_then(|known| known.last_contact))
    }

    /// Whether what the account told of its pins may not be so any more: it was asked since, and did not tell.
    pub(crate) fn is_outdated(&self, account: &AccountId) -> bool {
        self.known().get(account).is_some_and(|known| known.is_outdated)
    }

    /// The accounts of which that is so.
    pub(crate) fn all_outdated(&self) -> Vec<AccountId> {
        let known = self.known();
        known.iter().filter(|(_, known)| known.is_outdated).map(|(account, _)| account.clone()).collect()
    }

    /// Takes what earlier runs showed of the accounts as known, until they are asked.
    pub(crate) fn remember(&self, contacts: Vec<(AccountId, Contact)>) {
        let mut known = self.known();
        for (account, contact) in contacts {
            let known = known.entry(account).or_default();
            known.last_contact = contact.told_at;
            known.is_outdated = contact.trouble.is_some();
            known.earlier = contact.trouble.clone().map(|(code, message)| AccountState::Failed { code, message });
            known.written = Some(contact);
        }
    }

    /// What the database is to have of the account, where that is worth a write.
    pub(crate) fn unwritten(&self, account: &AccountId) -> Option<Contact> {
        let mut known = self.known();
        let known = known.get_mut(account).filter(|known| !known.removed)?;
        let trouble = match known.state.clone()? {
            AccountState::Failed { code, message } => Some((code, message)),
            AccountState::Ok | AccountState::Unknown => None,
        };
        let contact = Contact { told_at: known.last_contact, trouble };
        let is_news = known.written.as_ref().is_none_or(|written| {
            let later = |at: UnixMillis| written.told_at.is_none_or(|before| at.since(before) >= OFTEN_ENOUGH);
            written.trouble != contact.trouble || contact.told_at.is_some_and(later)
        });
        is_news.then(|| known.written.insert(contact).clone())
    }

    /// Where the account's secret is, as far as that has shown. Never asks the vault: that may wait for a person.
    pub(crate) fn secret_kept(&self, account: &Account) -> SecretKept {
        if account.credentials == CredentialKind::None || account.this_computer {
            return SecretKept::NotNeeded;
        }
        if self.session.has(&account.id) {
            return SecretKept::Session;
        }
        let known = self.known();
        let is_missing = known.get(&account.id).is_some_and(|known| known.secret_missing || known.entry_outdated);
        if is_missing { SecretKept::Missing } else { SecretKept::Keyring }
    }

    /// Keeps an account's credentials, and uses them from now on.
    pub(crate) async fn keep(&self, account: &Account, credentials: &Credentials, keep: Keep) -> Result<(), Error> {
        let provider = self.connect.connect(account, credentials.clone())?;
        match keep {
            _ if credentials.kind() == CredentialKind::None => self.session.forget(&account.id).await?,
            Keep::Keyring => {
                self.vault.store(&account.id, credentials).await?;
                self.session.forget(&account.id).await?;
            }
            Keep::Session => self.session.store(&account.id, credentials).await?,
        }
        let entry_outdated = keep == Keep::Session;
        self.replace(&account.id, Known { provider: Some(provider), entry_outdated, ..Known::default() });
        Ok(())
    }

    /// Takes nothing of what the keyring has of these accounts for their secrets.
    pub(crate) fn entries_are_outdated(&self, accounts: Vec<AccountId>) {
        let mut known = self.known();
        for account in accounts {
            known.entry(account).or_default().entry_outdated = true;
        }
    }

    /// Forgets what is known of an account that is removed. Its secret in the keyring stays.
    pub(crate) async fn forget(&self, account: &AccountId) -> Result<(), Error> {
        self.replace(account, Known { removed: true, ..Known::default() });
        Ok(self.session.forget(account).await?)
    }

    /// Has the keyring forget an account's secret.
    pub(crate) async fn forget_in_keyring(&self, account: &AccountId) -> Result<(), VaultError> {
        self.vault.forget(account).await
    }

    /// Held while secrets go into the keyring or out of it, with what the database says of that.
    pub(crate) async fn writing(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.writing.lock().await
    }

    /// Waits until there may be something in the keyring that it would forget now.
    pub(crate) async fn may_forget(&self) {
        self.forgetting.notified().await;
    }

    /// Says that there may be.
    pub(crate) fn wake_forgetting(&self) {
        self.forgetting.notify_one();
    }

    /// Asks whether a keyring answers.
    pub(crate) async fn check_vault(&self) -> Result<(), Error> {
        self.vault.check().await?;
        self.wake_forgetting();
        Ok(())
    }

    fn replace(&self, account: &AccountId, by: Known) {
        let mut known = self.known();
        let known = known.entry(account.clone()).or_default();
        if !known.removed {
            let generation = self.replacements.fetch_add(1, Ordering::AcqRel) + 1;
            let (last_contact, written) = (known.last_contact, known.written.take());
            *known = Known { generation, last_contact, written, ..by };
        }
    }

    /// An account's credentials; `None` when they are in no vault.
    pub(crate) async fn credentials(&self, account: &Account) -> Result<Option<Credentials>, Error> {
        if account.credentials == CredentialKind::None {
            return Ok(Some(Credentials::None));
        }
        match self.session.load(&account.id).await? {
            Some(credentials) => Ok(Some(credentials)),
            // Its keys and its address are good for one run; whoever has the address of an earlier run gets nothing.
            None if account.this_computer => Err(Error::ServiceNotRunning { reason: self.why_not_running().clone() }),
            None if self.known().get(&account.id).is_some_and(|known| known.entry_outdated) => Ok(None),
            None => self.ask_vault(&account.id).await,
        }
    }

    /// Remembers why the service that Holdfast runs itself cannot be started, and shows it at its account.
    pub(crate) fn service_cannot_run(&self, account: &AccountId, reason: String) {
        *self.why_not_running() = Some(reason.clone());
        self.note(account, self.moment(), Some(&Error::ServiceNotRunning { reason: Some(reason) }));
    }

    fn why_not_running(&self) -> MutexGuard<'_, Option<String>> {
        self.why_not_running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the vault, one question at a time and not at once again after a failure: a keyring that hangs must not collect
    /// waiting threads.
    async fn ask_vault(&self, account: &AccountId) -> Result<Option<Credentials>, Error> {
        let mut failed_at = self.vault_failed_at.lock().await;
        let now = self.clock.monotonic();
        if let Some((at, reason)) = &*failed_at
            && now.saturating_sub(*at) < VAULT_REST
        {
            return Err(VaultError::Unavailable(reason.clone()).into());
        }
        let answer = self.vault.load(account).await;
        *failed_at = match &answer {
            Err(VaultError::Unavailable(reason) | VaultError::Locked(reason)) => {
                Some((self.clock.monotonic(), reason.clone()))
            }
            _ => {
                self.wake_forgetting();
                None
            }
        };
        Ok(answer?)
    }

    fn known(&self) -> MutexGuard<'_, HashMap<AccountId, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn failed(error: &Error) -> AccountState {
    AccountState::Failed { code: error.code(), message: error.to_string() }
}
