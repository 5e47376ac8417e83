//! Batches, and what a person does with one of them, with one transfer, or with all that match.

use std::{fs, time::Duration};

use holdfast_content::{Cid, Profile};
use holdfast_core::{
    Code, GateReason,
    account::AccountId,
    pin::Metadata,
    transfer::{BatchId, Origin, TransferId, TransferSet, TransferState},
};
use holdfast_testkit::{Call, FakeProvider, Fault, World, WorldBuilder, bytes_of, eventually};

const REFUSED: Fault = Fault::Status { status: 400, retry_after: None, message: "no room for such things" };

async fn provider() -> FakeProvider {
    FakeProvider::start(Profile::UNIXFS_V1_2025).await
}

/// Files of a batch of their own.
async fn upload_many(world: &World, account: &AccountId, name: &str, count: u64) -> (BatchId, Vec<TransferId>) {
    let seed = name.bytes().map(u64::from).sum::<u64>() * 1_000;
    let write = |file: u64| world.write(&format!("{name}-{file}"), &bytes_of(seed + file, 1_000 + file as usize));
    let ids = world.engine.upload(account, (0..count).map(write).collect(), None, Metadata::new()).await.unwrap();
    (world.transfer(&ids[0]).await.batch.unwrap(), ids)
}

async fn until_done(world: &World, ids: &[TransferId]) {
    for id in ids {
        assert_eq!(world.end_in_time(id).await.state, TransferState::Done);
    }
}

async fn states(world: &World, ids: &[TransferId]) -> Vec<TransferState> {
    let mut states = Vec::new();
    for id in ids {
        states.push(world.transfer(id).await.state);
    }
    states
}

#[tokio::test]
async fn what_is_asked_for_together_is_one_batch_with_its_name_its_accounts_and_its_totals() {
    let (one, two, world) = (provider().await, provider().await, World::start().await);
    let (first, second) = (world.account(&one, "first").await, world.account(&two, "second").await);
    let paths: Vec<_> =
        (0..3).map(|file| world.write(&format!("{file}.jpg"), &bytes_of(file, 5_000 + file as usize))).collect();
    let selection = world.engine.select(paths, &first).await.unwrap();
    let chosen: Vec<_> = selection.items.iter().map(holdfast_core::content::Chosen::from).collect();
    world.engine.pause(None).await.unwrap();
    let both = [first.clone(), second.clone(), first.clone()];
    let ids = world.engine.upload_to(&both, chosen, None, Metadata::new()).await.unwrap();
    assert_eq!(ids.len(), 6);
    let (count, batches) = world.engine.batches(0, 10).await.unwrap();
    let batch = &batches[0];
    assert_eq!((count, batch.label(), batch.items), (1, "0.jpg and 2 more".into(), 3));
    assert_eq!((&batch.accounts, batch.origin, batch.counts.queued), (&vec![first, second], Origin::Added, 6));
    assert_eq!((batch.bytes, batch.bytes_done), (2 * (5_000 + 5_001 + 5_002), 0));
    let totals = world.engine.queue_totals().await.unwrap();
    assert_eq!((totals.transfers, totals.taken, totals.bytes), (6, 0, batch.bytes));
    world.engine.resume(None).await.unwrap();
    until_done(&world, &ids).await;
    let batch = world.engine.batch(batch.id).await.unwrap();
    assert_eq!((batch.counts.done, batch.bytes_done, batch.bytes), (6, batch.bytes, 2 * 15_003));
    assert_eq!(world.engine.queue_totals().await.unwrap(), Default::default());
}

#[tokio::test]
async fn several_accounts_get_all_of_it_or_none_does() {
    let (one, world) = (provider().await, World::start().await);
    let first = world.account(&one, "first").await;
    let cid = Cid::try_from("bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e").unwrap();
    let accounts = [first.clone(), AccountId("nobody".into())];
    world.engine.pin_at(&accounts, cid, None, Metadata::new()).await.unwrap_err();
    world.engine.upload_to(&accounts, vec![world.write("a", b"a")], None, Metadata::new()).await.unwrap_err();
    world.engine.upload_to(&[], vec![world.write("a", b"a")], None, Metadata::new()).await.unwrap_err();
    assert_eq!(world.engine.batches(0, 10).await.unwrap().0, 0);
    let accepted = world.engine.pin_at(&[first.clone(), first], cid, None, Metadata::new()).await.unwrap();
    assert_eq!((accepted.len(), world.engine.batches(0, 10).await.unwrap().0), (1, 1));
}

#[tokio::test]
async fn what_is_asked_for_twice_makes_no_second_batch() {
    let (one, world) = (provider().await, World::start().await);
    let account = world.account(&one, "one").await;
    world.engine.pause(None).await.unwrap();
    let path = world.write("a", b"a");
    let first = world.engine.upload(&account, vec![path.clone()], None, Metadata::new()).await.unwrap();
    let again = world.engine.upload(&account, vec![path], None, Metadata::new()).await.unwrap();
    assert_eq!((first, world.engine.batches(0, 10).await.unwrap().0), (again, 1));
}

#[tokio::test]
async fn what_a_folder_has_is_one_batch_of_its_name_as_long_as_some_of_it_waits() {
    let provider = provider().await;
    let world = WorldBuilder::default().real_time().with_background().start().await;
    let account = world.account(&provider, "one").await;
    world.engine.pause(None).await.unwrap();
    let folder = world.files.path().join("holiday");
    fs::create_dir(&folder).unwrap();
    let write = |files: std::ops::Range<u32>| {
        files.for_each(|file| fs::write(folder.join(format!("{file}.txt")), format!("{file:03}")).unwrap());
    };
    write(0..40);
    world.engine.add_folder(folder.clone(), &account, Some(Duration::from_millis(150))).await.unwrap();
    let queued = |count: u64| {
        let engine = &world.engine;
        eventually(
            "all wait",
            move || async move { (engine.transfers(1).await.unwrap().1.queued == count).then_some(()) },
        )
    };
    queued(40).await;
    write(40..50);
    queued(50).await;
    let (count, batches) = world.engine.batches(0, 10).await.unwrap();
    assert_eq!((count, batches[0].label(), batches[0].items), (1, "holiday".into(), 50));
    assert_eq!((batches[0].origin, batches[0].bytes), (Origin::Folder, 150));
    world.engine.shut_down().await;
}

#[tokio::test]
async fn a_batch_that_is_paused_stays_so_over_restarts_while_others_go_on() {
    let provider = provider().await;
    let world = WorldBuilder::default().with_background().start().await;
    let account = world.account(&provider, "one").await;
    provider.fail_always(Call::Upload, Fault::StallAfter(100_000));
    let big = (0..2).map(|file| world.write(&format!("big {file}"), &bytes_of(file, 20_000_000))).collect();
    let ids = world.engine.upload(&account, big, None, Metadata::new()).await.unwrap();
    eventually("they are under way", || async { (provider.under_way(Call::Upload) == 2).then_some(()) }).await;
    let batch = world.transfer(&ids[0]).await.batch.unwrap();
    world.engine.pause_these(&TransferSet::Batch(batch)).await.unwrap();
    assert_eq!(states(&world, &ids).await, [TransferState::Paused, TransferState::Paused]);
    eventually("they have stopped", || async { world.engine.progress().is_empty().then_some(()) }).await;
    provider.heal();
    let world = world.restart().await;
    let (_, others) = upload_many(&world, &account, "other", 30).await;
    until_done(&world, &others).await;
    assert_eq!(states(&world, &ids).await, [TransferState::Paused, TransferState::Paused]);
    assert_eq!(world.engine.resume_these(&TransferSet::Batch(batch)).await.unwrap(), 2);
    until_done(&world, &ids).await;
    world.engine.shut_down().await;
}

#[tokio::test]
async fn one_transfer_is_paused_and_cancelled_by_itself() {
    let provider = provider().await;
    let world = WorldBuilder::default().with_background().start().await;
    let account = world.account(&provider, "one").await;
    world.engine.pause(None).await.unwrap();
    let (_, ids) = upload_many(&world, &account, "many", 4).await;
    assert_eq!(world.engine.pause_these(&TransferSet::One(ids[1].clone())).await.unwrap(), 1);
    assert_eq!(world.engine.pause_these(&TransferSet::One(ids[2].clone())).await.unwrap(), 1);
    world.engine.resume(None).await.unwrap();
    until_done(&world, &[ids[0].clone(), ids[3].clone()]).await;
    assert_eq!(states(&world, &ids[1..3]).await, [TransferState::Paused, TransferState::Paused]);
    world.engine.cancel(&ids[2]).await.unwrap();
    assert_eq!(world.engine.resume_these(&TransferSet::One(ids[1].clone())).await.unwrap(), 1);
    until_done(&world, &ids[1..2]).await;
    assert_eq!(world.transfer(&ids[2]).await.state, TransferState::Cancelled);
    assert_eq!(provider.count(Call::Upload), 3);
    world.engine.shut_down().await;
}

#[tokio::test]
async fn what_matches_is_paused_and_cancelled_and_nothing_else() {
    let provider = provider().await;
    let world = WorldBuilder::default().with_background().start().await;
    let account = world.account(&provider, "one").await;
    world.engine.pause(None).await.unwrap();
    let (_, raw) = upload_many(&world, &account, "RAW", 5).await;
    let (_, jpg) = upload_many(&world, &account, "jpg", 5).await;
    let matching = |text: &str| TransferSet::Matching { account: Some(account.clone()), text: text.into() };
    assert_eq!(world.engine.pause_these(&matching("raw-")).await.unwrap(), 5);
    assert_eq!(world.engine.cancel_these(&matching("jpg-4")).await.unwrap(), 1);
    world.engine.resume(None).await.unwrap();
    until_done(&world, &jpg[..4]).await;
    assert_eq!(states(&world, &raw).await, vec![TransferState::Paused; 5]);
    assert_eq!(world.engine.cancel_these(&TransferSet::all_of(None)).await.unwrap(), 5);
    assert_eq!(states(&world, &raw).await, vec![TransferState::Cancelled; 5]);
    world.engine.shut_down().await;
}

#[tokio::test]
async fn what_is_moved_up_is_sent_next_of_what_goes_as_fast() {
    let provider = provider().await;
    let world = WorldBuilder::default().with_background().start().await;
    let account = world.account(&provider, "one").await;
    world.engine.pause(None).await.unwrap();
    let (_, first) = upload_many(&world, &account, "first", 30).await;
    let (second, later) = upload_many(&world, &account, "second", 30).await;
    assert_eq!(world.engine.move_up(&TransferSet::Batch(second)).await.unwrap(), 30);
    assert_eq!(world.engine.move_up(&TransferSet::One(later[29].clone())).await.unwrap(), 1);
    let (_, batches) = world.engine.batches(0, 10).await.unwrap();
    assert_eq!(batches[0].id, second);
    let listed = world.engine.transfers_of_batch(second, 0, 2).await.unwrap();
    assert_eq!(listed.iter().map(|one| &one.id).collect::<Vec<_>>(), [&later[29], &later[0]]);
    world.engine.resume(None).await.unwrap();
    until_done(&world, &first).await;
    until_done(&world, &later).await;
    let mut receipts: Vec<_> = Vec::new();
    for id in later.iter().chain(&first) {
        receipts.push((world.transfer(id).await.updated_at, id.clone()));
    }
    let last_of_later = receipts[..30].iter().map(|(at, _)| *at).max();
    let last_of_first = receipts[30..].iter().map(|(at, _)| *at).max();
    assert!(last_of_later <= last_of_first, "{last_of_later:?} {last_of_first:?}");
    world.engine.shut_down().await;
}

#[tokio::test]
async fn each_reason_of_a_batch_is_told_once_and_its_failures_are_tried_again_or_forgotten_together() {
    let provider = provider().await;
    let world = WorldBuilder::default().with_background().start().await;
    let account = world.account(&provider, "one").await;
    provider.fail_always(Call::Upload, REFUSED);
    let (batch, ids) = upload_many(&world, &account, "many", 25).await;
    let (other, _) = upload_many(&world, &account, "other", 2).await;
    eventually("all have failed", || async { (world.engine.transfers(1).await.unwrap().1.failed == 27).then_some(()) })
        .await;
    let troubles = world.engine.batch(batch).await.unwrap().troubles;
    assert_eq!(troubles.len(), 1, "{troubles:?}");
    assert_eq!((troubles[0].transfers, troubles[0].has_failed, troubles[0].failure.code), (25, true, Code::Refused));
    provider.heal();
    assert_eq!(world.engine.retry_these(&TransferSet::Batch(batch)).await.unwrap(), 25);
    until_done(&world, &ids).await;
    assert!(world.engine.batch(batch).await.unwrap().troubles.is_empty());
    assert_eq!(world.engine.batch(other).await.unwrap().counts.failed, 2);
    world.engine.clear_these(&TransferSet::Batch(other)).await.unwrap();
    assert_eq!(world.engine.batch(other).await.unwrap_err().code(), Code::NotFound);
    world.engine.shut_down().await;
}

#[tokio::test]
async fn what_one_account_did_not_take_is_sent_to_another_in_its_place() {
    let (full, free) = (provider().await, provider().await);
    let world = WorldBuilder::default().with_background().start().await;
    let (first, second) = (world.account(&full, "full").await, world.account(&free, "free").await);
    full.fail_always(Call::Upload, REFUSED);
    let (batch, ids) = upload_many(&world, &first, "many", 30).await;
    eventually("all have failed", || async { (world.engine.transfers(1).await.unwrap().1.failed == 30).then_some(()) })
        .await;
    world.engine.send_failed_to(batch, &first).await.unwrap_err();
    let sent = world.engine.send_failed_to(batch, &second).await.unwrap();
    until_done(&world, &sent).await;
    assert_eq!((sent.len(), free.count(Call::Upload)), (ids.len(), 30));
    let (count, batches) = world.engine.batches(0, 10).await.unwrap();
    assert_eq!((count, batches[0].origin, batches[0].counts.done), (1, Origin::SentOn, 30));
    assert_eq!(world.engine.batch(batch).await.unwrap_err().code(), Code::NotFound);
    world.engine.shut_down().await;
}

#[tokio::test]
async fn failures_of_a_watched_folder_can_be_removed_and_are_not_sent_again() {
    let provider = provider().await;
    let world = WorldBuilder::default().real_time().with_background().start().await;
    let account = world.account(&provider, "one").await;
    provider.fail_always(Call::Upload, REFUSED);
    let folder = world.files.path().join("watched");
    fs::create_dir(&folder).unwrap();
    (0..5).for_each(|file| fs::write(folder.join(format!("{file}")), format!("{file:02}")).unwrap());
    let id = world.engine.add_folder(folder, &account, Some(Duration::from_millis(150))).await.unwrap().folder.id;
    eventually("all have failed", || async { (world.engine.transfers(1).await.unwrap().1.failed == 5).then_some(()) })
        .await;
    let (_, batches) = world.engine.batches(0, 10).await.unwrap();
    world.engine.clear_these(&TransferSet::Batch(batches[0].id)).await.unwrap();
    assert_eq!(world.engine.batches(0, 10).await.unwrap().0, 0);
    let sent = provider.count(Call::Upload);
    world.engine.rescan_folder(&id).unwrap();
    assert_eq!(world.engine.folder_entries(&id, 10).await.unwrap().len(), 5);
    assert_eq!(provider.count(Call::Upload), sent);
    world.engine.shut_down().await;
}

#[tokio::test]
async fn a_batch_behind_a_closed_gate_goes_on_when_it_opens_and_what_was_paused_does_not() {
    let provider = provider().await;
    let world = WorldBuilder::default().with_background().start().await;
    let account = world.account(&provider, "one").await;
    provider.fail_always(Call::Upload, Fault::Status { status: 402, retry_after: None, message: "full" });
    let (batch, ids) = upload_many(&world, &account, "many", 30).await;
    eventually("its gate is closed and nothing runs", || async {
        let held = world.engine.held_up().await.unwrap().accounts.into_iter().next()?;
        (held.transfers == 30 && held.gates[0].reason == GateReason::OverQuota).then_some(())
    })
    .await;
    let last = TransferSet::One(ids[29].clone());
    assert_eq!(world.engine.pause_these(&last).await.unwrap(), 1);
    provider.heal();
    world.engine.try_now(&account);
    until_done(&world, &ids[..29]).await;
    assert_eq!(world.engine.batch(batch).await.unwrap().counts.paused, 1);
    world.engine.shut_down().await;
}
