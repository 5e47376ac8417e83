//! Taking over what a Kubo repository on this computer knows: its remote services, and the node itself.

use std::{path::PathBuf, sync::Arc};

use super::Engine;
use crate::{
    account::{
        AccountView, Keep, PlainHttp, ProviderKind,
        kubo_config::{self, KuboService},
        parse_base_url,
    },
    error::Error,
};

/// A service that a Kubo repository names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundService {
    /// What it is called there; it becomes the account's label.
    pub name: String,
    /// The adapter for it.
    pub kind: ProviderKind,
    /// The API's base.
    pub endpoint: String,
    /// Whether there is an account of that kind at that endpoint.
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

impl Engine {
    /// The services that the Kubo repository at `path` names, or at its usual place. Asks nobody.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where there is no Kubo repository, [`Error::Unreadable`] where its configuration cannot be
    /// read.
    pub async fn kubo_services(&self, path: Option<PathBuf>) -> Result<Vec<FoundService>, Error> {
        let accounts = self.shared.store.accounts().await?;
        let services = self.read_kubo_config(path).await?;
        let found = services.into_iter().map(|service| {
            let endpoint = parse_base_url("endpoint", &service.endpoint, PlainHttp::Refused);
            let known =
                |endpoint| accounts.iter().any(|account| account.kind == service.kind && account.endpoint == endpoint);
            let problem = service.problem().map(str::to_owned).or(endpoint.as_ref().err().map(ToString::to_string));
            let already_added = endpoint.is_ok_and(known);
            let KuboService { name, kind, endpoint, .. } = service;
            FoundService { name, kind, endpoint, already_added, problem }
        });
        Ok(found.collect())
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
        let mut services = self.read_kubo_config(path).await?;
        if let Some(missing) = names.iter().find(|name| services.iter().all(|service| service.name != **name)) {
            return Err(Error::NoSuch { what: "service in the Kubo configuration", id: missing.clone() });
        }
        services.retain(|service| names.contains(&service.name));
        let mut imported = Vec::new();
        for service in services {
            let name = service.name.clone();
            let account = match service.into_draft() {
                Ok(draft) => self.add_account(draft, keep).await,
                Err(error) => Err(error),
            };
            imported.push(ImportedService { name, account });
        }
        Ok(imported)
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
