//! How a row about a transfer is played: one faulty service beside a healthy one of the same kind.

use std::time::Duration;

use holdfast_core::{
    Code,
    account::{
        AccountId, AccountState,
        ProviderKind::{self, Aioz, Cluster, Kubo, Psa},
    },
    clock::Clock,
    pin::Metadata,
    transfer::{Transfer, TransferId, TransferState},
};
use holdfast_testkit::{Call, FakeProvider, Fault, World, WorldBuilder, bytes_of, eventually, identified};

use super::{
    LAYOUT, SILENCE, account_state, service,
    transfers::{Row, Then},
};
use crate::{
    logs,
    secrets::{assert_clean, files_below},
};

/// The kind of service, and the transfer's call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Play {
    pub(super) kind: ProviderKind,
    pub(super) call: Call,
}

pub(super) const AIOZ_UPLOAD: Play = Play { kind: Aioz, call: Call::Upload };
pub(super) const AIOZ_PIN: Play = Play { kind: Aioz, call: Call::Pin };
/// These services take no files.
pub(super) const PSA_PIN: Play = Play { kind: Psa, call: Call::Pin };
pub(super) const KUBO_UPLOAD: Play = Play { kind: Kubo, call: Call::Upload };
pub(super) const KUBO_PIN: Play = Play { kind: Kubo, call: Call::Pin };
pub(super) const CLUSTER_UPLOAD: Play = Play { kind: Cluster, call: Call::Upload };
pub(super) const CLUSTER_PIN: Play = Play { kind: Cluster, call: Call::Pin };

pub(super) const ALL: [Play; 7] = [AIOZ_UPLOAD, AIOZ_PIN, PSA_PIN, KUBO_UPLOAD, KUBO_PIN, CLUSTER_UPLOAD, CLUSTER_PIN];

/// Different bytes of different length, large enough that their CIDs tell profiles apart.
fn content(number: u64) -> Vec<u8> {
    bytes_of(number, 263_000 + usize::try_from(number).unwrap())
}

pub(super) async fn begin(world: &World, account: &AccountId, play: Play, number: u64) -> TransferId {
    let bytes = content(number);
    if play.call == Call::Upload {
        return world.begin_upload(account, &world.write(&format!("file {number}"), &bytes)).await;
    }
    world.engine.pin(account, identified(&bytes, LAYOUT).cid, None, Metadata::new()).await.unwrap()
}

pub(super) async fn end_of_try(world: &World, id: &TransferId) -> Transfer {
    eventually("the try ends", || async {
        let transfer = world.transfer(id).await;
        (!matches!(transfer.state, TransferState::Queued | TransferState::Running)).then_some(transfer)
    })
    .await
}

pub(super) fn pins_of(provider: &FakeProvider, number: u64) -> usize {
    let cid = identified(&content(number), LAYOUT).cid.to_string();
    provider.pins(|pins| pins.all().iter().filter(|pin| pin.cid == cid).count())
}

pub(super) async fn play(row: &Row, play: Play) {
    let (what, outcome) = (format!("{} ({play:?})", row.name), row.outcome_at(play));
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
        assert_eq!(is_failing, outcome.is_the_accounts(), "{what}");
    }
    let beside = begin(&world, &account, play, 2).await;
    let elsewhere = begin(&world, &other, play, 3).await;
    // Time stands still: whoever is done has waited for nobody.
    assert_eq!(world.end_of(&elsewhere).await.state, TransferState::Done, "{what}");
    let asked = if outcome.others_rest {
        let rests = end_of_try(&world, &beside).await;
        assert_eq!(rests.state.failure().map(|failure| failure.code), Some(Code::RateLimited), "{what}");
        2
    } else {
        assert_eq!(world.end_of(&beside).await.state, TransferState::Done, "{what}");
        3
    };

    let tried = end_of_try(&world, &hit).await;
    let failure = tried.state.failure().unwrap_or_else(|| panic!("{what}: {tried:?}")).clone();
    assert_eq!(failure.code, outcome.shown.0, "{what}: {failure:?}");
    assert!(failure.message.contains(outcome.shown.1), "{what}: {failure:?}");
    if let Some(words) = outcome.details {
        assert!(failure.details.as_deref().is_some_and(|details| details.contains(words)), "{what}: {failure:?}");
    }
    assert_eq!(faulty.count(play.call), asked, "{what}: nothing is tried again before its time");
    match (&tried.state, outcome.then) {
        (TransferState::Waiting { until: Some(until), .. }, Then::Waits(seconds)) => {
            assert_eq!(until.since(tried.updated_at), Duration::from_secs(seconds), "{what}");
            world.clock.advance(until.since(world.clock.now()));
        }
        (TransferState::Failed(_), Then::Fails) => world.engine.retry(&hit).await.unwrap(),
        _ => panic!("{what}: {tried:?}"),
    }

    for id in [&hit, &beside] {
        let done = world.end_in_time(id).await;
        assert_eq!(done.state, TransferState::Done, "{what}");
        assert_eq!(done.verified, (play.call == Call::Upload).then_some(true), "{what}");
    }
    assert_eq!(account_state(&world, &account).await, AccountState::Ok, "{what}");
    let once_more = usize::from(!outcome.done);
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
