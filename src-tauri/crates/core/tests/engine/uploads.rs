//! What an upload proves, and what it teaches about an account.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use holdfast_content::Profile;
use holdfast_core::{
    Code,
    content::{HashingPool, Limits, Progress, UploadBody, Urgency, plan},
    host::RealDisk,
    pin::{ContentProof, Metadata, PinStatus},
    transfer::{Transfer, TransferState},
};
use holdfast_testkit::{Call, FakeProvider, Fault, Says, World, WorldBuilder, bytes_of, identified};

/// Tells all profiles apart: over one chunk of 256 KiB, under one of 1 MiB.
const TELLING_BYTES: usize = 600_000;

fn failure(transfer: &Transfer) -> Code {
    match &transfer.state {
        TransferState::Failed(failure) => failure.code,
        state => panic!("{state:?}"),
    }
}

#[tokio::test]
async fn a_file_is_verified_under_every_profile_and_teaches_it() {
    for layout in Profile::ALL {
        let (provider, world) = (FakeProvider::start(layout).await, World::start().await);
        let account = world.account(&provider, "one").await;
        let bytes = bytes_of(1, TELLING_BYTES);
        let done = world.upload(&account, &world.write("photo.jpg", &bytes)).await;
        assert_eq!((done.state, done.verified), (TransferState::Done, Some(true)), "{layout}");
        assert_eq!(done.cid, Some(identified(&bytes, layout).cid), "{layout}");
        let pins = world.pins().await;
        assert_eq!((pins[0].content, pins[0].held.status), (ContentProof::Verified, PinStatus::Pinned));
        assert_eq!((pins[0].name().as_str(), pins[0].held.bytes), ("photo.jpg", Some(TELLING_BYTES as u64)));
        let world = world.restart().await;
        assert_eq!(world.engine.account(&account).await.unwrap().profile, Some(layout));
    }
}

#[tokio::test]
async fn a_directory_is_verified_under_every_profile() {
    for layout in Profile::ALL {
        let (provider, world) = (FakeProvider::start(layout).await, World::start().await);
        let account = world.account(&provider, "one").await;
        world.write("site/index.html", b"<p>");
        world.write("site/a b/\"quoted\" é.bin", &bytes_of(2, TELLING_BYTES));
        world.write("site/.hidden", b"x");
        let done = world.upload(&account, &world.files.path().join("site")).await;
        assert_eq!((done.state, done.verified), (TransferState::Done, Some(true)), "{layout}");
        assert!(world.pins().await[0].held.is_directory);
        assert_eq!(world.engine.account(&account).await.unwrap().profile, Some(layout));
    }
}

#[tokio::test]
async fn a_file_that_is_the_same_under_several_profiles_teaches_nothing() {
    let provider = FakeProvider::start(Profile::KUBO_CIDV1_256K_174).await;
    let world = World::start().await;
    let account = world.account(&provider, "one").await;
    let done = world.upload(&account, &world.write("small", b"hello world")).await;
    assert_eq!(done.verified, Some(true));
    assert_eq!(world.engine.account(&account).await.unwrap().profile, None);
    world.upload(&account, &world.write("large", &bytes_of(3, TELLING_BYTES))).await;
    assert_eq!(world.engine.account(&account).await.unwrap().profile, Some(Profile::KUBO_CIDV1_256K_174));
}

#[tokio::test]
async fn a_service_that_says_whose_cids_it_gives_is_asked_for_no_others() {
    let profile = Profile::KUBO_CIDV1_256K_174;
    let provider = FakeProvider::start(profile).await;
    let world = WorldBuilder::default().through(move |network| Says(profile, network)).start().await;
    let account = world.account(&provider, "one").await;
    // It has the same CID under another profile, which was not hashed.
    let done = world.upload(&account, &world.write("small", b"hello world")).await;
    assert_eq!((done.state, done.verified), (TransferState::Done, Some(true)));
    assert_eq!(world.engine.account(&account).await.unwrap().profile, Some(profile));
}

#[tokio::test]
async fn a_service_that_is_wrong_about_whose_cids_it_gives_is_verified_by_those_that_it_gives() {
    for (said, given) in Profile::ALL.into_iter().flat_map(|said| Profile::ALL.map(|given| (said, given))) {
        let provider = FakeProvider::start(given).await;
        let world = WorldBuilder::default().through(move |network| Says(said, network)).start().await;
        let account = world.account(&provider, "one").await;
        let bytes = bytes_of(7, TELLING_BYTES);
        let done = world.upload(&account, &world.write("photo.jpg", &bytes)).await;
        assert_eq!((done.state, done.verified), (TransferState::Done, Some(true)), "{said}, {given}");
        assert_eq!(done.cid, Some(identified(&bytes, given).cid), "{said}, {given}");
        assert_eq!(world.engine.account(&account).await.unwrap().profile, Some(given), "{said}, {given}");
    }
}

#[tokio::test]
async fn what_a_service_says_of_its_cids_makes_no_alarm_of_others() {
    let provider = FakeProvider::start(Profile::UNIXFS_V1_2025.custom(100_000, 7)).await;
    let world = WorldBuilder::default().through(|network| Says(Profile::UNIXFS_V1_2025, network)).start().await;
    let account = world.account(&provider, "one").await;
    let done = world.upload(&account, &world.write("large", &bytes_of(4, TELLING_BYTES))).await;
    assert_eq!((done.state, done.verified), (TransferState::Done, Some(false)));
    assert_eq!(world.engine.account(&account).await.unwrap().profile, None);
}

#[tokio::test]
async fn a_layout_that_nobody_knows_is_pinned_and_never_called_verified() {
    let provider = FakeProvider::start(Profile::UNIXFS_V1_2025.custom(100_000, 7)).await;
    let world = World::start().await;
    let account = world.account(&provider, "one").await;
    let done = world.upload(&account, &world.write("large", &bytes_of(4, TELLING_BYTES))).await;
    assert_eq!((done.state, done.verified), (TransferState::Done, Some(false)));
    assert_eq!(world.pins().await[0].content, ContentProof::NotReproduced);
    assert_eq!(world.engine.account(&account).await.unwrap().profile, None);
}

#[tokio::test]
async fn a_wrong_cid_of_an_account_whose_profile_is_known_is_an_alarm() {
    let (provider, world) = (FakeProvider::start(Profile::UNIXFS_V1_2025).await, World::start().await);
    let account = world.account(&provider, "one").await;
    world.upload(&account, &world.write("first", &bytes_of(5, TELLING_BYTES))).await;
    provider.fail(Call::Upload, Fault::WrongCid);
    provider.fail(Call::Get, Fault::WrongCid);
    let failed = world.upload(&account, &world.write("second", &bytes_of(6, 1_000))).await;
    assert_eq!((failure(&failed), failed.pin, failed.verified), (Code::CidMismatch, None, None));
    assert_eq!(world.pins().await.len(), 1, "nothing more is shown as pinned");
    assert_eq!(world.engine.account(&account).await.unwrap().profile, Some(Profile::UNIXFS_V1_2025));
}

#[tokio::test]
async fn an_answer_that_contradicts_itself_is_no_success() {
    let (provider, world) = (FakeProvider::start(Profile::UNIXFS_V1_2025).await, World::start().await);
    let account = world.account(&provider, "one").await;
    provider.fail(Call::Upload, Fault::WrongRootHash);
    let failed = world.upload(&account, &world.write("a", b"abc")).await;
    assert_eq!(failure(&failed), Code::Protocol);
    assert!(world.pins().await.is_empty());
}

#[tokio::test]
async fn a_status_that_nobody_knows_is_kept_as_it_is() {
    let (provider, world) = (FakeProvider::start(Profile::UNIXFS_V1_2025).await, World::start().await);
    let account = world.account(&provider, "one").await;
    provider.behave(|manners| manners.status = "warmingUp");
    let id = world.begin_upload(&account, &world.write("a", b"abc")).await;
    world.until_asked(&id).await;
    let pins = world.pins().await;
    assert_eq!((pins[0].held.status, pins[0].held.raw_status.as_str()), (PinStatus::Unknown, "warmingUp"));
}

#[tokio::test]
async fn a_name_and_metadata_arrive_at_the_provider() {
    let (provider, world) = (FakeProvider::start(Profile::UNIXFS_V1_2025).await, World::start().await);
    let account = world.account(&provider, "one").await;
    let metadata = Metadata::from([("k\"ey".into(), "v\r\nalue é".into())]);
    let path = world.write("a", b"abc");
    let accepted =
        world.engine.upload(&account, vec![path], Some("a \"name\"".into()), metadata.clone()).await.unwrap();
    world.end_of(&accepted[0]).await;
    assert_eq!(provider.pins(|pins| pins.all()[0].name.clone()).as_deref(), Some("a \"name\""));
    assert_eq!(world.pins().await[0].held.metadata, metadata);
}

/// That the connection took a piece is an upload's only sign of life: on a slow line a large one would be long in coming.
#[tokio::test]
async fn the_connection_is_handed_small_pieces_whatever_the_disk_gives() {
    let (world, bytes) = (World::start().await, bytes_of(4, 3_000_001));
    let plan = Arc::new(plan(&RealDisk, &world.write("a", &bytes), Limits::NONE).unwrap());
    let (pool, progress) = (HashingPool::start(Urgency::Foreground).unwrap(), Progress::default());
    let (body, _sent) = UploadBody::new(pool, plan, vec![], progress.clone());
    let mut pieces = Box::pin(body.into_stream(|_, _| Bytes::new(), Bytes::new()));
    let mut all = Vec::new();
    while let Some(piece) = pieces.next().await {
        let piece = piece.unwrap();
        assert!(piece.len() <= 64 * 1024);
        all.extend_from_slice(&piece);
        assert_eq!(progress.bytes(), all.len() as u64, "and is counted when it is taken");
    }
    assert_eq!(all, bytes);
}
