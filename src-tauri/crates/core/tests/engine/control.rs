//! What a person does with the queue as a whole, and what holds it up.

use std::{fs, time::Duration};

use holdfast_content::Profile;
use holdfast_core::{
    Code, GateReason,
    account::AccountId,
    folder::EntryState,
    pin::Metadata,
    transfer::{TransferId, TransferState},
};
use holdfast_testkit::{Call, FakeProvider, Fault, World, WorldBuilder, bytes_of, eventually};

const REFUSED: Fault = Fault::Status { status: 400, retry_after: None, message: "no room for such things" };
const SETTLE: Duration = Duration::from_millis(150);

async fn upload_many(world: &World, account: &AccountId, count: u64) -> Vec<TransferId> {
    let paths =
        (0..count).map(|file| world.write(&format!("many/{file}"), &bytes_of(file, 1_000 + file as usize))).collect();
    world.engine.upload(account, paths, None, Metadata::new()).await.unwrap()
}

async fn failed(world: &World) -> u64 {
    world.engine.transfers(1).await.unwrap().1.failed
}

#[tokio::test]
async fn all_that_failed_is_tried_again_at_once_or_of_one_account() {
    let (one, two) =
        (FakeProvider::start(Profile::UNIXFS_V1_2025).await, FakeProvider::start(Profile::UNIXFS_V1_2025).await);
    let world = WorldBuilder::default().with_background().start().await;
    let (first, second) = (world.account(&one, "first").await, world.account(&two, "second").await);
    for provider in [&one, &two] {
        provider.fail_always(Call::Upload, REFUSED);
    }
    let (ids, others) = (upload_many(&world, &first, 30).await, upload_many(&world, &second, 3).await);
    eventually("all have failed", || async { (failed(&world).await == 33).then_some(()) }).await;
    one.heal();
    two.heal();
    assert_eq!(world.engine.retry_failed(Some(&first)).await.unwrap(), 30);
    for id in &ids {
        assert_eq!(world.end_in_time(id).await.state, TransferState::Done);
    }
    assert_eq!(failed(&world).await, 3);
    assert_eq!(world.engine.retry_failed(None).await.unwrap(), 3);
    for id in &others {
        assert_eq!(world.end_in_time(id).await.state, TransferState::Done);
    }
    world.engine.shut_down().await;
}

#[tokio::test]
async fn what_failed_is_cleared_when_that_is_asked_for_and_not_with_what_is_finished() {
    let provider = FakeProvider::start(Profile::UNIXFS_V1_2025).await;
    let world = World::start().await;
    let account = world.account(&provider, "one").await;
    world.upload(&account, &world.write("done", b"done")).await;
    provider.fail_always(Call::Upload, REFUSED);
    world.upload(&account, &world.write("refused", b"refused")).await;
    world.engine.clear_finished().await.unwrap();
    let (left, counts) = world.engine.transfers(10).await.unwrap();
    assert_eq!((left.len(), counts.done, counts.failed), (1, 0, 1));
    world.engine.clear_failed().await.unwrap();
    let (left, counts) = world.engine.transfers(10).await.unwrap();
    assert_eq!((left.len(), counts.failed), (0, 0));
}

#[tokio::test]
async fn a_file_of_a_folder_whose_failure_was_cleared_keeps_its_reason_and_is_not_sent_again() {
    let provider = FakeProvider::start(Profile::UNIXFS_V1_2025).await;
    let world = WorldBuilder::default().real_time().with_background().start().await;
    let account = world.account(&provider, "one").await;
    provider.fail_always(Call::Upload, REFUSED);
    let folder = world.files.path().join("watched");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("a.txt"), "refused").unwrap();
    let folder = world.engine.add_folder(folder, &account, Some(SETTLE)).await.unwrap().folder.id;
    eventually("it has failed", || async { (failed(&world).await == 1).then_some(()) }).await;
    let sent = provider.count(Call::Upload);
    world.engine.clear_failed().await.unwrap();
    let (listed, counts) = world.engine.transfers(10).await.unwrap();
    assert_eq!((listed.len(), counts.failed), (0, 0), "{listed:?}");
    world.engine.rescan_folder(&folder).unwrap();
    let entries = world.engine.folder_entries(&folder, 10).await.unwrap();
    let reason = entries[0].reason.as_deref().unwrap_or_default();
    assert!(entries[0].state == EntryState::Failed && reason.contains("no room for such things"), "{entries:?}");
    assert_eq!(provider.count(Call::Upload), sent);
    world.engine.remove_folder(&folder).await.unwrap();
    world.engine.clear_finished().await.unwrap();
    assert!(world.engine.transfers(10).await.unwrap().0.is_empty());
    world.engine.shut_down().await;
}

#[tokio::test]
async fn nothing_of_a_folder_that_is_watched_no_more_survives_clearing() {
    let provider = FakeProvider::start(Profile::UNIXFS_V1_2025).await;
    let world = WorldBuilder::default().real_time().with_background().start().await;
    let account = world.account(&provider, "one").await;
    world.engine.pause(None).await.unwrap();
    let folder = world.files.path().join("watched");
    fs::create_dir(&folder).unwrap();
    for file in 0..50 {
        fs::write(folder.join(format!("{file}.txt")), format!("{file}")).unwrap();
    }
    let folder = world.engine.add_folder(folder, &account, Some(SETTLE)).await.unwrap().folder.id;
    eventually("all wait", || async { (world.engine.transfers(1).await.unwrap().1.queued == 50).then_some(()) }).await;
    world.engine.remove_folder(&folder).await.unwrap();
    let (cancelled, _) = world.engine.transfers(100).await.unwrap();
    assert!(cancelled.iter().all(|transfer| transfer.state == TransferState::Cancelled), "{cancelled:?}");
    world.engine.clear_finished().await.unwrap();
    assert!(world.engine.transfers(100).await.unwrap().0.is_empty());
    world.engine.shut_down().await;
}

#[tokio::test]
async fn an_account_that_holds_up_its_transfers_is_said_once_with_how_many_and_why() {
    let provider = FakeProvider::start(Profile::UNIXFS_V1_2025).await;
    let world = WorldBuilder::default().with_background().start().await;
    let (account, other) = (world.account(&provider, "one").await, world.account(&provider, "other").await);
    assert_eq!(world.engine.held_up().await.unwrap().accounts, Vec::new());
    provider.fail_always(Call::Upload, Fault::Status { status: 402, retry_after: None, message: "full" });
    upload_many(&world, &account, 40).await;
    let held = eventually("nothing runs any more", || async {
        let held = world.engine.held_up().await.unwrap().accounts.into_iter().next()?;
        (held.transfers == 40).then_some(held)
    })
    .await;
    assert_eq!((held.account, held.is_paused, held.gates.len()), (account.clone(), false, 1));
    assert_eq!((held.gates[0].reason, held.gates[0].failure.code), (GateReason::OverQuota, Code::OverQuota));
    world.engine.pause(Some(&other)).await.unwrap();
    let held = world.engine.held_up().await.unwrap();
    let accounts: Vec<_> = held.accounts.iter().map(|held| (&held.account, held.is_paused, held.transfers)).collect();
    assert_eq!((held.is_paused, accounts), (false, vec![(&account, false, 40), (&other, true, 0)]));
    world.engine.pause(None).await.unwrap();
    assert!(world.engine.held_up().await.unwrap().is_paused);
    world.engine.shut_down().await;
}

#[tokio::test]
async fn however_long_the_queue_what_runs_what_failed_and_what_ended_last_is_in_its_list() {
    let provider = FakeProvider::start(Profile::UNIXFS_V1_2025).await;
    let world = World::start().await;
    let account = world.account(&provider, "one").await;
    let done = world.upload(&account, &world.write("done", b"done")).await;
    provider.fail(Call::Upload, REFUSED);
    let refused = world.upload(&account, &world.write("refused", b"refused")).await;
    world.engine.pause(None).await.unwrap();
    let queued = upload_many(&world, &account, 60).await;
    let (listed, _) = world.engine.transfers(20).await.unwrap();
    assert!(listed.len() <= 20, "{}", listed.len());
    let ids: Vec<_> = listed.iter().map(|transfer| &transfer.id).collect();
    assert_eq!((ids.first(), ids.get(1), ids.last()), (Some(&&refused.id), Some(&&queued[0]), Some(&&done.id)));
}
