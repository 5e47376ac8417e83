//! What is tried again by itself, when, and what is left to the user.

use std::{io, path::Path, time::Duration};

use holdfast_content::Profile;
use holdfast_core::{
    Code,
    account::{AccountId, AccountState},
    clock::Clock,
    transfer::{Transfer, TransferId, TransferState},
};
use holdfast_testkit::{Call, FakeProvider, Fault, SimDisk, World, WorldBuilder, bytes_of, eventually};

const fn status(status: u16, retry_after: Option<u64>) -> Fault {
    Fault::Status { status, retry_after, message: "something happened" }
}

async fn world_with(provider: &FakeProvider) -> (World, AccountId) {
    let world = World::start().await;
    let account = world.account(provider, "one").await;
    (world, account)
}

/// Waits for the end of try `number`.
async fn end_of_try(world: &World, id: &TransferId, number: u32) -> Transfer {
    eventually("the try ends", || async {
        let transfer = world.transfer(id).await;
        let ended = !matches!(transfer.state, TransferState::Queued | TransferState::Running);
        (ended && transfer.attempts == number).then_some(transfer)
    })
    .await
}

/// Lets exactly as much time pass as a waiting transfer asks for; the runner may only then begin to wait for it.
async fn let_pass(world: &World, transfer: &Transfer) {
    let TransferState::Waiting { until: Some(until), .. } = transfer.state else { panic!("{:?}", transfer.state) };
    world.clock.advance(until.since(world.clock.now()));
    eventually("the next try begins", || async {
        let now = world.transfer(&transfer.id).await;
        world.clock.advance(Duration::from_millis(1));
        (now.attempts > transfer.attempts).then_some(())
    })
    .await;
}

/// A service that answers everything else and fails at each upload: what is sent in vain is bounded, and then it is the
/// person's turn.
#[tokio::test]
async fn what_a_service_fails_at_for_ever_is_given_up_after_a_bounded_number_of_bytes() {
    const BYTES: u64 = 3_000_000;
    for lasting in [status(500, None), Fault::ResetAfter(2_000_000)] {
        let provider = FakeProvider::start(Profile::UNIXFS_V1_2025).await;
        let world = WorldBuilder::default().with_background().start().await;
        let account = world.account(&provider, "one").await;
        provider.fail_always(Call::Upload, lasting);
        let id = world.begin_upload(&account, &world.write("a", &bytes_of(1, BYTES as usize))).await;
        let failed = world.end_in_time(&id).await;
        assert!(matches!(&failed.state, TransferState::Failed(_)), "{:?}", failed.state);
        let allowed = 4 * BYTES + (16 << 20);
        assert!(failed.sent_in_vain <= allowed, "{} bytes", failed.sent_in_vain);
        let sent: u64 =
            provider.requests().iter().filter(|one| one.call == Some(Call::Upload)).map(|one| one.body_bytes).sum();
        assert!(sent <= allowed + 1_000_000, "{sent} bytes");
        assert!(failed.attempts > 3, "it was tried a few times: {}", failed.attempts);
        provider.heal();
        world.engine.retry(&id).await.unwrap();
        let done = world.end_in_time(&id).await;
        assert_eq!((done.state, done.verified), (TransferState::Done, Some(true)));
        assert_eq!(provider.pins(|pins| pins.all().len()), 1);
        world.engine.shut_down().await;
    }
}

/// A service that fails at everything is asked something small before anything is sent to it again.
#[tokio::test]
async fn a_service_that_is_down_is_sent_nothing_for_as_long_as_it_takes() {
    let provider = FakeProvider::start(Profile::UNIXFS_V1_2025).await;
    let world = WorldBuilder::default().with_background().start().await;
    let account = world.account(&provider, "one").await;
    for call in [Call::Test, Call::Upload, Call::List, Call::About] {
        provider.fail_always(call, status(503, None));
    }
    let id = world.begin_upload(&account, &world.write("a", b"abc")).await;
    let waits = end_of_try(&world, &id, 1).await;
    assert_eq!(waits.state.failure().map(|failure| failure.code), Some(Code::Unavailable));
    for _ in 0..50 {
        next_try(&world, &id).await;
    }
    assert_eq!(provider.count(Call::Upload), 1);
    provider.heal();
    assert_eq!(world.end_in_time(&id).await.state, TransferState::Done);
    world.engine.shut_down().await;
}

#[tokio::test]
async fn a_command_that_somebody_waits_for_tries_three_times() {
    let provider = FakeProvider::start(Profile::UNIXFS_V1_2025).await;
    let (world, account) = world_with(&provider).await;
    provider.fail_always(Call::Upload, status(503, None));
    let id = world.begin_upload(&account, &world.write("a", b"abc")).await;
    for number in 1..3 {
        let_pass(&world, &end_of_try(&world, &id, number).await).await;
    }
    let failed = world.end_of(&id).await;
    assert!(matches!(&failed.state, TransferState::Failed(failure) if failure.code == Code::Unavailable));
    assert_eq!((failed.attempts, provider.count(Call::Upload)), (3, 3));
}

#[tokio::test]
async fn the_pause_that_a_service_asks_for_is_kept() {
    for code in [429, 503] {
        let provider = FakeProvider::start(Profile::UNIXFS_V1_2025).await;
        let (world, account) = world_with(&provider).await;
        provider.fail(Call::Upload, status(code, Some(17)));
        let id = world.begin_upload(&account, &world.write("a", b"abc")).await;
        let waiting = end_of_try(&world, &id, 1).await;
        let TransferState::Waiting { until: Some(until), .. } = waiting.state else { panic!("{:?}", waiting.state) };
        assert_eq!(until.since(waiting.updated_at), Duration::from_secs(17));
        let_pass(&world, &waiting).await;
        assert_eq!(world.end_of(&id).await.state, TransferState::Done);
        assert_eq!(provider.count(Call::Upload), 2);
    }
}

#[tokio::test]
async fn what_waiting_cannot_mend_fails_at_once_and_says_why() {
    for (code, expected) in [
        (401, Code::Unauthorized),
        (402, Code::OverQuota),
        (403, Code::Forbidden),
        (413, Code::OverQuota),
        (400, Code::Refused),
    ] {
        let provider = FakeProvider::start(Profile::UNIXFS_V1_2025).await;
        let (world, account) = world_with(&provider).await;
        provider.fail_always(Call::Upload, status(code, None));
        let failed = world.upload(&account, &world.write("a", b"abc")).await;
        assert!(matches!(&failed.state, TransferState::Failed(failure) if failure.code == expected), "{failed:?}");
        assert_eq!((failed.attempts, provider.count(Call::Upload)), (1, 1));
        let view = world.engine.accounts().await.unwrap().remove(0);
        let is_the_accounts = matches!(expected, Code::Unauthorized | Code::Forbidden);
        let is_shown = matches!(&view.state, AccountState::Failed { code, .. } if *code == expected);
        assert_eq!(is_shown, is_the_accounts, "{:?}", view.state);
        provider.heal();
        world.engine.retry(&failed.id).await.unwrap();
        assert_eq!(world.end_of(&failed.id).await.state, TransferState::Done);
    }
}

#[tokio::test]
async fn a_captive_portal_is_no_success_and_is_waited_out() {
    let foreign = FakeProvider::start(Profile::UNIXFS_V1_2025).await;
    for fault in [Fault::WebPage(200), Fault::WebPage(502), Fault::RedirectTo(302, foreign.endpoint())] {
        let provider = FakeProvider::start(Profile::UNIXFS_V1_2025).await;
        let (world, account) = world_with(&provider).await;
        provider.fail(Call::Upload, fault);
        let id = world.begin_upload(&account, &world.write("a", b"abc")).await;
        let waiting = end_of_try(&world, &id, 1).await;
        let_pass(&world, &waiting).await;
        assert_eq!(world.end_of(&id).await.state, TransferState::Done);
        assert_eq!(provider.pins(|pins| pins.all().len()), 1);
    }
    assert!(foreign.requests().is_empty(), "nobody else was asked");
}

#[tokio::test]
async fn a_captive_portal_is_waited_out_for_as_long_as_it_takes() {
    let provider = FakeProvider::start(Profile::UNIXFS_V1_2025).await;
    let world = WorldBuilder::default().with_background().start().await;
    let account = world.account(&provider, "one").await;
    for call in [Call::Test, Call::Upload, Call::List, Call::About] {
        provider.fail_always(call, Fault::WebPage(200));
    }
    let id = world.begin_upload(&account, &world.write("a", b"abc")).await;
    for _ in 0..30 {
        next_try(&world, &id).await;
    }
    provider.heal();
    assert_eq!(world.end_in_time(&id).await.state, TransferState::Done);
    world.engine.shut_down().await;
}

#[tokio::test]
async fn tries_in_an_outage_do_not_count_towards_giving_up_a_file_that_cannot_be_read() {
    let provider = FakeProvider::start(Profile::UNIXFS_V1_2025).await;
    let (disk, path) = (SimDisk::default(), Path::new("/files/a"));
    disk.write(path, b"abc");
    let world = WorldBuilder::default().with_background().on(disk.clone()).start().await;
    let account = world.account(&provider, "one").await;
    for call in [Call::Test, Call::Upload, Call::List, Call::About] {
        provider.fail_always(call, status(503, None));
    }
    let id = world.begin_upload(&account, path).await;
    for _ in 0..20 {
        next_try(&world, &id).await;
    }
    provider.heal();
    lock_once(&disk, path);
    let before = world.transfer(&id).await.failures;
    for number in 1..12 - before {
        next_try(&world, &id).await;
        let waiting = eventually("the try ends", || async {
            let transfer = world.transfer(&id).await;
            (transfer.failures == before + number).then_some(transfer)
        })
        .await;
        assert_eq!(waiting.state.failure().map(|failure| failure.code), Some(Code::FileUnreadable));
        lock_once(&disk, path);
    }
    let failed = world.end_in_time(&id).await;
    assert_eq!(failed.failures, 12);
    assert!(before <= 1, "only what was sent in vain: {before}");
    world.engine.retry(&id).await.unwrap();
    assert_eq!(world.end_in_time(&id).await.state, TransferState::Done);
}

/// Lets time pass until a transfer is tried once more.
async fn next_try(world: &World, id: &TransferId) {
    let tries = world.transfer(id).await.attempts;
    eventually("it is tried again", || async {
        world.clock.advance(Duration::from_secs(1));
        (world.transfer(id).await.attempts > tries).then_some(())
    })
    .await;
}

/// Lets the next read of a file fail as where somebody else has a lock on it.
fn lock_once(disk: &SimDisk, path: &Path) {
    disk.at_byte(path, 0, |_| Err(io::ErrorKind::ResourceBusy.into()));
}

#[tokio::test]
async fn a_connection_that_breaks_in_the_middle_is_tried_again() {
    let provider = FakeProvider::start(Profile::UNIXFS_V1_2025).await;
    let (world, account) = world_with(&provider).await;
    provider.fail(Call::Upload, Fault::ResetAfter(200_000));
    let id = world.begin_upload(&account, &world.write("a", &bytes_of(1, 2_000_000))).await;
    let waiting = end_of_try(&world, &id, 1).await;
    assert_eq!(waiting.state.failure().unwrap().code, Code::Network);
    let_pass(&world, &waiting).await;
    let done = world.end_of(&id).await;
    assert_eq!((done.state, done.verified), (TransferState::Done, Some(true)));
    assert_eq!(provider.pins(|pins| pins.all().len()), 1);
}

const SILENCE: Duration = Duration::from_millis(400);

#[tokio::test]
async fn a_connection_that_goes_silent_is_given_up() {
    let provider = FakeProvider::start(Profile::UNIXFS_V1_2025).await;
    let world = WorldBuilder::default().through(|http| http.with_silence(SILENCE)).start().await;
    let account = world.account(&provider, "one").await;
    provider.fail(Call::Upload, Fault::StallAfter(10));
    let id = world.begin_upload(&account, &world.write("a", &bytes_of(1, 20_000_000))).await;
    let waiting = end_of_try(&world, &id, 1).await;
    assert_eq!(waiting.state.failure().unwrap().code, Code::Network);
    let_pass(&world, &waiting).await;
    assert_eq!(world.end_of(&id).await.state, TransferState::Done);
}

#[tokio::test]
async fn an_upload_may_take_as_long_as_the_line_needs() {
    let provider = FakeProvider::start(Profile::UNIXFS_V1_2025).await;
    let world = WorldBuilder::default().through(|http| http.with_silence(SILENCE)).start().await;
    let account = world.account(&provider, "one").await;
    provider.fail(Call::Upload, Fault::SlowBody { piece_pause: Duration::from_millis(2) });
    let began = std::time::Instant::now();
    let done = world.upload(&account, &world.write("a", &bytes_of(1, 40_000_000))).await;
    assert_eq!((done.state, done.attempts), (TransferState::Done, 1));
    assert!(began.elapsed() > 2 * SILENCE, "the test must outlast the limit: {:?}", began.elapsed());
}
