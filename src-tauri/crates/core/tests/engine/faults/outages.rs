//! Outages of the network, and computers that sleep: how long it takes until everything goes on, and that nothing is asked for
//! more often because of them.

use std::time::Duration;

use holdfast_core::{
    Code, GateReason,
    account::{AccountState, ProviderKind},
    clock::Clock,
    transfer::TransferState,
};
use holdfast_testkit::{Call, Detour, FakeProvider, Fault, WorldBuilder, bytes_of, eventually};

use super::{
    SILENCE, SLOWER, account_state, list_settled,
    play::{self, Play, begin, end_of_try, pins_of},
    service, status,
};

const HOUR: Duration = Duration::from_secs(3600);
const MINUTES_OFFLINE: u32 = 150;
const QUEUED: u64 = 10;

/// A name that does not resolve, and is too long for anybody to be asked about it.
fn no_such_name() -> String {
    format!("http://{}.invalid", "x".repeat(64))
}

/// Something that answers and knows no TLS.
fn without_tls(other: &FakeProvider) -> String {
    other.endpoint().replacen("http", "https", 1)
}

#[tokio::test]
async fn where_no_connection_can_be_made_it_is_waited_for() {
    let other = service(ProviderKind::Aioz).await;
    for place in [no_such_name(), without_tls(&other)] {
        for play in play::ALL {
            no_connection(play, &place).await;
        }
    }
    assert!(other.requests().is_empty());
}

async fn no_connection(play: Play, place: &str) {
    let (provider, detour) = (service(play.kind).await, Detour::to(place.parse().unwrap()));
    let way = detour.clone();
    let world = WorldBuilder::default().through(move |http| way.through(http)).start().await;
    let account = world.account(&provider, "one").await;
    list_settled(&world, &provider, &account).await;
    detour.turn(true);
    let asked = provider.requests().len();
    let id = begin(&world, &account, play, 1).await;
    let tried = end_of_try(&world, &id).await;
    let TransferState::Waiting { until: Some(until), failure } = &tried.state else {
        panic!("{play:?} {place}: {tried:?}")
    };
    assert_eq!(failure.code, Code::Network);
    let reasons = ["no connection (", "what answers at this port speaks no TLS"];
    let said = failure.message.strip_prefix("the service cannot be reached: ").unwrap();
    assert!(reasons.iter().any(|reason| said.starts_with(reason)), "{failure:?}");
    let without_advice = said.replace("its address begins with http://", "");
    assert!(!without_advice.contains("://") && !without_advice.contains("xxxx"), "{failure:?}");
    assert_eq!(until.since(tried.updated_at), Duration::from_secs(1));
    let refused = world.engine.refresh(Some(&account)).await.unwrap_err();
    let state = account_state(&world, &account).await;
    assert_eq!(state, AccountState::Failed { code: Code::Network, message: refused.to_string() });
    assert_eq!(provider.requests().len(), asked, "{play:?} {place}");
    detour.turn(false);
    assert_eq!(world.end_in_time(&id).await.state, TransferState::Done, "{play:?} {place}");
    assert_eq!(account_state(&world, &account).await, AccountState::Ok);
}

/// No network for hours: what was asked for waits at its account's gate, of which one at a time is tried, and all is done soon
/// after it is back.
#[tokio::test]
async fn after_hours_without_a_network_everything_goes_on() {
    for play in [play::AIOZ_UPLOAD, play::PSA_PIN, play::KUBO_PIN, play::CLUSTER_UPLOAD] {
        offline_for_hours(play).await;
    }
}

async fn offline_for_hours(play: Play) {
    let (provider, detour) = (service(play.kind).await, Detour::to(no_such_name().parse().unwrap()));
    let way = detour.clone();
    let world = WorldBuilder::default().with_background().through(move |http| way.through(http)).start().await;
    let account = world.account(&provider, "one").await;
    list_settled(&world, &provider, &account).await;
    let asked = provider.requests().len();
    detour.turn(true);
    let mut ids = Vec::new();
    for number in 1..=QUEUED {
        ids.push(begin(&world, &account, play, number).await);
    }
    let closed = || {
        eventually("its gate is closed, and nobody is trying it", || async {
            // The runner may only now begin to wait.
            world.clock.advance(Duration::from_millis(50));
            let gate = world.engine.closed_gates().pop()?;
            let is_tried = world.engine.transfers(100).await.unwrap().1.running > 0;
            (!is_tried && gate.next_try.is_some_and(|left| !left.is_zero())).then_some(gate)
        })
    };
    for _ in 0..MINUTES_OFFLINE {
        let gate = closed().await;
        assert_eq!((gate.account, gate.reason), (account.clone(), GateReason::Unreachable));
        assert_eq!(gate.failure.code, Code::Network);
        world.clock.advance(Duration::from_secs(75));
    }
    closed().await;
    let mut tries = 0;
    for id in &ids {
        let transfer = world.transfer(id).await;
        let is_held = matches!(transfer.state, TransferState::Queued | TransferState::Waiting { until: None, .. });
        assert!(is_held, "{play:?}: {:?}", transfer.state);
        assert_eq!((transfer.failures, transfer.sent_in_vain), (0, 0), "{play:?}");
        tries += transfer.attempts;
    }
    assert!(tries <= MINUTES_OFFLINE + 5, "{play:?}: {tries} tries of all together");
    assert_eq!(provider.requests().len(), asked, "{play:?}: nothing arrived");
    detour.turn(false);
    let back = world.clock.monotonic();
    for id in &ids {
        assert_eq!(world.end_in_time(id).await.state, TransferState::Done, "{play:?}");
    }
    assert!(world.clock.monotonic() - back <= Duration::from_secs(120), "{play:?}: it takes too long");
    let pins: usize = (1..=QUEUED).map(|number| pins_of(&provider, number)).sum();
    assert_eq!(pins as u64, QUEUED, "{play:?}");
    world.engine.shut_down().await;
}

/// Hours that pass at once: a rest that a service asked for is over, what waited is tried, and each list is asked for once and
/// not once for every turn that was slept through.
#[tokio::test]
async fn a_computer_that_wakes_up_goes_on_at_once_and_asks_for_nothing_twice() {
    for play in [play::AIOZ_UPLOAD, play::PSA_PIN, play::KUBO_UPLOAD, play::CLUSTER_UPLOAD] {
        sleep_and_wake(play).await;
    }
}

async fn sleep_and_wake(play: Play) {
    let (resting, healthy) = (service(play.kind).await, service(play.kind).await);
    let world = WorldBuilder::default().with_background().start().await;
    let (account, other) = (world.account(&resting, "resting").await, world.account(&healthy, "healthy").await);
    resting.fail(play.call, status(429, Some(3600)));
    let rests = begin(&world, &account, play, 1).await;
    let tried = end_of_try(&world, &rests).await;
    assert_eq!(tried.state.failure().map(|failure| failure.message.as_str()), Some(SLOWER), "{play:?}");
    let listed = list_settled(&world, &healthy, &other).await;
    let asked = resting.count(play.call);

    world.clock.advance(8 * HOUR);
    assert_eq!(world.end_in_time(&rests).await.state, TransferState::Done, "{play:?}");
    assert_eq!(resting.count(play.call), asked + 1, "{play:?}");
    eventually("it is listed", || async { (healthy.count(Call::List) > listed).then_some(()) }).await;
    let once = list_settled(&world, &healthy, &other).await - listed;
    // The listing at the turn, and the one by which this is found out.
    assert!(once <= 2 * pages(play.kind), "{play:?}: {once} pages");
    world.engine.shut_down().await;
}

/// Requests of a list of few pins.
const fn pages(kind: ProviderKind) -> usize {
    match kind {
        ProviderKind::Aioz | ProviderKind::Psa => 2,
        ProviderKind::Kubo | ProviderKind::Cluster => 1,
    }
}

/// A sleep breaks connections without anybody being told.
#[tokio::test]
async fn an_upload_that_a_sleep_cut_off_is_sent_again() {
    for play in [play::AIOZ_UPLOAD, play::KUBO_UPLOAD, play::CLUSTER_UPLOAD] {
        let provider = service(play.kind).await;
        let world = WorldBuilder::default().with_background().through(|http| http.with_silence(SILENCE)).start().await;
        let account = world.account(&provider, "one").await;
        provider.fail(Call::Upload, Fault::StallAfter(100_000));
        let id = world.begin_upload(&account, &world.write("a", &bytes_of(1, 20_000_000))).await;
        eventually("it is under way", || async { (provider.under_way(Call::Upload) == 1).then_some(()) }).await;
        world.clock.advance(8 * HOUR);
        let done = world.end_in_time(&id).await;
        assert_eq!((&done.state, done.verified), (&TransferState::Done, Some(true)), "{play:?}");
        assert_eq!(provider.pins(|pins| pins.all().len()), 1, "{play:?}");
    }
}

/// The service has taken everything and is never heard of again: it gets longer, as it may be putting the content away.
#[tokio::test]
async fn a_service_that_falls_silent_with_everything_in_its_hands_is_given_up_and_asked_what_it_has() {
    for play in [play::AIOZ_UPLOAD, play::KUBO_UPLOAD, play::CLUSTER_UPLOAD] {
        let provider = service(play.kind).await;
        let silence = Duration::from_millis(100);
        let world = WorldBuilder::default().through(move |http| http.with_silence(silence)).start().await;
        let account = world.account(&provider, "one").await;
        provider.fail(Call::Upload, Fault::StallAfter(u64::MAX));
        let id = world.begin_upload(&account, &world.write("a", b"abc")).await;
        let tried = end_of_try(&world, &id).await;
        assert_eq!(tried.state.failure().map(|failure| failure.code), Some(Code::Network), "{play:?}");
        assert_eq!(world.end_in_time(&id).await.state, TransferState::Done, "{play:?}");
        let asked: Vec<_> = provider.requests().into_iter().filter_map(|one| one.call).collect();
        let sent = asked.iter().position(|call| *call == Call::Upload).unwrap();
        let next = asked[sent + 1..].iter().find(|call| matches!(call, Call::List | Call::Get | Call::Upload));
        assert_ne!(next, Some(&Call::Upload), "{play:?}: it was asked what it has");
    }
}
