//! One command's engine: the home, its accounts, and *This computer* where it is needed.

use std::{convert::Infallible, path::PathBuf};

use holdfast_cli::this_computer;
use holdfast_core::{
    Background, Engine, Home,
    account::{Account, AccountId},
    content::Urgency,
    host,
};
use holdfast_service::RunningService;
use tokio::{sync::oneshot, task::JoinHandle};

use crate::{
    Failure,
    output::{complain, note},
    troubles,
};

/// Who owns a home meanwhile, as others are told.
const OWNER: &str = "the holdfast command";

/// An engine at work.
pub(crate) struct Session {
    pub(crate) engine: Engine,
    service: Option<RunningService>,
    telling: Telling,
}

/// The task that tells of troubles, and what it ends with.
type Telling = (oneshot::Sender<Infallible>, JoinHandle<()>);

impl Session {
    /// Opens the home for commands that only look at or change what is there.
    pub(crate) async fn open(home: Option<PathBuf>) -> Result<Self, Failure> {
        let engine = Engine::open(open_home(home, OWNER)?, host::ports(Urgency::Foreground)?).await?;
        let (ends, ended) = oneshot::channel();
        let telling = (ends, tokio::spawn(troubles::tell(engine.troubles(), ended)));
        Ok(Self { engine, service: None, telling })
    }

    /// Opens the home and starts its own service, for commands that ask providers. The queue rests.
    pub(crate) async fn with_service(home: Option<PathBuf>) -> Result<Self, Failure> {
        let mut session = Self::open(home).await?;
        match this_computer::start(&session.engine).await {
            Ok((service, _)) => session.service = Some(service),
            // The other accounts are there all the same.
            Err(error) => complain(&format!("This computer is not to be had: {error}"), None),
        }
        Ok(session)
    }

    /// The same, and works as `background` says.
    pub(crate) async fn start(home: Option<PathBuf>, background: Background) -> Result<Self, Failure> {
        let session = Self::with_service(home).await?;
        session.engine.start(background).await?;
        Ok(session)
    }

    /// The account of that label or id, else the default one.
    pub(crate) async fn account(&self, name: Option<&str>) -> Result<Account, Failure> {
        Ok(match name {
            Some(name) => self.engine.account_named(name).await?,
            None => self.engine.default_account().await?,
        })
    }

    /// The accounts of those labels or ids, else the default one.
    pub(crate) async fn accounts(&self, names: &[String]) -> Result<Vec<Account>, Failure> {
        let mut accounts: Vec<Account> = Vec::new();
        for name in names {
            let account = self.engine.account_named(name).await?;
            if accounts.iter().all(|known| known.id != account.id) {
                accounts.push(account);
            }
        }
        if accounts.is_empty() {
            accounts.push(self.engine.default_account().await?);
        }
        Ok(accounts)
    }

    /// The label of an account.
    pub(crate) async fn label(&self, id: &AccountId) -> Result<String, Failure> {
        Ok(self.engine.account(id).await?.label)
    }

    /// Stops everything; what was under way goes on when the home is opened next.
    pub(crate) async fn end(self) -> Result<(), Failure> {
        self.engine.shut_down().await;
        let (ends, told) = self.telling;
        drop(ends);
        // Nothing is lost with what it could not say.
        drop(told.await);
        if let Some(service) = self.service {
            service.shutdown().await?;
        }
        Ok(())
    }
}

/// Takes a home: the given one, else the platform's.
pub(crate) fn open_home(home: Option<PathBuf>, owner: &str) -> Result<Home, Failure> {
    let dir = home.or_else(Home::default_dir);
    let dir = dir.ok_or_else(|| Failure::Plain("There is no home directory; say which with --home.".into()))?;
    let dir = std::path::absolute(dir)?;
    let home = Home::open(&dir, owner).map_err(holdfast_core::Error::from)?;
    if let Some(notice) = home.notice() {
        note(&format!("holdfast: {notice}"));
    }
    Ok(home)
}
