//! Pins that come and go: followed while the provider works on them, removed once and only when asked.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use holdfast_content::Profile;
use holdfast_core::{
    Code, Error, Grace,
    clock::Clock,
    pin::{ContentProof, Matching, Metadata, Pin, PinId, PinKey, PinQuery, PinSet, PinSort, PinStatus},
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
    for id in world.unpin(&keys).await {
        assert_eq!(world.end_of(&id).await.state, TransferState::Done);
    }
    assert!(world.pins().await.is_empty());
    assert!(provider.pins(|pins| pins.all().iter().all(|pin| !pin.pinned)));
    let gone = world.engine.unpin(PinSet::Named(keys), 2, Grace::Waived).await.unwrap_err();
    assert_eq!(gone.code(), Code::NotFound);
    assert!(a.exists() && b.exists(), "the user's files are the user's");
}

#[tokio::test]
async fn an_unpin_that_fails_leaves_the_pin_in_the_table() {
    let (provider, world) = (FakeProvider::start(Profile::UNIXFS_V1_2025).await, World::start().await);
    let account = world.account(&provider, "one").await;
    world.upload(&account, &world.write("a", b"aaa")).await;
    provider.fail(Call::Unpin, Fault::Status { status: 403, retry_after: None, message: "no" });
    let ids = world.unpin(&[world.pins().await[0].key()]).await;
    assert_eq!(world.end_of(&ids[0]).await.state.failure().unwrap().code, Code::Forbidden);
    assert_eq!(world.pins().await.len(), 1);
    let nobody = PinKey { account, id: PinId("../../apiKeys".into()) };
    assert_eq!(
        world.engine.unpin(PinSet::Named(vec![nobody]), 1, Grace::Given).await.unwrap_err().code(),
        Code::NotFound
    );
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

fn matching(search: &str, except: &[PinKey]) -> PinSet {
    let query = PinQuery { search: search.into(), limit: 2, ..PinQuery::default() };
    PinSet::Matching(Matching { except: except.to_vec(), ..query.into() })
}

#[tokio::test]
async fn more_than_a_few_that_match_go_only_when_their_true_number_is_confirmed() {
    let (_provider, world) = with_pins(300).await;
    let page = world.engine.pins(PinQuery { search: "photo".into(), limit: 2, ..PinQuery::default() }).await.unwrap();
    assert_eq!(page.total, 100);
    let except: Vec<PinKey> = page.rows.iter().map(Pin::key).collect();
    for confirmed in [0, 97, 100] {
        let error = world.engine.unpin(matching("photo", &except), confirmed, Grace::Given).await.unwrap_err();
        assert!(matches!(error, Error::CountChanged { pins: 98, .. }), "{error}");
        assert!(error.to_string().contains("98 pins"), "{error}");
    }
    assert_eq!(world.engine.transfers(1).await.unwrap().0, []);
    let impact = world.engine.unpin_impact(matching("photo", &except)).await.unwrap();
    assert_eq!((impact.pins, impact.last_count, impact.accounts["one"]), (98, 98, 98));
    for _ in 0..2 {
        // Asking twice does it once.
        let accepted = world.engine.unpin(matching("photo", &except), 98, Grace::Waived).await.unwrap();
        assert_eq!(accepted.pins, 98);
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

/// What is from one pin to another in an order, but for some and with some others.
fn between(query: PinQuery, ends: [&Pin; 2], except: &[PinKey], also: &[PinKey]) -> PinSet {
    let between = Some(ends.map(Pin::key));
    PinSet::Matching(Matching { query, between, except: except.to_vec(), also: also.to_vec() })
}

#[tokio::test]
async fn what_is_from_one_row_to_another_goes_in_every_order_and_nothing_beside_it() {
    let (_provider, world) = with_pins(300).await;
    for sort in [PinSort::Name, PinSort::Size, PinSort::Status, PinSort::PinnedAt] {
        for (descending, search) in [(false, ""), (true, ""), (true, "photo"), (false, "text")] {
            let query = PinQuery { sort, descending, search: search.into(), limit: 1_000, ..PinQuery::default() };
            let rows = world.engine.pins(query.clone()).await.unwrap().rows;
            let (first, last) = (7, rows.len() - 9);
            let (except, also) = ([rows[20].key()], [rows[2].key()]);
            // Whichever end was chosen first.
            for ends in [[&rows[first], &rows[last]], [&rows[last], &rows[first]]] {
                let pins = between(query.clone(), ends, &except, &also);
                let contents = world.engine.contents(pins.clone()).await.unwrap();
                let expected =
                    rows.iter().enumerate().filter(|(at, _)| (first..=last).contains(at) && *at != 20 || *at == 2);
                let expected: Vec<_> = expected.map(|(_, pin)| (pin.account.clone(), pin.held.cid)).collect();
                assert_eq!(contents, expected, "{query:?}");
                let impact = world.engine.unpin_impact(pins).await.unwrap();
                assert_eq!((impact.pins, impact.last_count), (expected.len() as u64, expected.len() as u64));
            }
            let ends = vec![rows[first].key(), rows[last].key()];
            let places = world.engine.places(query, ends).await.unwrap();
            assert_eq!(places, [Some(first as u64), Some(last as u64)]);
        }
    }
    let query = PinQuery { limit: 1_000, ..PinQuery::default() };
    let rows = world.engine.pins(query.clone()).await.unwrap().rows;
    let pins = || between(query.clone(), [&rows[10], &rows[109]], &[], &[]);
    let error = world.engine.unpin(pins(), 99, Grace::Waived).await.unwrap_err();
    assert!(matches!(error, Error::CountChanged { pins: 100, .. }), "{error}");
    let accepted = world.engine.unpin(pins(), 100, Grace::Waived).await.unwrap();
    eventually("they are gone", || async {
        let counts = world.engine.unpinning_counts(&accepted.unpinning).await.unwrap();
        (counts.done == 100).then_some(())
    })
    .await;
    let left = world.engine.pins(query.clone()).await.unwrap().rows;
    let left: Vec<_> = left.iter().map(Pin::key).collect();
    let expected: Vec<_> = rows[..10].iter().chain(&rows[110..]).map(Pin::key).collect();
    assert!(left == expected, "what is above and below stays as it was");
}

#[tokio::test]
async fn a_range_that_has_lost_an_end_is_none() {
    let (_provider, world) = with_pins(60).await;
    let query = PinQuery { limit: 100, ..PinQuery::default() };
    let rows = world.engine.pins(query.clone()).await.unwrap().rows;
    let id = world.unpin(&[rows[50].key()]).await.remove(0);
    world.end_of(&id).await;
    let pins = between(query.clone(), [&rows[3], &rows[50]], &[], &[]);
    assert_eq!(world.engine.unpin(pins.clone(), 48, Grace::Given).await.unwrap_err().code(), Code::NotFound);
    assert_eq!(world.engine.contents(pins).await.unwrap_err().code(), Code::NotFound);
    let places = world.engine.places(query, vec![rows[3].key(), rows[50].key()]).await.unwrap();
    assert_eq!(places, [Some(3), None]);
    assert_eq!(world.engine.unpinnings().await.unwrap(), []);
}

#[tokio::test]
async fn many_that_are_named_go_only_when_their_number_is_confirmed_too() {
    let (_provider, world) = with_pins(60).await;
    let keys: Vec<PinKey> = world.pins().await.iter().map(Pin::key).collect();
    let error = world.engine.unpin(PinSet::Named(keys.clone()), 59, Grace::Given).await.unwrap_err();
    assert!(matches!(error, Error::CountChanged { pins: 60, confirmed: 59 }), "{error}");
    let accepted = world.engine.unpin(PinSet::Named(keys), 60, Grace::Given).await.unwrap();
    assert_eq!((accepted.pins, accepted.transfers.len()), (60, 60));
}

#[tokio::test]
async fn a_few_that_match_go_without_their_number_and_the_last_copy_is_told() {
    let (_provider, world) = with_pins(9).await;
    let impact = world.engine.unpin_impact(matching("", &[])).await.unwrap();
    assert_eq!((impact.last_count, impact.last.len()), (9, 8));
    assert_eq!(world.engine.unpin(matching("", &[]), 0, Grace::Given).await.unwrap().pins, 9);
}

/// What differs between two looks at the table.
fn rows(pins: &[Pin]) -> Vec<(PinKey, String, PinStatus)> {
    pins.iter().map(|pin| (pin.key(), pin.name(), pin.held.status)).collect()
}

#[tokio::test]
async fn for_ten_seconds_nothing_is_sent_and_everything_can_be_undone() {
    let (provider, world) = with_pins(4_000).await;
    let before = rows(&world.pins().await);
    let accepted = world.engine.unpin(matching("", &[]), 4_000, Grace::Given).await.unwrap();
    world.clock.advance(Duration::from_millis(9_900));
    let [told] = &world.engine.unpinnings().await.unwrap()[..] else { panic!("one unpinning") };
    assert_eq!((&told.id, told.pins, told.begins_in), (&accepted.unpinning, 4_000, Duration::from_millis(100)));
    // A look at the queue does not begin it either.
    world.engine.resume(None).await.unwrap();
    let undone = world.engine.undo_unpin(&accepted.unpinning).await.unwrap();
    assert_eq!((undone.pins, undone.begun), (4_000, 0));
    world.clock.advance(Duration::from_secs(60));
    assert_eq!(world.engine.unpinnings().await.unwrap(), []);
    assert_eq!(world.engine.undo_unpin(&accepted.unpinning).await.unwrap_err().code(), Code::NotFound);
    // Whatever is sent from then on, it is none of them.
    let one = world.unpin(&[before[0].0.clone()]).await;
    assert_eq!(world.end_of(&one[0]).await.state, TransferState::Done);
    assert_eq!(provider.count(Call::Unpin), 1);
    assert!(rows(&world.pins().await)[..999] == before[1..], "the rows are as before");
    assert_eq!(world.engine.transfers(10).await.unwrap().1.waiting, 0);
}

#[tokio::test]
async fn what_can_be_undone_is_no_part_of_the_progress_and_does_not_count_as_waiting() {
    let (_provider, world) = with_pins(300).await;
    let keys: Vec<PinKey> = world.pins().await.iter().take(2).map(Pin::key).collect();
    world.engine.unpin(PinSet::Named(keys.clone()), 2, Grace::Given).await.unwrap();
    world.engine.unpin(matching("", &keys), 298, Grace::Given).await.unwrap();
    let counts = world.engine.transfer_counts().await.unwrap();
    assert_eq!((counts.waiting, counts.undoable), (0, 300));
    assert_eq!(world.engine.queue_totals().await.unwrap(), Default::default());
    let (_, batches) = world.engine.batches(0, 10).await.unwrap();
    assert_eq!(batches.iter().map(|batch| batch.counts.undoable).sum::<u64>(), 300);
    assert!(batches.iter().all(|batch| batch.counts.waiting == 0 && batch.next_try.is_some()));

    // What is sent beside it counts as ever, and so does what cannot be undone any more.
    world.engine.pause(None).await.unwrap();
    world.clock.advance(Duration::from_secs(11));
    assert_eq!(world.engine.queue_totals().await.unwrap().transfers, 300);
    let counts = world.engine.transfer_counts().await.unwrap();
    assert_eq!((counts.queued + counts.waiting, counts.undoable), (300, 0));
}

#[tokio::test]
async fn after_ten_seconds_it_begins_by_itself_whatever_the_clock_is_set_to() {
    let (provider, world) = with_pins(3).await;
    let keys: Vec<PinKey> = world.pins().await.iter().map(Pin::key).collect();
    let accepted = world.engine.unpin(PinSet::Named(keys), 3, Grace::Given).await.unwrap();
    let TransferState::Undoable { until } = world.transfer(&accepted.transfers[0]).await.state else { panic!() };
    assert_eq!(until, world.clock.now().plus(Duration::from_secs(10)));
    world.clock.set_wall(world.clock.now().plus(Duration::from_secs(365 * 86_400)));
    world.clock.advance(Duration::from_secs(9));
    world.engine.resume(None).await.unwrap();
    eventually("the queue has seen the clock", || async {
        let waits = world.engine.unpinnings().await.unwrap();
        (waits.len() == 1 && waits[0].begins_in <= Duration::from_secs(1)).then_some(())
    })
    .await;
    assert_eq!(provider.count(Call::Unpin), 0);
    world.clock.advance(Duration::from_secs(1));
    for id in &accepted.transfers {
        assert_eq!(world.end_of(id).await.state, TransferState::Done);
    }
    assert_eq!(provider.count(Call::Unpin), 3);
    let counts = world.engine.unpinning_counts(&accepted.unpinning).await.unwrap();
    assert_eq!((counts.done, counts.waiting), (3, 0));
}

#[tokio::test]
async fn what_can_be_undone_can_be_undone_after_a_restart_and_waits_no_longer_than_it_would_have() {
    let (provider, world) = with_pins(100).await;
    let accepted = world.engine.unpin(matching("", &[]), 100, Grace::Given).await.unwrap();
    world.clock.advance(Duration::from_secs(4));
    let world = world.restart().await;
    assert_eq!(world.engine.unpinnings().await.unwrap()[0].begins_in, Duration::from_secs(6));
    // A clock that was set back meanwhile makes nothing wait for a year.
    world.clock.set_wall(world.clock.now().minus(Duration::from_secs(365 * 86_400)));
    let world = world.restart().await;
    // The engine that ended may have noticed and left 6 seconds; else all ten are given again.
    let begins_in = world.engine.unpinnings().await.unwrap()[0].begins_in;
    assert!(begins_in <= Duration::from_secs(10), "{begins_in:?}");
    world.clock.advance(Duration::from_secs(5));
    assert_eq!(world.engine.undo_unpin(&accepted.unpinning).await.unwrap().pins, 100);
    assert_eq!((provider.count(Call::Unpin), world.pins().await.len()), (0, 100));
}

#[tokio::test]
async fn what_has_begun_is_told_when_it_is_undone_too_late() {
    let (provider, world) = with_pins(60).await;
    provider.fail_always(Call::Unpin, Fault::Status { status: 403, retry_after: None, message: "no" });
    let accepted = world.engine.unpin(matching("", &[]), 60, Grace::Waived).await.unwrap();
    eventually("all have been tried", || async {
        let counts = world.engine.unpinning_counts(&accepted.unpinning).await.unwrap();
        (counts.failed == 60).then_some(())
    })
    .await;
    let undone = world.engine.undo_unpin(&accepted.unpinning).await.unwrap();
    assert_eq!((undone.pins, undone.begun), (0, 60));
}

#[tokio::test]
async fn a_second_click_unpins_nothing_more_and_leaves_the_first_to_be_undone() {
    let (_provider, world) = with_pins(2).await;
    let keys: Vec<PinKey> = world.pins().await.iter().map(Pin::key).collect();
    let first = world.engine.unpin(PinSet::Named(keys.clone()), 2, Grace::Given).await.unwrap();
    let second = world.engine.unpin(PinSet::Named(keys), 2, Grace::Given).await.unwrap();
    assert_eq!(second.transfers, first.transfers);
    let [told] = &world.engine.unpinnings().await.unwrap()[..] else { panic!("one unpinning") };
    assert_eq!((&told.id, told.pins), (&first.unpinning, 2));
}
