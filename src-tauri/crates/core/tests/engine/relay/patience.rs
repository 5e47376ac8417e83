//! How long a command waits for a service that is fetching, and that the window goes on.

use std::time::Duration;

use holdfast_core::{Background, pin::PinStatus, transfer::TransferState};
use holdfast_testkit::Call;

use super::Scene;

#[tokio::test]
async fn a_command_ends_when_its_patience_does_and_the_window_goes_on() {
    let mut scene = Scene::start().await;
    let id = scene.world.begin_upload(&scene.account, &scene.world.write("a", b"abc")).await;
    let mut reasons = Vec::new();
    let passing = async {
        loop {
            scene.world.clock.advance(Duration::from_millis(500));
            tokio::task::yield_now().await;
        }
    };
    let ended = tokio::select! {
        ended = scene.world.engine.wait_for(&id, |failure| reasons.push(failure.message.clone())) => ended.unwrap(),
        () = passing => unreachable!("time passes for ever"),
    };
    assert_eq!(ended.state, TransferState::Asked);
    assert_eq!(reasons.len(), 1, "each reason is told once: {reasons:?}");

    scene.service.becomes(PinStatus::Pinned, "");
    scene.world = scene.world.restart_with(Background::Everything).await;
    assert_eq!(scene.until(&id, TransferState::is_final).await.state, TransferState::Done);
    assert_eq!((scene.node.count(Call::Upload), scene.service.state().asked), (1, 1));
}

#[tokio::test]
async fn an_outage_while_the_service_fetches_ends_nothing() {
    let mut scene = Scene::start().await;
    let id = scene.world.begin_upload(&scene.account, &scene.world.write("a", b"abc")).await;
    scene.waiting(&id).await;
    scene.service.state().unreachable = usize::MAX;
    for _ in 0..20 {
        scene.world.clock.advance(Duration::from_secs(60));
        tokio::task::yield_now().await;
    }
    scene.world = scene.world.restart_with(Background::Everything).await;
    assert_eq!(scene.world.transfer(&id).await.state, TransferState::Asked);
    scene.service.state().unreachable = 0;
    scene.service.becomes(PinStatus::Pinned, "");
    assert_eq!(scene.until(&id, TransferState::is_final).await.state, TransferState::Done);
    assert_eq!((scene.node.count(Call::Upload), scene.service.state().asked), (1, 1));
}

#[tokio::test]
async fn what_the_service_itself_ended_is_left_to_the_user_in_the_window_as_well() {
    let mut scene = Scene::start().await;
    let id = scene.world.begin_upload(&scene.account, &scene.world.write("a", b"abc")).await;
    scene.waiting(&id).await;
    scene.service.becomes(PinStatus::Failed, "no peer has it");
    let failed = scene.until(&id, TransferState::is_final).await;
    assert!(!failed.may_go_on_at_service());
    scene.world = scene.world.restart_with(Background::Everything).await;
    assert_eq!(scene.world.transfer(&id).await, failed);
}
