//! Checking an account: what is found out, and that nothing is left behind or touched.

use holdfast_content::Profile;
use holdfast_core::{
    Code,
    account::{AccountCard, AccountId, Deletion, Duplicates, Keep, ProviderKind},
    pin::{Metadata, PinStatus},
    provider::{Filter, PinRequest, Provider},
};
use holdfast_testkit::{Call, FakeProvider, Fault, World, WorldBuilder, bytes_of, eventually};
use tokio_util::sync::CancellationToken;

use super::pin_only::{PinOnly, service_draft, world_of};

const REFUSED: Fault = Fault::Status { status: 403, retry_after: None, message: "no" };

async fn scene() -> (FakeProvider, World, AccountId) {
    let provider = FakeProvider::start(Profile::KUBO_CIDV1_256K_174).await;
    let world = WorldBuilder::default().real_time().start().await;
    let account = world.account(&provider, "one").await;
    (provider, world, account)
}

async fn card(world: &World, account: &AccountId) -> AccountCard {
    world.engine.probe_account(account).await.unwrap().account.card.unwrap()
}

fn live_names(provider: &FakeProvider) -> Vec<Option<String>> {
    provider.pins(|pins| pins.all().iter().filter(|pin| pin.pinned).map(|pin| pin.name.clone()).collect())
}

#[tokio::test]
async fn a_check_finds_out_what_the_service_does_and_leaves_nothing_behind() {
    let (provider, world, account) = scene().await;
    world.upload(&account, &world.write("mine", b"abc")).await;
    let card = card(&world, &account).await;
    assert_eq!(card.profile.as_deref(), Some(Profile::KUBO_CIDV1_256K_174.name()));
    assert_eq!((card.duplicates, card.deletion), (Duplicates::AnotherPin, Deletion::AtOnce));
    assert!(card.upload.is_some() && card.page_rows.is_none() && card.notes.is_empty(), "{card:?}");
    assert_eq!(live_names(&provider), [Some("mine".into())]);
    assert_eq!(world.pins().await.len(), 1, "the user sees nothing of it");
    assert_eq!(world.engine.account(&account).await.unwrap().profile, Some(Profile::KUBO_CIDV1_256K_174));
    let world = world.restart().await;
    let kept = world.engine.account(&account).await.unwrap().card.unwrap();
    assert_eq!((&kept.profile, kept.deletion), (&card.profile, card.deletion));
}

#[tokio::test]
async fn a_card_says_how_long_a_page_is_and_what_is_refused() {
    let (provider, world, account) = scene().await;
    provider.behave(|manners| {
        manners.refuses_duplicates = true;
        manners.longest_page = 7;
    });
    for number in 0..20 {
        let cid = holdfast_testkit::identified(&bytes_of(number, 10), Profile::UNIXFS_V1_2025).cid;
        provider.pins(|pins| drop(pins.add(&cid, "mine").id.clone()));
    }
    let card = card(&world, &account).await;
    assert_eq!((card.page_rows, card.duplicates), (Some(7), Duplicates::Refused));
    assert_eq!(live_names(&provider).len(), 20);
}

#[tokio::test]
async fn a_layout_that_nobody_knows_is_said_in_words() {
    let provider = FakeProvider::start(Profile::UNIXFS_V1_2025.custom(100_000, 7)).await;
    let world = WorldBuilder::default().real_time().start().await;
    let account = world.account(&provider, "one").await;
    let card = card(&world, &account).await;
    assert_eq!(card.profile, None);
    assert!(card.notes[0].contains("no profile"), "{card:?}");
    assert!(live_names(&provider).is_empty());
}

#[tokio::test]
async fn whatever_fails_in_the_middle_nothing_is_left_behind() {
    for (call, fault) in [
        (Call::Upload, Fault::ReplyLost),
        (Call::Upload, Fault::TruncatedAnswer),
        (Call::Upload, REFUSED),
        (Call::Upload, Fault::ResetAfter(100_000)),
        (Call::Unpin, Fault::Status { status: 503, retry_after: None, message: "later" }),
        (Call::Unpin, Fault::ReplyLost),
        (Call::Get, REFUSED),
        (Call::Get, Fault::ReplyLost),
    ] {
        let (provider, world, account) = scene().await;
        world.upload(&account, &world.write("mine", b"abc")).await;
        for nothing in 0..2 {
            // The first request of its kind goes through in one run, in the other it does not.
            provider.heal();
            if nothing == 1 {
                provider.fail(call, Fault::Nothing);
            }
            provider.fail(call, fault.clone());
            drop(world.engine.probe_account(&account).await);
            assert_eq!(live_names(&provider), [Some("mine".into())], "{call:?} {fault:?} after {nothing}");
        }
    }
}

#[tokio::test]
async fn a_service_that_does_not_remove_says_so_and_the_next_check_removes_what_is_left() {
    let (provider, world, account) = scene().await;
    provider.fail_always(Call::Unpin, REFUSED);
    let first = card(&world, &account).await;
    assert_eq!(first.deletion, Deletion::Failed);
    assert!(first.notes.iter().any(|note| note.contains("next check")), "{first:?}");
    assert_eq!(live_names(&provider).len(), 2);
    provider.heal();
    let world = world.restart().await;
    let second = card(&world, &account).await;
    assert_eq!(second.deletion, Deletion::AtOnce);
    assert!(live_names(&provider).is_empty());
}

#[tokio::test]
async fn a_check_that_is_cut_off_is_cleaned_up_after_by_the_next() {
    let (provider, world, account) = scene().await;
    let held = CancellationToken::new();
    provider.fail(Call::Upload, Fault::ReplyHeld(held.clone()));
    provider.fail_always(Call::Unpin, Fault::ReplyLost);
    {
        let check = world.engine.probe_account(&account);
        tokio::pin!(check);
        let arrived =
            eventually("the file has arrived", || async { (!live_names(&provider).is_empty()).then_some(()) });
        tokio::select! {
            _ = &mut check => panic!("it ended"),
            () = arrived => {}
        }
        // Nor can it clean up.
        provider.fail_always(Call::List, REFUSED);
    }
    let world = world.restart().await;
    held.cancel();
    assert_eq!(live_names(&provider).len(), 1, "the service has it");
    provider.heal();
    card(&world, &account).await;
    assert!(live_names(&provider).is_empty());
}

#[tokio::test]
async fn what_another_computers_check_left_is_removed_and_a_file_with_such_a_name_is_not() {
    let (provider, world, account) = scene().await;
    let cid = holdfast_testkit::identified(b"x", Profile::UNIXFS_V1_2025).cid;
    provider.pins(|pins| {
        pins.add(&cid, "holdfast-check-mine.txt");
        let left = pins.add(&cid, "holdfast-check-abc.txt");
        left.keyvalues = Some([("holdfast-check".into(), "abc".into())].into_iter().collect());
    });
    card(&world, &account).await;
    assert_eq!(live_names(&provider), [Some("holdfast-check-mine.txt".into())]);
}

#[tokio::test]
async fn wrong_keys_end_a_check_before_anything_is_made() {
    let (provider, world, account) = scene().await;
    provider.fail_always(Call::Test, Fault::Status { status: 401, retry_after: None, message: "no" });
    let error = world.engine.probe_account(&account).await.unwrap_err();
    assert_eq!(error.code(), Code::Unauthorized);
    assert_eq!(provider.count(Call::Upload), 0);
    assert!(world.engine.account(&account).await.unwrap().card.is_none());
}

#[tokio::test]
async fn two_checks_of_an_account_do_not_run_at_once() {
    let (provider, world, account) = scene().await;
    let held = CancellationToken::new();
    provider.fail(Call::Upload, Fault::Held(held.clone()));
    let first = world.engine.probe_account(&account);
    let second = async {
        eventually("it uploads", || async { (provider.under_way(Call::Upload) > 0).then_some(()) }).await;
        let error = world.engine.probe_account(&account).await.unwrap_err();
        held.cancel();
        error
    };
    let (first, error) = tokio::join!(first, second);
    assert_eq!(error.code(), Code::InvalidInput);
    first.unwrap();
    assert!(live_names(&provider).is_empty());
}

/// A service that only pins by CID, with a pin of the user's.
async fn pin_only() -> (PinOnly, World, AccountId) {
    let (node, service) = (FakeProvider::start(Profile::UNIXFS_V1_2025).await, PinOnly::default());
    let world = world_of(&node, &service).real_time().start().await;
    let account = world.engine.add_account(service_draft(), Keep::Keyring).await.unwrap().account.id;
    let empty_directory = "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn".try_into().unwrap();
    let request = PinRequest { cid: &empty_directory, name: None, metadata: &Default::default(), origins: &[] };
    service.pin(request).await.unwrap();
    service.becomes(PinStatus::Pinned, "");
    (service, world, account)
}

fn pins_at(service: &PinOnly) -> Vec<String> {
    service.state().pins.iter().map(|pin| pin.id.0.clone()).collect()
}

#[tokio::test]
async fn where_no_files_are_taken_a_tiny_pin_is_tried_and_none_of_the_users_is_touched() {
    let (service, world, account) = pin_only().await;
    service.state().edits = true;
    let found = card(&world, &account).await;
    assert!(found.upload.is_none() && found.edit && found.notes.is_empty(), "{found:?}");
    assert_eq!((found.duplicates, found.deletion), (Duplicates::AnotherPin, Deletion::AtOnce));
    assert_eq!(found.filters, [Filter::Cid]);
    assert_eq!(pins_at(&service), ["pin-1"]);
    service.state().pins_once = true;
    assert_eq!(card(&world, &account).await.duplicates, Duplicates::SamePin);
    assert_eq!(pins_at(&service), ["pin-1"]);
    let view = world.engine.accounts().await.unwrap().remove(0);
    assert!(view.can_edit);
}

#[tokio::test]
async fn metadata_that_a_service_drops_is_not_on_the_card_and_not_taken_for_it() {
    let (service, world, account) = pin_only().await;
    service.state().drops_metadata = true;
    let found = card(&world, &account).await;
    assert!(!found.metadata && found.notes.iter().any(|note| note.contains("metadata")), "{found:?}");
    let metadata = Metadata::from([("key".into(), "value".into())]);
    let error = world.engine.pin_text(&account, "bafkqaaa", None, metadata).await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidInput);
}

#[tokio::test]
async fn a_node_that_keeps_names_alone_lets_them_be_changed() {
    let provider = FakeProvider::start_as(ProviderKind::Kubo, Profile::UNIXFS_V1_2025).await;
    let world = WorldBuilder::default().real_time().start().await;
    let account = world.account(&provider, "one").await;
    let found = card(&world, &account).await;
    assert!(found.edit && !found.metadata && found.notes.is_empty(), "{found:?}");
}

#[tokio::test]
async fn a_filter_that_is_passed_over_is_not_on_the_card() {
    let (service, world, account) = pin_only().await;
    service.state().ignores_filter = true;
    let found = card(&world, &account).await;
    assert!(found.filters.is_empty() && found.notes[0].contains("whole list"), "{found:?}");
    assert_eq!(pins_at(&service), ["pin-1"]);
}

#[tokio::test]
async fn a_pin_whose_answer_got_lost_is_found_and_removed() {
    let (service, world, account) = pin_only().await;
    service.state().loses_answer = true;
    assert_eq!(world.engine.probe_account(&account).await.unwrap_err().code(), Code::Network);
    assert_eq!(pins_at(&service), ["pin-1"]);
    service.state().keeps_all = true;
    let found = card(&world, &account).await;
    assert_eq!((found.deletion, pins_at(&service).len()), (Deletion::Failed, 3));
    service.state().keeps_all = false;
    card(&world, &account).await;
    assert_eq!(pins_at(&service), ["pin-1"]);
}

#[tokio::test]
async fn a_check_leaves_nothing_behind_at_a_service_of_any_kind() {
    for kind in ProviderKind::ALL {
        let provider = FakeProvider::start_as(kind, Profile::UNIXFS_V0_2015).await;
        let world = WorldBuilder::default().real_time().start().await;
        let account = world.account(&provider, "one").await;
        let mine = holdfast_testkit::identified(b"mine", Profile::UNIXFS_V0_2015).cid;
        provider.pins(|pins| drop(pins.add(&mine, "mine").id.clone()));
        let found = card(&world, &account).await;
        assert_eq!(found.upload.is_some(), kind != ProviderKind::Psa, "{kind:?}");
        assert!(matches!(found.deletion, Deletion::AtOnce | Deletion::Later), "{kind:?} {found:?}");
        let left: Vec<String> = provider.pins(|pins| {
            pins.all()
                .iter()
                .filter(|pin| pin.pinned && pin.cid != mine.to_string())
                .map(|pin| pin.cid.clone())
                .collect()
        });
        assert!(left.is_empty(), "{kind:?} {left:?} {found:?}");
    }
}
