//! Taking over what a Kubo repository on this computer knows: its remote services, and the node itself.

use std::{path::PathBuf, sync::Arc};

use url::Url;

use super::{Engine, accounts::THIS_COMPUTER};
use crate::{
    account::{
        Account, AccountView, Keep, PlainHttp, ProviderKind,
        kubo_config::{self, KuboService},
        parse_base_url,
    },
    error::Error,
};

/// A service that a Kubo repository names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundService {
    /// What it is called there; with a number where two would be called the same.
    pub name: String,
    /// What its account is called, or would be.
    pub label: String,
    /// The adapter for it.
    pub kind: ProviderKind,
    /// The API's base.
    pub endpoint: String,
    /// Whether there is an account with these credentials at that endpoint.
    pub already_added: bool,
    /// What keeps it from being added as it is.
    pub problem: Option<String>,
}

/// What became of one service that was to be added.
#[derive(Debug)]
pub struct ImportedService {
    /// Its name in the repository.
    pub name: String,
    /// Its account, or why there is none.
    pub account: Result<AccountView, Error>,
}

/// What the accounts have of a service.
enum Known<'a> {
    /// An account with its credentials.
    Added(&'a Account),
    /// An account that its credentials are missing at.
    Wants(&'a Account),
    /// None.
    Not,
}

impl Engine {
    /// The services that the Kubo repository at `path` names, or at its usual place. Asks no service; the keyring is asked for
    /// the credentials of accounts at the same endpoints.
    ///
    /// # Errors
    /// [`Error::NoSuch`] where there is no Kubo repository, [`Error::InvalidInput`] where its configuration is none,
    /// [`Error::Unreadable`] where that cannot be read.
    pub async fn kubo_services(&self, path: Option<PathBuf>) -> Result<Vec<FoundService>, Error> {
        Ok(self.find_kubo_services(path).await?.into_iter().map(|(found, _)| found).collect())
    }

    /// Adds those of the services at `path` that have one of `names` as accounts. One that cannot be added does not keep
    /// the others from it; one that is an account already gets the credentials that stand there.
    ///
    /// # Errors
    /// Those of [`Engine::kubo_services`], and [`Error::NoSuch`] for a name that no service has; nothing is added then.
    pub async fn import_kubo_services(
        &self,
        path: Option<PathBuf>,
        names: &[String],
        keep: Keep,
    ) -> Result<Vec<ImportedService>, Error> {
        let mut services = self.find_kubo_services(path).await?;
        if let Some(missing) = names.iter().find(|name| services.iter().all(|(found, _)| found.name != **name)) {
            return Err(Error::NoSuch { what: "service in the Kubo configuration", id: missing.clone() });
        }
        services.retain(|(found, _)| names.contains(&found.name));
        let mut imported = Vec::new();
        for (FoundService { name, label, .. }, service) in services {
            let account = match service.into_draft(label) {
                Ok(draft) => self.add_account(draft, keep).await,
                Err(error) => Err(error),
            };
            imported.push(ImportedService { name, account });
        }
        Ok(imported)
    }

    async fn find_kubo_services(&self, path: Option<PathBuf>) -> Result<Vec<(FoundService, KuboService)>, Error> {
        let accounts = self.shared.store.accounts().await?;
        let mut labels = vec![THIS_COMPUTER.to_owned()];
        labels.extend(accounts.iter().map(|account| account.label.clone()));
        let (mut names, mut found) = (Vec::new(), Vec::new());
        for service in self.read_kubo_config(path).await? {
            let endpoint = parse_base_url("endpoint", &service.endpoint, PlainHttp::Refused);
            let known = match &endpoint {
                Ok(endpoint) => self.known_account(&accounts, &service, endpoint).await,
                Err(_) => Known::Not,
            };
            let label = match known {
                Known::Added(account) | Known::Wants(account) => account.label.clone(),
                Known::Not => free_name(&service.name, &labels),
            };
            labels.push(label.clone());
            let name = free_name(&service.name, &names);
            names.push(name.clone());
            let problem = service.credentials.as_ref().err().cloned().or(endpoint.err().map(|error| error.to_string()));
            let already_added = matches!(known, Known::Added(_));
            let (kind, endpoint) = (service.kind, service.endpoint.clone());
            found.push((FoundService { name, label, kind, endpoint, already_added, problem }, service));
        }
        Ok(found)
    }

    /// The account of a service. Two keys at one pinning service are two accounts; a node is one, whoever uses it.
    async fn known_account<'a>(&self, accounts: &'a [Account], service: &KuboService, endpoint: &Url) -> Known<'a> {
        let mut wants = Known::Not;
        let there = |account: &&Account| account.kind == service.kind && account.endpoint == *endpoint;
        for account in accounts.iter().filter(there) {
            let is_node = account.kind == ProviderKind::Kubo;
            let is_called_so = account.label.eq_ignore_ascii_case(service.name.trim());
            match (self.shared.access.credentials(account).await, &service.credentials) {
                (Ok(Some(theirs)), Ok(ours)) if theirs.same_as(ours) => return Known::Added(account),
                // Nobody can tell: the name has to do, or that a node is one.
                (Err(_), _) | (_, Err(_)) if is_called_so || is_node => return Known::Added(account),
                (Ok(None), Ok(_)) if is_called_so => wants = Known::Wants(account),
                (Ok(_), Ok(_)) if is_node => wants = Known::Wants(account),
                _ => {}
            }
        }
        wants
    }

    async fn read_kubo_config(&self, path: Option<PathBuf>) -> Result<Vec<KuboService>, Error> {
        let path = path.or_else(kubo_config::usual_repository).ok_or_else(|| {
            Error::InvalidInput("There is no home folder to look for a Kubo repository in; name it.".into())
        })?;
        let disk = Arc::clone(&self.shared.ports.disk);
        let read = tokio::task::spawn_blocking(move || kubo_config::kubo_services(&*disk, &path));
        read.await.map_err(|_| Error::Internal)?
    }
}

/// The name, or the name with the first number that makes it another than those of `taken`, whatever the letter case.
fn free_name(name: &str, taken: &[String]) -> String {
    let is_free = |name: &String| taken.iter().all(|other| !other.eq_ignore_ascii_case(name));
    let name = name.trim();
    let numbered = (2..).map(|number| format!("{name} ({number})"));
    std::iter::once(name.to_owned()).chain(numbered).find(is_free).unwrap_or_default()
}
