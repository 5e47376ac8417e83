//! How much an account uses: as fresh as its list, and as of then after a restart.

use holdfast_content::Profile;
use holdfast_core::{ThisComputer, account::AccountId, account::UsageThen, clock::Clock};
use holdfast_testkit::{FakeProvider, World, WorldBuilder, eventually};

async fn usage(world: &World, id: &AccountId) -> Option<UsageThen> {
    world.engine.account_view(id).await.unwrap().usage
}

#[tokio::test]
async fn space_used_on_this_computer_follows_what_is_pinned_there() {
    let service = FakeProvider::start(Profile::UNIXFS_V1_2025).await;
    let world = WorldBuilder::default().real_time().with_background().start().await;
    let own = ThisComputer {
        endpoint: service.endpoint().parse().unwrap(),
        gateway: service.gateway().parse().unwrap(),
        credentials: service.credentials(),
    };
    let id = world.engine.set_this_computer(own).await.unwrap().account.id;
    let used = async |bytes: u64| {
        eventually("the space used", || async {
            usage(&world, &id).await.filter(|then| then.usage.used_bytes == bytes)
        })
        .await
    };
    world.upload(&id, &world.write("a", b"abc")).await;
    used(3).await;
    world.upload(&id, &world.write("b", b"defgh")).await;
    used(8).await;
    let key = world.pins().await[0].key();
    world.unpin(&[key]).await;
    used(5).await;
}

#[tokio::test]
async fn space_used_is_asked_with_the_list_and_shown_as_of_then_after_a_restart() {
    let (service, world) = (FakeProvider::start(Profile::UNIXFS_V1_2025).await, World::start().await);
    service.pins(|pins| pins.add(&holdfast_testkit::identified(b"x", Profile::UNIXFS_V1_2025).cid, "x").size = Some(7));
    let id = world.account(&service, "one").await;
    let then = eventually("the space used", || async { usage(&world, &id).await }).await;
    assert_eq!((then.usage.used_bytes, then.at), (7, world.clock.now()));
    let at = world.clock.now();
    world.clock.advance(std::time::Duration::from_secs(900));
    let world = world.restart().await;
    assert_eq!(usage(&world, &id).await.map(|then| (then.usage.used_bytes, then.at)), Some((7, at)));
}
