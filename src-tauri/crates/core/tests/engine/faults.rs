//! What the user sees of each fault of a service, what is tried again when, and that nobody else has to wait for it
//! (rows 22 to 25 of the fault matrix, as far as they are a service's or the network's).

use std::time::Duration;

use futures_util::{StreamExt, stream};
use holdfast_content::Profile;
use holdfast_core::{
    Code,
    account::{AccountId, AccountState, Keep, ProviderKind},
    clock::Clock,
    pin::Metadata,
    transfer::{Transfer, TransferId, TransferState},
};
use holdfast_testkit::{Call, FakeProvider, Fault, World, WorldBuilder, bytes_of, eventually, identified};

use crate::{
    logs,
    secrets::{assert_clean, files_below},
};

/// The layout of the services' CIDs.
const LAYOUT: Profile = Profile::UNIXFS_V1_2025;

/// After which a connection without a sign of life is given up, where a row is about that.
const SILENCE: Duration = Duration::from_millis(500);

/// One fault, and what it must lead to.
struct Row {
    name: &'static str,
    fault: Fault,
    /// What the first try leads to.
    then: Then,
    /// The class, and what the user reads.
    shown: (Code, &'static str),
    /// What the user reads who looks closer.
    details: Option<&'static str>,
    /// The service did what it was asked for; it must not do it again.
    done: bool,
    /// What becomes of another transfer of the same account meanwhile.
    sibling: Sibling,
    /// Whether the account itself is shown as failing.
    account_fails: bool,
    /// The connection is given up after [`SILENCE`].
    impatient: bool,
    /// Only services of this kind can do that.
    only: Option<ProviderKind>,
}

#[derive(Clone, Copy, PartialEq)]
enum Then {
    /// It waits so many seconds and goes on by itself.
    Waits(u64),
    /// It is left to the user.
    Fails,
}

#[derive(Clone, Copy, PartialEq)]
enum Sibling {
    /// It goes on.
    Goes,
    /// It waits as long: the service asked not to be asked.
    Rests,
}

use Then::{Fails, Waits};

const SILENT: &str = "the service cannot be reached: no answer in time";
const BROKEN: &str = "the service cannot be reached: the connection broke";
const REFUSED_KEY: &str = "the service does not accept these credentials";
const USED_UP: &str = "the account's storage or balance is used up";
const SLOWER: &str = "the service asks to slow down";
const NO_API: &str = "this address does not answer like a pinning service: ";
const NOT_UNDERSTOOD: &str = "the service's answer cannot be understood: ";

fn row(name: &'static str, fault: Fault, then: Then, code: Code, message: &'static str) -> Row {
    let account_fails =
        matches!(code, Code::Network | Code::Unavailable | Code::NotAPinningApi | Code::Unauthorized | Code::Forbidden);
    Row {
        name,
        fault,
        then,
        shown: (code, message),
        details: None,
        done: false,
        sibling: Sibling::Goes,
        account_fails,
        impatient: false,
        only: None,
    }
}

impl Row {
    fn done(self) -> Self {
        Self { done: true, ..self }
    }

    fn impatient(self) -> Self {
        Self { impatient: true, ..self }
    }

    fn rests(self) -> Self {
        Self { sibling: Sibling::Rests, ..self }
    }

    fn only(self, kind: ProviderKind) -> Self {
        Self { only: Some(kind), ..self }
    }

    fn details(self, details: &'static str) -> Self {
        Self { details: Some(details), ..self }
    }
}

const fn status(status: u16, retry_after: Option<u64>) -> Fault {
    Fault::Status { status, retry_after, message: "the service's words" }
}

const fn with(status: u16, headers: &'static [(&'static str, &'static str)]) -> Fault {
    Fault::StatusWith { status, headers, message: "the service's words" }
}

/// Seventeen seconds, by the service's own clock.
const UNTIL: &[(&str, &str)] =
    &[("date", "Fri, 01 May 2026 10:00:00 GMT"), ("retry-after", "Fri, 01 May 2026 10:00:17 GMT")];

/// What becomes of the connection.
fn connections() -> Vec<Row> {
    vec![
        row("nothing is read any more", Fault::StallAfter(10), Waits(1), Code::Network, SILENT).impatient(),
        row("the answer stalls", Fault::AnswerStalls(30), Waits(1), Code::Network, SILENT).impatient().done(),
        row("the answer stalls at once", Fault::AnswerStalls(0), Waits(1), Code::Network, SILENT).impatient().done(),
        row("both ways trickle", trickle(), Waits(1), Code::Network, SILENT).impatient().done(),
        row("the connection is reset", Fault::ResetAfter(10), Waits(1), Code::Network, BROKEN),
        row("the reply is lost", Fault::ReplyLost, Waits(1), Code::Network, BROKEN).done(),
    ]
}

/// Far slower than what a whole answer may take.
const fn trickle() -> Fault {
    Fault::Trickle { bytes: 5, pause: Duration::from_millis(100) }
}

/// What a status code stands for.
fn statuses() -> Vec<Row> {
    let words = "the service's words";
    vec![
        row("401", status(401, None), Fails, Code::Unauthorized, REFUSED_KEY).details(words),
        row("403", status(403, None), Fails, Code::Forbidden, "these credentials do not allow this").details(words),
        row("402", status(402, None), Fails, Code::OverQuota, USED_UP).details(words),
        row("402, and when to ask again", status(402, Some(9)), Fails, Code::OverQuota, USED_UP).details(words),
        row("413", status(413, None), Fails, Code::OverQuota, USED_UP).details(words),
        row("413, and when to ask again", with(413, UNTIL), Fails, Code::OverQuota, USED_UP).details(words),
        row("507", status(507, None), Fails, Code::OverQuota, USED_UP).details(words),
        row("400", status(400, None), Fails, Code::Refused, "the service refused: ").details(words),
        row("429", status(429, None), Waits(1), Code::RateLimited, SLOWER).details(words),
        row("429 with seconds", status(429, Some(17)), Waits(17), Code::RateLimited, SLOWER).details(words).rests(),
        row("429 with a date", with(429, UNTIL), Waits(17), Code::RateLimited, SLOWER).details(words).rests(),
        row("429 for a year", status(429, Some(31_536_000)), Waits(3600), Code::RateLimited, SLOWER)
            .details(words)
            .rests(),
        row("500", status(500, None), Waits(1), Code::Unavailable, "(HTTP 500)").details(words),
        row("503 with seconds", status(503, Some(17)), Waits(17), Code::Unavailable, "(HTTP 503)").details(words),
        row("503 with a date", with(503, UNTIL), Waits(17), Code::Unavailable, "(HTTP 503)").details(words),
        row("503, at once again", status(503, Some(0)), Waits(1), Code::Unavailable, "(HTTP 503)").details(words),
        row("524", Fault::WebPage(524), Waits(1), Code::Unavailable, "(HTTP 524)"),
        row("a number for the support", with(500, &[("x-request-id", "8f31-FRA")]), Waits(1), Code::Unavailable, "")
            .details("the service's words (request id 8f31-FRA)"),
    ]
}

/// What comes instead of an answer.
fn answers() -> Vec<Row> {
    vec![
        row("a captive portal", Fault::WebPage(200), Waits(1), Code::NotAPinningApi, NO_API),
        row("another site", Fault::WebPage(404), Waits(1), Code::NotAPinningApi, NO_API),
        row("it leads elsewhere on the same host", Fault::Moved(302), Waits(1), Code::NotAPinningApi, NO_API),
        row("it leads there with the method", Fault::Moved(308), Waits(1), Code::NotAPinningApi, NO_API),
        row("truncated JSON", Fault::TruncatedAnswer, Waits(1), Code::Network, "the answer is cut short").done(),
        row("wrong types", Fault::WrongTypes, Fails, Code::Protocol, NOT_UNDERSTOOD).done(),
        row("100 MB of JSON", Fault::HugeAnswer(100_000_000), Fails, Code::Protocol, "the answer is too long").done(),
        row("another CID", Fault::WrongCid, Fails, Code::CidMismatch, "but the bytes that were sent are").done(),
        row("another root_hash", Fault::WrongRootHash, Fails, Code::Protocol, "root_hash is not the hash of the CID")
            .done()
            .only(ProviderKind::Aioz),
        row("what was sent comes back", Fault::EchoesHeaders(400), Fails, Code::Refused, "the service refused: "),
        row("what was sent comes back as data", Fault::EchoesHeaders(200), Fails, Code::Refused, "You sent")
            .only(ProviderKind::Aioz),
    ]
}

/// How a row is played: the kind of service, and the transfer's call.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Play {
    kind: ProviderKind,
    call: Call,
}

const PLAYS: [Play; 3] = [
    Play { kind: ProviderKind::Aioz, call: Call::Upload },
    Play { kind: ProviderKind::Aioz, call: Call::Pin },
    Play { kind: ProviderKind::Psa, call: Call::Pin },
];

async fn service(kind: ProviderKind) -> FakeProvider {
    FakeProvider::start_as(kind, LAYOUT).await
}

/// Different bytes of different length, large enough that their CIDs tell profiles apart.
fn content(number: u64) -> Vec<u8> {
    bytes_of(number, 600_000 + usize::try_from(number).unwrap())
}

async fn begin(world: &World, account: &AccountId, play: Play, number: u64) -> TransferId {
    let bytes = content(number);
    if play.call == Call::Upload {
        return world.begin_upload(account, &world.write(&format!("file {number}"), &bytes)).await;
    }
    world.engine.pin(account, identified(&bytes, LAYOUT).cid, None, Metadata::new()).await.unwrap()
}

async fn end_of_try(world: &World, id: &TransferId) -> Transfer {
    eventually("the try ends", || async {
        let transfer = world.transfer(id).await;
        (!matches!(transfer.state, TransferState::Queued | TransferState::Running)).then_some(transfer)
    })
    .await
}

/// Lets time pass until a transfer ends.
async fn end_in_time(world: &World, id: &TransferId) -> Transfer {
    eventually("the transfer ends", || async {
        world.clock.advance(Duration::from_secs(1));
        let transfer = world.transfer(id).await;
        transfer.state.is_final().then_some(transfer)
    })
    .await
}

async fn account_state(world: &World, id: &AccountId) -> AccountState {
    let accounts = world.engine.accounts().await.unwrap();
    accounts.into_iter().find(|view| view.account.id == *id).unwrap().state
}

fn pins_of(provider: &FakeProvider, number: u64) -> usize {
    let cid = identified(&content(number), LAYOUT).cid.to_string();
    provider.pins(|pins| pins.all().iter().filter(|pin| pin.cid == cid).count())
}

/// Plays one row with one faulty service beside a healthy one.
async fn play(row: &Row, play: Play) {
    let what = format!("{} ({play:?})", row.name);
    println!("{what}");
    logs::collect();
    let (faulty, healthy) = (service(play.kind).await, service(play.kind).await);
    let world = match row.impatient {
        true => WorldBuilder::default().through(|http| http.with_silence(SILENCE)).start().await,
        false => World::start().await,
    };
    let (account, other) = (world.account(&faulty, "faulty").await, world.account(&healthy, "healthy").await);
    // From the first one the layout is known, so that another CID is an alarm.
    let first = begin(&world, &account, play, 0).await;
    assert_eq!(world.end_of(&first).await.state, TransferState::Done, "{what}");

    faulty.fail(play.call, row.fault.clone());
    let hit = begin(&world, &account, play, 1).await;
    eventually("the fault happens", || async { (faulty.count(play.call) >= 2).then_some(()) }).await;
    if !row.impatient {
        end_of_try(&world, &hit).await;
        let is_failing = matches!(account_state(&world, &account).await, AccountState::Failed { .. });
        assert_eq!(is_failing, row.account_fails, "{what}");
    }
    let beside = begin(&world, &account, play, 2).await;
    let elsewhere = begin(&world, &other, play, 3).await;
    // Time stands still: whoever is done has waited for nobody.
    assert_eq!(world.end_of(&elsewhere).await.state, TransferState::Done, "{what}");
    let asked = match row.sibling {
        Sibling::Goes => {
            assert_eq!(world.end_of(&beside).await.state, TransferState::Done, "{what}");
            3
        }
        Sibling::Rests => {
            let rests = end_of_try(&world, &beside).await;
            assert_eq!(rests.state.failure().map(|failure| failure.code), Some(Code::RateLimited), "{what}");
            2
        }
    };

    let tried = end_of_try(&world, &hit).await;
    let failure = tried.state.failure().unwrap_or_else(|| panic!("{what}: {tried:?}")).clone();
    assert_eq!(failure.code, row.shown.0, "{what}: {failure:?}");
    assert!(failure.message.contains(row.shown.1), "{what}: {failure:?}");
    if let Some(words) = row.details {
        assert!(failure.details.as_deref().is_some_and(|details| details.contains(words)), "{what}: {failure:?}");
    }
    assert_eq!(faulty.count(play.call), asked, "{what}: nothing is tried again before its time");
    match (&tried.state, row.then) {
        (TransferState::Waiting { until, .. }, Waits(seconds)) => {
            assert_eq!(until.since(tried.updated_at), Duration::from_secs(seconds), "{what}");
            world.clock.advance(until.since(world.clock.now()));
        }
        (TransferState::Failed(_), Fails) => world.engine.retry(&hit).await.unwrap(),
        _ => panic!("{what}: {tried:?}"),
    }

    for id in [&hit, &beside] {
        let done = end_in_time(&world, id).await;
        assert_eq!(done.state, TransferState::Done, "{what}");
        assert_eq!(done.verified, (play.call == Call::Upload).then_some(true), "{what}");
    }
    assert_eq!(account_state(&world, &account).await, AccountState::Ok, "{what}");
    let once_more = usize::from(!row.done);
    assert_eq!(faulty.count(play.call), 3 + once_more, "{what}: what was done is looked up");
    assert_eq!((pins_of(&faulty, 1), pins_of(&faulty, 2), pins_of(&healthy, 3)), (1, 1, 1), "{what}");
    if let Fault::HugeAnswer(bytes) = row.fault {
        let taken: u64 = faulty.requests().iter().filter_map(|one| one.answer_bytes).sum();
        assert!(taken < bytes / 2, "{what}: {taken} bytes were taken");
    }

    let canaries = faulty.canaries();
    assert_clean(&what, format!("{tried:?} {:?}", world.engine.accounts().await.unwrap()).as_bytes(), &canaries);
    assert_clean(&what, format!("{:?}", healthy.requests()).as_bytes(), &canaries);
    let logged = logs::collected();
    assert!(logged.contains("a try failed") && !logged.contains("sortOrder="), "{what}: {logged}");
    assert_clean(&format!("{what}: the log"), logged.as_bytes(), &canaries);
    world.engine.shut_down().await;
    for (name, bytes) in files_below(world.home()) {
        assert_clean(&format!("{what}: {name}"), &bytes, &canaries);
    }
}

async fn play_all(rows: Vec<Row>, at_once: usize) {
    let plays = rows.iter().flat_map(|row| {
        let fits = |one: &Play| row.only.is_none_or(|kind| kind == one.kind);
        PLAYS.into_iter().filter(fits).map(move |one| play(row, one))
    });
    stream::iter(plays).for_each_concurrent(at_once, |play| play).await;
}

#[tokio::test]
async fn every_fault_of_a_connection_is_waited_out_and_nothing_is_sent_twice() {
    // One at a time: they are about time.
    play_all(connections(), 1).await;
}

#[tokio::test]
async fn every_status_code_says_what_to_do() {
    play_all(statuses(), 4).await;
}

#[tokio::test]
async fn every_strange_answer_is_recognised() {
    play_all(answers(), 4).await;
}

/// A fault of a listing, how often the page is asked for, and what the user reads.
struct ListRow {
    name: &'static str,
    fault: Fault,
    /// How often the page is asked for when the fault stays, and after which pauses in all.
    asked: usize,
    paused_seconds: u64,
    shown: (Code, &'static str),
}

const PAGE_PAUSES: &[Duration] = &[Duration::from_secs(1), Duration::from_secs(2)];

fn listings() -> Vec<ListRow> {
    let patiently = |name, fault, paused_seconds, code, message| ListRow {
        name,
        fault,
        asked: 3,
        paused_seconds,
        shown: (code, message),
    };
    let once =
        |name, fault, code, message| ListRow { name, fault, asked: 1, paused_seconds: 0, shown: (code, message) };
    vec![
        patiently("503", status(503, None), 3, Code::Unavailable, "(HTTP 503)"),
        patiently("503 with seconds", status(503, Some(17)), 34, Code::Unavailable, "(HTTP 503)"),
        patiently("429", status(429, None), 3, Code::RateLimited, SLOWER),
        patiently("429 with a date", with(429, UNTIL), 34, Code::RateLimited, SLOWER),
        patiently("the connection is reset", Fault::ReplyLost, 3, Code::Network, BROKEN),
        patiently("truncated JSON", Fault::TruncatedAnswer, 3, Code::Network, "the answer is cut short"),
        once("429 for an hour", status(429, Some(3600)), Code::RateLimited, SLOWER),
        once("401", status(401, None), Code::Unauthorized, REFUSED_KEY),
        once("a captive portal", Fault::WebPage(200), Code::NotAPinningApi, NO_API),
        once("wrong types", Fault::WrongTypes, Code::Protocol, NOT_UNDERSTOOD),
        once("100 MB of JSON", Fault::HugeAnswer(100_000_000), Code::Protocol, "the answer is too long"),
    ]
}

#[tokio::test]
async fn a_page_is_asked_for_again_where_that_may_help_and_a_failed_listing_forgets_nothing() {
    for kind in [ProviderKind::Aioz, ProviderKind::Psa] {
        list_all(kind).await;
    }
}

async fn list_all(kind: ProviderKind) {
    // Adding an account lists it, beside the listing asked for here; without a call of its own, its test lists as well.
    let first = if kind == ProviderKind::Psa { 6 } else { 4 };
    for ListRow { name, fault, asked, paused_seconds, shown } in listings() {
        println!("{name} ({kind:?})");
        let provider = service(kind).await;
        provider.pins(|pins| pins.add(&identified(b"x", LAYOUT).cid, "kept").id.clone());
        let world = WorldBuilder::default().through(|http| http.with_page_pauses(PAGE_PAUSES)).start().await;
        let account = world.account(&provider, "one").await;
        world.engine.refresh(Some(&account)).await.unwrap();
        eventually("the first listings are over", || async { (provider.count(Call::List) == first).then_some(()) })
            .await;
        let (before, began) = (provider.count(Call::List), world.clock.monotonic());
        provider.fail_always(Call::List, fault);
        let error = {
            let mut listing = std::pin::pin!(world.engine.refresh(Some(&account)));
            loop {
                tokio::select! {
                    listed = &mut listing => break listed.unwrap_err(),
                    // Only as much as the listing waits for.
                    () = tokio::time::sleep(Duration::from_millis(20)) => world.clock.advance(Duration::from_secs(1)),
                }
            }
        };
        assert_eq!(error.code(), shown.0, "{name}: {error}");
        assert!(error.to_string().contains(shown.1), "{name}: {error}");
        assert_eq!(provider.count(Call::List) - before, asked, "{name}");
        let waited = (world.clock.monotonic() - began).as_secs();
        assert!(waited >= paused_seconds, "{name}: {waited} s");
        assert_eq!(world.pins().await.len(), 1, "{name}: what was known is still shown");
        provider.heal();
        world.clock.advance(Duration::from_secs(3600));
        world.engine.refresh(Some(&account)).await.unwrap();
    }
}

#[tokio::test]
async fn a_page_that_fails_once_does_not_end_a_listing() {
    let provider = service(ProviderKind::Aioz).await;
    provider.pins(|pins| {
        for number in 0..250_u64 {
            pins.add(&identified(&number.to_le_bytes(), LAYOUT).cid, "one of many");
        }
    });
    let world = WorldBuilder::default().through(|http| http.with_page_pauses(&[Duration::ZERO])).start().await;
    let account = world.account(&provider, "one").await;
    for fault in [Fault::Nothing, status(503, None), Fault::Nothing, Fault::ReplyLost] {
        provider.fail(Call::List, fault);
    }
    world.engine.refresh(Some(&account)).await.unwrap();
    assert_eq!(world.pins().await.len(), 250);
}

#[tokio::test]
async fn a_list_without_end_ends() {
    for kind in [ProviderKind::Aioz, ProviderKind::Psa] {
        go_round(kind).await;
    }
}

async fn go_round(kind: ProviderKind) {
    let provider = service(kind).await;
    let world = World::start().await;
    let account = world.account(&provider, "one").await;
    provider.behave(|manners| manners.longest_page = 3);
    for again_after in [2, 6, 20].into_iter().filter(|_| kind == ProviderKind::Aioz) {
        provider.fail_always(Call::List, Fault::EndlessPages { again_after: Some(again_after) });
        let before = provider.count(Call::List);
        let error = world.engine.refresh(Some(&account)).await.unwrap_err();
        assert!(error.to_string().contains("again and again"), "{again_after}: {error}");
        assert!(provider.count(Call::List) - before < 50, "{again_after}");
    }
    // Looking for a pin whose reply was lost ends as well where no row is like another; the pin is asked for once more.
    provider.fail_always(Call::List, Fault::EndlessPages { again_after: None });
    provider.fail(Call::Pin, Fault::ReplyLost);
    let wanted = identified(b"elsewhere", LAYOUT).cid;
    let id = world.engine.pin(&account, wanted, None, Metadata::new()).await.unwrap();
    assert_eq!(end_in_time(&world, &id).await.state, TransferState::Done);
    assert_eq!(provider.count(Call::Pin), 2);
}

#[tokio::test]
async fn a_router_that_wants_the_other_form_of_a_path_is_followed_at_its_own_origin() {
    for status in [301, 302, 303, 307, 308] {
        let (provider, world) = (service(ProviderKind::Aioz).await, World::start().await);
        provider.pins(|pins| pins.add(&identified(b"x", LAYOUT).cid, "there").id.clone());
        provider.fail(Call::Test, Fault::Moved(status));
        provider.fail(Call::List, Fault::Moved(status));
        let account = world.account(&provider, "one").await;
        world.engine.refresh(Some(&account)).await.unwrap();
        assert_eq!(world.pins().await.len(), 1, "{status}");
        // One that leads on and on is none.
        provider.fail_always(Call::Test, Fault::Moved(status));
        let before = provider.count(Call::Test);
        let view = world.engine.check_account(&account).await.unwrap();
        assert!(matches!(view.state, AccountState::Failed { code: Code::NotAPinningApi, .. }), "{:?}", view.state);
        assert_eq!(provider.count(Call::Test) - before, 4, "{status}");
    }
}

/// The service has taken everything and is never heard of again: it gets longer, as it may be putting the content away.
#[tokio::test]
async fn a_service_that_falls_silent_with_everything_in_its_hands_is_given_up_and_asked_what_it_has() {
    let silence = Duration::from_millis(200);
    let provider = service(ProviderKind::Aioz).await;
    let world = WorldBuilder::default().through(move |http| http.with_silence(silence)).start().await;
    let account = world.account(&provider, "one").await;
    provider.fail(Call::Upload, Fault::StallAfter(u64::MAX));
    let id = world.begin_upload(&account, &world.write("a", b"abc")).await;
    let tried = end_of_try(&world, &id).await;
    assert_eq!(tried.state.failure().map(|failure| failure.code), Some(Code::Network));
    assert_eq!(end_in_time(&world, &id).await.state, TransferState::Done);
    assert!(provider.count(Call::List) > 0, "it was asked what it has");
}

/// A key that is not accepted any more: what is queued waits for a new one, and nobody else does.
#[tokio::test]
async fn a_queue_whose_key_was_revoked_waits_for_a_new_one() {
    let (revoked, healthy) = (service(ProviderKind::Aioz).await, service(ProviderKind::Aioz).await);
    let world = WorldBuilder::default().with_background().start().await;
    let (account, other) = (world.account(&revoked, "revoked").await, world.account(&healthy, "healthy").await);
    assert_eq!(world.upload(&account, &world.write("before", b"before")).await.state, TransferState::Done);
    for call in [Call::Test, Call::Upload, Call::Pin, Call::List, Call::Get] {
        revoked.fail_always(call, status(401, None));
    }
    let mut ids = Vec::new();
    for number in 0..20_u8 {
        ids.push(world.begin_upload(&account, &world.write(&format!("file {number}"), &[number; 10])).await);
    }
    eventually("the account is known to be locked out", || async {
        let state = account_state(&world, &account).await;
        matches!(state, AccountState::Failed { code: Code::Unauthorized, .. }).then_some(())
    })
    .await;
    let elsewhere = world.upload(&other, &world.write("elsewhere", b"elsewhere")).await;
    assert_eq!(elsewhere.state, TransferState::Done);
    world.clock.advance(Duration::from_secs(120));
    assert_eq!(world.upload(&other, &world.write("later", b"later")).await.state, TransferState::Done);
    let asked = revoked.count(Call::Upload) - 1;
    assert!((1..=3).contains(&asked), "{asked} were tried in vain");
    let mut waiting = 0;
    for id in &ids {
        match world.transfer(id).await.state {
            TransferState::Queued => waiting += 1,
            TransferState::Failed(failure) => assert_eq!(failure.code, Code::Unauthorized),
            state => panic!("{state:?}"),
        }
    }
    assert_eq!(waiting, 20 - asked);

    // Whoever retries one finds out whether the key is accepted again.
    world.engine.retry(&ids[0]).await.unwrap();
    eventually("it is tried", || async { (revoked.count(Call::Upload) > asked + 1).then_some(()) }).await;
    revoked.heal();
    world.engine.add_account(revoked.draft("revoked"), Keep::Keyring).await.unwrap();
    for id in &ids {
        assert_eq!(end_in_time(&world, id).await.state, TransferState::Done);
    }
    assert_eq!(revoked.pins(|pins| pins.all().len()), 21);
}

/// Whatever leads to another host: that one hears nothing, least of all the keys.
#[tokio::test]
async fn a_host_that_requests_are_led_to_is_never_asked() {
    let recorder = service(ProviderKind::Aioz).await;
    let aioz = [Call::Upload, Call::Pin, Call::List, Call::Get, Call::Test].map(|call| (ProviderKind::Aioz, call));
    let psa = [Call::Pin, Call::List].map(|call| (ProviderKind::Psa, call));
    for (kind, call) in aioz.into_iter().chain(psa) {
        let (provider, world) = (service(kind).await, World::start().await);
        let account = world.account(&provider, "one").await;
        provider.fail_always(call, Fault::RedirectTo(recorder.endpoint()));
        let begun = match (kind, call) {
            (ProviderKind::Psa, _) | (_, Call::Pin) => {
                world.engine.pin(&account, identified(b"x", LAYOUT).cid, None, Metadata::new()).await.unwrap()
            }
            _ => world.begin_upload(&account, &world.write("a", b"abc")).await,
        };
        end_of_try(&world, &begun).await;
        drop(world.engine.refresh(Some(&account)).await);
        drop(world.engine.check_account(&account).await);
        assert!(provider.count(call) > 0, "{kind:?} {call:?}");
    }
    assert_eq!(recorder.requests().len(), 0, "{:?}", recorder.requests());
}
