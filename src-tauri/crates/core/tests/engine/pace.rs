//! A long list is not asked for whole each time that its account is looked at; what is new in it is.

use std::time::Duration;

use holdfast_content::Profile;
use holdfast_core::{account::AccountId, clock::Clock, pin::PinQuery};
use holdfast_testkit::{Call, FakeProvider, World, WorldBuilder, eventually, identified};

const PINS: u64 = 2_500;
const PAGE: u64 = 20;
const LOOK: Duration = Duration::from_secs(300);

/// An account whose list takes more than a hundred requests, once it was listed.
async fn long_list() -> (FakeProvider, World, AccountId) {
    let provider = FakeProvider::start(Profile::UNIXFS_V1_2025).await;
    provider.behave(|manners| manners.longest_page = PAGE);
    provider.pins(|pins| {
        for number in 0..PINS {
            pins.add(&identified(&number.to_le_bytes(), Profile::UNIXFS_V1_2025).cid, &format!("pin {number}"));
        }
    });
    let world = WorldBuilder::default().with_background().start().await;
    let account = world.account(&provider, "long").await;
    eventually("the whole list", || async { (known(&world).await == PINS).then_some(()) }).await;
    eventually("its end", || async { (provider.under_way(Call::List) == 0).then_some(()) }).await;
    (provider, world, account)
}

async fn known(world: &World) -> u64 {
    world.engine.pins(PinQuery { limit: 1, ..PinQuery::default() }).await.unwrap().total
}

/// Lets time pass until an account is looked at once more. Gives how much.
async fn look(world: &World, provider: &FakeProvider) -> Duration {
    let (before, began) = (provider.count(Call::List), world.clock.now());
    eventually("a look", || async {
        world.clock.advance(LOOK / 10);
        (provider.count(Call::List) > before).then_some(())
    })
    .await;
    eventually("its end", || async { (provider.under_way(Call::List) == 0).then_some(()) }).await;
    world.clock.now().since(began)
}

#[tokio::test]
async fn what_is_new_in_a_long_list_is_seen_at_the_next_look_for_a_request_or_two() {
    let (provider, world, _account) = long_list().await;
    let before = provider.count(Call::List);
    assert!(before > 100, "{before} requests for the whole list");
    let cid = identified(b"pinned elsewhere", Profile::UNIXFS_V1_2025).cid;
    provider.pins(|pins| {
        pins.add(&cid, "pinned elsewhere");
    });
    look(&world, &provider).await;
    eventually("the new pin", || async { (known(&world).await == PINS + 1).then_some(()) }).await;
    let asked = provider.count(Call::List) - before;
    assert!(asked <= 4, "{asked} requests");
}

#[tokio::test]
async fn a_long_list_is_gone_through_by_its_length_and_what_went_from_it_is_seen_then() {
    let (provider, world, _account) = long_list().await;
    let before = provider.count(Call::List);
    provider.pins(|pins| pins.remove(|pin| pin.name.as_deref() == Some("pin 7")));
    let (mut passed, mut looks) = (Duration::ZERO, 0);
    while known(&world).await == PINS {
        passed += look(&world, &provider).await;
        looks += 1;
    }
    let asked = provider.count(Call::List) - before;
    assert!(asked > PINS as usize / PAGE as usize, "{asked} requests are not the whole list");
    // Half an hour for a list of 125 requests; it is gone from the table before the last of them has come.
    assert!(passed > LOOK * 5, "it was gone through after {passed:?}");
    assert!(asked < 140 + looks * 3, "{asked} requests at {looks} looks");
}

#[tokio::test]
async fn a_start_does_not_ask_for_a_long_list_that_was_gone_through_a_moment_ago() {
    let (provider, world, account) = long_list().await;
    let before = provider.count(Call::List);
    let world = world.restart().await;
    eventually("a look", || async { (provider.count(Call::List) > before).then_some(()) }).await;
    eventually("its end", || async { (provider.under_way(Call::List) == 0).then_some(()) }).await;
    let asked = provider.count(Call::List) - before;
    assert!(asked <= 4, "{asked} requests");
    assert_eq!(known(&world).await, PINS);
    // Who asks for it gets all of it.
    world.engine.refresh(Some(&account)).await.unwrap();
    assert!(provider.count(Call::List) - before > 100);
}
