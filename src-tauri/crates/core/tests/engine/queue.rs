//! How much runs at once, and who waits for whom.

use holdfast_content::{Cid, Profile};
use holdfast_core::{
    pin::{Metadata, PinKey},
    transfer::TransferState,
};
use holdfast_testkit::{Call, FakeProvider, Fault, World, bytes_of, eventually};
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn what_comes_in_bulk_has_three_places_of_an_account_and_no_account_waits_for_another() {
    let (world, open) = (World::start().await, CancellationToken::new());
    let (mut providers, mut ids) = (Vec::new(), Vec::new());
    for number in 0..6 {
        let provider = FakeProvider::start(Profile::UNIXFS_V1_2025).await;
        let account = world.account(&provider, &format!("account {number}")).await;
        provider.fail_always(Call::Upload, Fault::Held(open.clone()));
        let paths =
            (0..25).map(|file| world.write(&format!("{number}/{file}"), &bytes_of(file, 1_000 + file as usize)));
        let paths = paths.collect();
        ids.extend(world.engine.upload(&account, paths, None, Metadata::new()).await.unwrap());
        providers.push(provider);
    }
    let under_way = || providers.iter().map(|provider| provider.under_way(Call::Upload)).collect::<Vec<_>>();
    eventually("every account has work", || async { under_way().iter().all(|&count| count > 0).then_some(()) }).await;
    let running = eventually("all places are taken", || async {
        let (_, counts) = world.engine.transfers(100).await.unwrap();
        (counts.running >= 12).then_some(counts.running)
    })
    .await;
    assert!(running <= 17, "{running}");
    open.cancel();
    for id in &ids {
        assert_eq!(world.end_of(id).await.state, TransferState::Done);
    }
    assert!(providers.iter().all(|provider| provider.most_at_once(Call::Upload) <= 3));
}

#[tokio::test]
async fn what_a_person_clicks_does_not_wait_for_what_comes_in_bulk() {
    let (provider, world) = (FakeProvider::start(Profile::UNIXFS_V1_2025).await, World::start().await);
    let account = world.account(&provider, "one").await;
    let pinned = world.upload(&account, &world.write("pinned", b"pinned")).await;
    let open = CancellationToken::new();
    for _ in 0..3 {
        provider.fail(Call::Upload, Fault::Held(open.clone()));
    }
    let many = (0..100).map(|file| world.write(&format!("{file}"), &bytes_of(file, 2_000 + file as usize))).collect();
    let many = world.engine.upload(&account, many, None, Metadata::new()).await.unwrap();
    eventually("they are under way", || async { (provider.under_way(Call::Upload) == 3).then_some(()) }).await;
    let photo = world.upload(&account, &world.write("photo", b"a photo")).await;
    assert_eq!(photo.state, TransferState::Done);
    let key = PinKey { account, id: pinned.pin.unwrap() };
    let unpinned = world.unpin(&[key]).await;
    assert_eq!(world.end_of(&unpinned[0]).await.state, TransferState::Done);
    assert_eq!(provider.under_way(Call::Upload), 3, "the others are where they were");
    open.cancel();
    for id in &many {
        assert_eq!(world.end_of(id).await.state, TransferState::Done);
    }
}

#[tokio::test]
async fn files_of_one_length_go_at_the_same_time_and_the_same_bytes_go_once() {
    let (provider, world) = (FakeProvider::start(Profile::UNIXFS_V1_2025).await, World::start().await);
    let (account, open) = (world.account(&provider, "one").await, CancellationToken::new());
    for _ in 0..3 {
        provider.fail(Call::Upload, Fault::Held(open.clone()));
    }
    let paths: Vec<_> = (0..3).map(|file| world.write(&format!("{file}"), &bytes_of(file, 100_000))).collect();
    let ids = world.engine.upload(&account, paths, None, Metadata::new()).await.unwrap();
    eventually("all are sent", || async { (provider.under_way(Call::Upload) == 3).then_some(()) }).await;
    open.cancel();
    for id in &ids {
        assert_eq!(world.end_of(id).await.state, TransferState::Done);
    }
    let twins = (0..4).map(|twin| world.write(&format!("twin {twin}"), &bytes_of(9, 100_000))).collect();
    for id in world.engine.upload(&account, twins, None, Metadata::new()).await.unwrap() {
        assert_eq!(world.end_of(&id).await.state, TransferState::Done);
    }
    assert_eq!(provider.count(Call::Upload), 4);
}

#[tokio::test]
async fn a_path_that_is_given_twice_and_a_cid_that_is_clicked_twice_are_one_transfer() {
    let (provider, world) = (FakeProvider::start(Profile::UNIXFS_V1_2025).await, World::start().await);
    let account = world.account(&provider, "one").await;
    let path = world.write("a", b"abc");
    let ids = world.engine.upload(&account, vec![path.clone(), path], None, Metadata::new()).await.unwrap();
    assert_eq!(ids[0], ids[1]);
    assert_eq!(world.end_of(&ids[0]).await.state, TransferState::Done);
    let cid = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e".parse::<Cid>().unwrap();
    provider.fail_always(Call::Pin, Fault::Held(CancellationToken::new()));
    let clicks = (0..8).map(|_| world.engine.pin(&account, cid, None, Metadata::new()));
    let clicked = futures_util::future::try_join_all(clicks).await.unwrap();
    assert!(clicked.iter().all(|id| *id == clicked[0]), "{clicked:?}");
    world.engine.shut_down().await;
}

#[tokio::test]
async fn an_account_that_stalls_does_not_delay_another() {
    let (stuck, good) =
        (FakeProvider::start(Profile::UNIXFS_V1_2025).await, FakeProvider::start(Profile::UNIXFS_V1_2025).await);
    let world = World::start().await;
    let (slow, fast) = (world.account(&stuck, "slow").await, world.account(&good, "fast").await);
    stuck.fail_always(Call::Upload, Fault::StallAfter(100_000));
    let paths = (0..25).map(|file| world.write(&format!("s{file}"), &bytes_of(file, 2_000_000 + file as usize)));
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
