//! A key that is not accepted any more while a queue is worked on: what is queued waits for a new one, and nobody else does.

use std::time::Duration;

use holdfast_core::{
    Code,
    account::{AccountState, Keep},
    transfer::TransferState,
};
use holdfast_testkit::{Call, WorldBuilder, eventually};

use super::{
    account_state,
    play::{self, Play, begin},
    service, status,
};

const QUEUED: u64 = 12;

#[tokio::test]
async fn a_queue_whose_key_was_revoked_waits_for_a_new_one() {
    for play in [play::AIOZ_UPLOAD, play::PSA_PIN, play::KUBO_UPLOAD, play::CLUSTER_PIN] {
        the_key_is_revoked(play).await;
    }
}

async fn the_key_is_revoked(play: Play) {
    let (revoked, healthy) = (service(play.kind).await, service(play.kind).await);
    let world = WorldBuilder::default().with_background().start().await;
    let (account, other) = (world.account(&revoked, "revoked").await, world.account(&healthy, "healthy").await);
    let before = begin(&world, &account, play, 0).await;
    assert_eq!(world.end_of(&before).await.state, TransferState::Done, "{play:?}");
    for call in [Call::Test, Call::Upload, Call::Pin, Call::List, Call::Get, Call::About] {
        revoked.fail_always(call, status(401, None));
    }
    let mut ids = Vec::new();
    for number in 1..=QUEUED {
        ids.push(begin(&world, &account, play, number).await);
    }
    eventually("the account is known to be locked out", || async {
        let state = account_state(&world, &account).await;
        matches!(state, AccountState::Failed { code: Code::Unauthorized, .. }).then_some(())
    })
    .await;
    let elsewhere = begin(&world, &other, play, 100).await;
    assert_eq!(world.end_of(&elsewhere).await.state, TransferState::Done, "{play:?}");
    world.clock.advance(Duration::from_secs(120));
    let later = begin(&world, &other, play, 101).await;
    assert_eq!(world.end_of(&later).await.state, TransferState::Done, "{play:?}");
    let (mut waiting, mut refused) = (0, 0);
    for id in &ids {
        match world.transfer(id).await.state {
            TransferState::Queued => waiting += 1,
            TransferState::Waiting { until: None, failure } => {
                assert_eq!(failure.code, Code::Unauthorized, "{play:?}");
                refused += 1;
            }
            state => panic!("{play:?} {state:?}"),
        }
    }
    assert!((1..=5).contains(&refused), "{play:?}: {refused} were tried in vain");
    assert_eq!(waiting + refused, ids.len(), "{play:?}");

    // Whoever retries one finds out whether the key is accepted again.
    let asked = revoked.requests().len();
    world.engine.retry(&ids[0]).await.unwrap();
    eventually("it is tried", || async { (revoked.requests().len() > asked).then_some(()) }).await;
    revoked.heal();
    world.engine.add_account(revoked.draft("revoked"), Keep::Keyring).await.unwrap();
    for id in &ids {
        assert_eq!(world.end_in_time(id).await.state, TransferState::Done, "{play:?}");
    }
    assert_eq!(revoked.pins(|pins| pins.all().len()), 1 + ids.len(), "{play:?}");
    world.engine.shut_down().await;
}
