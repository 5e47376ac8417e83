//! A pin that its service lost or gave up, of content that was sent from here: it is sent again where it still is that content.

use holdfast_content::Profile;
use holdfast_core::{
    Code, ThisComputer,
    account::{AccountId, PlainHttp},
    gateway::FetchSources,
    pin::{Pin, PinKey, PinStatus},
    transfer::{Transfer, TransferState},
};
use holdfast_testkit::{Call, FakeProvider, Fault, World, bytes_of};

const LAYOUT: Profile = Profile::UNIXFS_V1_2025;

/// This computer's account, which fetches from nowhere.
async fn own(world: &World) -> (FakeProvider, AccountId) {
    let service = FakeProvider::start(LAYOUT).await;
    service.open_gateway();
    let own = ThisComputer {
        endpoint: service.endpoint().parse().unwrap(),
        gateway: service.gateway().parse().unwrap(),
        credentials: service.credentials(),
    };
    let account = world.engine.set_this_computer(own).await.unwrap().account.id;
    (service, account)
}

/// The account's only pin, once the service has said that it has failed.
async fn failed(world: &World, service: &FakeProvider, account: &AccountId) -> Pin {
    service.pins(|pins| {
        for id in pins.ids() {
            pins.get(&id).unwrap().settle_as("retrieveFailed");
        }
    });
    service.forget_blocks();
    world.engine.refresh(Some(account)).await.unwrap();
    let pin = world.pins().await.remove(0);
    assert_eq!(pin.held.status, PinStatus::Failed);
    pin
}

async fn ask_again(world: &World, key: &PinKey) -> Transfer {
    let id = world.engine.pin_again(key).await.unwrap();
    world.end_of(&id).await
}

#[tokio::test]
async fn what_still_is_that_content_is_sent_again_and_not_fetched() {
    for name in ["file", "folder"] {
        let world = World::start().await;
        let (service, account) = own(&world).await;
        world.write("file", &bytes_of(1, 300_000));
        world.write("folder/file", &bytes_of(2, 300_000));
        world.upload(&account, &world.files.path().join(name)).await;
        let pin = failed(&world, &service, &account).await;
        let done = ask_again(&world, &pin.key()).await;
        assert_eq!((&done.state, done.verified), (&TransferState::Done, Some(true)), "{name}");
        assert_eq!((service.count(Call::Upload), service.count(Call::Pin)), (2, 0), "{name}");
        let pins = world.pins().await;
        assert_eq!((pins.len(), pins[0].held.status, pins[0].held.cid), (1, PinStatus::Pinned, pin.held.cid));
        assert_eq!(pins[0].name(), name);
    }
}

#[tokio::test]
async fn an_upload_that_its_service_gave_up_is_sent_again_from_the_table_as_well() {
    let world = World::start().await;
    let (service, account) = own(&world).await;
    service.behave(|manners| manners.status = "RETRIEVAL");
    let upload = world.begin_upload(&account, &world.write("file", b"given up")).await;
    world.until_asked(&upload).await;
    let pin = failed(&world, &service, &account).await;
    service.behave(|manners| manners.status = "pinned");
    assert_eq!(ask_again(&world, &pin.key()).await.state, TransferState::Done);
    assert_eq!((service.count(Call::Upload), service.count(Call::Pin)), (2, 0));
}

#[tokio::test]
async fn an_answer_that_is_lost_meanwhile_leaves_one_pin() {
    let world = World::start().await;
    let (service, account) = own(&world).await;
    world.upload(&account, &world.write("file", &bytes_of(3, 100_000))).await;
    let pin = failed(&world, &service, &account).await;
    service.fail(Call::Upload, Fault::ReplyLost);
    let again = world.engine.pin_again(&pin.key()).await.unwrap();
    assert_eq!(world.end_in_time(&again).await.state, TransferState::Done);
    assert_eq!(service.count(Call::Pin), 0);
    let live = service.pins(|pins| pins.all().iter().filter(|pin| pin.pinned).count());
    assert_eq!((live, world.pins().await.len()), (1, 1));
}

#[tokio::test]
async fn what_changed_or_is_gone_is_asked_for_by_its_cid_and_what_the_service_has_is_left_where_it_gets_nothing() {
    for is_gone in [false, true] {
        let world = World::start().await;
        let (service, account) = own(&world).await;
        let path = world.write("file", b"as it was");
        world.upload(&account, &path).await;
        let pin = failed(&world, &service, &account).await;
        if is_gone {
            std::fs::remove_file(&path).unwrap();
        } else {
            world.write("file", b"as it is!");
        }
        let failed = ask_again(&world, &pin.key()).await;
        assert_eq!(failed.state.failure().map(|failure| failure.code), Some(Code::NoSource), "{failed:?}");
        assert_eq!((service.count(Call::Upload), service.count(Call::Pin), service.count(Call::Unpin)), (1, 0, 0));
        assert_eq!(world.pins().await.len(), 1);

        let sources = FetchSources::typed(&["http://127.0.0.1:1".to_owned()], false, PlainHttp::Refused);
        world.engine.set_fetch_sources(sources.unwrap()).await.unwrap();
        assert_eq!(ask_again(&world, &pin.key()).await.state, TransferState::Done);
        assert_eq!((service.count(Call::Upload), service.count(Call::Pin), service.count(Call::Unpin)), (1, 1, 1));
    }
}
