//! What an engine does by itself when something in it ends with a defect, or something that it stands on does.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use async_trait::async_trait;
use holdfast_content::{Cid, Profile};
use holdfast_core::{
    Duty, Home, Trouble,
    account::{Account, AccountId},
    clock::{Clock, Sleep, UnixMillis},
    content::UploadBody,
    entropy::Entropy,
    gateway::{Gateway, GatewayError},
    pin::{Metadata, PinId, ProviderPin},
    provider::{Capabilities, Connect, HttpConnect, Pages, PinRequest, Provider, ProviderError},
    transfer::{TransferId, TransferState},
    vault::Credentials,
};
use holdfast_testkit::{
    Call, FakeProvider, Fault, SeededEntropy, SimDisk, World, WorldBuilder, eventually, identified,
};
use rusqlite::Connection;
use tokio_util::sync::CancellationToken;
use url::Url;

/// A clock that does not tell how much time has passed for so many questions, or until it is mended.
struct BrokenClock {
    clock: Arc<dyn Clock>,
    breaks: Arc<AtomicI64>,
}

impl Clock for BrokenClock {
    fn now(&self) -> UnixMillis {
        self.clock.now()
    }

    fn monotonic(&self) -> Duration {
        assert!(self.breaks.fetch_sub(1, Relaxed) <= 0, "the clock is broken");
        self.clock.monotonic()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        self.clock.sleep(duration)
    }
}

fn with_clock(builder: WorldBuilder) -> (WorldBuilder, Arc<AtomicI64>) {
    let breaks = Arc::new(AtomicI64::new(0));
    let handle = Arc::clone(&breaks);
    let builder = builder.by_clock(move |clock| Arc::new(BrokenClock { clock, breaks: Arc::clone(&handle) }));
    (builder, breaks)
}

/// What has died, as the window is told.
fn defects(world: &World) -> Vec<(Duty, u32)> {
    let defect = |trouble: &Trouble| match trouble {
        Trouble::Defect { duty, times } => Some((duty.clone(), *times)),
        _ => None,
    };
    world.engine.troubles().borrow().iter().filter_map(defect).collect()
}

/// An upload that is held at the service until it is let go.
async fn being_sent(
    world: &World,
    provider: &FakeProvider,
    account: &AccountId,
    let_go: CancellationToken,
) -> TransferId {
    provider.fail(Call::Upload, Fault::Held(let_go));
    let number = provider.count(Call::Upload);
    let file = world.write(&format!("held {number}"), &[1; 9][number..]);
    let id = world.begin_upload(account, &file).await;
    eventually("it is being sent", || async { (provider.under_way(Call::Upload) == 1).then_some(()) }).await;
    id
}

fn hold(provider: &FakeProvider, bytes: &[u8]) -> String {
    let cid = identified(bytes, Profile::UNIXFS_V1_2025).cid;
    provider.pins(|pins| pins.add(&cid, "elsewhere").cid.clone())
}

/// Lets time pass, some seconds at a look, until something is so.
async fn in_time<T, F: Future<Output = Option<T>>>(world: &World, what: &str, mut look: impl FnMut() -> F) -> T {
    eventually(what, || {
        world.clock.advance(Duration::from_secs(7));
        look()
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_ends_with_a_defect_is_reported_and_goes_on_by_itself() {
    let provider = FakeProvider::start(Profile::UNIXFS_V1_2025).await;
    let (builder, breaks) = with_clock(WorldBuilder::default());
    let world = builder.start().await;
    let account = world.account(&provider, "one").await;
    let first = being_sent(&world, &provider, &account, CancellationToken::new()).await;
    breaks.store(1, Relaxed);
    let second = world.begin_upload(&account, &world.write("b", b"bbbb")).await;
    eventually("the defect is told", || async { (defects(&world) == [(Duty::Queue, 1)]).then_some(()) }).await;
    for id in [first, second] {
        assert_eq!(world.end_in_time(&id).await.state, TransferState::Done);
    }
    assert_eq!(world.pins().await.len(), 2);
    in_time(&world, "it counts as well again", || async { defects(&world).is_empty().then_some(()) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_always_ends_with_a_defect_is_begun_again_ever_more_seldom() {
    let provider = FakeProvider::start(Profile::UNIXFS_V1_2025).await;
    let (builder, breaks) = with_clock(WorldBuilder::default());
    let world = builder.start().await;
    let account = world.account(&provider, "one").await;
    breaks.store(i64::MAX, Relaxed);
    let id = world.begin_upload(&account, &world.write("a", b"aaa")).await;
    eventually("the defect is told", || async { (!defects(&world).is_empty()).then_some(()) }).await;
    let asked = || i64::MAX - breaks.load(Relaxed);
    // Twelve minutes of a clock that is never well: doubled pauses are begun again a dozen times at the most.
    for _ in 0..720 {
        world.clock.advance(Duration::from_secs(1));
        tokio::task::yield_now().await;
    }
    assert!(asked() < 60, "{} questions to a clock that is broken", asked());
    breaks.store(0, Relaxed);
    assert_eq!(world.end_in_time(&id).await.state, TransferState::Done);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_duty_that_ends_with_a_defect_is_begun_again() {
    let provider = FakeProvider::start(Profile::UNIXFS_V1_2025).await;
    let disk = SimDisk::default();
    disk.write(Path::new("/w/.hidden"), b"not sent");
    let (builder, breaks) = with_clock(WorldBuilder::default().on(disk.clone()).with_background());
    let world = builder.start().await;
    let account = world.account(&provider, "one").await;
    world.engine.add_folder("/w".into(), &account, None).await.unwrap();
    breaks.store(i64::MAX, Relaxed);
    in_time(&world, "the folder, the queue and the lists have ended", || async {
        let died: Vec<_> = defects(&world).into_iter().map(|(duty, _)| duty).collect();
        let has = |is: &dyn Fn(&Duty) -> bool| died.iter().any(is);
        let all = has(&|duty| *duty == Duty::Queue)
            && has(&|duty| *duty == Duty::Lists)
            && has(&|duty| *duty == Duty::UnderWay)
            && has(&|duty| matches!(duty, Duty::Folder(_)));
        all.then_some(())
    })
    .await;
    disk.write(Path::new("/w/new"), b"new");
    let elsewhere = hold(&provider, b"elsewhere");
    breaks.store(0, Relaxed);
    in_time(&world, "file and pin are in the table", || async {
        let pins = world.pins().await;
        let has = |cid: &str| pins.iter().any(|pin| pin.held.cid.to_string() == cid);
        (pins.len() == 2 && has(&elsewhere)).then_some(())
    })
    .await;
    in_time(&world, "all count as well again", || async { defects(&world).is_empty().then_some(()) }).await;
}

/// Makes adapters of which those of one account end with a defect when they are asked for a list.
struct BrokenLists {
    http: HttpConnect,
    label: &'static str,
    asked: Arc<AtomicU64>,
    is_broken: Arc<AtomicBool>,
}

struct Broken {
    asked: Arc<AtomicU64>,
    is_broken: Arc<AtomicBool>,
    provider: Arc<dyn Provider>,
}

impl Connect for BrokenLists {
    fn connect(&self, account: &Account, credentials: Credentials) -> Result<Arc<dyn Provider>, ProviderError> {
        let provider = self.http.connect(account, credentials)?;
        if account.label != self.label {
            return Ok(provider);
        }
        let (asked, is_broken) = (Arc::clone(&self.asked), Arc::clone(&self.is_broken));
        Ok(Arc::new(Broken { asked, is_broken, provider }))
    }

    fn gateway(&self, base: &Url) -> Result<Arc<dyn Gateway>, GatewayError> {
        self.http.gateway(base)
    }
}

#[async_trait]
impl Provider for Broken {
    async fn test(&self) -> Result<Capabilities, ProviderError> {
        self.provider.test().await
    }

    async fn upload(&self, name: &str, metadata: &Metadata, body: UploadBody) -> Result<ProviderPin, ProviderError> {
        self.provider.upload(name, metadata, body).await
    }

    async fn pin(&self, request: PinRequest<'_>) -> Result<ProviderPin, ProviderError> {
        self.provider.pin(request).await
    }

    async fn get(&self, id: &PinId) -> Result<ProviderPin, ProviderError> {
        self.provider.get(id).await
    }

    fn list<'a>(&'a self, cids: &'a [Cid]) -> Pages<'a> {
        self.asked.fetch_add(1, Relaxed);
        assert!(!self.is_broken.load(Relaxed), "the adapter is broken");
        self.provider.list(cids)
    }

    async fn unpin(&self, id: &PinId) -> Result<(), ProviderError> {
        self.provider.unpin(id).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_whose_list_ends_with_a_defect_is_reported_and_holds_up_no_other() {
    let (bad, good) =
        (FakeProvider::start(Profile::UNIXFS_V1_2025).await, FakeProvider::start(Profile::UNIXFS_V1_2025).await);
    let (asked, is_broken) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let (counted, broken) = (Arc::clone(&asked), Arc::clone(&is_broken));
    let through =
        move |http| BrokenLists { http, label: "bad", asked: Arc::clone(&counted), is_broken: Arc::clone(&broken) };
    let world = WorldBuilder::default().through(through).with_background().start().await;
    let account = world.account(&bad, "bad").await;
    world.account(&good, "good").await;
    is_broken.store(true, Relaxed);
    hold(&good, b"late");
    let duty = Duty::Account(account);
    in_time(&world, "the defect is told, and the other account is listed", || async {
        let told = defects(&world).iter().any(|(died, _)| *died == duty);
        (told && world.pins().await.len() == 1).then_some(())
    })
    .await;
    is_broken.store(false, Relaxed);
    hold(&bad, b"also");
    in_time(&world, "both accounts are listed", || async { (world.pins().await.len() == 2).then_some(()) }).await;
    in_time(&world, "it counts as well again", || async { defects(&world).is_empty().then_some(()) }).await;
    assert!(asked.load(Relaxed) > 1);
}

/// Gives no randomness while it is broken.
struct BrokenEntropy(SeededEntropy, Arc<AtomicBool>);

impl Entropy for BrokenEntropy {
    fn bytes16(&self) -> [u8; 16] {
        assert!(!self.1.load(Relaxed), "there is no randomness");
        self.0.bytes16()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_whose_end_meets_a_defect_is_not_left_running() {
    let provider = FakeProvider::start(Profile::UNIXFS_V1_2025).await;
    let is_broken = Arc::new(AtomicBool::new(false));
    let entropy = BrokenEntropy(SeededEntropy::new(1), Arc::clone(&is_broken));
    let world = WorldBuilder::default().with_entropy(entropy).start().await;
    let account = world.account(&provider, "one").await;
    let let_go = CancellationToken::new();
    let done = being_sent(&world, &provider, &account, let_go.clone()).await;
    is_broken.store(true, Relaxed);
    let_go.cancel();
    assert_eq!(world.end_of(&done).await.state, TransferState::Done);
    is_broken.store(false, Relaxed);

    let cancelled = being_sent(&world, &provider, &account, CancellationToken::new()).await;
    is_broken.store(true, Relaxed);
    world.engine.cancel(&cancelled).await.unwrap();
    assert_eq!(world.end_of(&cancelled).await.state, TransferState::Cancelled);
    is_broken.store(false, Relaxed);

    world.engine.pause(None).await.unwrap();
    let failed = world.begin_upload(&account, &world.write("b", b"bbbb")).await;
    provider.fail(Call::Upload, Fault::Status { status: 422, retry_after: None, message: "not this one" });
    is_broken.store(true, Relaxed);
    world.engine.resume(None).await.unwrap();
    let ended = world.end_of(&failed).await;
    assert!(matches!(ended.state, TransferState::Failed(_)), "{ended:?}");
    is_broken.store(false, Relaxed);
    world.engine.retry(&failed).await.unwrap();
    assert_eq!(world.end_in_time(&failed).await.state, TransferState::Done);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_home_is_free_for_another_engine_only_when_nobody_writes_in_it_any_more() {
    let provider = FakeProvider::start(Profile::UNIXFS_V1_2025).await;
    let world = WorldBuilder::default().start().await;
    let account = world.account(&provider, "one").await;
    being_sent(&world, &provider, &account, CancellationToken::new()).await;
    let home = world.drop_engine();
    let free = eventually("the home is free", || async { Home::open(home.path(), "a test").ok() }).await;
    let database = Connection::open(home.path().join("holdfast.db")).unwrap();
    database.busy_timeout(Duration::ZERO).unwrap();
    // SQLite refuses that as long as anybody else has the database open.
    database.pragma_update(None, "journal_mode", "DELETE").expect("the home is free, and its database still open");
    drop(free);
}
