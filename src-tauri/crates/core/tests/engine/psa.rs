//! Accounts at services with the IPFS Pinning Service API.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt, TryStreamExt};
use holdfast_content::{Cid, Profile, cid_v0};
use holdfast_core::{
    Code,
    account::{Account, AccountId, ProviderKind},
    pin::{Metadata, PinId, PinStatus},
    provider::{Connect, Gap, HttpConnect, PinRequest, Provider, ProviderError},
    transfer::TransferState,
    vault::CredentialKind,
};
use holdfast_testkit::{
    Bounds, Call, EditedId, FakeProvider, Fault, ManualClock, SeededEntropy, TimesTo, Totals, World, bytes_of,
    identified,
};

async fn service() -> FakeProvider {
    FakeProvider::start_as(ProviderKind::Psa, Profile::UNIXFS_V1_2025).await
}

fn adapter(service: &FakeProvider) -> Arc<dyn Provider> {
    let account = Account {
        id: AccountId("a".into()),
        label: "a".into(),
        kind: ProviderKind::Psa,
        endpoint: service.endpoint().parse().unwrap(),
        gateway: None,
        credentials: CredentialKind::Token,
        this_computer: false,
        profile: None,
        card: None,
    };
    let connect = HttpConnect::new(Arc::new(SeededEntropy::new(1)), Arc::new(ManualClock::default()))
        .with_page_pauses(&[])
        .with_silence(Duration::from_secs(5));
    connect.connect(&account, service.credentials()).unwrap()
}

fn cid(number: u64) -> Cid {
    identified(&bytes_of(number, 100), Profile::UNIXFS_V1_2025).cid
}

fn fill(service: &FakeProvider, pins: u64) {
    service.pins(|all| (0..pins).for_each(|number| drop(all.add(&cid(number), &format!("pin {number}")).id.clone())));
}

#[tokio::test]
async fn a_list_of_many_pages_is_mirrored_whole_whatever_the_service_says_of_it() {
    let (world, service) = (World::start().await, service().await);
    fill(&service, 130);
    service.behave(|manners| {
        manners.longest_page = 20;
        manners.totals = Totals::OfThePage;
        manners.times_to = TimesTo::Second;
    });
    let account = world.account(&service, "a").await;
    world.engine.refresh(Some(&account)).await.unwrap();
    let mut ids: Vec<_> = world.pins().await.into_iter().map(|pin| pin.held.id.0).collect();
    ids.sort();
    assert_eq!(ids, service.pins(|pins| pins.ids()));
}

#[tokio::test]
async fn a_service_that_shows_only_its_newest_pins_loses_none_that_were_seen_before() {
    let (world, service) = (World::start().await, service().await);
    fill(&service, 30);
    let account = world.account(&service, "a").await;
    world.engine.refresh(Some(&account)).await.unwrap();
    service.behave(|manners| {
        manners.longest_page = 10;
        manners.bounds = Bounds::Ignored;
    });
    world.engine.refresh(Some(&account)).await.unwrap();
    assert_eq!(world.pins().await.len(), 30);
    let pages: Vec<_> = adapter(&service).list(&[]).try_collect().await.unwrap();
    assert_eq!(pages.iter().filter_map(|page| page.gap).collect::<Vec<_>>(), [Gap::Truncated]);
}

#[tokio::test]
async fn a_service_without_bounds_still_shows_what_fits_on_a_page() {
    for (bounds, longest_page, shown, gaps) in [
        (Bounds::Refused, 1_000, 30, vec![]),
        (Bounds::Ignored, 1_000, 30, vec![]),
        (Bounds::Refused, 20, 20, vec![Gap::Truncated]),
        (Bounds::Ignored, 20, 20, vec![Gap::Truncated]),
    ] {
        let service = service().await;
        fill(&service, 30);
        service.behave(|manners| (manners.bounds, manners.longest_page) = (bounds, longest_page));
        let pages: Vec<_> = adapter(&service).list(&[]).try_collect().await.unwrap();
        let seen: Vec<_> = pages.iter().filter_map(|page| page.gap).collect();
        assert_eq!((pages.iter().map(|page| page.pins.len()).sum::<usize>(), seen), (shown, gaps), "{bounds:?}");
    }
}

#[tokio::test]
async fn a_new_pin_whose_answer_is_lost_is_found_and_not_asked_for_again() {
    let (world, service) = (World::start().await, service().await);
    let account = world.account(&service, "a").await;
    service.fail(Call::Pin, Fault::ReplyLost);
    let text = cid(1).to_string();
    let id = world.engine.pin_text(&account, &text, Some("once".into()), Metadata::new()).await.unwrap();
    let done = world.end_in_time(&id).await;
    assert_eq!(done.state, TransferState::Done);
    assert_eq!((service.pins(|pins| pins.all().len()), service.count(Call::Pin)), (1, 1));
}

#[tokio::test]
async fn a_refused_number_of_rows_is_asked_for_once() {
    let service = service().await;
    fill(&service, 25);
    service.behave(|manners| manners.largest_limit = 10);
    let provider = adapter(&service);
    for _ in 0..2 {
        let pages: Vec<_> = provider.list(&[]).try_collect().await.unwrap();
        assert_eq!(pages.iter().map(|page| page.pins.len()).sum::<usize>(), 25);
    }
    let lines = service.requests().into_iter().map(|request| request.line);
    let asked: Vec<_> = lines.filter(|line| line.contains("limit=1000") || line.contains("limit=100&")).collect();
    assert_eq!(asked.len(), 1, "{asked:?}");
}

#[tokio::test]
async fn a_pin_is_found_by_either_form_of_its_cid_and_by_services_that_cannot_search() {
    let service = service().await;
    fill(&service, 40);
    let v1 = Cid::try_from("bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354").unwrap();
    let v0 = Cid::try_from(cid_v0(&v1).unwrap().as_str()).unwrap();
    service.pins(|pins| drop(pins.add(&v0, "a directory").id.clone()));
    let provider = adapter(&service);
    let found = async |wanted: Vec<Cid>| {
        let pages: Vec<_> = provider.list(&wanted).try_collect().await.unwrap();
        pages.into_iter().flat_map(|page| page.pins).filter(|pin| wanted.contains(&pin.cid) || pin.cid == v0).count()
    };
    assert_eq!(found(vec![v1]).await, 1);
    assert_eq!(found((0..25).map(cid).collect()).await, 25);
    service.behave(|manners| manners.filters_cids = false);
    let before = service.count(Call::List);
    assert_eq!(found((0..25).map(cid).collect()).await, 25 + 1);
    assert!(service.count(Call::List) <= before + 2, "everything was there after the first batch");
}

#[tokio::test]
async fn a_stored_file_is_neither_pinned_nor_under_way() {
    let (world, service) = (World::start().await, service().await);
    service.pins(|pins| pins.add(&cid(1), "on demand").status = "stored".into());
    let account = world.account(&service, "a").await;
    world.engine.refresh(Some(&account)).await.unwrap();
    let pins = world.pins().await;
    assert_eq!((pins[0].held.status, pins[0].held.raw_status.as_str()), (PinStatus::Stored, "stored"));
    assert!(!pins[0].held.status.is_under_way());
}

#[tokio::test]
async fn an_edited_pin_has_the_id_that_the_service_gives_it() {
    let service = service().await;
    let provider = adapter(&service);
    for (manner, is_same) in [(EditedId::New, false), (EditedId::Same, true)] {
        service.behave(|manners| manners.edited_id = manner);
        let (cid, none) = (cid(1), Metadata::new());
        let pin = provider.pin(PinRequest { cid: &cid, name: Some("a"), metadata: &none, origins: &[] }).await.unwrap();
        let edited = provider.edit(&pin, Some("b"), &none).await.unwrap();
        assert_eq!((edited.id == pin.id, edited.name.as_deref()), (is_same, Some("b")), "{manner:?}");
    }
}

#[tokio::test]
async fn every_refusal_has_its_class() {
    let service = service().await;
    let provider = adapter(&service);
    for (status, message, code) in [
        (409, "Unable to process request due to the lack of funds", Code::OverQuota),
        (409, "This CID is pinned already", Code::AlreadyExists),
        (400, "invalid cid", Code::Refused),
        (401, "Access token is missing or invalid", Code::Unauthorized),
        (403, "no scope", Code::Forbidden),
        (404, "no such route", Code::NotAPinningApi),
        (429, "slow down", Code::RateLimited),
        (500, "oh no", Code::Unavailable),
    ] {
        service.fail(Call::Pin, Fault::Status { status, retry_after: None, message });
        let request = PinRequest { cid: &cid(1), name: None, metadata: &Metadata::new(), origins: &[] };
        let error = provider.pin(request).await.unwrap_err();
        assert_eq!(error.code(), code, "{status} {message}: {error}");
    }
    assert!(matches!(provider.get(&PinId("gone".into())).await, Err(ProviderError::NotFound { .. })));
}

#[tokio::test]
async fn a_web_page_is_no_answer_to_an_unpinning() {
    let service = service().await;
    fill(&service, 1);
    let id = PinId(service.pins(|pins| pins.ids().remove(0)));
    service.fail(Call::Unpin, Fault::WebPage(200));
    assert_eq!(adapter(&service).unpin(&id).await.unwrap_err().code(), Code::NotAPinningApi);
    assert_eq!(service.pins(|pins| pins.all().len()), 1);
}

#[tokio::test]
async fn a_service_that_repeats_its_requests_does_not_bring_the_token_anywhere() {
    let service = service().await;
    let provider = adapter(&service);
    for (call, status) in [(Call::List, 400), (Call::List, 200), (Call::Pin, 400), (Call::Pin, 200)] {
        service.fail_always(call, Fault::EchoesHeaders(status));
        let request = PinRequest { cid: &cid(1), name: None, metadata: &Metadata::new(), origins: &[] };
        let answers = [format!("{:?}", provider.list(&[]).next().await), format!("{:?}", provider.pin(request).await)];
        for canary in service.canaries() {
            assert!(answers.iter().all(|answer| !answer.contains(&canary)), "{answers:?}");
        }
    }
}
