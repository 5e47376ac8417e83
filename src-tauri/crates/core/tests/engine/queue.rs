//! How much runs at once, and who waits for whom.

use holdfast_content::Profile;
use holdfast_core::{pin::Metadata, transfer::TransferState};
use holdfast_testkit::{Call, FakeProvider, Fault, World, bytes_of, eventually};
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn six_uploads_run_at_once_and_three_of_an_account() {
    let (world, open) = (World::start().await, CancellationToken::new());
    let (mut providers, mut ids) = (Vec::new(), Vec::new());
    for number in 0..3 {
        let provider = FakeProvider::start(Profile::UNIXFS_V1_2025).await;
        let account = world.account(&provider, &format!("account {number}")).await;
        provider.fail_always(Call::Upload, Fault::Held(open.clone()));
        let paths = (0..5).map(|file| world.write(&format!("{number}/{file}"), &bytes_of(file, 1_000 + file as usize)));
        let paths = paths.collect();
        ids.extend(world.engine.upload(&account, paths, None, Metadata::new()).await.unwrap());
        providers.push(provider);
    }
    let under_way = || providers.iter().map(|provider| provider.under_way(Call::Upload)).collect::<Vec<_>>();
    eventually("six are under way", || async { (under_way().iter().sum::<usize>() == 6).then_some(()) }).await;
    let (_, counts) = world.engine.transfers(100).await.unwrap();
    assert_eq!((counts.running, counts.queued), (6, 9));
    assert!(under_way().iter().all(|&count| count <= 3), "{:?}", under_way());
    open.cancel();
    for id in &ids {
        assert_eq!(world.end_of(id).await.state, TransferState::Done);
    }
    assert!(providers.iter().all(|provider| provider.most_at_once(Call::Upload) <= 3));
}

#[tokio::test]
async fn an_account_that_stalls_does_not_delay_another() {
    let (stuck, good) =
        (FakeProvider::start(Profile::UNIXFS_V1_2025).await, FakeProvider::start(Profile::UNIXFS_V1_2025).await);
    let world = World::start().await;
    let (slow, fast) = (world.account(&stuck, "slow").await, world.account(&good, "fast").await);
    stuck.fail_always(Call::Upload, Fault::StallAfter(100_000));
    let paths = (0..10).map(|file| world.write(&format!("s{file}"), &bytes_of(file, 2_000_000 + file as usize)));
    let paths = paths.collect();
    let ids = world.engine.upload(&slow, paths, None, Metadata::new()).await.unwrap();
    eventually("it stalls", || async { (stuck.under_way(Call::Upload) == 3).then_some(()) }).await;
    let done = world.upload(&fast, &world.write("f", b"abc")).await;
    assert_eq!(done.state, TransferState::Done);
    assert_eq!(stuck.under_way(Call::Upload), 3);
    let moving = world.engine.progress();
    assert_eq!(moving.len(), 3);
    for id in &ids {
        world.engine.cancel(id).await.unwrap();
    }
    for id in &ids {
        assert_eq!(world.end_of(id).await.state, TransferState::Cancelled);
    }
    assert!(stuck.pins(|pins| pins.all().is_empty()));
}

#[tokio::test]
async fn an_upload_is_stopped_while_it_is_sent_and_can_be_tried_again() {
    let (provider, world) = (FakeProvider::start(Profile::UNIXFS_V1_2025).await, World::start().await);
    let account = world.account(&provider, "one").await;
    provider.fail(Call::Upload, Fault::StallAfter(100_000));
    let id = world.begin_upload(&account, &world.write("a", &bytes_of(1, 3_000_000))).await;
    eventually("bytes are under way", || async {
        (provider.requests().last().is_some_and(|last| last.body_bytes > 100_000)).then_some(())
    })
    .await;
    world.engine.cancel(&id).await.unwrap();
    assert_eq!(world.end_of(&id).await.state, TransferState::Cancelled);
    assert!(provider.pins(|pins| pins.all().is_empty()) && world.pins().await.is_empty());
    assert!(provider.requests().iter().all(|one| !one.complete));
    world.engine.retry(&id).await.unwrap();
    let done = world.end_of(&id).await;
    assert_eq!((done.state, done.verified, done.attempts), (TransferState::Done, Some(true), 1));
    assert!(world.engine.cancel(&id).await.is_err(), "what is done cannot be stopped");
    assert!(world.engine.retry(&id).await.is_err(), "nor tried again");
}

#[tokio::test]
async fn an_upload_that_is_stopped_after_it_was_taken_is_not_sent_again() {
    let (provider, world) = (FakeProvider::start(Profile::UNIXFS_V1_2025).await, World::start().await);
    let account = world.account(&provider, "one").await;
    provider.fail(Call::Upload, Fault::ReplyHeld(CancellationToken::new()));
    let id = world.begin_upload(&account, &world.write("a", b"abc")).await;
    eventually("it is taken", || async { provider.pins(|pins| !pins.all().is_empty()).then_some(()) }).await;
    world.engine.cancel(&id).await.unwrap();
    assert_eq!(world.end_of(&id).await.state, TransferState::Cancelled);
    world.engine.retry(&id).await.unwrap();
    assert_eq!(world.end_of(&id).await.state, TransferState::Done);
    assert_eq!(provider.count(Call::Upload), 1);
}
