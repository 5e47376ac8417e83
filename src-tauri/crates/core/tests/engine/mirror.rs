//! The mirror ends up as the provider's list is, whatever moved meanwhile, and loses nothing on the way.

use std::time::Duration;

use holdfast_content::{Cid, Profile};
use holdfast_core::{
    Code,
    account::{AccountId, AccountState},
    clock::UnixMillis,
    pin::{PinQuery, PinStatus},
};
use holdfast_testkit::{Call, FakeProvider, Fault, Pins, Totals, World, WorldBuilder, eventually, identified};
use tokio_util::sync::CancellationToken;

const MANY: u64 = 1_250;

fn cid(number: u64) -> Cid {
    identified(&number.to_le_bytes(), Profile::UNIXFS_V1_2025).cid
}

fn fill(pins: &mut Pins, numbers: impl Iterator<Item = u64>) {
    for number in numbers {
        pins.add(&cid(number), &format!("pin {number}")).size = Some(number);
    }
}

/// A provider with many pins, and an account whose first listing is over.
async fn listed() -> (FakeProvider, World, AccountId) {
    let (provider, world) = (FakeProvider::start(Profile::UNIXFS_V1_2025).await, World::start().await);
    provider.behave(|manners| manners.longest_page = 100);
    provider.pins(|pins| fill(pins, 0..MANY));
    let account = world.account(&provider, "one").await;
    eventually("the first listing is over", || async { (ids(&world).await.len() == MANY as usize).then_some(()) })
        .await;
    world.engine.refresh(Some(&account)).await.unwrap();
    world.clock.advance(Duration::from_secs(1));
    (provider, world, account)
}

/// The ids in the mirror, sorted, read page by page.
async fn ids(world: &World) -> Vec<String> {
    let mut ids = Vec::new();
    loop {
        let query = PinQuery { offset: ids.len() as u64, limit: 500, ..PinQuery::default() };
        let page = world.engine.pins(query).await.unwrap();
        if page.rows.is_empty() {
            ids.sort();
            return ids;
        }
        ids.extend(page.rows.into_iter().map(|pin| pin.held.id.0));
    }
}

/// Deletes and inserts while a list of `MANY` is being paged through.
fn churn(pins: &mut Pins, offset: u64) {
    let newest: Vec<String> = pins.all().iter().rev().take(300).map(|pin| pin.id.clone()).collect();
    match offset {
        190..290 => pins.remove(|pin| newest[3..60].contains(&pin.id)),
        390..490 => fill(pins, 10_000..10_007),
        590..690 => pins.remove(|pin| pin.name.as_deref().is_some_and(|name| name.ends_with('3'))),
        790..890 => {
            pins.remove(|pin| newest[..2].contains(&pin.id));
            fill(pins, 20_000..20_002);
        }
        _ => {}
    }
}

#[tokio::test]
async fn a_list_that_moves_while_it_is_read_is_mirrored_exactly() {
    for totals in [Totals::Honest, Totals::Absent, Totals::Always(0), Totals::Always(1_000_000)] {
        for longest_page in [37, 100] {
            let (provider, world, account) = listed().await;
            provider.behave(|manners| (manners.totals, manners.longest_page) = (totals, longest_page));
            let (mut is_first_pass, clock) = (true, world.clock.clone());
            provider.between_pages(move |pins, offset| {
                clock.advance(Duration::from_millis(1));
                is_first_pass &= offset < 900;
                if is_first_pass {
                    churn(pins, offset);
                }
            });
            world.engine.refresh(Some(&account)).await.unwrap();
            assert_eq!(ids(&world).await, provider.pins(|pins| pins.ids()), "{totals:?}, pages of {longest_page}");
        }
    }
}

#[tokio::test]
async fn a_list_that_never_stands_still_loses_no_pin_that_is_there() {
    let (provider, world, account) = listed().await;
    let (mut next, clock) = (50_000, world.clock.clone());
    provider.between_pages(move |pins, _| {
        clock.advance(Duration::from_millis(1));
        next += 1;
        let oldest_new = pins.all().iter().rev().nth(20).map(|pin| pin.id.clone());
        pins.remove(|pin| Some(&pin.id) == oldest_new.as_ref());
        if next % 3 == 0 {
            fill(pins, next..next + 1);
        }
    });
    world.engine.refresh(Some(&account)).await.unwrap();
    let mirrored = ids(&world).await;
    let old = provider.pins(|pins| {
        pins.all().iter().filter(|pin| pin.size < Some(MANY)).map(|pin| pin.id.clone()).collect::<Vec<_>>()
    });
    assert!(old.iter().all(|id| mirrored.contains(id)));
}

#[tokio::test]
async fn pins_vanish_only_after_a_listing_that_came_to_its_end() {
    let (provider, world, account) = listed().await;
    provider.pins(|pins| pins.remove(|pin| pin.size.is_some_and(|size| size % 2 == 0)));
    let faults = [
        Fault::Status { status: 500, retry_after: None, message: "no" },
        Fault::ReplyLost,
        Fault::TruncatedAnswer,
        Fault::WebPage(200),
    ];
    for fault in faults {
        provider.fail(Call::List, Fault::Nothing);
        provider.fail(Call::List, Fault::Nothing);
        provider.fail(Call::List, fault);
        world.engine.refresh(Some(&account)).await.unwrap_err();
        assert_eq!(ids(&world).await.len(), MANY as usize);
    }
    world.engine.refresh(Some(&account)).await.unwrap();
    assert_eq!(ids(&world).await, provider.pins(|pins| pins.ids()));
}

#[tokio::test]
async fn an_account_that_cannot_be_listed_does_not_hold_up_another() {
    let (bad, good) =
        (FakeProvider::start(Profile::UNIXFS_V1_2025).await, FakeProvider::start(Profile::UNIXFS_V1_2025).await);
    let world = World::start().await;
    let (first, _) = (world.account(&bad, "bad").await, world.account(&good, "good").await);
    eventually("both are listed", || async { (bad.count(Call::List) > 0 && good.count(Call::List) > 0).then_some(()) })
        .await;
    good.pins(|pins| fill(pins, 0..5));
    bad.fail_always(Call::List, Fault::Status { status: 401, retry_after: None, message: "no" });
    assert_eq!(world.engine.refresh(None).await.unwrap_err().code(), Code::Unauthorized);
    assert_eq!(ids(&world).await.len(), 5);
    let views = world.engine.accounts().await.unwrap();
    let bad_view = views.iter().find(|view| view.account.id == first).unwrap();
    assert!(matches!(bad_view.state, AccountState::Failed { code: Code::Unauthorized, .. }));
}

#[tokio::test]
async fn history_is_not_shown_and_what_the_service_removed_by_itself_is() {
    let (provider, world) = (FakeProvider::start(Profile::UNIXFS_V1_2025).await, World::start().await);
    provider.pins(|pins| {
        for (number, (status, pinned)) in (0..).zip([
            ("unpinNormally", false),
            ("unpinOutOfMoney", false),
            ("pinned", true),
            ("retrieveFailed", false),
        ]) {
            let pin = pins.add(&cid(number), status);
            (pin.status, pin.pinned) = (status.into(), pinned);
        }
    });
    let account = world.account(&provider, "one").await;
    world.engine.refresh(Some(&account)).await.unwrap();
    let pins = world.pins().await;
    let shown: Vec<_> = pins.iter().map(|pin| (pin.held.raw_status.as_str(), pin.held.status)).collect();
    let expected = [
        ("pinned", PinStatus::Pinned),
        ("retrieveFailed", PinStatus::Failed),
        ("unpinOutOfMoney", PinStatus::Unpinned),
    ];
    assert_eq!(shown, expected);
    assert!(pins[2].held.message.as_deref().is_some_and(|message| message.contains("balance")));
    assert_eq!(pins[0].held.pinned_at.map(|at| at.to_rfc3339()).as_deref(), Some("2025-01-01T00:00:03.123Z"));
}

#[tokio::test]
async fn one_row_that_cannot_be_understood_hides_no_other_and_removes_nothing() {
    let (provider, world) = (FakeProvider::start(Profile::UNIXFS_V1_2025).await, World::start().await);
    provider.pins(|pins| fill(pins, 0..3));
    let account = world.account(&provider, "one").await;
    world.engine.refresh(Some(&account)).await.unwrap();
    world.clock.advance(Duration::from_secs(1));
    provider.pins(|pins| {
        let id = pins.all()[1].id.clone();
        pins.get(&id).unwrap().cid = "no CID".into();
        fill(pins, 3..4);
    });
    world.engine.refresh(Some(&account)).await.unwrap();
    assert_eq!(ids(&world).await, provider.pins(|pins| pins.ids()));
}

#[tokio::test]
async fn a_clock_that_is_set_back_removes_nothing() {
    let (provider, world, account) = listed().await;
    let clock = world.clock.clone();
    provider.between_pages(move |_, offset| {
        if offset == 0 {
            clock.set_wall(UnixMillis(1_600_000_000_000));
        }
    });
    world.engine.refresh(Some(&account)).await.unwrap();
    assert_eq!(ids(&world).await.len(), MANY as usize);
}

#[tokio::test]
async fn what_was_seen_while_the_clock_was_ahead_vanishes_like_anything_else() {
    let (provider, world) = (FakeProvider::start(Profile::UNIXFS_V1_2025).await, World::start().await);
    world.clock.set_wall(UnixMillis(1_900_000_000_000));
    provider.pins(|pins| fill(pins, 0..3));
    let account = world.account(&provider, "one").await;
    world.engine.refresh(Some(&account)).await.unwrap();
    world.clock.set_wall(UnixMillis(1_600_000_000_000));
    provider.pins(|pins| pins.remove(|pin| pin.size == Some(1)));
    world.engine.refresh(Some(&account)).await.unwrap();
    assert_eq!(ids(&world).await, provider.pins(|pins| pins.ids()));
}

#[tokio::test]
async fn a_list_that_hardly_moves_holds_up_no_other_account() {
    let (slow, quick) =
        (FakeProvider::start(Profile::UNIXFS_V1_2025).await, FakeProvider::start(Profile::UNIXFS_V1_2025).await);
    let world = WorldBuilder::default().with_background().start().await;
    world.account(&slow, "slow").await;
    world.account(&quick, "quick").await;
    let answer = CancellationToken::new();
    slow.fail_always(Call::List, Fault::ReplyHeld(answer.clone()));
    for pins in 1..4 {
        quick.pins(|held| fill(held, pins..pins + 1));
        eventually("the quick account is listed again", || async {
            world.clock.advance(Duration::from_secs(60));
            (ids(&world).await.len() as u64 == pins).then_some(())
        })
        .await;
    }
    assert!(!answer.is_cancelled());
}

#[tokio::test]
async fn pins_that_cannot_be_asked_about_hold_up_no_other() {
    let provider = FakeProvider::start(Profile::UNIXFS_V1_2025).await;
    let world = WorldBuilder::default().with_background().start().await;
    provider.pins(|pins| {
        fill(pins, 0..30);
        for id in pins.ids() {
            let pin = pins.get(&id).unwrap();
            (pin.status, pin.pinned) = ("queued".into(), false);
        }
    });
    let account = world.account(&provider, "one").await;
    world.engine.refresh(Some(&account)).await.unwrap();
    // Nobody learns it from a list.
    provider.fail_always(Call::List, Fault::ReplyLost);
    provider.pins(|pins| {
        for id in pins.ids() {
            let pin = pins.get(&id).unwrap();
            match &pin.name {
                Some(name) if name == "pin 29" => (pin.status, pin.pinned) = ("pinned".into(), true),
                _ => pin.cid = "no CID".into(),
            }
        }
    });
    eventually("every pin had its turn", || async {
        world.clock.advance(Duration::from_secs(10));
        world.pins().await.iter().any(|pin| pin.held.status == PinStatus::Pinned).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_was_known_of_other_content_is_not_said_of_an_ids_new_one() {
    let (provider, world) = (FakeProvider::start(Profile::UNIXFS_V1_2025).await, World::start().await);
    provider.pins(|pins| fill(pins, 7..8));
    let account = world.account(&provider, "one").await;
    world.engine.refresh(Some(&account)).await.unwrap();
    let before = world.pins().await.remove(0).held;
    assert_eq!((before.name.as_deref(), before.bytes), (Some("pin 7"), Some(7)));
    let rename = |number| {
        provider.pins(|pins| {
            let pin = pins.get(&before.id.0).unwrap();
            (pin.cid, pin.name, pin.size) = (cid(number).to_string(), None, None);
        });
    };
    rename(7);
    world.engine.refresh(Some(&account)).await.unwrap();
    let same = world.pins().await.remove(0).held;
    assert_eq!((same.name.as_deref(), same.bytes), (Some("pin 7"), Some(7)));
    rename(8);
    world.engine.refresh(Some(&account)).await.unwrap();
    let other = world.pins().await.remove(0).held;
    assert_eq!((other.cid, other.name, other.bytes), (cid(8), None, None));
}

#[tokio::test]
async fn a_version_0_cid_and_its_version_1_are_copies_of_each_other() {
    let (one, two) =
        (FakeProvider::start(Profile::UNIXFS_V1_2025).await, FakeProvider::start(Profile::UNIXFS_V1_2025).await);
    let v0 = identified(b"the same", Profile::UNIXFS_V0_2015).cid;
    one.pins(|pins| pins.add(&v0, "v0").size = None);
    two.pins(|pins| pins.add(&Cid::new_v1(v0.codec(), *v0.hash()), "v1").size = None);
    let world = World::start().await;
    for (provider, name) in [(&one, "one"), (&two, "two")] {
        world.engine.refresh(Some(&world.account(provider, name).await)).await.unwrap();
    }
    for pin in world.pins().await {
        assert_eq!(world.engine.pin_details(&pin.key()).await.unwrap().others.len(), 1);
    }
}

#[tokio::test]
async fn a_list_that_takes_a_while_says_how_far_it_is_read_and_a_short_one_nothing() {
    let (provider, world, account) = listed().await;
    let reading = || async { world.engine.accounts().await.unwrap().remove(0).reading };
    let clock = world.clock.clone();
    provider.between_pages(move |_, _| clock.advance(Duration::from_millis(600)));
    let (mut changes, mut told) = (world.engine.changes(), Vec::new());
    let mut refresh = Box::pin(world.engine.refresh(Some(&account)));
    loop {
        tokio::select! {
            refreshed = &mut refresh => break refreshed.unwrap(),
            Ok(_) = changes.recv() => told.extend(reading().await),
        }
    }
    assert!(told.iter().any(|pins| (200..MANY).contains(pins)) && told.is_sorted(), "{told:?}");
    assert!(told.len() <= 9, "not with every page: {told:?}");
    assert_eq!(reading().await, None);
    provider.between_pages(|_, _| {});
    let mut changes = world.engine.changes();
    world.engine.refresh(Some(&account)).await.unwrap();
    assert_eq!(std::iter::from_fn(|| changes.try_recv().ok()).count(), 1, "only that it was listed");
}
