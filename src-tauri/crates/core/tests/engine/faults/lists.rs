//! Lists: a fault of the list, what the user sees at the account, and when the list is asked for again. Whatever happens, the
//! mirror keeps what it had.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use holdfast_core::{
    Code, Error,
    account::{AccountId, AccountState, ProviderKind},
    clock::Clock,
};
use holdfast_testkit::{Call, FakeProvider, Fault, World, WorldBuilder, eventually, identified};

use super::{
    BROKEN, CUT_SHORT, LAYOUT, NO_API, NOT_ALLOWED, NOT_UNDERSTOOD, REFUSED_KEY, SILENCE, SILENT, SLOWER, TOO_LONG,
    UNTIL, USED_UP, account_state, list_settled, service, status, trickle, with,
};
use crate::{logs, secrets::assert_clean};

/// One fault, and what it must lead to as long as it stays.
struct Row {
    name: &'static str,
    fault: Fault,
    /// The class, and what the user reads.
    shown: (Code, &'static str),
    again: Again,
    /// The connection is given up after [`SILENCE`].
    impatient: bool,
}

/// When the list is asked for again.
#[derive(Clone, Copy)]
enum Again {
    /// The page twice more, after so many seconds in all, and then the whole list at its next turn. What a node answers is no
    /// page but the whole list.
    Page(u64),
    /// At its next turn.
    NextTurn,
    /// At the first turn after so many seconds: the service asked for that.
    NotBefore(u64),
}

use Again::{NextTurn, NotBefore, Page};

/// Before a page is asked for again.
const PAGE_PAUSES: &[Duration] = &[Duration::from_secs(1), Duration::from_secs(2)];

/// Between two turns of a list.
const TURN: Duration = Duration::from_secs(300);

fn row(name: &'static str, fault: Fault, code: Code, message: &'static str, again: Again) -> Row {
    Row { name, fault, shown: (code, message), again, impatient: false }
}

impl Row {
    fn impatient(self) -> Self {
        Self { impatient: true, ..self }
    }
}

fn rows() -> Vec<Row> {
    vec![
        row("500", status(500, None), Code::Unavailable, "(HTTP 500)", Page(3)),
        row("503 with seconds", status(503, Some(17)), Code::Unavailable, "(HTTP 503)", Page(34)),
        row("503 with a date", with(503, UNTIL), Code::Unavailable, "(HTTP 503)", Page(34)),
        row("429", status(429, None), Code::RateLimited, SLOWER, Page(3)),
        row("429 with a date", with(429, UNTIL), Code::RateLimited, SLOWER, Page(34)),
        row("429 for an hour", status(429, Some(3600)), Code::RateLimited, SLOWER, NotBefore(3600)),
        row("401", status(401, None), Code::Unauthorized, REFUSED_KEY, NextTurn),
        row("403", status(403, None), Code::Forbidden, NOT_ALLOWED, NextTurn),
        row("402", status(402, None), Code::OverQuota, USED_UP, NextTurn),
        row("the reply is lost", Fault::ReplyLost, Code::Network, BROKEN, Page(3)),
        row("truncated JSON", Fault::TruncatedAnswer, Code::Network, CUT_SHORT, Page(3)),
        row("nothing at all", Fault::EmptyAnswer, Code::Network, CUT_SHORT, Page(3)),
        row("it gives up half-way", Fault::BrokenOff("context canceled"), Code::Unavailable, "(HTTP 500)", Page(3)),
        row(
            "it says half-way that it failed",
            Fault::FailureAmongLines("context canceled"),
            Code::Unavailable,
            "(HTTP 500)",
            Page(3),
        ),
        row("a captive portal", Fault::WebPage(200), Code::NotAPinningApi, NO_API, NextTurn),
        row("another site", Fault::WebPage(404), Code::NotAPinningApi, NO_API, NextTurn),
        row(
            "it leads to another host",
            Fault::RedirectTo(302, "http://192.0.2.1/".into()),
            Code::NotAPinningApi,
            NO_API,
            NextTurn,
        ),
        row("wrong types", Fault::WrongTypes, Code::Protocol, NOT_UNDERSTOOD, NextTurn),
        row("100 MB of JSON", Fault::HugeAnswer(100_000_000), Code::Protocol, TOO_LONG, NextTurn),
        // After a long silence nothing is asked for again.
        row("nobody answers", Fault::StallAfter(0), Code::Network, SILENT, NextTurn).impatient(),
        row("the answer stalls at once", Fault::AnswerStalls(0), Code::Network, SILENT, NextTurn).impatient(),
        row("the answer stalls", Fault::AnswerStalls(30), Code::Network, SILENT, NextTurn).impatient(),
        row("the answer trickles", trickle(), Code::Network, SILENT, NextTurn).impatient(),
    ]
}

impl Again {
    /// How often the service is asked in one turn.
    fn asked(self, kind: ProviderKind) -> usize {
        match self {
            Page(_) if has_pages(kind) => 1 + PAGE_PAUSES.len(),
            _ => 1,
        }
    }
}

const fn has_pages(kind: ProviderKind) -> bool {
    matches!(kind, ProviderKind::Aioz | ProviderKind::Psa)
}

/// Adds a pin; at nodes its CID is its id.
fn add(provider: &FakeProvider, kind: ProviderKind, name: &str) {
    let cid = identified(name.as_bytes(), LAYOUT).cid;
    provider.pins(|pins| {
        let pin = pins.add(&cid, name);
        if !has_pages(kind) {
            pin.id = cid.to_string();
        }
    });
}

async fn mirrored(world: &World) -> Vec<String> {
    world.pins().await.into_iter().map(|pin| pin.name()).collect()
}

async fn play(row: &Row, kind: ProviderKind) {
    let what = format!("{} ({kind:?})", row.name);
    println!("{what}");
    logs::collect();
    let provider = service(kind).await;
    add(&provider, kind, "goes");
    add(&provider, kind, "stays");
    let silence = if row.impatient { SILENCE } else { Duration::from_secs(30) };
    let builder = WorldBuilder::default().with_background();
    let world = builder.through(move |http| http.with_page_pauses(PAGE_PAUSES).with_silence(silence)).start().await;
    let account = world.account(&provider, "one").await;
    let first = list_settled(&world, &provider, &account).await;

    provider.fail_always(Call::List, row.fault.clone());
    provider.pins(|pins| pins.remove(|pin| pin.name.as_deref() == Some("goes")));
    add(&provider, kind, "comes");
    let paused = match row.again {
        Page(seconds) if has_pages(kind) => seconds,
        _ => 0,
    };
    let error = refused(&world, &account, Duration::from_secs(paused)).await;
    assert_eq!(error.code(), row.shown.0, "{what}: {error}");
    assert!(error.to_string().contains(row.shown.1), "{what}: {error}");
    assert_eq!(provider.count(Call::List) - first, row.again.asked(kind), "{what}");
    // To be asked to slow down is no fault of an account.
    let noticed = match account_state(&world, &account).await {
        AccountState::Failed { code, message } => Some((code, message)),
        _ => None,
    };
    let expected = (row.shown.0 != Code::RateLimited).then(|| (error.code(), error.to_string()));
    assert_eq!(noticed, expected, "{what}");
    assert_eq!(mirrored(&world).await, ["goes", "stays"], "{what}: what was known is still shown");
    let said = format!("{error:?} {:?} {:?}", error.details(), world.engine.accounts().await.unwrap());
    assert_clean(&what, said.as_bytes(), &provider.canaries());
    assert_clean(&format!("{what}: the log"), logs::collected().as_bytes(), &provider.canaries());

    provider.heal();
    let before = provider.count(Call::List);
    if let NotBefore(seconds) = row.again {
        // A turn begins and is over without a question.
        world.clock.advance(TURN);
        let early = refused(&world, &account, Duration::ZERO).await;
        assert_eq!((early.code(), provider.count(Call::List)), (Code::RateLimited, before), "{what}");
        world.clock.advance(Duration::from_secs(seconds));
    }
    world.clock.advance(TURN);
    eventually("the list is asked for by itself", || async {
        let is_there = mirrored(&world).await == ["comes", "stays"];
        (is_there && account_state(&world, &account).await == AccountState::Ok).then_some(())
    })
    .await;
}

/// Lists an account, which takes at least so much time; without any, time stands still.
async fn refused(world: &World, account: &AccountId, at_least: Duration) -> Error {
    let began = world.clock.monotonic();
    let mut listing = std::pin::pin!(world.engine.refresh(Some(account)));
    let error = loop {
        tokio::select! {
            listed = &mut listing => break listed.unwrap_err(),
            () = tokio::time::sleep(Duration::from_millis(10)), if !at_least.is_zero() => {
                world.clock.advance(Duration::from_millis(500));
            }
            () = tokio::time::sleep(Duration::from_secs(30)) => panic!("the listing does not end"),
        }
    };
    assert!(world.clock.monotonic() - began >= at_least, "it was asked again too early");
    error
}

async fn play_all(rows: impl Iterator<Item = Row>, at_once: usize) {
    let rows: Vec<Row> = rows.collect();
    let plays = rows.iter().flat_map(|row| ProviderKind::ALL.into_iter().map(move |kind| play(row, kind)));
    stream::iter(plays).for_each_concurrent(at_once, |play| play).await;
}

#[tokio::test]
async fn a_list_that_fails_is_noticed_forgets_nothing_and_is_asked_for_again() {
    play_all(rows().into_iter().filter(|row| !row.impatient), 4).await;
}

#[tokio::test]
async fn a_list_that_does_not_come_is_given_up_and_asked_for_again() {
    // One at a time: they are about time.
    play_all(rows().into_iter().filter(|row| row.impatient), 1).await;
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
