//! Accounts: adding, testing, removing, and the one that Holdfast brings along.

use holdfast_content::Profile;
use url::Url;

use super::{Change, Engine, SecretRemoval, Which, pins};
use crate::{
    account::{
        Account, AccountDraft, AccountEdit, AccountView, FetchesFrom, Keep, Preset, ProviderKind, parse_base_url,
        parse_label,
    },
    duty::guarded,
    entropy::{THIS_COMPUTER_ID, new_id},
    error::Error,
    ids::AccountId,
    transfer::{TransferSet, relay},
    vault::{CredentialKind, Credentials},
};

/// What the account of the embedded service is called.
pub(super) const THIS_COMPUTER: &str = "This computer";

/// The setting with the port that links to the embedded service's gateway have.
const LINKS_PORT: &str = "this_computer_port";

/// The service that Holdfast runs itself, as an account.
#[derive(Debug)]
pub struct ThisComputer {
    /// The API's base.
    pub endpoint: Url,
    /// The gateway's base.
    pub gateway: Url,
    /// The keys that the service was given.
    pub credentials: Credentials,
}

impl Engine {
    /// All accounts, *This computer* first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn accounts(&self) -> Result<Vec<AccountView>, Error> {
        let mut views = Vec::new();
        for account in self.shared.store.accounts().await? {
            views.push(self.view(account).await?);
        }
        Ok(views)
    }

    /// One account.
    ///
    /// # Errors
    /// [`Error::NoSuch`].
    pub async fn account(&self, id: &AccountId) -> Result<Account, Error> {
        let account = self.shared.store.account(id).await?;
        account.ok_or_else(|| gone(id))
    }

    /// One account, with what is known about it now.
    ///
    /// # Errors
    /// [`Error::NoSuch`].
    pub async fn account_view(&self, id: &AccountId) -> Result<AccountView, Error> {
        self.view(self.account(id).await?).await
    }

    /// The account of that label or id.
    ///
    /// # Errors
    /// [`Error::NoSuch`].
    pub async fn account_named(&self, name: &str) -> Result<Account, Error> {
        let accounts = self.shared.store.accounts().await?;
        let found =
            accounts.into_iter().find(|account| account.id.0 == name || account.label.eq_ignore_ascii_case(name));
        found.ok_or_else(|| Error::NoSuch { what: "account", id: name.into() })
    }

    /// Where things go when nothing else is said.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when there is no account at all.
    pub async fn default_account(&self) -> Result<Account, Error> {
        if let Some(id) = self.settings().await?.default_account {
            return self.account(&id).await;
        }
        let first = self.shared.store.accounts().await?.into_iter().next();
        first.ok_or_else(|| Error::InvalidInput("There is no account yet.".into()))
    }

    /// Gives an account another label or gateway.
    ///
    /// # Errors
    /// [`Error::NoSuch`], and [`Error::InvalidInput`] for what is wrong with the request or for *This computer*.
    pub async fn edit_account(&self, id: &AccountId, edit: AccountEdit) -> Result<AccountView, Error> {
        let mut account = self.account(id).await?;
        if account.this_computer {
            return Err(Error::InvalidInput(format!("{THIS_COMPUTER} is part of Holdfast and cannot be changed.")));
        }
        if let Some(label) = edit.label {
            account.label = parse_label(&label)?;
            refuse_own_name(&account.label)?;
        }
        if let Some(typed) = edit.gateway {
            let typed = Some(typed.trim()).filter(|typed| !typed.is_empty());
            account.gateway = typed.map(|typed| parse_base_url("gateway", typed, edit.plain_http)).transpose()?;
        }
        if !self.shared.store.set_label_and_gateway(&account).await? {
            return Err(taken(&account.label));
        }
        self.shared.renew_gateways_to_ask().await?;
        self.shared.announce(Change::Accounts(Which::Many));
        self.shared.announce(Change::Pins(Which::Many));
        self.view(account).await
    }

    /// Asks a provider whether a draft's credentials are right. Keeps nothing.
    ///
    /// # Errors
    /// What is wrong with the draft, or the provider's answer.
    pub async fn test_account(&self, draft: AccountDraft) -> Result<(), Error> {
        let Parsed { account, credentials, .. } = self.parse(draft)?;
        self.shared.access.try_out(&account, credentials)?.test().await?;
        Ok(())
    }

    /// Adds an account whose credentials the provider accepts. Where there is one of that label and endpoint, it gets the new
    /// credentials and the gateway where one is named, and what had failed for want of them is tried again.
    ///
    /// # Errors
    /// What is wrong with the draft, the provider's answer, [`Error::NoSuch`] when the account is removed meanwhile, or
    /// [`Error::Vault`] when the keyring cannot keep the secret; nothing is kept then.
    pub async fn add_account(&self, draft: AccountDraft, keep: Keep) -> Result<AccountView, Error> {
        let Parsed { account: draft, credentials, unusual_gateway } = self.parse(draft)?;
        let known = self.same_account(&draft).await?;
        let is_new = known.is_none();
        let account = known.map_or_else(|| draft.clone(), |known| Account { credentials: draft.credentials, ..known });
        self.shared.access.try_out(&account, credentials.clone())?.test().await?;
        let is_saved = if is_new {
            self.shared.save_with_secret(&account, &credentials, keep).await?
        } else {
            self.shared.replace_secret(&account, &credentials, keep, unusual_gateway).await?
        };
        if !is_saved {
            self.shared.remove_secret(&account.id).await?;
            return Err(if is_new { taken(&account.label) } else { gone(&account.id) });
        }
        self.shared.renew_gateways_to_ask().await?;
        let account = self.account(&account.id).await?;
        if !is_new && (keep == Keep::Session || account.credentials == CredentialKind::None) {
            self.shared.access.wake_forgetting();
        }
        // It answered a moment ago; that it does not now is noted with the account.
        drop(self.shared.access.test(&account).await);
        self.shared.gates().forget(&account.id);
        self.shared.release(&account.id).await;
        self.shared.store.requeue_unauthorized(&account.id, self.shared.ports.clock.now()).await?;
        if matches!(account.kind, ProviderKind::Kubo | ProviderKind::Cluster) {
            self.shared.store.requeue_unsupported_uploads(self.shared.ports.clock.now()).await?;
        }
        self.shared.wake.notify_one();
        for change in [Change::Accounts(Which::Many), Change::Pins(Which::Many), Change::Transfers(Which::Many)] {
            self.shared.announce(change);
        }
        self.refresh_later(account.clone());
        self.view(account).await
    }

    /// Asks the account's provider whether its credentials are still right; the view has the answer.
    ///
    /// # Errors
    /// [`Error::NoSuch`].
    pub async fn check_account(&self, id: &AccountId) -> Result<AccountView, Error> {
        let account = self.account(id).await?;
        if self.shared.access.test(&account).await.is_ok() {
            self.refresh_later(account.clone());
        }
        self.shared.keep_contact(id).await?;
        self.shared.announce(Change::Accounts(Which::Many));
        self.view(account).await
    }

    /// Removes an account and its secret, that when the keyring answers next where it does not now. What is pinned there stays
    /// pinned.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for *This computer*.
    pub async fn remove_account(&self, id: &AccountId) -> Result<SecretRemoval, Error> {
        let account = self.account(id).await?;
        if account.this_computer {
            return Err(Error::InvalidInput(format!("{THIS_COMPUTER} is part of Holdfast and cannot be removed.")));
        }
        self.stop_folders_of(id).await?;
        self.cancel_these(&TransferSet::all_of(Some(id))).await?;
        self.shared.store.remove_account(id).await?;
        self.shared.renew_gateways_to_ask().await?;
        for change in
            [Change::Accounts(Which::Many), Change::Pins(Which::Many), Change::Transfers(Which::Many), Change::Folders]
        {
            self.shared.announce(change);
        }
        self.shared.remove_secret(id).await
    }

    /// Whether a keyring answers.
    ///
    /// # Errors
    /// [`Error::Vault`] with what is wrong.
    pub async fn check_keyring(&self) -> Result<(), Error> {
        self.shared.access.check_vault().await
    }

    /// The port that the embedded service should have, so that links to its gateway stay valid: the one that it had at its
    /// first start. `None` before that.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn port_of_this_computer(&self) -> Result<Option<u16>, Error> {
        let kept = self.shared.store.setting(LINKS_PORT).await?;
        if let Some(port) = kept.and_then(|port| port.parse().ok()) {
            return Ok(Some(port));
        }
        // A home of a version that did not write it down.
        Ok(self.shared.store.account(&this_computer_id()).await?.and_then(|account| account.endpoint.port()))
    }

    /// Adds the embedded service as an account, or tells the account where the service is now. Address and keys are good for
    /// this run: the keys live in memory, and where the service does not run nothing is sent to where it was.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_this_computer(&self, service: ThisComputer) -> Result<AccountView, Error> {
        let id = this_computer_id();
        let account = Account {
            id: id.clone(),
            label: THIS_COMPUTER.into(),
            kind: ProviderKind::Aioz,
            endpoint: service.endpoint,
            gateway: Some(service.gateway),
            credentials: CredentialKind::KeyAndSecret,
            this_computer: true,
            profile: Some(Profile::UNIXFS_V1_2025),
            card: None,
        };
        let port = self.port_of_this_computer().await?.or(account.endpoint.port());
        self.shared.store.set_setting(LINKS_PORT, port.map(|port| port.to_string())).await?;
        if !self.shared.save_with_secret(&account, &service.credentials, Keep::Session).await? {
            return Err(taken(THIS_COMPUTER));
        }
        // Earlier versions kept lasting keys there.
        self.shared.access.wake_forgetting();
        self.shared.announce(Change::Accounts(Which::Many));
        self.shared.wake.notify_one();
        self.view(account).await
    }

    /// Shows at the account *This computer* why its service cannot be started in this run.
    pub fn this_computer_cannot_run(&self, reason: String) {
        self.shared.access.service_cannot_run(&this_computer_id(), reason);
        self.shared.announce(Change::Accounts(Which::Many));
    }

    fn parse(&self, draft: AccountDraft) -> Result<Parsed, Error> {
        let endpoint = parse_base_url("endpoint", &draft.endpoint, draft.plain_http)?;
        let typed = draft.gateway.as_deref().map(str::trim).filter(|text| !text.is_empty());
        let preset = Preset::of(draft.kind, &endpoint).and_then(|preset| preset.gateway);
        let beside = gateway_beside(draft.kind, &endpoint);
        let url = |text: Option<&str>| text.map(|text| parse_base_url("gateway", text, draft.plain_http)).transpose();
        let usual = url(preset.or(beside.as_deref()))?;
        let unusual_gateway = url(typed)?.filter(|typed| Some(typed) != usual.as_ref());
        let account = Account {
            id: AccountId(new_id(&*self.shared.ports.entropy)),
            label: parse_label(&draft.label)?,
            kind: draft.kind,
            endpoint,
            gateway: unusual_gateway.clone().or(usual),
            credentials: draft.credentials.kind(),
            this_computer: false,
            profile: None,
            card: None,
        };
        Ok(Parsed { account, credentials: draft.credentials, unusual_gateway })
    }

    /// The account that the draft means, if it is there already.
    async fn same_account(&self, draft: &Account) -> Result<Option<Account>, Error> {
        refuse_own_name(&draft.label)?;
        let mut accounts = self.shared.store.accounts().await?.into_iter();
        match accounts.find(|other| other.label.eq_ignore_ascii_case(&draft.label)) {
            Some(other) if other.endpoint == draft.endpoint && other.kind == draft.kind => Ok(Some(other)),
            Some(_) => Err(taken(&draft.label)),
            None => Ok(None),
        }
    }

    pub(super) fn refresh_later(&self, account: Account) {
        let shared = std::sync::Arc::clone(&self.shared);
        self.tasks.spawn(async move {
            tokio::select! {
                () = shared.stop.cancelled() => {}
                _ = guarded(pins::refresh_one(&shared, &account)) => {}
            }
        });
    }

    pub(super) async fn view(&self, account: Account) -> Result<AccountView, Error> {
        let (state, last_contact) = self.shared.access.state(&account.id);
        let is_outdated = self.shared.access.is_outdated(&account.id);
        let (pins, bytes) = self.shared.store.account_totals(&account.id).await?;
        let secret_kept = self.shared.access.secret_kept(&account);
        let upload = relay::route(&self.shared, &account).await?;
        let can_edit = self.shared.access.may_edit(&account);
        let keeps_metadata = self.shared.access.keeps_metadata(&account);
        let lost_port = match account.this_computer {
            true => self.port_of_this_computer().await?.filter(|port| Some(*port) != account.endpoint.port()),
            false => None,
        };
        let fetches_from = match account.this_computer {
            true => {
                let now = self.shared.gateways_to_ask.borrow().clone();
                Some(FetchesFrom { agreed: self.shared.fetch_sources().await?, now })
            }
            false => None,
        };
        let usage = self.shared.store.usage(&account.id).await?;
        let reading = self.shared.reading.of(&account.id);
        Ok(AccountView {
            account,
            secret_kept,
            state,
            last_contact,
            is_outdated,
            pins,
            bytes,
            upload,
            can_edit,
            keeps_metadata,
            lost_port,
            fetches_from,
            usage,
            reading,
        })
    }
}

/// A draft that makes sense.
struct Parsed {
    account: Account,
    credentials: Credentials,
    /// The gateway, where it is not the one that goes with the service anyway.
    unusual_gateway: Option<Url>,
}

fn this_computer_id() -> AccountId {
    AccountId(THIS_COMPUTER_ID.to_string())
}

fn refuse_own_name(label: &str) -> Result<(), Error> {
    if label.eq_ignore_ascii_case(THIS_COMPUTER) {
        return Err(Error::InvalidInput(format!("{THIS_COMPUTER:?} is the name of Holdfast's own account.")));
    }
    Ok(())
}

fn gone(id: &AccountId) -> Error {
    Error::NoSuch { what: "account", id: id.0.clone() }
}

fn taken(label: &str) -> Error {
    Error::InvalidInput(format!("There is an account called {label:?} already."))
}

/// The gateway of services that have one beside their API: Holdfast's own, and the one that serves the Pinning Service API
/// at `/api/pinning`.
fn gateway_beside(kind: ProviderKind, endpoint: &Url) -> Option<String> {
    let is_own = endpoint.scheme() == "http";
    let endpoint = endpoint.as_str().trim_end_matches("/pins").trim_end_matches('/');
    match kind {
        ProviderKind::Aioz if is_own => endpoint.strip_suffix("/api").map(str::to_owned),
        ProviderKind::Psa if is_own && endpoint.ends_with("/api/psa") => {
            endpoint.strip_suffix("/api/psa").map(str::to_owned)
        }
        ProviderKind::Psa => endpoint.strip_suffix("/api/pinning").map(|root| format!("{root}/api/gateway/{{cid}}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_that_have_their_gateway_beside_their_api_need_none_typed() {
        for (kind, endpoint, gateway) in [
            (ProviderKind::Aioz, "http://127.0.0.1:1/api", Some("http://127.0.0.1:1")),
            (ProviderKind::Aioz, "https://example.org/api", None),
            (ProviderKind::Psa, "http://127.0.0.1:1/api/psa", Some("http://127.0.0.1:1")),
            (ProviderKind::Psa, "https://example.org/api/psa", None),
            (ProviderKind::Psa, "https://example.org/api/pinning", Some("https://example.org/api/gateway/{cid}")),
            (ProviderKind::Psa, "https://example.org/api/pinning/pins", Some("https://example.org/api/gateway/{cid}")),
            (ProviderKind::Psa, "https://example.org/pinning", None),
            (ProviderKind::Kubo, "http://127.0.0.1:5001", None),
        ] {
            assert_eq!(gateway_beside(kind, &endpoint.parse().unwrap()).as_deref(), gateway, "{endpoint}");
        }
    }
}
