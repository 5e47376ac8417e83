//! Services that say more of their pins than anybody would keep.

use std::{fs, path::Path};

use holdfast_core::{
    Code,
    account::ProviderKind::{Aioz, Cluster, Psa},
    pin::{LeftOut, Metadata, PinStatus},
};
use holdfast_testkit::{Call, FakeProvider, World, WorldBuilder, identified};

use super::{LAYOUT, service};

const PINS: u64 = 10;

fn fill(provider: &FakeProvider, pairs: usize, value_bytes: usize) {
    provider.pins(|pins| {
        for number in 0..PINS {
            let pin = pins.add(&identified(&number.to_le_bytes(), LAYOUT).cid, &format!("pin {number}"));
            pin.id = if provider.endpoint().ends_with("/psa") { pin.id.clone() } else { pin.cid.clone() };
            let text = |pair| (format!("key {pair:04}"), format!("{pair}-").repeat(value_bytes / 5).into());
            pin.keyvalues = Some((0..pairs).map(text).collect());
        }
    });
}

fn bytes_below(place: &Path) -> u64 {
    let entries = fs::read_dir(place).unwrap().map(|entry| entry.unwrap());
    entries.map(|entry| entry.metadata().unwrap().len()).sum()
}

#[tokio::test]
async fn pins_with_endless_metadata_are_kept_in_part_and_say_so() {
    for kind in [Aioz, Cluster, Psa] {
        let (provider, world) = (service(kind).await, World::start().await);
        let account = world.account(&provider, "one").await;
        world.engine.refresh(Some(&account)).await.unwrap();
        let before = bytes_below(world.home());
        fill(&provider, 1_200, 1_000);
        world.engine.refresh(Some(&account)).await.unwrap();
        let grown = bytes_below(world.home()) - before;
        assert!(grown < PINS * 200_000, "{kind:?}: {grown} bytes");
        let pins = world.pins().await;
        assert_eq!(pins.len() as u64, PINS, "{kind:?}");
        for pin in pins {
            let kept = pin.held.metadata.len();
            assert_eq!(pin.held.left_out, LeftOut(1_200 - kept as u64), "{kind:?}");
            assert!(kept > 10, "{kind:?}: {kept}");
            let details = world.engine.pin_details(&pin.key()).await.unwrap();
            let said = details.pin.held.message.unwrap_or_default();
            assert!(said.starts_with("The service says more of this pin than is kept here"), "{kind:?}: {said}");
        }
    }
}

#[tokio::test]
async fn what_was_not_kept_is_not_deleted_by_a_change() {
    let (provider, world) = (service(Psa).await, World::start().await);
    fill(&provider, 1_200, 1_000);
    provider.pins(|pins| drop(pins.add(&identified(b"few", LAYOUT).cid, "few words").id.clone()));
    let account = world.account(&provider, "one").await;
    world.engine.refresh(Some(&account)).await.unwrap();
    for pin in world.pins().await {
        let changed = world.engine.edit_pin(&pin.key(), Some("new".into()), Metadata::new()).await;
        if pin.name() == "few words" {
            assert_eq!(changed.unwrap().name(), "new");
        } else {
            let error = changed.unwrap_err();
            assert_eq!(error.code(), Code::InvalidInput);
            assert!(error.to_string().contains("would delete them at the service"), "{error}");
        }
    }
    assert_eq!(provider.count(Call::Edit), 1);
}

#[tokio::test]
async fn what_was_not_kept_is_not_deleted_by_asking_again() {
    let (provider, world) = (service(Psa).await, World::start().await);
    fill(&provider, 1_200, 1_000);
    let ids = provider.pins(|pins| pins.ids());
    provider.pins(|pins| ids.iter().for_each(|id| pins.get(id).unwrap().status = "failed".into()));
    let account = world.account(&provider, "one").await;
    world.engine.refresh(Some(&account)).await.unwrap();
    for pin in world.pins().await {
        assert_eq!(pin.held.status, PinStatus::Failed);
        let error = world.engine.pin_again(&pin.key()).await.unwrap_err();
        assert!(error.to_string().contains("would delete them at the service"), "{error}");
    }
    assert_eq!(provider.pins(|pins| pins.ids()), ids);
}

#[tokio::test]
async fn a_list_that_says_too_much_ends_with_the_reason() {
    for kind in [Aioz, Cluster, Psa] {
        let provider = service(kind).await;
        let world = WorldBuilder::default().through(|http| http.with_list_bytes(3 << 20)).start().await;
        fill(&provider, 1_200, 100);
        let account = world.account(&provider, "one").await;
        world.engine.refresh(Some(&account)).await.unwrap();
        fill(&provider, 1_200, 1_000);
        let error = world.engine.refresh(Some(&account)).await.unwrap_err();
        assert_eq!(error.code(), Code::Protocol, "{kind:?}");
        assert!(error.to_string().contains("its list of pins says more than 3 MiB"), "{kind:?}: {error}");
        // What was known of it stays.
        assert_eq!(world.pins().await.len() as u64, PINS, "{kind:?}");
    }
}
