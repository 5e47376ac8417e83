//! What concerns an account stops that account's work, and nobody else's; nothing is given up for it.

use std::time::Duration;

use holdfast_content::Profile;
use holdfast_core::{
    Code, GateReason,
    clock::{Clock, UnixMillis},
    pin::{Metadata, PinKey},
    transfer::{TransferId, TransferState},
};
use holdfast_testkit::{Call, FakeProvider, Fault, World, WorldBuilder, bytes_of, eventually};

const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

const fn status(status: u16) -> Fault {
    Fault::Status { status, retry_after: None, message: "something happened" }
}

#[tokio::test]
async fn a_full_account_keeps_its_queue_and_goes_on_once_something_was_unpinned() {
    let provider = FakeProvider::start(Profile::UNIXFS_V1_2025).await;
    let world = WorldBuilder::default().with_background().start().await;
    let account = world.account(&provider, "one").await;
    let pinned = world.upload(&account, &world.write("pinned", b"pinned")).await;
    provider.fail_always(Call::Upload, status(402));
    let sent = provider.count(Call::Upload);
    let paths = (0..60).map(|file| world.write(&format!("{file}"), &bytes_of(file, 1_000 + file as usize))).collect();
    let ids = world.engine.upload(&account, paths, None, Metadata::new()).await.unwrap();
    let gate = eventually("its gate closes", || async { world.engine.closed_gates().pop() }).await;
    assert_eq!((gate.reason, gate.failure.code), (GateReason::OverQuota, Code::OverQuota));
    eventually("nothing runs any more", || async {
        (world.engine.transfers(1).await.unwrap().1.running == 0).then_some(())
    })
    .await;
    let in_vain = provider.count(Call::Upload) - sent;
    assert!(in_vain <= 5, "{in_vain} were sent in vain");
    for id in &ids {
        let state = world.transfer(id).await.state;
        let is_kept = matches!(state, TransferState::Queued | TransferState::Waiting { .. });
        assert!(is_kept, "{state:?}");
    }
    provider.heal();
    let unpinned = world.unpin(&[PinKey { account, id: pinned.pin.unwrap() }]).await;
    assert_eq!(world.end_of(&unpinned[0]).await.state, TransferState::Done, "a full account can be unpinned at");
    for id in &ids {
        assert_eq!(world.end_in_time(id).await.state, TransferState::Done);
    }
    world.engine.shut_down().await;
}

/// A transfer that began to wait while the clock was a year ahead.
async fn waiting_while_the_clock_is_set_back() -> (FakeProvider, World, TransferId) {
    let provider = FakeProvider::start(Profile::UNIXFS_V1_2025).await;
    let world = WorldBuilder::default().with_background().start().await;
    let account = world.account(&provider, "one").await;
    let now = world.clock.now();
    world.clock.set_wall(now.plus(YEAR));
    provider.fail(Call::Upload, status(500));
    let id = world.begin_upload(&account, &world.write("a", b"abc")).await;
    eventually("it waits", || async {
        matches!(world.transfer(&id).await.state, TransferState::Waiting { .. }).then_some(())
    })
    .await;
    world.clock.set_wall(UnixMillis(now.0));
    (provider, world, id)
}

#[tokio::test]
async fn a_clock_that_is_set_back_a_year_delays_no_retry() {
    let (_provider, world, id) = waiting_while_the_clock_is_set_back().await;
    let began = world.clock.monotonic();
    assert_eq!(world.end_in_time(&id).await.state, TransferState::Done);
    assert!(world.clock.monotonic() - began < Duration::from_secs(120));
    world.engine.shut_down().await;
}

#[tokio::test]
async fn a_restart_with_the_clock_set_back_delays_no_retry() {
    let (_provider, world, id) = waiting_while_the_clock_is_set_back().await;
    let world = world.restart().await;
    let began = world.clock.monotonic();
    world.clock.advance(Duration::from_secs(3600));
    assert_eq!(world.end_in_time(&id).await.state, TransferState::Done);
    assert!(world.clock.monotonic() - began < Duration::from_secs(3 * 3600));
    world.engine.shut_down().await;
}

#[tokio::test]
async fn a_paused_queue_stays_paused_over_restarts_and_goes_on_when_it_may() {
    let provider = FakeProvider::start(Profile::UNIXFS_V1_2025).await;
    let world = WorldBuilder::default().with_background().start().await;
    let account = world.account(&provider, "one").await;
    provider.fail(Call::Upload, Fault::StallAfter(100_000));
    let running = world.begin_upload(&account, &world.write("a", &bytes_of(1, 20_000_000))).await;
    eventually("it is under way", || async { (provider.under_way(Call::Upload) == 1).then_some(()) }).await;
    world.engine.pause(None).await.unwrap();
    eventually("it has stopped", || async {
        (world.transfer(&running).await.state == TransferState::Queued).then_some(())
    })
    .await;
    let waiting = world.begin_upload(&account, &world.write("b", b"abc")).await;
    let sent = provider.count(Call::Upload);
    let world = world.restart().await;
    world.clock.advance(Duration::from_secs(3600));
    assert_eq!(world.engine.paused().await.unwrap(), (true, Vec::new()));
    world.engine.refresh(Some(&account)).await.unwrap();
    assert_eq!(provider.count(Call::Upload), sent, "nothing is sent while it is paused");
    world.engine.resume(None).await.unwrap();
    for id in [&running, &waiting] {
        assert_eq!(world.end_in_time(id).await.state, TransferState::Done);
    }
    world.engine.shut_down().await;
}

#[tokio::test]
async fn an_account_that_is_paused_delays_no_other() {
    let (one, two) =
        (FakeProvider::start(Profile::UNIXFS_V1_2025).await, FakeProvider::start(Profile::UNIXFS_V1_2025).await);
    let world = WorldBuilder::default().with_background().start().await;
    let (paused, other) = (world.account(&one, "paused").await, world.account(&two, "other").await);
    world.engine.pause(Some(&paused)).await.unwrap();
    let waits = world.begin_upload(&paused, &world.write("a", b"abc")).await;
    let done = world.upload(&other, &world.write("b", b"def")).await;
    assert_eq!(done.state, TransferState::Done);
    assert_eq!((world.transfer(&waits).await.state, one.count(Call::Upload)), (TransferState::Queued, 0));
    world.engine.resume(Some(&paused)).await.unwrap();
    assert_eq!(world.end_in_time(&waits).await.state, TransferState::Done);
    world.engine.shut_down().await;
}
