//! A key that is replaced while requests with the old one are under way: their answers say nothing of the new one.

use std::sync::Arc;

use holdfast_core::{
    Code,
    account::{AccountId, AccountState, Keep, ProviderKind},
    transfer::TransferState,
};
use holdfast_testkit::{Call, FakeProvider, Fault, World, WorldBuilder, eventually};
use tokio_util::sync::CancellationToken;

use super::{
    account_state, list_settled,
    play::{self, Play, begin, pins_of},
    service,
};

/// Holds the next such request; it is looked at with whatever key is accepted when it is let go.
fn hold(provider: &FakeProvider, call: Call) -> CancellationToken {
    let released = CancellationToken::new();
    provider.fail(call, Fault::Held(released.clone()));
    released
}

async fn under_way(provider: &FakeProvider, call: Call) {
    eventually("it is under way", || async { (provider.under_way(call) == 1).then_some(()) }).await;
}

/// The user enters the new key, and the account is listed with it.
async fn replace_key(world: &World, provider: &FakeProvider, label: &str) {
    provider.rotate_key();
    world.engine.add_account(provider.draft(label), Keep::Keyring).await.unwrap();
}

async fn is_ok(world: &World, account: &AccountId) {
    assert_eq!(account_state(world, account).await, AccountState::Ok);
}

#[tokio::test]
async fn a_transfer_under_way_with_the_old_key_is_tried_with_the_new_one_and_locks_nobody_out() {
    for play in play::ALL {
        the_key_is_rotated(play).await;
    }
}

async fn the_key_is_rotated(play: Play) {
    let provider = service(play.kind).await;
    let world = WorldBuilder::default().with_background().start().await;
    let account = world.account(&provider, "one").await;
    list_settled(&world, &provider, &account).await;
    let released = hold(&provider, play.call);
    let id = begin(&world, &account, play, 1).await;
    under_way(&provider, play.call).await;
    replace_key(&world, &provider, "one").await;
    released.cancel();
    // Time stands still: it waits for nothing.
    assert_eq!(world.end_of(&id).await.state, TransferState::Done, "{play:?}");
    assert_eq!((pins_of(&provider, 1), provider.count(play.call)), (1, 2), "{play:?}");
    is_ok(&world, &account).await;
    world.engine.shut_down().await;
}

#[tokio::test]
async fn an_upload_through_a_node_whose_key_is_replaced_meanwhile_goes_on() {
    let (node, target) = (service(ProviderKind::Kubo).await, service(ProviderKind::Psa).await);
    let world = WorldBuilder::default().with_background().start().await;
    let at_node = world.account(&node, "node").await;
    let account = world.account(&target, "service").await;
    let released = hold(&node, Call::Upload);
    let id = world.begin_upload(&account, &world.write("a", b"abc")).await;
    under_way(&node, Call::Upload).await;
    replace_key(&world, &node, "node").await;
    released.cancel();
    eventually("the service is asked for it", || async { (target.count(Call::Pin) == 1).then_some(()) }).await;
    assert!(!matches!(world.transfer(&id).await.state, TransferState::Failed(_)));
    is_ok(&world, &at_node).await;
    world.engine.shut_down().await;
}

#[tokio::test]
async fn a_list_or_test_with_the_old_key_says_nothing_of_the_new_one() {
    for call in [Call::List, Call::Test] {
        let provider = service(ProviderKind::Aioz).await;
        let world = Arc::new(World::start().await);
        let account = world.account(&provider, "one").await;
        list_settled(&world, &provider, &account).await;
        let released = hold(&provider, call);
        let old = tokio::spawn({
            let (world, account) = (Arc::clone(&world), account.clone());
            async move {
                match call {
                    Call::List => world.engine.refresh(Some(&account)).await,
                    _ => world.engine.check_account(&account).await.map(drop),
                }
            }
        });
        under_way(&provider, call).await;
        replace_key(&world, &provider, "one").await;
        released.cancel();
        let answer = old.await.unwrap();
        assert_eq!(answer.is_err_and(|error| error.code() == Code::Unauthorized), call == Call::List);
        is_ok(&world, &account).await;
    }
}

#[tokio::test]
async fn a_list_that_waited_for_another_is_asked_for_with_the_new_key() {
    let provider = service(ProviderKind::Aioz).await;
    let world = Arc::new(World::start().await);
    let account = world.account(&provider, "one").await;
    list_settled(&world, &provider, &account).await;
    let released = hold(&provider, Call::List);
    let refresh = || {
        let (world, account) = (Arc::clone(&world), account.clone());
        tokio::spawn(async move { world.engine.refresh(Some(&account)).await })
    };
    let first = refresh();
    under_way(&provider, Call::List).await;
    let second = refresh();
    tokio::task::yield_now().await;
    replace_key(&world, &provider, "one").await;
    released.cancel();
    assert_eq!(first.await.unwrap().unwrap_err().code(), Code::Unauthorized);
    second.await.unwrap().unwrap();
    is_ok(&world, &account).await;
}
