//! Lists that have no end.

use std::time::Duration;

use holdfast_core::{
    account::ProviderKind::{self, Aioz, Cluster, Kubo, Psa},
    pin::Metadata,
    transfer::TransferState,
};
use holdfast_testkit::{Call, Fault, World, WorldBuilder, eventually, identified};

use super::{LAYOUT, account_state, list_settled, service};

#[tokio::test]
async fn a_list_that_goes_round_ends() {
    let provider = service(Aioz).await;
    let world = World::start().await;
    let account = world.account(&provider, "one").await;
    provider.behave(|manners| manners.longest_page = 3);
    for again_after in [2, 6, 20] {
        provider.fail_always(Call::List, Fault::EndlessPages { again_after: Some(again_after) });
        let before = provider.count(Call::List);
        let error = world.engine.refresh(Some(&account)).await.unwrap_err();
        assert!(error.to_string().contains("again and again"), "{again_after}: {error}");
        assert!(provider.count(Call::List) - before < 50, "{again_after}");
    }
}

#[tokio::test]
async fn looking_for_a_pin_whose_reply_was_lost_ends_and_it_is_asked_for_once_more() {
    for kind in [Aioz, Psa] {
        let (provider, world) = (service(kind).await, World::start().await);
        let account = world.account(&provider, "one").await;
        provider.behave(|manners| manners.longest_page = 3);
        provider.fail_always(Call::List, Fault::EndlessPages { again_after: None });
        provider.fail(Call::Pin, Fault::ReplyLost);
        let wanted = identified(b"elsewhere", LAYOUT).cid;
        let id = world.engine.pin(&account, wanted, None, Metadata::new()).await.unwrap();
        assert_eq!(world.end_in_time(&id).await.state, TransferState::Done, "{kind:?}");
        assert_eq!(provider.count(Call::Pin), 2, "{kind:?}");
    }
}

/// Its rows come one at a time for as long as anybody reads: other accounts are listed and transfers go on all the same.
#[tokio::test]
async fn a_list_without_end_holds_up_nobody() {
    for kind in [Kubo, Cluster] {
        nobody_is_held_up(kind).await;
    }
}

async fn nobody_is_held_up(kind: ProviderKind) {
    let (endless, healthy) = (service(kind).await, service(kind).await);
    let world = WorldBuilder::default().with_background().start().await;
    let (account, other) = (world.account(&endless, "endless").await, world.account(&healthy, "healthy").await);
    let before = list_settled(&world, &endless, &account).await;
    list_settled(&world, &healthy, &other).await;
    endless.fail_always(Call::List, Fault::EndlessPages { again_after: None });
    for _ in 0..3 {
        let listed = healthy.count(Call::List);
        eventually("the other account is listed once more", || async {
            world.clock.advance(Duration::from_secs(30));
            (healthy.count(Call::List) > listed).then_some(())
        })
        .await;
        // It is not asked again while it answers.
        eventually("its list is being read", || async { (endless.count(Call::List) == before + 1).then_some(()) })
            .await;
    }
    let done = world.upload(&account, &world.write("a", b"abc")).await;
    assert_eq!(done.state, TransferState::Done, "{kind:?}: {:?}", account_state(&world, &account).await);
    world.engine.shut_down().await;
}
