//! How long a command waits for a service that is fetching, and that the window goes on.

use std::time::Duration;

use holdfast_core::{Background, Code, pin::PinStatus, transfer::TransferState};
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
    assert_eq!(ended.state.failure().unwrap().code, Code::StillFetching);
    assert!(ended.attempts > 8, "it was patient for {} looks", ended.attempts);
    assert_eq!(reasons.len(), 1, "each reason is told once: {reasons:?}");

    scene.service.becomes(PinStatus::Pinned, "");
    scene.world = scene.world.restart_with(Background::Everything).await;
    assert_eq!(scene.until(&id, TransferState::is_final).await.state, TransferState::Done);
    assert_eq!((scene.node.count(Call::Upload), scene.service.state().asked), (1, 1));
}

#[tokio::test]
async fn a_command_outlasts_a_blip_of_the_network_while_the_service_fetches() {
    let scene = Scene::start().await;
    let id = scene.world.begin_upload(&scene.account, &scene.world.write("a", b"abc")).await;
    scene.until_tried(&id, 4).await;
    scene.service.state().unreachable = 1;
    let tried = scene.until(&id, |state| state.failure().is_some_and(|failure| failure.code == Code::Network)).await;
    assert!(!tried.state.is_final(), "{tried:?}");
    scene.service.becomes(PinStatus::Pinned, "");
    assert_eq!(scene.until(&id, TransferState::is_final).await.state, TransferState::Done);
}

#[tokio::test]
async fn what_a_command_gave_up_in_an_outage_goes_on_in_the_window() {
    let mut scene = Scene::start().await;
    let id = scene.world.begin_upload(&scene.account, &scene.world.write("a", b"abc")).await;
    scene.waiting(&id).await;
    scene.service.state().unreachable = usize::MAX;
    let given_up = scene.until(&id, TransferState::is_final).await;
    assert_eq!(given_up.state.failure().map(|failure| failure.code), Some(Code::Network));
    assert!(given_up.may_go_on_at_service());
    scene.service.state().unreachable = 0;
    scene.service.becomes(PinStatus::Pinned, "");
    scene.world = scene.world.restart_with(Background::Everything).await;
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
