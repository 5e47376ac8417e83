//! What an account told before it could not be asked any more: shown as of then, over restarts, until it tells again.

use std::time::Duration;

use holdfast_content::Profile;
use holdfast_core::{
    Code,
    account::{AccountId, AccountState, AccountView, Keep},
    clock::Clock,
    pin::{PinQuery, PinStatus},
};
use holdfast_testkit::{Call, FakeProvider, Fault, World, eventually};

async fn scene() -> (FakeProvider, World) {
    let (service, world) = (FakeProvider::start(Profile::UNIXFS_V1_2025).await, World::start().await);
    let account = world.account(&service, "one").await;
    eventually("it is listed", || async { (service.count(Call::List) > 0).then_some(()) }).await;
    world.engine.refresh(Some(&account)).await.unwrap();
    (service, world)
}

async fn view(world: &World) -> AccountView {
    world.engine.accounts().await.unwrap().remove(0)
}

fn code(view: &AccountView) -> Option<Code> {
    match &view.state {
        AccountState::Failed { code, .. } => Some(*code),
        _ => None,
    }
}

#[tokio::test]
async fn what_was_told_before_an_outage_is_as_of_then_also_after_a_restart() {
    for (fault, expected) in [
        (Fault::ReplyLost, Code::Network),
        (Fault::Status { status: 401, retry_after: None, message: "no" }, Code::Unauthorized),
        (Fault::Status { status: 403, retry_after: None, message: "no" }, Code::Forbidden),
        (Fault::Status { status: 503, retry_after: None, message: "no" }, Code::Unavailable),
        (Fault::WebPage(200), Code::NotAPinningApi),
    ] {
        let (service, world) = scene().await;
        let told_at = world.clock.now();
        assert!(!view(&world).await.is_outdated);
        world.clock.advance(Duration::from_secs(600));
        service.fail_always(Call::List, fault);
        world.engine.refresh(None).await.unwrap_err();
        let shown = view(&world).await;
        assert_eq!((shown.is_outdated, shown.last_contact, code(&shown)), (true, Some(told_at), Some(expected)));
        let world = world.restart().await;
        let shown = view(&world).await;
        assert_eq!((shown.is_outdated, shown.last_contact, code(&shown)), (true, Some(told_at), Some(expected)));
        service.heal();
        world.engine.refresh(None).await.unwrap();
        let shown = view(&world).await;
        assert_eq!((shown.is_outdated, shown.last_contact), (false, Some(world.clock.now())), "{expected:?}");
        let world = world.restart().await;
        let shown = view(&world).await;
        assert_eq!((shown.is_outdated, shown.last_contact), (false, Some(world.clock.now())), "{expected:?}");
    }
}

#[tokio::test]
async fn keys_that_are_not_there_were_not_refused() {
    let (service, world) = scene().await;
    world.engine.add_account(service.draft("one"), Keep::Session).await.unwrap();
    let world = world.restart().await;
    let asked = service.requests().len();
    let error = world.engine.refresh(None).await.unwrap_err();
    assert_eq!(error.code(), Code::NoSecret);
    let shown = view(&world).await;
    assert_eq!((shown.is_outdated, code(&shown)), (true, Some(Code::NoSecret)));
    assert_eq!(service.requests().len(), asked, "nobody was asked");
    world.engine.add_account(service.draft("one"), Keep::Session).await.unwrap();
    assert!(!view(&world).await.is_outdated);
}

#[tokio::test]
async fn a_service_that_permits_no_uploads_tells_its_pins_all_the_same() {
    let (service, world) = scene().await;
    service.fail_always(Call::Upload, Fault::Status { status: 403, retry_after: None, message: "no" });
    let account = view(&world).await.account.id;
    let failed = world.upload(&account, &world.write("a", b"abc")).await;
    assert_eq!(failed.state.failure().map(|failure| failure.code), Some(Code::Forbidden));
    assert!(!view(&world).await.is_outdated);
}

#[tokio::test]
async fn pins_of_an_account_that_does_not_tell_are_found_as_unknown_and_not_as_pinned() {
    let (service, world) = scene().await;
    let account = view(&world).await.account.id;
    world.upload(&account, &world.write("a", b"abc")).await;
    let other = FakeProvider::start(Profile::UNIXFS_V1_2025).await;
    let other = world.account(&other, "other").await;
    world.upload(&other, &world.write("b", b"defg")).await;
    let count = async |status, account: Option<&AccountId>| {
        let query = PinQuery { status: Some(status), account: account.cloned(), limit: 10, ..PinQuery::default() };
        world.engine.pins(query).await.unwrap().total
    };
    assert_eq!((count(PinStatus::Pinned, None).await, count(PinStatus::Unknown, None).await), (2, 0));
    service.fail_always(Call::List, Fault::ReplyLost);
    world.engine.refresh(Some(&account)).await.unwrap_err();
    assert_eq!((count(PinStatus::Pinned, None).await, count(PinStatus::Unknown, None).await), (1, 1));
    assert_eq!(count(PinStatus::Unknown, Some(&account)).await, 1);
    assert_eq!(count(PinStatus::Unknown, Some(&other)).await, 0);
}
