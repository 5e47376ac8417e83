//! Pins that come and go: followed while the provider works on them, removed once and only when asked.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use holdfast_content::Profile;
use holdfast_core::{
    Code,
    pin::{ContentProof, Metadata, Pin, PinId, PinKey, PinQuery, PinStatus},
    transfer::{TransferState, Work},
};
use holdfast_testkit::{Call, FakeProvider, Fault, World, WorldBuilder, eventually, identified};

#[tokio::test]
async fn a_pin_that_the_provider_works_on_is_followed_until_it_is_settled() {
    let provider = FakeProvider::start(Profile::UNIXFS_V1_2025).await;
    let world = WorldBuilder::default().with_background().start().await;
    let account = world.account(&provider, "one").await;
    provider.behave(|manners| manners.status = "RETRIEVAL");
    let cid = identified(b"elsewhere", Profile::UNIXFS_V1_2025).cid;
    let name = Some("from afar".to_owned());
    let id = world.engine.pin_text(&account, &format!("ipfs://{cid}"), name, Metadata::new()).await.unwrap();
    world.until_asked(&id).await;
    let pins = world.pins().await;
    assert_eq!((pins[0].held.status, pins[0].content), (PinStatus::Fetching, ContentProof::NotChecked));
    let held = pins[0].held.id.0.clone();
    provider.pins(|pins| {
        let pin = pins.get(&held).unwrap();
        (pin.pinned, pin.status, pin.size) = (true, "DONE".into(), Some(9));
    });
    eventually("it is shown as pinned", || async {
        world.clock.advance(Duration::from_secs(1));
        let pin = world.pins().await.remove(0).held;
        (pin.status == PinStatus::Pinned && pin.bytes == Some(9)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_text_without_a_cid_is_refused_and_asks_nobody() {
    let (provider, world) = (FakeProvider::start(Profile::UNIXFS_V1_2025).await, World::start().await);
    let account = world.account(&provider, "one").await;
    let cid = identified(b"x", Profile::UNIXFS_V1_2025).cid;
    for text in ["", "hello", "Qm", "https://example.com/a", &format!("/ipfs/{cid}/inside/it")] {
        let error = world.engine.pin_text(&account, text, None, Metadata::new()).await.unwrap_err();
        assert_eq!(error.code(), Code::InvalidInput, "{text:?}");
    }
    assert_eq!(provider.count(Call::Pin), 0);
}

#[tokio::test]
async fn unpinning_happens_once_and_what_is_gone_already_is_fine() {
    let (provider, world) = (FakeProvider::start(Profile::UNIXFS_V1_2025).await, World::start().await);
    let account = world.account(&provider, "one").await;
    let (a, b) = (world.write("a", b"aaa"), world.write("b", b"bbbb"));
    world.upload(&account, &a).await;
    world.upload(&account, &b).await;
    let keys: Vec<PinKey> = world.pins().await.iter().map(|pin| pin.key()).collect();
    provider.pins(|pins| pins.remove(|pin| pin.id == keys[0].id.0));
    for id in world.engine.unpin(&keys).await.unwrap() {
        assert_eq!(world.end_of(&id).await.state, TransferState::Done);
    }
    assert!(world.pins().await.is_empty());
    assert!(provider.pins(|pins| pins.all().iter().all(|pin| !pin.pinned)));
    let gone = world.engine.unpin(&keys).await.unwrap_err();
    assert_eq!(gone.code(), Code::NotFound);
    assert!(a.exists() && b.exists(), "the user's files are the user's");
}

#[tokio::test]
async fn an_unpin_that_fails_leaves_the_pin_in_the_table() {
    let (provider, world) = (FakeProvider::start(Profile::UNIXFS_V1_2025).await, World::start().await);
    let account = world.account(&provider, "one").await;
    world.upload(&account, &world.write("a", b"aaa")).await;
    provider.fail(Call::Unpin, Fault::Status { status: 403, retry_after: None, message: "no" });
    let ids = world.engine.unpin(&[world.pins().await[0].key()]).await.unwrap();
    assert_eq!(world.end_of(&ids[0]).await.state.failure().unwrap().code, Code::Forbidden);
    assert_eq!(world.pins().await.len(), 1);
    let nobody = PinKey { account, id: PinId("../../apiKeys".into()) };
    assert_eq!(world.engine.unpin(&[nobody]).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn an_engine_that_is_dropped_works_no_more() {
    let provider = FakeProvider::start(Profile::UNIXFS_V1_2025).await;
    let world = WorldBuilder::default().with_background().start().await;
    let account = world.account(&provider, "one").await;
    provider.fail_always(Call::Upload, Fault::Status { status: 503, retry_after: None, message: "away" });
    let id = world.begin_upload(&account, &world.write("a", b"aaa")).await;
    eventually("it waits", || async { world.transfer(&id).await.state.failure().is_some().then_some(()) }).await;
    let clock = Arc::clone(&world.clock);
    drop(world);
    eventually("its tasks are gone, and what they held", || async { (Arc::strong_count(&clock) == 1).then_some(()) })
        .await;
    assert_eq!(provider.count(Call::Upload), 1);
}

/// A world without background whose mirror has so many pins at one account, of which every third has "photo" in its name.
async fn with_pins(count: u64) -> (FakeProvider, World) {
    let (provider, world) = (FakeProvider::start(Profile::UNIXFS_V1_2025).await, World::start().await);
    provider.pins(|pins| {
        for number in 0..count {
            let cid = identified(&number.to_le_bytes(), Profile::UNIXFS_V1_2025).cid;
            pins.add(&cid, &format!("{} {number}", if number % 3 == 0 { "Photo" } else { "text" }));
        }
    });
    let account = world.account(&provider, "one").await;
    world.engine.refresh(Some(&account)).await.unwrap();
    (provider, world)
}

#[tokio::test]
async fn more_than_a_few_that_match_go_only_when_their_true_number_is_confirmed() {
    let (_provider, world) = with_pins(300).await;
    let photos = PinQuery { search: "photo".into(), limit: 2, ..PinQuery::default() };
    let page = world.engine.pins(photos.clone()).await.unwrap();
    assert_eq!(page.total, 100);
    let except: Vec<PinKey> = page.rows.iter().map(Pin::key).collect();
    for confirmed in [0, 97, 100] {
        let error = world.engine.unpin_matching(photos.clone(), except.clone(), confirmed).await.unwrap_err();
        assert_eq!(error.code(), Code::InvalidInput);
        assert!(error.to_string().contains("98 pins"), "{error}");
    }
    assert_eq!(world.engine.transfers(1).await.unwrap().0, []);
    let impact = world.engine.unpin_matching_impact(photos.clone(), except.clone()).await.unwrap();
    assert_eq!(impact.last_count, 98);
    for _ in 0..2 {
        // Asking twice does it once.
        assert_eq!(world.engine.unpin_matching(photos.clone(), except.clone(), 98).await.unwrap(), 98);
    }
    let (accepted, _) = world.engine.transfers(500).await.unwrap();
    let unpinned: BTreeSet<_> = accepted
        .iter()
        .map(|transfer| match &transfer.work {
            Work::Unpin { pin } => PinKey { account: transfer.account.clone(), id: pin.clone() },
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!((accepted.len(), unpinned.len()), (98, 98));
    assert!(accepted.iter().all(|transfer| transfer.name.starts_with("Photo")));
    assert!(!except.iter().any(|key| unpinned.contains(key)));
}

#[tokio::test]
async fn a_few_that_match_go_without_their_number_and_the_last_copy_is_told() {
    let (_provider, world) = with_pins(9).await;
    let all = PinQuery::default();
    let impact = world.engine.unpin_matching_impact(all.clone(), vec![]).await.unwrap();
    assert_eq!((impact.last_count, impact.last.len()), (9, 8));
    assert_eq!(world.engine.unpin_matching(all, vec![], 0).await.unwrap(), 9);
}
