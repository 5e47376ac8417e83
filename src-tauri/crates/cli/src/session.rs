//! One command's engine: the home, its accounts, and *This computer* where it is needed. The home is this program's, or that of
//! the owner that the command was handed to.

#[cfg(unix)]
use std::time::Duration;
use std::{convert::Infallible, path::PathBuf, sync::Arc};

use holdfast_core::{
    Background, Engine, Home,
    account::{Account, AccountId},
    content::Urgency,
    host,
};
use tokio::{sync::oneshot, task::JoinHandle};

#[cfg(unix)]
use crate::handover::Door;
use crate::{Failure, caller::Caller, owner::Owner, troubles};

/// Who owns a home meanwhile, as others are told.
const OWNER: &str = "the holdfast command";

/// How long a command that is done waits for others before it says so.
#[cfg(unix)]
const SAID_AFTER: Duration = Duration::from_secs(1);

/// Where a command's engine is.
#[derive(Clone, Debug)]
pub(crate) enum EngineAt {
    /// It is to be opened: that of this home, or of the platform's.
    Home(Option<PathBuf>),
    /// Somebody has it.
    Owner(Arc<Owner>),
}

/// An engine at work.
pub(crate) struct Session {
    pub(crate) engine: Arc<Engine>,
    owner: Arc<Owner>,
    caller: Caller,
    telling: Telling,
}

/// The home that a command opened, where others may have come to it.
#[derive(Debug)]
pub(crate) struct OpenedHome {
    owner: Arc<Owner>,
    #[cfg(unix)]
    door: Option<Door>,
}

/// The task that tells of troubles, and what it ends with.
type Telling = (oneshot::Sender<Infallible>, JoinHandle<()>);

impl Session {
    /// Opens the home for commands that only look at or change what is there.
    pub(crate) async fn open(caller: &Caller) -> Result<Self, Failure> {
        let owner = match caller.engine() {
            EngineAt::Owner(owner) => Arc::clone(owner),
            EngineAt::Home(_) => {
                let home = open_home(OWNER, caller)?;
                // What hashes never waits for the disk or the line; who does goes first.
                let engine = Arc::new(Engine::open(home, host::ports(Urgency::Background)?).await?);
                let owner = Arc::new(Owner::resting(engine));
                caller.keep(OpenedHome::of(&owner));
                owner
            }
        };
        let engine = Arc::clone(owner.engine());
        let (ends, ended) = oneshot::channel();
        let telling = (ends, tokio::spawn(troubles::tell(caller.clone(), engine.troubles(), ended)));
        Ok(Self { engine, owner, caller: caller.clone(), telling })
    }

    /// Opens the home and starts its own service, for commands that ask providers. The queue rests.
    pub(crate) async fn with_service(caller: &Caller) -> Result<Self, Failure> {
        let session = Self::open(caller).await?;
        // The other accounts are there all the same.
        if let Err(error) = session.owner.start_service().await {
            caller.complain(&format!("This computer is not to be had: {error}"), None);
        }
        Ok(session)
    }

    /// The same, and works as `background` says, or as it does already.
    pub(crate) async fn start(caller: &Caller, background: Background) -> Result<Self, Failure> {
        let session = Self::with_service(caller).await?;
        session.work(background).await?;
        Ok(session)
    }

    /// Works as `background` says, or as it does already.
    pub(crate) async fn work(&self, background: Background) -> Result<(), Failure> {
        Ok(self.owner.start_work(background).await?)
    }

    /// Whether the queue is worked on.
    pub(crate) async fn works(&self) -> bool {
        self.owner.works().await
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

    /// Ends the home where it was opened for this.
    pub(crate) async fn end(self) -> Result<(), Failure> {
        let ended = match self.caller.take_opened() {
            Some(opened) => opened.end(&self.caller).await,
            None => Ok(()),
        };
        let (ends, told) = self.telling;
        drop(ends);
        // Nothing is lost with what it could not say.
        drop(told.await);
        ended
    }
}

impl OpenedHome {
    fn of(owner: &Arc<Owner>) -> Self {
        Self {
            owner: Arc::clone(owner),
            // Others are told that the home is in use then, and nothing else is worse.
            #[cfg(unix)]
            door: Door::open(Arc::clone(owner))
                .inspect_err(|error| tracing::warn!(%error, "no other command can come to this one"))
                .ok(),
        }
    }

    /// Waits for the commands that have come to it, and stops everything; what was under way goes on when the home is opened next.
    pub(crate) async fn end(self, caller: &Caller) -> Result<(), Failure> {
        #[cfg(unix)]
        if let Some(door) = self.door {
            let mut closed = std::pin::pin!(door.close());
            tokio::select! {
                () = &mut closed => {}
                () = tokio::time::sleep(SAID_AFTER) => {
                    caller.note("holdfast: done; waiting for other commands that use this home meanwhile");
                    closed.await;
                }
            }
        }
        #[cfg(not(unix))]
        let _ = caller;
        Ok(self.owner.end().await?)
    }
}

/// Takes a home: the given one, else the platform's.
pub(crate) fn open_home(owner: &str, caller: &Caller) -> Result<Home, Failure> {
    let dir = caller.home().or_else(Home::default_dir);
    let dir = dir.ok_or_else(|| Failure::Plain("There is no home directory; say which with --home.".into()))?;
    let dir = std::path::absolute(dir)?;
    let home = Home::open(&dir, owner).map_err(holdfast_core::Error::from)?;
    if let Some(notice) = home.notice() {
        caller.note(&format!("holdfast: {notice}"));
    }
    Ok(home)
}
