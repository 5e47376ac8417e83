//! The engine: one home, its accounts, pins, transfers and folders, behind calls that user interfaces make.
//!
//! What is asked for is durable before it is acknowledged; what changed is announced as a [`Change`], which says what but not how
//! it is, so that nobody shows more than the database knows.

mod accounts;
mod archives;
mod batches;
mod checks;
mod control;
mod copies;
mod database;
mod edits;
mod fetching;
mod folders;
mod following;
mod history;
mod intake;
mod kubo_import;
mod limits;
mod pins;
mod proofs;
mod secrets;
mod settings;
mod transfers;
mod unpinning;
mod usage;

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Notify, broadcast, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use url::Url;

pub use accounts::ThisComputer;
pub use control::{HeldAccount, HeldUp};
pub use copies::{CheckProgress, CheckRun, CheckedPin, OtherCopy, Remains, UnpinImpact};
pub use history::History;
pub use intake::PastedCid;
pub use kubo_import::{FoundService, ImportedService};
pub use limits::{LimitedHours, Limits, MinuteOfDay, Rate};
pub use pins::{MOST_LISTED, PinDetails};
pub use secrets::SecretRemoval;
pub use settings::{Settings, Theme};
pub use unpinning::{AcceptedUnpin, Grace, UNCONFIRMED_UNPINS};

pub(crate) use crate::change::{Change, Which};

use crate::{
    account::{Access, Account},
    clock::{Clock, UnixMillis},
    content::{HashingPool, Likeness, Throttle},
    disk::{Disk, Place},
    duty::{Duty, keep, keep_to_the_end},
    entropy::{Entropy, new_id},
    error::Error,
    folder::FolderState,
    gateway::{Gateway, GatewayError, Throttled},
    home::Home,
    ids::{AccountId, FolderId, PinKey, TransferId},
    pin::{Metadata, mirror::UnderWay, reading::Reading},
    provider::Connect,
    queue::{AtOnce, Gates, Lane, Patience, Runner},
    store::{SetAside, Store},
    transfer::{NewBatch, Running, Transfer, TransferState, Work},
    trouble::{Trouble, Troubles},
    turns::Turns,
    vault::Vault,
};

/// Changes that a slow listener may fall behind before it is told that it missed some.
const CHANGES_KEPT: usize = 256;

/// Databases that are set aside one after the other before a home counts as one that cannot be opened.
const MOST_SET_ASIDE: u32 = 2;

/// What an engine reaches the world through.
#[derive(Clone)]
pub struct Ports {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// The user's files.
    pub disk: Arc<dyn Disk>,
    /// The keyring.
    pub vault: Arc<dyn Vault>,
    /// The network.
    pub connect: Arc<dyn Connect>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Where content is hashed.
    pub hashing: HashingPool,
}

impl std::fmt::Debug for Ports {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ports")
    }
}

/// What a home is doing beside answering calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Background {
    /// Everything: follow the providers, watch the folders.
    Everything,
    /// Only the transfers, with few tries: for a command that does one thing and ends.
    TransfersOnly,
}

/// An engine that owns a home.
pub struct Engine {
    shared: Arc<Shared>,
    /// Its lock is given up by whoever of engine, tasks and database ends last.
    home: Arc<Home>,
    tasks: TaskTracker,
    folders: Mutex<HashMap<FolderId, folders::Watching>>,
    proofs: proofs::Proofs,
    /// One copy of an account at a time is asked for.
    checks: Turns<AccountId>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("home", &self.home).finish_non_exhaustive()
    }
}

/// What the engine's tasks share.
pub(crate) struct Shared {
    pub(crate) ports: Ports,
    pub(crate) store: Store,
    pub(crate) access: Access,
    pub(crate) running: Running,
    /// Why accounts get no work.
    gates: Mutex<Gates>,
    /// Uploads to one account that may be of the same bytes, so that the later ones find what the first one pinned.
    pub(crate) upload_turns: Turns<(AccountId, Likeness)>,
    pub(crate) list_turns: Turns<AccountId>,
    pub(crate) reading: Reading,
    pub(crate) wake: Notify,
    /// That a service may have been asked for something.
    pub(crate) asked: Notify,
    pub(crate) stop: CancellationToken,
    /// The rates that all that is sent and all that is fetched share.
    pub(crate) up: Throttle,
    pub(crate) down: Throttle,
    at_once: Mutex<AtOnce>,
    troubles: Troubles,
    /// The accounts whose lists went with a damaged database.
    unlisted: Mutex<HashSet<AccountId>>,
    changes: broadcast::Sender<Change>,
    folders: Mutex<HashMap<FolderId, FolderNow>>,
    unpinned: Mutex<HashSet<PinKey>>,
    checking: Mutex<HashSet<AccountId>>,
    /// The gateways that the service on this computer may ask.
    gateways_to_ask: watch::Sender<Vec<Url>>,
}

#[derive(Clone, Debug, Default)]
struct FolderNow {
    state: FolderState,
    message: Option<String>,
    last_event: Option<UnixMillis>,
}

impl Engine {
    /// Opens a home and goes on with what was under way when its last engine ended, however that was.
    ///
    /// # Errors
    /// When the database cannot be opened.
    pub async fn open(home: Home, ports: Ports) -> Result<Self, Error> {
        let home = Arc::new(home);
        let mut tries = 0;
        loop {
            let opened = Self::opened(Arc::clone(&home), ports.clone()).await;
            match opened {
                // What shows only now is set aside by the next try.
                Err(Error::Store(error)) if error.is_damage() && tries < MOST_SET_ASIDE => {
                    database::closed(&home).await?;
                    tries += 1;
                }
                opened => return opened,
            }
        }
    }

    async fn opened(home: Arc<Home>, ports: Ports) -> Result<Self, Error> {
        let store = Store::open(&home.database()?, home.clone(), ports.clock.now()).await?;
        match store.requeue_interrupted(ports.clock.now()).await {
            // The queue does it when it begins, as soon as there is room.
            Err(error) if error.passes() => {}
            requeued => requeued.map(drop)?,
        }
        let access = Access::new(Arc::clone(&ports.vault), Arc::clone(&ports.connect), Arc::clone(&ports.clock));
        access.remember(store.contacts().await?);
        access.entries_are_outdated(store.outdated_keyring_entries().await?);
        let troubles = Troubles::default();
        if let Some(SetAside { name, is_whole }) = store.set_aside().await? {
            troubles.add(Trouble::SetAside { copy: home.dir().join(name), is_whole });
        }
        let [up, down] = [(), ()].map(|()| Throttle::new(Arc::clone(&ports.clock)));
        let shared = Arc::new(Shared {
            up,
            down,
            at_once: Mutex::default(),
            ports,
            store,
            access,
            running: Running::default(),
            gates: Mutex::default(),
            upload_turns: Turns::default(),
            list_turns: Turns::default(),
            reading: Reading::default(),
            wake: Notify::new(),
            asked: Notify::new(),
            stop: CancellationToken::new(),
            troubles,
            unlisted: Mutex::default(),
            changes: broadcast::channel(CHANGES_KEPT).0,
            folders: Mutex::default(),
            unpinned: Mutex::default(),
            checking: Mutex::default(),
            gateways_to_ask: watch::Sender::default(),
        });
        shared.learn_unlisted().await?;
        shared.renew_gateways_to_ask().await?;
        let engine = Self {
            shared,
            home,
            tasks: TaskTracker::new(),
            folders: Mutex::default(),
            proofs: proofs::Proofs::default(),
            checks: Turns::default(),
        };
        engine.keep(Duty::Database, database::mind);
        Ok(engine)
    }

    /// Begins to work: the queue, and as much else as `background` says.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn start(&self, background: Background) -> Result<(), Error> {
        let patience = match background {
            Background::Everything => Patience::Endless,
            Background::TransfersOnly => Patience::Short,
        };
        if background == Background::Everything {
            match self.shared.store.requeue_asked_for().await {
                // They are asked about in their turns.
                Err(error) if error.passes() => {}
                requeued => requeued.map(drop)?,
            }
        }
        limits::apply(&self.shared).await?;
        self.keep(Duty::Limits, limits::follow);
        self.keep(Duty::Keyring, secrets::forget_secrets);
        let queue = move |shared| Runner::new(shared, patience).run();
        self.tasks.spawn(keep_to_the_end(Arc::clone(&self.shared), Duty::Queue, queue));
        let which = match background {
            Background::Everything => UnderWay::All,
            Background::TransfersOnly => UnderWay::AskedFor,
        };
        self.keep(Duty::UnderWay, move |shared| following::poll(shared, which));
        self.keep(Duty::UnderWay, following::look_soon);
        if background == Background::Everything {
            self.keep(Duty::Lists, following::follow);
            self.keep(Duty::Usage, usage::follow_own);
            self.keep(Duty::History, history::follow);
            self.start_folders().await?;
        }
        Ok(())
    }

    /// The home.
    #[must_use]
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// Where changes are announced from now on. A listener that lagged behind takes everything as changed.
    #[must_use]
    pub fn changes(&self) -> broadcast::Receiver<Change> {
        self.shared.changes.subscribe()
    }

    /// What is wrong with the home as a whole, from now on.
    #[must_use]
    pub fn troubles(&self) -> watch::Receiver<Vec<Trouble>> {
        self.shared.troubles.follow()
    }

    /// Stops all work and waits for it. Transfers that were under way go on at the next start.
    pub async fn shut_down(&self) {
        self.shared.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        let is_of_earlier = |trouble: &Trouble| matches!(trouble, Trouble::SetAside { .. });
        let was_told = self.shared.troubles.follow().borrow().iter().any(is_of_earlier);
        // What cannot be noted is told once more.
        if was_told && let Err(error) = self.shared.store.forget_set_aside().await {
            tracing::debug!(%error, "that a database was set aside is told again");
        }
    }

    fn keep<F>(&self, duty: Duty, begin: impl FnMut(Arc<Shared>) -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.tasks.spawn(keep(Arc::clone(&self.shared), duty, begin));
    }
}

impl Drop for Engine {
    /// Tasks and database hold the home until they have ended: nobody works in one that is free for the next engine.
    fn drop(&mut self) {
        self.shared.stop.cancel();
    }
}

impl Shared {
    /// Says that something changed.
    pub(crate) fn announce(&self, change: Change) {
        // Nobody listening is fine.
        drop(self.changes.send(change));
    }

    /// Says what is wrong with the home as a whole.
    pub(crate) fn troubled(&self, trouble: Trouble) {
        if self.troubles.add(trouble) {
            self.announce(Change::Troubles);
        }
    }

    /// Says that a duty is done as it should be.
    pub(crate) fn is_well_again(&self, well: &Duty) {
        self.is_over(|trouble| matches!(trouble, Trouble::Defect { duty, .. } if duty == well));
    }

    /// Says what is wrong no more.
    fn is_over(&self, is_over: impl Fn(&Trouble) -> bool) {
        if self.troubles.end(is_over) {
            self.announce(Change::Troubles);
        }
    }

    /// Makes transfers durable, and only then wakes the runner. What is under way already is the same transfer.
    pub(crate) async fn accept(&self, batch: NewBatch, transfers: Vec<Transfer>) -> Result<Vec<TransferId>, Error> {
        let ids = self.store.accept(batch, transfers).await?;
        self.has_accepted(ids.iter().cloned().collect());
        Ok(ids)
    }

    /// Wakes the runner for transfers that are durable.
    pub(crate) fn has_accepted(&self, which: Which<TransferId>) {
        self.wake.notify_one();
        self.announce(Change::Transfers(which));
    }

    /// A new transfer.
    pub(crate) fn transfer(&self, account: &AccountId, work: Work, name: String, metadata: Metadata) -> Transfer {
        let now = self.ports.clock.now();
        Transfer {
            id: TransferId(new_id(&*self.ports.entropy)),
            work,
            account: account.clone(),
            lane: Lane::Click,
            batch: None,
            name,
            metadata,
            state: TransferState::Queued,
            bytes: 0,
            attempts: 0,
            failures: 0,
            sent_in_vain: 0,
            unanswered_since: None,
            pin: None,
            cid: None,
            verified: None,
            created_at: now,
            updated_at: now,
        }
    }

    /// A new upload under the file's own name.
    pub(crate) fn upload_of(&self, account: &AccountId, place: Place, folder: Option<&FolderId>) -> Transfer {
        let name = place.path().file_name().map_or_else(|| "root".into(), crate::content::entry_name);
        let lane = if folder.is_some() { Lane::Bulk } else { Lane::Click };
        let work = Work::Upload { place, folder: folder.cloned() };
        Transfer { lane, ..self.transfer(account, work, name, Metadata::new()) }
    }

    /// The gateway of an account at `base`, at the rate that all that is fetched shares: not what stays on this computer.
    pub(crate) fn gateway(&self, account: &Account, base: &Url) -> Result<Arc<dyn Gateway>, GatewayError> {
        let gateway = self.ports.connect.gateway(base)?;
        Ok(match account.this_computer && account.gateway.as_ref() == Some(base) {
            true => gateway,
            false => Arc::new(Throttled { gateway, down: self.down.clone() }),
        })
    }

    /// How many transfers that came in bulk an account is given at once.
    pub(crate) fn at_once(&self) -> AtOnce {
        *self.at_once.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why accounts get no work.
    pub(crate) fn gates(&self) -> MutexGuard<'_, Gates> {
        self.gates.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets go on what waited at an account's gate.
    pub(crate) async fn release(&self, account: &AccountId) {
        match self.store.release(account).await {
            Ok(_) => self.wake.notify_one(),
            // They go on one by one, as it is tried.
            Err(error) => tracing::error!(%error, "what waited for an account cannot be let go on"),
        }
        self.announce(Change::Transfers(Which::Many));
        self.announce(Change::Accounts(Which::one(account.clone())));
    }

    /// The account has answered: what waited because it did not goes on.
    pub(crate) async fn answered(&self, account: &AccountId) {
        let opened = self.gates().answered(account);
        if opened {
            self.release(account).await;
        }
    }

    /// Keeps what an account showed for the next run, where that is not what was kept.
    pub(crate) async fn keep_contact(&self, account: &AccountId) -> Result<(), Error> {
        if let Some(contact) = self.access.unwritten(account) {
            self.announce(Change::Accounts(Which::one(account.clone())));
            self.store.save_contact(account, contact).await?;
        }
        Ok(())
    }

    /// Whether an account's list is to be asked for before anything is sent there.
    pub(crate) fn is_unlisted(&self, account: &AccountId) -> bool {
        self.unlisted().contains(account)
    }

    /// Learns which accounts' lists are to be asked for first.
    pub(crate) async fn learn_unlisted(&self) -> Result<(), Error> {
        let unlisted = self.store.unlisted().await?;
        self.unlisted().extend(unlisted);
        Ok(())
    }

    /// Notes that what an account has is in the mirror.
    pub(crate) async fn is_listed(&self, account: &AccountId) -> Result<(), Error> {
        if self.is_unlisted(account) {
            self.store.is_listed(account).await?;
            self.unlisted().remove(account);
        }
        Ok(())
    }

    fn unlisted(&self) -> MutexGuard<'_, HashSet<AccountId>> {
        self.unlisted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes how a folder is being watched.
    pub(crate) fn folder_is(&self, id: &FolderId, state: FolderState, message: Option<String>) {
        let mut folders = self.folders();
        let now = folders.entry(id.clone()).or_default();
        now.state = state;
        now.message = message;
        drop(folders);
        self.announce(Change::Folders);
    }

    /// Notes why nothing can be done about a folder at the moment, however it is watched.
    pub(crate) fn folder_is_held_up(&self, id: &FolderId, message: String) {
        self.folders().entry(id.clone()).or_default().message = Some(message);
        self.announce(Change::Folders);
    }

    /// Notes that the system reported something about a folder.
    pub(crate) fn folder_heard(&self, id: &FolderId) {
        self.folders().entry(id.clone()).or_default().last_event = Some(self.ports.clock.now());
    }

    /// Pins that were removed since their account's listing began: a page asked for before may still have them.
    pub(crate) fn unpinned(&self) -> MutexGuard<'_, HashSet<PinKey>> {
        self.unpinned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn folders(&self) -> MutexGuard<'_, HashMap<FolderId, FolderNow>> {
        self.folders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
