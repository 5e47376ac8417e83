//! Pins that a service takes and never gets anywhere with: the user is told, they are asked about for as long as they are
//! there, and no other pin has to wait for its turn because of them.

use std::time::Duration;

use holdfast_core::{
    account::ProviderKind::{self, Aioz, Cluster, Psa},
    clock::Clock,
    pin::{Metadata, PinStatus},
};
use holdfast_testkit::{Call, FakeProvider, Fault, World, WorldBuilder, eventually, identified};

use super::{LAYOUT, service};

/// Between two rounds of questions.
const ROUND: Duration = Duration::from_secs(10);

/// More than are asked about in one round.
const STUCK: u64 = 25;

/// A Kubo node answers when it has the content, and not before.
const KINDS: [ProviderKind; 3] = [Aioz, Psa, Cluster];

/// Asks for a pin that the service shows as one of that moment, and waits until it is in the mirror.
async fn ask(world: &World, provider: &FakeProvider, number: u64) -> String {
    let account = world.engine.accounts().await.unwrap().remove(0).account.id;
    let cid = identified(&number.to_le_bytes(), LAYOUT).cid;
    let id = world.engine.pin(&account, cid, None, Metadata::new()).await.unwrap();
    let asked = world.until_asked(&id).await;
    let (pin, asked_at) = (asked.pin.unwrap().0, world.clock.now().to_rfc3339());
    provider.pins(|pins| pins.get(&pin).unwrap().date_pinned = asked_at);
    pin
}

fn asked_about(provider: &FakeProvider, id: &str) -> usize {
    let asked = |line: &str| line.split(['/', '?', '=', '&']).any(|part| part == id);
    provider.requests().iter().filter(|one| one.call == Some(Call::Get) && asked(&one.line)).count()
}

#[tokio::test]
async fn a_pin_that_never_gets_anywhere_is_called_stuck_after_a_day_and_asked_about_in_its_turn() {
    for kind in KINDS {
        never_done(kind).await;
    }
}

async fn never_done(kind: ProviderKind) {
    let provider = service(kind).await;
    provider.behave(|manners| manners.status = "queued");
    let world = WorldBuilder::default().with_background().start().await;
    world.account(&provider, "one").await;
    let mut ids = Vec::new();
    for number in 0..STUCK {
        ids.push(ask(&world, &provider, number).await);
    }
    rounds(&world, &provider, 2 * STUCK).await;
    let asked: Vec<usize> = ids.iter().map(|id| asked_about(&provider, id)).collect();
    assert!(asked.iter().all(|times| *times > 0), "{kind:?}: {asked:?}");
    assert!(
        world.pins().await.iter().all(|pin| pin.held.status.is_under_way() && pin.held.message.is_none()),
        "{kind:?}"
    );

    // One that comes after them is seen to be done within a few rounds.
    let late = ask(&world, &provider, 1_000).await;
    provider.pins(|pins| {
        let pin = pins.get(&late).unwrap();
        (pin.status, pin.pinned) = ("pinned".into(), true);
    });
    rounds(&world, &provider, STUCK + 1).await;
    let pinned = || async { world.pins().await.iter().filter(|pin| pin.held.status == PinStatus::Pinned).count() };
    eventually("the late one is done", || async { (pinned().await == 1).then_some(()) }).await;

    world.clock.advance(Duration::from_secs(25 * 3600));
    rounds(&world, &provider, STUCK).await;
    let pins = world.pins().await;
    let said: Vec<_> = pins.iter().filter(|pin| pin.held.status.is_under_way()).map(|pin| &pin.held.message).collect();
    assert_eq!(said.len(), ids.len(), "{kind:?}");
    let is_told =
        |message: &&Option<String>| message.as_deref().is_some_and(|text| text.starts_with("Stuck: after a day"));
    assert!(said.iter().all(is_told), "{kind:?}: {said:?}");
    world.engine.shut_down().await;
}

/// Lets rounds pass until so many more questions have been asked.
async fn rounds(world: &World, provider: &FakeProvider, questions: u64) {
    let wanted = provider.count(Call::Get) + usize::try_from(questions).unwrap();
    eventually("pins are asked about", || async {
        world.clock.advance(ROUND);
        (provider.count(Call::Get) >= wanted).then_some(())
    })
    .await;
}

/// A service that does not answer the question about a pin of its own.
#[tokio::test]
async fn a_service_that_is_silent_about_its_pins_delays_no_question_to_another() {
    for kind in KINDS {
        let (silent, healthy) = (service(kind).await, service(kind).await);
        for provider in [&silent, &healthy] {
            provider.behave(|manners| manners.status = "queued");
        }
        let world = WorldBuilder::default().with_background().start().await;
        for (provider, label) in [(&silent, "silent"), (&healthy, "healthy")] {
            let account = world.account(provider, label).await;
            let cid = identified(label.as_bytes(), LAYOUT).cid;
            let id = world.engine.pin(&account, cid, None, Metadata::new()).await.unwrap();
            world.until_asked(&id).await;
        }
        silent.fail_always(Call::Get, Fault::StallAfter(0));
        world.clock.advance(ROUND);
        eventually("it is asked", || async { (silent.under_way(Call::Get) > 0).then_some(()) }).await;
        rounds(&world, &healthy, 5).await;
        assert_eq!(silent.under_way(Call::Get), 1, "{kind:?}: it is waited for, and not asked again");
        world.engine.shut_down().await;
    }
}
