//! An engine in a home of its own, with ports that the test holds in its hands.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use holdfast_content::{Discard, FileImporter, Link, Profile};
use holdfast_core::{
    Background, Engine, Grace, Home, Ports,
    account::{AccountId, Keep},
    clock::Clock,
    content::{HashingPool, Urgency},
    disk::Disk,
    entropy::Entropy,
    host::{RealDisk, SystemClock},
    pin::{Metadata, Pin, PinKey, PinQuery, PinSet},
    provider::{Connect, HttpConnect},
    transfer::{Transfer, TransferId, TransferState},
};
use tempfile::TempDir;

use crate::{FakeProvider, ManualClock, MemoryVault, SeededEntropy};

/// An engine, its home, and a directory for the user's files. Both directories go with the value.
#[derive(Debug)]
pub struct World {
    /// The engine.
    pub engine: Engine,
    /// The keyring.
    pub vault: Arc<MemoryVault>,
    /// The clock, where the world has one that the test moves.
    pub clock: Arc<ManualClock>,
    /// The user's files.
    pub files: TempDir,
    ports: Ports,
    background: Background,
    home: TempDir,
}

/// What is put around a port.
type Around<P> = Box<dyn Fn(Arc<P>) -> Arc<P> + Send>;

/// How a world differs from the usual one, whose time stands still and whose disk is real.
pub struct WorldBuilder {
    real_time: bool,
    background: Background,
    disk: Arc<dyn Disk>,
    connect: Box<dyn Fn(HttpConnect) -> Arc<dyn Connect> + Send>,
    clock: Around<dyn Clock>,
    entropy: Option<Arc<dyn Entropy>>,
}

impl std::fmt::Debug for WorldBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WorldBuilder")
    }
}

impl Default for WorldBuilder {
    fn default() -> Self {
        Self {
            real_time: false,
            background: Background::TransfersOnly,
            disk: Arc::new(RealDisk),
            connect: Box::new(|http| Arc::new(http)),
            clock: Box::new(|clock| clock),
            entropy: None,
        }
    }
}

impl WorldBuilder {
    /// With the system's clock.
    #[must_use]
    pub fn real_time(self) -> Self {
        Self { real_time: true, ..self }
    }

    /// With everything that an engine does by itself: following providers, watching folders.
    #[must_use]
    pub fn with_background(self) -> Self {
        Self { background: Background::Everything, ..self }
    }

    /// With another disk.
    #[must_use]
    pub fn on(self, disk: impl Disk) -> Self {
        Self { disk: Arc::new(disk), ..self }
    }

    /// With another network.
    #[must_use]
    pub fn through<C: Connect>(self, connect: impl Fn(HttpConnect) -> C + Send + 'static) -> Self {
        Self { connect: Box::new(move |http| Arc::new(connect(http))), ..self }
    }

    /// With something around its clock.
    #[must_use]
    pub fn by_clock(self, clock: impl Fn(Arc<dyn Clock>) -> Arc<dyn Clock> + Send + 'static) -> Self {
        Self { clock: Box::new(clock), ..self }
    }

    /// With other randomness for all but the network.
    #[must_use]
    pub fn with_entropy(self, entropy: impl Entropy) -> Self {
        Self { entropy: Some(Arc::new(entropy)), ..self }
    }

    /// Opens the home and starts the engine.
    ///
    /// # Panics
    /// When that fails.
    pub async fn start(self) -> World {
        let (home, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (vault, manual) = (Arc::new(MemoryVault::default()), Arc::new(ManualClock::default()));
        let of_network: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(1));
        let entropy = self.entropy.unwrap_or_else(|| Arc::clone(&of_network));
        let clock: Arc<dyn Clock> = if self.real_time { Arc::new(SystemClock::default()) } else { manual.clone() };
        let clock = (self.clock)(clock);
        let ports = Ports {
            clock: Arc::clone(&clock),
            disk: self.disk,
            vault: vault.clone(),
            connect: (self.connect)(HttpConnect::new(of_network, clock).with_page_pauses(&[])),
            entropy,
            hashing: HashingPool::start(Urgency::Foreground).unwrap(),
        };
        let engine = open(home.path(), &ports, self.background).await;
        World { engine, vault, clock: manual, files, ports, background: self.background, home }
    }
}

impl World {
    /// The usual world.
    pub async fn start() -> Self {
        WorldBuilder::default().start().await
    }

    /// Shuts the engine down and opens its home again.
    pub async fn restart(self) -> Self {
        self.engine.shut_down().await;
        self.reopen().await
    }

    /// The same, and the engine does as much by itself as `background` says from then on.
    pub async fn restart_with(self, background: Background) -> Self {
        Self { background, ..self }.restart().await
    }

    /// Drops the engine as it is and opens its home again.
    pub async fn reopen(self) -> Self {
        let Self { engine, vault, clock, files, ports, background, home } = self;
        drop(engine);
        let engine = open(home.path(), &ports, background).await;
        Self { engine, vault, clock, files, ports, background, home }
    }

    /// Shuts the engine down, does something to its home, and opens that again.
    ///
    /// # Panics
    /// When that fails.
    pub async fn reopen_after(self, change: impl FnOnce(&Path)) -> Self {
        self.engine.shut_down().await;
        let Self { engine, vault, clock, files, ports, background, home } = self;
        drop(engine);
        drop(crate::eventually("the home is free", || async { Home::open(home.path(), "a test").ok() }).await);
        change(home.path());
        let engine = open(home.path(), &ports, background).await;
        Self { engine, vault, clock, files, ports, background, home }
    }

    /// Drops the engine as it is, and leaves its home.
    #[must_use]
    pub fn drop_engine(self) -> TempDir {
        self.home
    }

    /// The home directory.
    #[must_use]
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Adds an account at a service.
    ///
    /// # Panics
    /// When that fails.
    pub async fn account(&self, provider: &FakeProvider, label: &str) -> AccountId {
        let added = self.engine.add_account(provider.draft(label), Keep::Keyring).await;
        added.unwrap_or_else(|error| panic!("{error}")).account.id
    }

    /// Writes one of the user's files and the directories above it.
    ///
    /// # Panics
    /// When that fails.
    pub fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.files.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    /// Asks for an upload.
    ///
    /// # Panics
    /// When it is not accepted.
    pub async fn begin_upload(&self, account: &AccountId, path: &Path) -> TransferId {
        let accepted = self.engine.upload(account, vec![path.to_owned()], None, Metadata::new()).await;
        accepted.unwrap_or_else(|error| panic!("{error}")).remove(0)
    }

    /// Asks for an upload and waits for its end.
    ///
    /// # Panics
    /// When it is not accepted.
    pub async fn upload(&self, account: &AccountId, path: &Path) -> Transfer {
        self.end_of(&self.begin_upload(account, path).await).await
    }

    /// Asks for the removal of pins, which begins at once.
    ///
    /// # Panics
    /// When it is not accepted.
    pub async fn unpin(&self, pins: &[PinKey]) -> Vec<TransferId> {
        let accepted = self.engine.unpin(PinSet::Named(pins.to_vec()), pins.len() as u64, Grace::Waived).await;
        accepted.unwrap_or_else(|error| panic!("{error}")).transfers
    }

    /// Waits for a transfer's end.
    ///
    /// # Panics
    /// When the engine does not know it, or it does not end.
    pub async fn end_of(&self, id: &TransferId) -> Transfer {
        crate::eventually("the transfer ends", || async {
            let transfer = self.transfer(id).await;
            transfer.state.is_final().then_some(transfer)
        })
        .await
    }

    /// Lets time pass until a transfer ends, a second at a look.
    ///
    /// # Panics
    /// When the engine does not know it, or it does not end.
    pub async fn end_in_time(&self, id: &TransferId) -> Transfer {
        crate::eventually("the transfer ends", || async {
            self.clock.advance(Duration::from_secs(1));
            let transfer = self.transfer(id).await;
            transfer.state.is_final().then_some(transfer)
        })
        .await
    }

    /// Waits until the service has taken what it was asked for and works on it.
    ///
    /// # Panics
    /// When the engine does not know the transfer, or it ends instead.
    pub async fn until_asked(&self, id: &TransferId) -> Transfer {
        crate::eventually("the service works on it", || async {
            let transfer = self.transfer(id).await;
            assert!(!transfer.state.is_final(), "{transfer:?}");
            (transfer.state == TransferState::Asked).then_some(transfer)
        })
        .await
    }

    /// A transfer as it is now.
    ///
    /// # Panics
    /// When the engine does not know it.
    pub async fn transfer(&self, id: &TransferId) -> Transfer {
        self.engine.transfer(id).await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Every pin of the mirror, by name.
    ///
    /// # Panics
    /// When the database fails.
    pub async fn pins(&self) -> Vec<Pin> {
        let query = PinQuery { limit: 1_000, sort: holdfast_core::pin::PinSort::Name, ..PinQuery::default() };
        self.engine.pins(query).await.unwrap_or_else(|error| panic!("{error}")).rows
    }
}

async fn open(home: &Path, ports: &Ports, background: Background) -> Engine {
    let home = crate::eventually("the home is free", || async { Home::open(home, "a test").ok() }).await;
    let engine = Engine::open(home, ports.clone()).await.unwrap();
    engine.start(background).await.unwrap();
    engine
}

/// Bytes that repeat for the same seed and look like nothing else.
#[must_use]
pub fn bytes_of(seed: u64, length: usize) -> Vec<u8> {
    use holdfast_core::entropy::Entropy;
    let entropy = SeededEntropy::new(seed);
    std::iter::repeat_with(|| entropy.bytes16()).flatten().take(length).collect()
}

/// What a file of these bytes is called under a profile.
///
/// # Panics
/// Never: nothing is written.
#[must_use]
pub fn identified(bytes: &[u8], profile: Profile) -> Link {
    let mut importer = FileImporter::new(profile);
    importer.push(bytes, &mut Discard).unwrap();
    importer.finish(&mut Discard).unwrap()
}
