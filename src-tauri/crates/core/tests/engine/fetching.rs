//! Where *This computer* may fetch what it is asked to pin by CID, and what is pasted to be pinned.

use holdfast_content::{Profile, cid_v0, cid_v1};
use holdfast_core::{
    Code, ThisComputer,
    account::{AccountEdit, AccountId, FetchesFrom, PlainHttp},
    gateway::FetchSources,
    pin::Metadata,
};
use holdfast_testkit::{Call, FakeProvider, World, identified};
use url::Url;

const PROFILE: Profile = Profile::UNIXFS_V1_2025;
const NEAR: &str = "http://127.0.0.1:1";

/// An engine whose own service has a gateway and holds nothing.
async fn own(world: &World) -> (FakeProvider, AccountId) {
    let service = FakeProvider::start(PROFILE).await;
    service.open_gateway();
    let account = ThisComputer {
        endpoint: service.endpoint().parse().unwrap(),
        gateway: service.gateway().parse().unwrap(),
        credentials: service.credentials(),
    };
    let id = world.engine.set_this_computer(account).await.unwrap().account.id;
    (service, id)
}

fn sources(gateways: &[&str], of_accounts: bool) -> FetchSources {
    let gateways: Vec<_> = gateways.iter().map(|text| (*text).to_owned()).collect();
    FetchSources::typed(&gateways, of_accounts, PlainHttp::Refused).unwrap()
}

async fn fetches_from(world: &World, id: &AccountId) -> FetchesFrom {
    world.engine.account_view(id).await.unwrap().fetches_from.unwrap()
}

#[tokio::test]
async fn this_computer_is_asked_for_nothing_that_it_cannot_get() {
    let world = World::start().await;
    let (service, id) = own(&world).await;
    let held = world.upload(&id, &world.write("held", b"held here")).await.cid.unwrap();
    let elsewhere = identified(b"only elsewhere", PROFILE).cid;
    let error = world.engine.pin(&id, elsewhere, None, Metadata::new()).await.unwrap_err();
    assert_eq!(error.code(), Code::NoSource, "{error}");
    assert_eq!(service.count(Call::Pin), 0);
    world.engine.pin(&id, held, None, Metadata::new()).await.unwrap();
    world.engine.set_fetch_sources(sources(&[NEAR], false)).await.unwrap();
    world.engine.pin(&id, elsewhere, None, Metadata::new()).await.unwrap();
    world.engine.set_fetch_sources(FetchSources::default()).await.unwrap();
    let other = identified(b"something else", PROFILE).cid;
    assert_eq!(world.engine.pin(&id, other, None, Metadata::new()).await.unwrap_err().code(), Code::NoSource);
}

#[tokio::test]
async fn what_a_person_agreed_to_lasts_until_it_is_taken_back() {
    let world = World::start().await;
    let (_service, id) = own(&world).await;
    assert_eq!(fetches_from(&world, &id).await.now, []);
    let agreed = sources(&["https://gateway.example/ipfs/", NEAR], false);
    world.engine.set_fetch_sources(agreed.clone()).await.unwrap();
    let world = world.restart().await;
    let now: Vec<Url> = ["https://gateway.example", NEAR].map(|text| text.parse().unwrap()).into();
    assert_eq!(fetches_from(&world, &id).await, FetchesFrom { agreed, now: now.clone() });
    let gateways = world.engine.gateways_to_ask();
    assert_eq!(*gateways.borrow(), now);
    world.engine.set_fetch_sources(FetchSources::default()).await.unwrap();
    assert!(gateways.borrow().is_empty());
    assert_eq!(
        fetches_from(&world.restart().await, &id).await,
        FetchesFrom { agreed: FetchSources::default(), now: [].into() }
    );
}

#[tokio::test]
async fn gateways_of_other_accounts_are_asked_as_long_as_that_is_agreed_and_they_are_there() {
    let world = World::start().await;
    let (_service, id) = own(&world).await;
    let other = FakeProvider::start(PROFILE).await;
    other.open_gateway();
    let backup = world.account(&other, "Backup").await;
    assert_eq!(fetches_from(&world, &id).await.now, []);
    world.engine.set_fetch_sources(sources(&[], true)).await.unwrap();
    let theirs: Url = other.gateway().parse().unwrap();
    assert_eq!(fetches_from(&world, &id).await.now, [theirs]);
    let edit = AccountEdit { gateway: Some("https://other.example/at/{cid}".into()), ..AccountEdit::default() };
    world.engine.edit_account(&backup, edit).await.unwrap();
    assert_eq!(fetches_from(&world, &id).await.now, ["https://other.example/at/%7Bcid%7D".parse().unwrap()]);
    world.engine.remove_account(&backup).await.unwrap();
    assert_eq!(fetches_from(&world, &id).await.now, []);
    let cid = identified(b"elsewhere", PROFILE).cid;
    assert_eq!(world.engine.pin(&id, cid, None, Metadata::new()).await.unwrap_err().code(), Code::NoSource);
}

#[tokio::test]
async fn pasted_text_is_told_apart_and_what_is_pinned_already_is_known_in_both_forms() {
    let (service, world) = (FakeProvider::start(Profile::UNIXFS_V0_2015).await, World::start().await);
    let account = world.account(&service, "one").await;
    let v0 = world.upload(&account, &world.write("a", b"abc")).await.cid.unwrap();
    let new = identified(b"new", PROFILE).cid;
    assert!(cid_v0(&v0).is_some_and(|form| form == v0.to_string()), "{v0}");
    let text = format!("{} https://gateway.example/ipfs/{new}/a/b.txt", cid_v1(&v0));
    let found = world.engine.look_up(&account, &text).await.unwrap();
    let [pinned, inside] = &found[..] else { panic!("{found:?}") };
    assert_eq!(pinned.pinned.as_ref().map(|pin| pin.held.cid), Some(v0));
    assert_eq!((inside.cid, inside.path.as_str(), inside.pinned.is_none()), (new, "a/b.txt", true));
    let pin = |text: String| {
        let (engine, account) = (&world.engine, &account);
        async move { engine.pin_text(account, &text, None, Metadata::new()).await.unwrap_err().to_string() }
    };
    assert!(pin(text).await.contains("several CIDs"));
    let said = pin(format!("ipfs://{new}/a/b.txt")).await;
    assert!(said.contains(&format!("pin the whole directory by {new}")), "{said}");
    let said = world.engine.look_up(&account, "no CID").await.unwrap_err();
    assert_eq!(said.code(), Code::InvalidInput, "{said}");
}
