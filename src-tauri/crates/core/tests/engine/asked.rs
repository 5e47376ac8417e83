//! What a service was asked to pin: a transfer ends when the service has ended its pin, however long that takes, and says what
//! became of it.

use std::time::Duration;

use holdfast_content::{Cid, Profile};
use holdfast_core::{
    Background, Code,
    account::{AccountId, ProviderKind},
    pin::{Metadata, PinKey, PinStatus},
    transfer::{Transfer, TransferId, TransferState},
};
use holdfast_testkit::{Call, FakeProvider, World, WorldBuilder, eventually, identified};

const LAYOUT: Profile = Profile::UNIXFS_V1_2025;

/// A Kubo node answers when it has the content, and not before.
const KINDS: [ProviderKind; 3] = [ProviderKind::Aioz, ProviderKind::Psa, ProviderKind::Cluster];

/// The word that services of a kind have for what they work on, and for what they gave up.
const fn words(kind: ProviderKind) -> (&'static str, &'static str) {
    match kind {
        ProviderKind::Cluster => ("pinning", "pin_error"),
        ProviderKind::Psa => ("pinning", "failed"),
        _ => ("RETRIEVAL", "retrieveFailed"),
    }
}

fn cid(number: u64) -> Cid {
    identified(&number.to_le_bytes(), LAYOUT).cid
}

/// A service that works on whatever it is asked for, and an account there.
async fn slow(kind: ProviderKind) -> (FakeProvider, World, AccountId) {
    let (service, world) = (FakeProvider::start_as(kind, LAYOUT).await, World::start().await);
    service.behave(|manners| manners.status = words(kind).0);
    let account = world.account(&service, "slow").await;
    (service, world, account)
}

async fn ask(world: &World, account: &AccountId, number: u64) -> TransferId {
    let id = world.engine.pin(account, cid(number), None, Metadata::new()).await.unwrap();
    world.until_asked(&id).await;
    id
}

fn all_become(service: &FakeProvider, status: &str) {
    service.pins(|pins| {
        for id in pins.ids() {
            pins.get(&id).filter(|pin| !pin.is_unpinned()).into_iter().for_each(|pin| pin.settle_as(status));
        }
    });
}

async fn receipts(world: &World, account: &AccountId, transfer: &Transfer) -> usize {
    let key = PinKey { account: account.clone(), id: transfer.pin.clone().unwrap() };
    world.engine.pin_details(&key).await.unwrap().receipts.len()
}

#[tokio::test]
async fn a_transfer_ends_as_its_pin_does_at_services_of_every_kind_and_over_restarts() {
    for kind in KINDS {
        let (service, world, account) = slow(kind).await;
        let (good, bad) = (ask(&world, &account, 1).await, ask(&world, &account, 2).await);
        let pins = world.pins().await;
        assert!(pins.iter().all(|pin| pin.held.status == PinStatus::Fetching), "{kind:?}: {pins:?}");
        let world = world.restart().await;
        assert_eq!(world.transfer(&good).await.state, TransferState::Asked, "{kind:?}");
        let asked_for = world.transfer(&bad).await;
        assert_eq!(receipts(&world, &account, &asked_for).await, 0, "{kind:?}: nobody has taken it yet");
        service.pins(|pins| {
            let of = |number: u64| cid(number).to_string();
            for id in pins.ids() {
                let pin = pins.get(&id).unwrap();
                pin.settle_as(if pin.cid == of(1) { "pinned" } else { words(kind).1 });
            }
        });
        let (good, bad) = (world.end_in_time(&good).await, world.end_in_time(&bad).await);
        assert_eq!((&good.state, receipts(&world, &account, &good).await), (&TransferState::Done, 1), "{kind:?}");
        let failure = bad.state.failure().unwrap();
        assert_eq!(failure.code, Code::PinFailed, "{kind:?}");
        let reason = if kind == ProviderKind::Cluster { "context deadline exceeded" } else { words(kind).1 };
        assert!(failure.message.contains(reason), "{kind:?}: {failure:?}");
        assert_eq!(receipts(&world, &account, &bad).await, 0, "{kind:?}");
        let counts = world.engine.transfers(10).await.unwrap().1;
        assert_eq!((counts.done, counts.failed, counts.asked), (1, 1, 0), "{kind:?}");
    }
}

#[tokio::test]
async fn a_service_that_answers_with_a_pin_that_failed_has_not_pinned_it() {
    for kind in KINDS {
        let (service, world) = (FakeProvider::start_as(kind, LAYOUT).await, World::start().await);
        service.behave(|manners| manners.status = words(kind).1);
        let account = world.account(&service, "one").await;
        let id = world.engine.pin(&account, cid(1), None, Metadata::new()).await.unwrap();
        let failed = world.end_of(&id).await;
        assert_eq!(failed.state.failure().map(|failure| failure.code), Some(Code::PinFailed), "{kind:?} {failed:?}");
    }
}

#[tokio::test]
async fn trying_again_asks_the_service_anew_and_leaves_one_pin() {
    for kind in KINDS {
        let (service, world, account) = slow(kind).await;
        let id = ask(&world, &account, 1).await;
        all_become(&service, words(kind).1);
        world.end_in_time(&id).await;
        world.engine.retry(&id).await.unwrap();
        world.until_asked(&id).await;
        all_become(&service, "pinned");
        assert_eq!(world.end_in_time(&id).await.state, TransferState::Done, "{kind:?}");
        let live = service.pins(|pins| pins.all().iter().filter(|pin| pin.pinned).count());
        assert_eq!((live, service.count(Call::Pin)), (1, 2), "{kind:?}");
        assert_eq!(world.pins().await.len(), 1, "{kind:?}");
    }
}

#[tokio::test]
async fn a_pin_that_failed_is_asked_for_again_from_the_table_as_well() {
    for kind in KINDS {
        let (service, world, account) = slow(kind).await;
        let id = ask(&world, &account, 1).await;
        let key = PinKey { account: account.clone(), id: world.transfer(&id).await.pin.unwrap() };
        assert_eq!(world.engine.pin_again(&key).await.unwrap_err().code(), Code::InvalidInput, "{kind:?}");
        all_become(&service, words(kind).1);
        world.end_in_time(&id).await;
        let again = world.engine.pin_again(&key).await.unwrap();
        world.until_asked(&again).await;
        all_become(&service, "pinned");
        assert_eq!(world.end_in_time(&again).await.state, TransferState::Done, "{kind:?}");
        assert_eq!(world.pins().await.len(), 1, "{kind:?}");
        let counts = world.engine.transfers(10).await.unwrap().1;
        assert_eq!((counts.done, counts.failed), (1, 0), "{kind:?}");
    }
}

#[tokio::test]
async fn what_services_work_on_holds_no_place_and_costs_few_questions() {
    const ASKED: u64 = 40;
    for kind in KINDS {
        let (service, world, account) = slow(kind).await;
        for number in 0..ASKED {
            ask(&world, &account, number).await;
        }
        // Time stands still: nobody makes room.
        service.behave(|manners| manners.status = "pinned");
        let other = world.engine.pin(&account, cid(ASKED), None, Metadata::new()).await.unwrap();
        assert_eq!(world.end_of(&other).await.state, TransferState::Done, "{kind:?}");
        let before = service.count(Call::Get);
        for _ in 0..60 {
            world.clock.advance(Duration::from_secs(10));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let questions = service.count(Call::Get) - before;
        assert!((1..=650).contains(&questions), "{kind:?}: {questions} questions in ten minutes");
        all_become(&service, "pinned");
        eventually("all are done", || async {
            world.clock.advance(Duration::from_secs(1));
            (world.engine.transfers(1).await.unwrap().1.done == ASKED + 1).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn an_upload_ends_with_its_pin_as_well() {
    for kind in [ProviderKind::Aioz, ProviderKind::Cluster] {
        let (service, world, account) = slow(kind).await;
        let (good, bad) = (world.write("good", b"good"), world.write("bad", b"bad"));
        let good = world.begin_upload(&account, &good).await;
        world.until_asked(&good).await;
        all_become(&service, "pinned");
        let done = world.end_in_time(&good).await;
        assert_eq!((&done.state, done.verified), (&TransferState::Done, Some(true)), "{kind:?}");
        assert_eq!(receipts(&world, &account, &done).await, 1, "{kind:?}");
        let bad = world.begin_upload(&account, &bad).await;
        let asked_for = world.until_asked(&bad).await;
        assert_eq!(receipts(&world, &account, &asked_for).await, 1, "{kind:?}: its bytes were taken");
        service.pins(|pins| pins.get(&asked_for.pin.clone().unwrap().0).unwrap().settle_as(words(kind).1));
        let failed = world.end_in_time(&bad).await;
        assert_eq!(failed.state.failure().map(|failure| failure.code), Some(Code::PinFailed), "{kind:?}");
        assert_eq!(receipts(&world, &account, &failed).await, 0, "{kind:?}: and nothing came of it");
    }
}

#[tokio::test]
async fn a_pin_that_its_service_does_not_show_at_once_is_waited_for_and_not_for_ever() {
    let (service, world, account) = slow(ProviderKind::Psa).await;
    let id = ask(&world, &account, 1).await;
    let pin = world.transfer(&id).await.pin.unwrap();
    let held = service.pins(|pins| pins.get(&pin.0).unwrap().clone());
    service.pins(|pins| pins.remove(|_| true));
    let asked = service.count(Call::Get);
    eventually("it was asked about", || async {
        world.clock.advance(Duration::from_secs(1));
        (service.count(Call::Get) >= asked + 3).then_some(())
    })
    .await;
    world.engine.refresh(Some(&account)).await.unwrap();
    assert_eq!(world.transfer(&id).await.state, TransferState::Asked);
    service.pins(|pins| {
        let again = pins.add(&cid(1), "");
        again.id.clone_from(&held.id);
        again.settle_as(words(ProviderKind::Psa).0);
    });
    world.engine.refresh(Some(&account)).await.unwrap();
    assert_eq!(world.transfer(&id).await.state, TransferState::Asked);
    service.pins(|pins| pins.remove(|_| true));
    let failed = world.end_in_time(&id).await;
    assert!(failed.state.failure().unwrap().message.contains("not there any more"), "{failed:?}");
}

#[tokio::test]
async fn whoever_unpins_or_stops_it_is_not_told_that_it_failed() {
    let (service, world, account) = slow(ProviderKind::Aioz).await;
    let (unpinned, stopped) = (ask(&world, &account, 1).await, ask(&world, &account, 2).await);
    let key = PinKey { account: account.clone(), id: world.transfer(&unpinned).await.pin.unwrap() };
    let removal = world.unpin(&[key]).await.remove(0);
    assert_eq!(world.end_of(&removal).await.state, TransferState::Done);
    assert_eq!(world.transfer(&unpinned).await.state, TransferState::Cancelled);
    world.engine.cancel(&stopped).await.unwrap();
    all_become(&service, "pinned");
    world.engine.refresh(Some(&account)).await.unwrap();
    assert_eq!(world.transfer(&stopped).await.state, TransferState::Cancelled);
}

#[tokio::test]
async fn asked_twice_it_is_one_transfer_and_one_question() {
    let (service, world, account) = slow(ProviderKind::Psa).await;
    let id = ask(&world, &account, 1).await;
    assert_eq!(ask(&world, &account, 1).await, id);
    assert_eq!(service.count(Call::Pin), 1);
}

#[tokio::test]
async fn whoever_waits_is_told_why_and_not_kept_for_ever() {
    let (service, world, account) = slow(ProviderKind::Psa).await;
    let id = ask(&world, &account, 1).await;
    let mut reasons = Vec::new();
    let passing = async {
        loop {
            world.clock.advance(Duration::from_millis(500));
            tokio::task::yield_now().await;
        }
    };
    let left = tokio::select! {
        left = world.engine.wait_for(&id, |failure| reasons.push(failure.code)) => left.unwrap(),
        () = passing => unreachable!("time passes for ever"),
    };
    assert_eq!((left.state, reasons), (TransferState::Asked, vec![Code::StillFetching]));
    all_become(&service, "pinned");
    let world = world.restart_with(Background::Everything).await;
    assert_eq!(world.end_in_time(&id).await.state, TransferState::Done);
}

#[tokio::test]
async fn the_window_follows_what_it_asked_for_as_the_command_does() {
    let service = FakeProvider::start_as(ProviderKind::Psa, LAYOUT).await;
    service.behave(|manners| manners.status = words(ProviderKind::Psa).0);
    let world = WorldBuilder::default().with_background().start().await;
    let account = world.account(&service, "slow").await;
    let id = ask(&world, &account, 1).await;
    all_become(&service, "failed");
    let failed = world.end_in_time(&id).await;
    assert_eq!(failed.state.failure().map(|failure| failure.code), Some(Code::PinFailed));
    assert_eq!(failed.shown_name(), cid(1).to_string(), "what has no name is called by its CID");
    world.engine.shut_down().await;
}
