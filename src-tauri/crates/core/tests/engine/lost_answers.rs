//! A request whose answer never came is looked up, not sent again.

use std::time::Duration;

use holdfast_content::Profile;
use holdfast_core::{
    Code,
    account::AccountId,
    pin::{Metadata, PinKey},
    transfer::{Transfer, TransferState},
};
use holdfast_testkit::{Call, FakeProvider, Fault, World, WorldBuilder, bytes_of, eventually, identified};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use super::faults::list_settled;

async fn receipts(world: &World, account: &AccountId, transfer: &Transfer) -> usize {
    let key = PinKey { account: account.clone(), id: transfer.pin.clone().unwrap() };
    world.engine.pin_details(&key).await.unwrap().receipts.len()
}

#[tokio::test]
async fn an_upload_whose_answer_is_lost_is_found_and_not_sent_again() {
    for layout in Profile::ALL {
        let (provider, world) = (FakeProvider::start(layout).await, World::start().await);
        let account = world.account(&provider, "one").await;
        provider.fail(Call::Upload, Fault::ReplyLost);
        let id = world.begin_upload(&account, &world.write("a", &bytes_of(1, 600_000))).await;
        let waiting = eventually("it waits", || async {
            let transfer = world.transfer(&id).await;
            transfer.state.failure().is_some().then_some(transfer)
        })
        .await;
        assert_eq!(waiting.state.failure().unwrap().code, Code::Network);
        let done = world.end_in_time(&id).await;
        assert_eq!((&done.state, done.verified), (&TransferState::Done, Some(true)));
        assert_eq!((provider.pins(|pins| pins.all().len()), provider.count(Call::Upload)), (1, 1), "{layout}");
        assert_eq!(receipts(&world, &account, &done).await, 1);
    }
}

#[tokio::test]
async fn a_directory_whose_answer_is_lost_is_found_too() {
    let (provider, world) = (FakeProvider::start(Profile::UNIXFS_V1_2025).await, World::start().await);
    let account = world.account(&provider, "one").await;
    provider.fail(Call::Upload, Fault::ReplyLost);
    world.write("d/x", b"x");
    world.write("d/e/y", b"y");
    let id = world.begin_upload(&account, &world.files.path().join("d")).await;
    let done = world.end_in_time(&id).await;
    assert_eq!((done.state, provider.count(Call::Upload)), (TransferState::Done, 1));
}

#[tokio::test]
async fn an_answer_that_ends_in_the_middle_is_looked_up_as_well() {
    let (provider, world) = (FakeProvider::start(Profile::UNIXFS_V1_2025).await, World::start().await);
    let account = world.account(&provider, "one").await;
    provider.fail(Call::Upload, Fault::TruncatedAnswer);
    let id = world.begin_upload(&account, &world.write("a", b"abc")).await;
    let done = world.end_in_time(&id).await;
    assert_eq!((done.state, done.verified), (TransferState::Done, Some(true)));
    assert_eq!(provider.count(Call::Upload), 1);
}

#[tokio::test]
async fn pinning_a_cid_whose_answer_is_lost_is_asked_for_once() {
    let (provider, world) = (FakeProvider::start(Profile::UNIXFS_V1_2025).await, World::start().await);
    let account = world.account(&provider, "one").await;
    provider.fail(Call::Pin, Fault::ReplyLost);
    let cid = identified(b"elsewhere", Profile::UNIXFS_V1_2025).cid;
    let id = world.engine.pin(&account, cid, None, Metadata::new()).await.unwrap();
    let done = world.end_in_time(&id).await;
    assert_eq!((done.state, done.cid), (TransferState::Done, Some(cid)));
    assert_eq!((provider.count(Call::Pin), provider.pins(|pins| pins.all().len())), (1, 1));
}

#[tokio::test]
async fn content_that_the_account_has_already_is_adopted() {
    let (provider, world) = (FakeProvider::start(Profile::UNIXFS_V1_2025).await, World::start().await);
    provider.behave(|manners| manners.refuses_duplicates = true);
    let bytes = bytes_of(7, 5_000);
    let held = provider.pins(|pins| pins.add(&identified(&bytes, Profile::UNIXFS_V1_2025).cid, "old").id.clone());
    // The account's first listing may be under way; whatever it finds, this must end well.
    let account = world.account(&provider, "one").await;
    let done = world.upload(&account, &world.write("new", &bytes)).await;
    assert_eq!((&done.state, done.verified), (&TransferState::Done, Some(true)));
    assert_eq!(done.pin.clone().unwrap().0, held);
    assert_eq!(provider.pins(|pins| pins.all().len()), 1);
    assert_eq!(receipts(&world, &account, &done).await, 1);
}

/// An engine killed in the middle of a file: what was sent is worth nothing, and the file is sent once more.
#[test]
fn an_engine_killed_while_it_sends_pins_once() {
    let outside = Runtime::new().unwrap();
    let provider = outside.block_on(FakeProvider::start(Profile::UNIXFS_V1_2025));
    provider.fail(Call::Upload, Fault::StallAfter(100_000));
    let first = Runtime::new().unwrap();
    let (world, id) = first.block_on(async {
        let world = World::start().await;
        let account = world.account(&provider, "one").await;
        let id = world.begin_upload(&account, &world.write("a", &bytes_of(9, 20_000_000))).await;
        eventually("it is under way", || async { (provider.under_way(Call::Upload) == 1).then_some(()) }).await;
        (world, id)
    });
    first.shutdown_timeout(Duration::from_secs(10));
    let second = Runtime::new().unwrap();
    let world = second.block_on(async {
        let world = world.reopen().await;
        let done = world.end_in_time(&id).await;
        assert_eq!((&done.state, done.verified), (&TransferState::Done, Some(true)));
        world
    });
    second.block_on(world.engine.shut_down());
    let complete = provider.requests().iter().filter(|one| one.complete).count();
    assert_eq!((provider.pins(|pins| pins.all().len()), complete), (1, 1));
}

/// An engine killed between the provider's taking a file and its answer: its threads stop where they stand.
#[test]
fn an_engine_killed_while_the_answer_is_on_its_way_pins_once() {
    let outside = Runtime::new().unwrap();
    let provider = outside.block_on(FakeProvider::start(Profile::UNIXFS_V1_2025));
    let never = CancellationToken::new();
    provider.fail(Call::Upload, Fault::ReplyHeld(never.clone()));

    let first = Runtime::new().unwrap();
    let (world, account, id) = first.block_on(async {
        let world = World::start().await;
        let account = world.account(&provider, "one").await;
        let id = world.begin_upload(&account, &world.write("a", &bytes_of(8, 300_000))).await;
        eventually("the provider has it", || async { provider.pins(|pins| pins.all().len() == 1).then_some(()) }).await;
        (world, account, id)
    });
    first.shutdown_timeout(Duration::from_secs(10));

    let second = Runtime::new().unwrap();
    second.block_on(async {
        let world = world.reopen().await;
        let done = world.end_in_time(&id).await;
        assert_eq!((&done.state, done.verified), (&TransferState::Done, Some(true)));
        assert_eq!(receipts(&world, &account, &done).await, 1);
        world.engine.shut_down().await;
    });
    assert_eq!((provider.pins(|pins| pins.all().len()), provider.count(Call::Upload)), (1, 1));
    never.cancel();
}

/// An account with many pins is not gone through for each upload whose answer got lost, and what is not there is not read here
/// twice.
#[tokio::test]
async fn what_was_lost_is_looked_for_among_what_is_new_and_not_among_all_pins() {
    const MANY: u64 = 5_000;
    let provider = FakeProvider::start(Profile::UNIXFS_V1_2025).await;
    let world = WorldBuilder::default().with_background().start().await;
    let account = world.account(&provider, "one").await;
    list_settled(&world, &provider, &account).await;
    for number in 0..MANY {
        let cid = identified(&number.to_le_bytes(), Profile::UNIXFS_V1_2025).cid;
        provider.pins(|pins| drop(pins.add(&cid, "old").name.take()));
    }
    world.engine.refresh(Some(&account)).await.unwrap();
    provider.fail(Call::Upload, Fault::ResetAfter(100_000));
    let id = world.begin_upload(&account, &world.write("a", &bytes_of(1, 600_000))).await;
    eventually("it waits", || async { world.transfer(&id).await.state.failure().map(drop) }).await;
    let listed = provider.count(Call::List);
    let done = world.end_in_time(&id).await;
    assert_eq!((&done.state, done.verified), (&TransferState::Done, Some(true)));
    let pages = provider.count(Call::List) - listed;
    assert!(pages <= 5, "{pages} pages");
    world.engine.shut_down().await;
}
