//! Asking accounts for their copies: what is missing or damaged there is said as that, for every pin, and kept; what is known of
//! content is known at every account; two views of one login are one copy.

use std::sync::{Arc, Mutex};

use holdfast_content::{Extent, Profile};
use holdfast_core::{
    Background, CheckRun, Error, Remains,
    account::{AccountEdit, AccountId, SameLogin},
    pin::{ContentProof, Matching, Metadata, Pin, PinKey, PinQuery, PinSet, Standing},
    proof::{CopyCheck, CopyState, Doubt, Finding, Scope, USUAL_EXTENT},
};
use holdfast_testkit::{
    Call, FakeProvider, Fault, World, WorldBuilder, bytes_of,
    crafted::{Crafted, CraftedLink},
    eventually, identified,
};
use tokio_util::sync::CancellationToken;

/// Many chunks.
const BYTES: usize = 600_000;

const NOT_THERE: Fault = Fault::Status { status: 404, retry_after: None, message: "not found" };

async fn with_gateway(layout: Profile) -> (FakeProvider, World, AccountId) {
    let (provider, world) = (FakeProvider::start(layout).await, WorldBuilder::default().real_time().start().await);
    provider.open_gateway();
    let account = world.account(&provider, "one").await;
    (provider, world, account)
}

/// Asks for the copies of these pins.
async fn check(world: &World, pins: &[Pin], extent: Extent) -> Vec<CopyCheck> {
    let checks = Mutex::new(Vec::new());
    let run = CheckRun::of(&world.engine);
    let keys = PinSet::Named(pins.iter().map(Pin::key).collect());
    let checked = |checked: holdfast_core::CheckedPin| checks.lock().unwrap().push(checked.check);
    world.engine.check_copies(keys, extent, &run, checked).await.unwrap();
    assert_eq!(run.progress().pins_done, pins.len() as u64);
    checks.into_inner().unwrap()
}

async fn standing(world: &World, key: &PinKey) -> Standing {
    world.engine.pin_details(key).await.unwrap().pin.standing()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_block_is_asked_for_once_and_hashed_here() {
    let (provider, world, account) = with_gateway(Profile::UNIXFS_V1_2025.custom(10_000, 7)).await;
    world.upload(&account, &world.write("large", &bytes_of(1, BYTES))).await;
    let pin = world.pins().await.remove(0);
    assert_eq!(pin.standing(), Standing::Verified, "nobody asked the service for its blocks yet");
    let before = provider.count(Call::Block);
    let released = CancellationToken::new();
    provider.fail(Call::Block, Fault::Nothing);
    provider.fail_always(Call::Block, Fault::Held(released.clone()));
    let releasing = async {
        let several = || async { (provider.under_way(Call::Block) > 1).then_some(()) };
        eventually("the root's children are asked for at once", several).await;
        released.cancel();
    };
    let (checks, ()) = tokio::join!(check(&world, std::slice::from_ref(&pin), Extent::Whole), releasing);
    let asked = provider.count(Call::Block) - before;
    assert!(asked > 60, "{asked}");
    assert_eq!((checks[0].state, checks[0].scope), (CopyState::Sound, Scope::All { blocks: asked as u64 }));
    assert!(provider.most_at_once(Call::Block) <= 8, "{}", provider.most_at_once(Call::Block));
    assert_eq!(standing(&world, &pin.key()).await, Standing::Retrievable);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_and_a_missing_block_are_told_as_that_and_outlast_a_restart() {
    let (provider, world, account) = with_gateway(Profile::UNIXFS_V1_2025.custom(10_000, 7)).await;
    world.upload(&account, &world.write("large", &bytes_of(2, BYTES))).await;
    let pin = world.pins().await.remove(0);
    for (fault, state, word, standing_then) in [
        (Fault::WrongBytes, CopyState::Damaged, "is damaged (from byte ", Standing::Damaged),
        (NOT_THERE, CopyState::Missing, "is missing (from byte ", Standing::Missing),
        (
            Fault::StatusWith { status: 500, headers: &[("x-holdfast-block", "damaged")], message: "damaged" },
            CopyState::Damaged,
            "is damaged (from byte ",
            Standing::Damaged,
        ),
    ] {
        provider.fail(Call::Block, Fault::Nothing);
        provider.fail(Call::Block, fault.clone());
        let found = check(&world, std::slice::from_ref(&pin), USUAL_EXTENT).await.remove(0);
        assert_eq!((found.state, found.faults.len()), (state, 1), "{fault:?}: {found:?}");
        let reason = found.reason.unwrap();
        assert!(reason.contains(word) && reason.contains(&found.faults[0].cid.to_string()), "{reason}");
        assert_eq!(standing(&world, &pin.key()).await, standing_then, "{fault:?}");
    }
    // What cannot be said later takes nothing back.
    provider.fail_always(Call::Block, Fault::Status { status: 403, retry_after: None, message: "no" });
    let found = check(&world, std::slice::from_ref(&pin), USUAL_EXTENT).await.remove(0);
    assert_eq!(found.state, CopyState::Unknown(Doubt::Refused));
    let world = world.restart().await;
    let details = world.engine.pin_details(&pin.key()).await.unwrap();
    assert_eq!(details.pin.standing(), Standing::Damaged);
    let states: Vec<_> = details.checks.iter().map(|check| check.finding.clone()).collect();
    assert_eq!(states.len(), 4);
    assert!(matches!(states[0], Finding::Copy { state: CopyState::Unknown(Doubt::Refused), .. }), "{states:?}");
    assert!(matches!(states[3], Finding::Copy { state: CopyState::Damaged, .. }), "{states:?}");
    provider.heal();
    check(&world, std::slice::from_ref(&pin), USUAL_EXTENT).await;
    assert_eq!(standing(&world, &pin.key()).await, Standing::Retrievable);
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_that_are_whole_and_contradict_one_another_are_told_as_that() {
    let (provider, world, account) = with_gateway(Profile::UNIXFS_V1_2025).await;
    let mut crafted = Crafted::default();
    let leaf = crafted.raw(b"four");
    let root = crafted.file(&[CraftedLink::new(leaf, "", 5)]);
    provider.plant_blocks(crafted.into_blocks());
    let asked = world.engine.pin(&account, root, None, Metadata::new()).await.unwrap();
    world.end_of(&asked).await;
    let pin = world.pins().await.remove(0);
    let found = check(&world, std::slice::from_ref(&pin), USUAL_EXTENT).await.remove(0);
    assert_eq!((found.state, found.faults.len()), (CopyState::Contradictory, 0), "{found:?}");
    assert!(found.reason.unwrap().contains("nobody can read them"));
    assert_eq!(standing(&world, &pin.key()).await, Standing::Contradictory);
    let world = world.restart().await;
    assert_eq!(standing(&world, &pin.key()).await, Standing::Contradictory);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_is_told_as_one() {
    let (_provider, world, account) = with_gateway(Profile::UNIXFS_V1_2025.custom(300_000, 7)).await;
    world.upload(&account, &world.write("large", &bytes_of(3, 63 * 300_000))).await;
    let pin = world.pins().await.remove(0);
    let extent = Extent::Sample { parts: 62, bytes: u64::MAX, drawn: 20 };
    let found = check(&world, std::slice::from_ref(&pin), extent).await.remove(0);
    assert_eq!((found.state, found.scope), (CopyState::Sound, Scope::Sample { blocks: 32, of: 75 }));
    let details = world.engine.pin_details(&pin.key()).await.unwrap();
    assert_eq!(details.pin.standing(), Standing::Sampled);
    assert!(matches!(details.checks[0].finding, Finding::Copy { scope: Scope::Sample { blocks: 32, of: 75 }, .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pin_that_was_not_uploaded_from_here_is_asked_for_too() {
    let (provider, world, account) = with_gateway(Profile::UNIXFS_V1_2025).await;
    let cid = identified(b"from elsewhere", Profile::UNIXFS_V1_2025).cid;
    provider.pins(|pins| pins.add(&cid, "elsewhere").id.clone());
    world.engine.refresh(Some(&account)).await.unwrap();
    let pin = world.pins().await.remove(0);
    let found = check(&world, std::slice::from_ref(&pin), USUAL_EXTENT).await.remove(0);
    assert_eq!(found.state, CopyState::Missing);
    assert!(found.reason.unwrap().contains("is missing (the first one)"));
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_match_are_asked_for_by_their_question_and_none_beside_them() {
    let (provider, world, account) = with_gateway(Profile::UNIXFS_V1_2025).await;
    let other = world.account(&provider, "other").await;
    for number in 0..9u8 {
        let at = if number % 3 == 0 { &other } else { &account };
        world
            .upload(at, &world.write(&format!("{}-{number}", if number < 6 { "photo" } else { "text" }), &[number; 90]))
            .await;
    }
    let pins = world.pins().await;
    let photos: Vec<_> = pins.iter().filter(|pin| pin.name().starts_with("photo")).map(Pin::key).collect();
    let query = PinQuery { search: "photo".into(), ..PinQuery::default() };
    let matching = Matching { except: photos[..1].to_vec(), ..query.into() };
    let (run, asked) = (CheckRun::of(&world.engine), Mutex::new(Vec::new()));
    let checked = |checked: holdfast_core::CheckedPin| asked.lock().unwrap().push(checked.pin.key());
    world.engine.check_copies(PinSet::Matching(matching), USUAL_EXTENT, &run, checked).await.unwrap();
    let mut asked = asked.into_inner().unwrap();
    asked.sort();
    let mut expected = photos[1..].to_vec();
    expected.sort();
    assert_eq!(asked, expected);
    assert_eq!((run.progress().pins_done, run.progress().pins_total), (5, 5));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_are_asked_for_one_copy_of_an_account_at_a_time_and_can_be_stopped() {
    let (provider, world, account) = with_gateway(Profile::UNIXFS_V1_2025).await;
    for number in 0..12u8 {
        world.upload(&account, &world.write(&format!("{number:02}"), &[number; 100])).await;
    }
    let pins = world.pins().await;
    let checks = check(&world, &pins, USUAL_EXTENT).await;
    assert!(checks.iter().all(|check| check.state == CopyState::Sound), "{checks:?}");
    assert_eq!((checks.len(), provider.most_at_once(Call::Block)), (12, 1), "each is one block");

    provider.fail(Call::Block, Fault::Nothing);
    provider.fail_always(Call::Block, Fault::StallAfter(0));
    let (run, before) = (CheckRun::of(&world.engine), Arc::new(Mutex::new(0)));
    let keys = PinSet::Named(pins.iter().map(Pin::key).collect());
    let checking = world.engine.check_copies(keys, USUAL_EXTENT, &run, |_| *before.lock().unwrap() += 1);
    let stopping = async {
        eventually("the second is asked for", || async { (run.progress().pins_done == 1).then_some(()) }).await;
        run.stop();
    };
    let (ended, ()) = tokio::join!(checking, stopping);
    assert!(matches!(ended, Err(Error::Cancelled)), "{ended:?}");
    assert_eq!(*before.lock().unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_does_not_answer_is_not_asked_for_every_one_of_many() {
    let (provider, world, account) = with_gateway(Profile::UNIXFS_V1_2025).await;
    for number in 0..10u8 {
        world.upload(&account, &world.write(&format!("{number}"), &[number; 100])).await;
    }
    provider.fail_always(Call::Block, Fault::Status { status: 503, retry_after: Some(0), message: "later" });
    let before = provider.count(Call::Block);
    let checks = check(&world, &world.pins().await, USUAL_EXTENT).await;
    assert!(checks.iter().all(|check| check.state == CopyState::Unknown(Doubt::Unavailable)), "{checks:?}");
    assert_eq!((checks.len(), provider.count(Call::Block) - before), (10, 9), "three copies, three tries each");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_without_a_gateway_cannot_be_asked_for_and_says_why() {
    let (provider, world) = (FakeProvider::start(Profile::UNIXFS_V1_2025).await, World::start().await);
    let account = world.account(&provider, "one").await;
    let none = AccountEdit { gateway: Some(String::new()), ..AccountEdit::default() };
    world.engine.edit_account(&account, none).await.unwrap();
    world.upload(&account, &world.write("a", b"abc")).await;
    let pin = world.pins().await.remove(0);
    let found = check(&world, std::slice::from_ref(&pin), USUAL_EXTENT).await.remove(0);
    assert_eq!(found.state, CopyState::Unknown(Doubt::NoGateway));
    assert_eq!(standing(&world, &pin.key()).await, Standing::Verified, "nothing was found out");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_here_is_known_of_the_content_at_every_account_and_a_copy_is_only_its_own() {
    let (one, world, first) = with_gateway(Profile::UNIXFS_V1_2025).await;
    let other = FakeProvider::start(Profile::UNIXFS_V1_2025).await;
    other.open_gateway();
    let cid = identified(b"abc", Profile::UNIXFS_V1_2025).cid;
    other.pins(|pins| pins.add(&cid, "of another program").id.clone());
    let second = world.account(&other, "two").await;
    world.engine.refresh(Some(&second)).await.unwrap();
    let at = |account: AccountId| {
        let world = &world;
        async move { world.pins().await.into_iter().find(|pin| pin.account == account).unwrap() }
    };
    assert_eq!(at(second.clone()).await.content, ContentProof::NotChecked);
    world.upload(&first, &world.write("a", b"abc")).await;
    assert_eq!(at(second.clone()).await.content, ContentProof::Verified);

    check(&world, &world.pins().await, USUAL_EXTENT).await;
    assert_eq!(at(first.clone()).await.standing(), Standing::Retrievable);
    let missing = at(second.clone()).await;
    assert_eq!(missing.standing(), Standing::Missing);
    // A copy that is not there is none.
    let details = world.engine.pin_details(&at(first.clone()).await.key()).await.unwrap();
    assert_eq!((details.others.len(), details.remains()), (1, Remains::No));
    // The account that the bytes were sent to may go: what was read here stays known.
    world.engine.remove_account(&first).await.unwrap();
    assert_eq!(at(second).await.content, ContentProof::Verified);
    drop(one);
}

#[tokio::test]
async fn two_views_of_one_login_are_one_copy() {
    let (provider, elsewhere) =
        (FakeProvider::start(Profile::UNIXFS_V1_2025).await, FakeProvider::start(Profile::UNIXFS_V1_2025).await);
    let world = World::start().await;
    let (first, again) = (world.account(&provider, "by key").await, world.account(&provider, "by another key").await);
    for name in ["a", "b"] {
        world.upload(&first, &world.write(name, name.as_bytes())).await;
    }
    world.engine.refresh(Some(&again)).await.unwrap();
    let of = |account: AccountId| {
        let world = &world;
        async move { world.pins().await.into_iter().filter(move |pin| pin.account == account).collect::<Vec<_>>() }
    };
    let mine = of(first.clone()).await;
    assert_eq!((mine.len(), of(again).await.len()), (2, 2));
    let details = world.engine.pin_details(&mine[0].key()).await.unwrap();
    assert_eq!((details.others.len(), details.others[0].same_login), (1, SameLogin::Yes));
    assert_eq!(details.remains(), Remains::No);

    let keys: Vec<_> = mine.iter().map(Pin::key).collect();
    let impact = world.engine.unpin_impact(PinSet::Named(keys.clone())).await.unwrap();
    assert_eq!((impact.last_count, impact.perhaps_last_count), (2, 0));
    assert_eq!(impact.last[0], ("a".into(), "by key".into()));
    // The same of a question as of keys.
    let all_of = |account: Option<AccountId>| PinSet::Matching(PinQuery { account, ..PinQuery::default() }.into());
    assert_eq!(world.engine.unpin_impact(all_of(Some(first.clone()))).await.unwrap(), impact);
    // A copy at another service is one, and only of what is there.
    let other = world.account(&elsewhere, "elsewhere").await;
    world.upload(&other, &world.files.path().join("a")).await;
    let impact = world.engine.unpin_impact(PinSet::Named(keys.clone())).await.unwrap();
    assert_eq!((impact.last_count, impact.last[0].0.as_str()), (1, "b"));
    assert_eq!(world.engine.unpin_impact(all_of(Some(first))).await.unwrap(), impact);
    // Unless it goes at the same time.
    let everything: Vec<_> = world.pins().await.iter().map(Pin::key).collect();
    for everything in [PinSet::Named(everything), all_of(None)] {
        let impact = world.engine.unpin_impact(everything).await.unwrap();
        assert_eq!((impact.pins, impact.last_count, impact.some.len(), impact.last.len()), (5, 5, 5, 5));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_of_one_pin_is_bounded_and_forgets_its_last_answer_for_no_number_of_doubts() {
    let (provider, world, account) = with_gateway(Profile::UNIXFS_V1_2025).await;
    world.upload(&account, &world.write("a", b"abc")).await;
    let pin = world.pins().await.remove(0);
    check(&world, std::slice::from_ref(&pin), USUAL_EXTENT).await;
    provider.fail_always(Call::Block, Fault::Status { status: 403, retry_after: None, message: "no" });
    for _ in 0..30 {
        check(&world, std::slice::from_ref(&pin), USUAL_EXTENT).await;
    }
    let world = world.restart_with(Background::TransfersOnly).await;
    let details = world.engine.pin_details(&pin.key()).await.unwrap();
    assert_eq!(details.checks.len(), 21);
    assert_eq!(details.pin.standing(), Standing::Retrievable);
}
