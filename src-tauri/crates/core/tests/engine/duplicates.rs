//! The same content is sent to an account once.

use std::{
    fs::File,
    time::{Duration, SystemTime},
};

use holdfast_content::Profile;
use holdfast_core::{pin::Metadata, transfer::TransferState};
use holdfast_testkit::{Call, FakeProvider, World, bytes_of, identified};

#[tokio::test]
async fn the_same_file_twice_is_sent_once() {
    let (provider, world) = (FakeProvider::start(Profile::UNIXFS_V1_2025).await, World::start().await);
    let account = world.account(&provider, "one").await;
    let path = world.write("a", &bytes_of(1, 300_000));
    let first = world.upload(&account, &path).await;
    let second = world.upload(&account, &path).await;
    assert_eq!((second.state, second.verified, second.pin), (TransferState::Done, Some(true), first.pin));
    assert_eq!(provider.count(Call::Upload), 1);
}

#[tokio::test]
async fn the_same_bytes_at_the_same_time_are_sent_once() {
    let (provider, world) = (FakeProvider::start(Profile::UNIXFS_V1_2025).await, World::start().await);
    let account = world.account(&provider, "one").await;
    let bytes = bytes_of(2, 300_000);
    let (a, b) = (world.write("a", &bytes), world.write("b", &bytes));
    let ids = world.engine.upload(&account, vec![a.clone(), a, b], None, Metadata::new()).await.unwrap();
    for id in &ids {
        let done = world.end_of(id).await;
        assert_eq!((done.state, done.verified), (TransferState::Done, Some(true)));
    }
    assert_eq!((provider.count(Call::Upload), provider.pins(|pins| pins.all().len())), (1, 1));
}

#[tokio::test]
async fn a_file_that_was_touched_and_not_changed_is_recognised() {
    let (provider, world) = (FakeProvider::start(Profile::KUBO_CIDV1_256K_174).await, World::start().await);
    let account = world.account(&provider, "one").await;
    let path = world.write("a", &bytes_of(3, 300_000));
    let first = world.upload(&account, &path).await;
    let later = SystemTime::now() + Duration::from_secs(3600);
    File::options().write(true).open(&path).unwrap().set_modified(later).unwrap();
    let second = world.upload(&account, &path).await;
    assert_eq!((second.state, second.verified, second.pin), (TransferState::Done, Some(true), first.pin));
    assert_eq!(provider.count(Call::Upload), 1);
}

#[tokio::test]
async fn a_directory_that_is_the_same_is_recognised() {
    let (provider, world) = (FakeProvider::start(Profile::UNIXFS_V0_2015).await, World::start().await);
    let account = world.account(&provider, "one").await;
    world.write("d/x", b"xxx");
    world.write("d/e/y", b"y");
    world.upload(&account, &world.files.path().join("d")).await;
    let again = world.upload(&account, &world.files.path().join("d")).await;
    assert_eq!((again.verified, provider.count(Call::Upload)), (Some(true), 1));
}

#[tokio::test]
async fn what_was_unpinned_is_sent_again() {
    let (provider, world) = (FakeProvider::start(Profile::UNIXFS_V1_2025).await, World::start().await);
    let account = world.account(&provider, "one").await;
    let path = world.write("a", b"abc");
    world.upload(&account, &path).await;
    let key = world.pins().await[0].key();
    let unpin = world.unpin(&[key]).await;
    assert_eq!(world.end_of(&unpin[0]).await.state, TransferState::Done);
    assert!(world.pins().await.is_empty());
    assert_eq!(world.upload(&account, &path).await.verified, Some(true));
    assert_eq!(provider.count(Call::Upload), 2);
}

#[tokio::test]
async fn accounts_do_not_borrow_from_one_another() {
    let (one, other) =
        (FakeProvider::start(Profile::UNIXFS_V1_2025).await, FakeProvider::start(Profile::UNIXFS_V1_2025).await);
    let world = World::start().await;
    let (first, second) = (world.account(&one, "one").await, world.account(&other, "other").await);
    let path = world.write("a", b"abc");
    world.upload(&first, &path).await;
    world.upload(&second, &path).await;
    assert_eq!((one.count(Call::Upload), other.count(Call::Upload)), (1, 1));
    let details = world.engine.pin_details(&world.pins().await[0].key()).await.unwrap();
    assert_eq!(details.others.len(), 1);
}

#[tokio::test]
async fn a_pin_that_came_to_nothing_is_still_seen_when_its_bytes_are_sent_again() {
    let (provider, world) = (FakeProvider::start(Profile::UNIXFS_V1_2025).await, World::start().await);
    let account = world.account(&provider, "one").await;
    let path = world.write("a", b"abc");
    let failed = world.upload(&account, &path).await.pin.unwrap();
    provider.pins(|pins| pins.get(&failed.0).unwrap().settle_as("retrieveFailed"));
    assert_eq!(world.upload(&account, &world.write("b", b"abc")).await.verified, Some(true));
    assert_eq!(provider.count(Call::Upload), 2);
    let pins = world.pins().await;
    assert!(pins.iter().any(|pin| pin.held.id == failed), "{pins:?}");
}

#[tokio::test]
async fn a_double_click_makes_one_pin_by_its_cid() {
    let (provider, world) = (FakeProvider::start(Profile::UNIXFS_V1_2025).await, World::start().await);
    let account = world.account(&provider, "one").await;
    let cid = identified(b"clicked twice", Profile::UNIXFS_V1_2025).cid;
    let click = || {
        let metadata = [("project".to_owned(), "harbour".to_owned())].into();
        world.engine.pin(&account, cid, Some("once".into()), metadata)
    };
    let (first, second) = tokio::join!(click(), click());
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_eq!(first, second);
    world.end_of(&first).await;
    assert_eq!(provider.count(Call::Pin), 1);
    assert_eq!(world.engine.batches(0, 10).await.unwrap().0, 1);
}
