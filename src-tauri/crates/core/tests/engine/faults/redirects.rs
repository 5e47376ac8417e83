//! Answers that lead elsewhere: another host is never asked, and the same one only where nothing is done twice.

use std::time::Duration;

use holdfast_core::{
    Code,
    account::{AccountState, ProviderKind},
    pin::{Metadata, PinKey},
};
use holdfast_testkit::{Call, EditedId, Fault, Recorder, World, WorldBuilder, bytes_of, eventually, identified};
use serde_json::json;

use super::{LAYOUT, account_state, list_settled, play::end_of_try, service};

/// What is led elsewhere, one after the other.
const CALLS: [Call; 8] =
    [Call::Test, Call::Upload, Call::Pin, Call::Get, Call::List, Call::Edit, Call::About, Call::Unpin];

/// Whatever leads to another host, by whatever status and form of address: that one hears nothing, least of all credentials.
#[tokio::test]
async fn a_host_that_requests_are_led_to_is_never_asked() {
    let recorder = Recorder::start(json!({})).await;
    let host = recorder.host();
    let places = [
        (301, format!("http://{host}/api")),
        (302, format!("//{host}/")),
        (303, format!("http://{host}/?next=1")),
        (307, format!("http://somebody:something@{host}/")),
        (308, format!("http://{host}")),
    ];
    for (number, kind) in ProviderKind::ALL.into_iter().enumerate() {
        let led = lead_away(kind, places.iter().cycle().skip(number)).await;
        assert_eq!(led, calls_of(kind), "{kind:?}");
    }
    let heard: Vec<_> = recorder.requests().iter().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect();
    assert!(heard.is_empty(), "{heard:?}");
}

/// Those of [`CALLS`] that an API has and an adapter makes.
fn calls_of(kind: ProviderKind) -> Vec<Call> {
    let missing: &[Call] = match kind {
        ProviderKind::Aioz => &[Call::Edit, Call::About],
        ProviderKind::Psa => &[Call::Test, Call::Upload, Call::About],
        // They edit a pin by pinning it once more.
        ProviderKind::Kubo | ProviderKind::Cluster => &[Call::Edit],
    };
    CALLS.into_iter().filter(|call| !missing.contains(call)).collect()
}

/// Does everything with an account whose service leads one call after the other away, each to another of `places`. Gives the
/// calls that were made.
async fn lead_away<'a>(kind: ProviderKind, places: impl Iterator<Item = &'a (u16, String)>) -> Vec<Call> {
    let (provider, world) = (service(kind).await, WorldBuilder::default().with_background().start().await);
    provider.behave(|manners| manners.edited_id = EditedId::Same);
    let account = world.account(&provider, "one").await;
    let held = identified(b"held", LAYOUT).cid;
    provider.pins(|pins| pins.add(&held, "held").id = held.to_string());
    world.engine.refresh(Some(&account)).await.unwrap();
    let key = PinKey { account: account.clone(), id: world.pins().await.remove(0).held.id };
    let mut led = Vec::new();
    for ((number, call), (status, place)) in (1..).zip(CALLS).zip(places) {
        let before = provider.count(call);
        provider.fail_always(call, Fault::RedirectTo(*status, place.clone()));
        let content = bytes_of(number, 100 + usize::try_from(number).unwrap());
        let other_cid = identified(&content[1..], LAYOUT).cid;
        let mut begun = vec![
            world.begin_upload(&account, &world.write(&format!("{number}"), &content)).await,
            world.engine.pin(&account, other_cid, None, Metadata::new()).await.unwrap(),
        ];
        // What becomes of each is in the tables.
        drop(world.engine.refresh(Some(&account)).await);
        drop(world.engine.check_account(&account).await);
        drop(world.engine.edit_pin(&key, Some(format!("{number}")), Metadata::new()).await);
        if call == Call::Get {
            // At the latest those under way are asked for.
            world.clock.advance(Duration::from_secs(10));
            eventually("a pin is asked for", || async { (provider.count(Call::Get) > before).then_some(()) }).await;
        }
        if call == Call::Unpin {
            begun.extend(world.unpin(std::slice::from_ref(&key)).await);
        }
        for id in &begun {
            end_of_try(&world, id).await;
        }
        if provider.count(call) > before {
            led.push(call);
        }
        provider.heal();
    }
    world.engine.shut_down().await;
    led
}

#[tokio::test]
async fn a_router_that_wants_the_other_form_of_a_path_is_followed_at_its_own_origin() {
    for status in [301, 302, 303, 307, 308] {
        let (provider, world) = (service(ProviderKind::Aioz).await, World::start().await);
        provider.pins(|pins| pins.add(&identified(b"x", LAYOUT).cid, "there").id.clone());
        provider.fail(Call::Test, Fault::Moved(status));
        provider.fail(Call::List, Fault::Moved(status));
        let account = world.account(&provider, "one").await;
        list_settled(&world, &provider, &account).await;
        assert_eq!(world.pins().await.len(), 1, "{status}");
        // One that leads on and on is none.
        provider.fail_always(Call::Test, Fault::Moved(status));
        let before = provider.count(Call::Test);
        world.engine.check_account(&account).await.unwrap();
        let state = account_state(&world, &account).await;
        assert!(matches!(state, AccountState::Failed { code: Code::NotAPinningApi, .. }), "{state:?}");
        assert_eq!(provider.count(Call::Test) - before, 4, "{status}");
    }
}
