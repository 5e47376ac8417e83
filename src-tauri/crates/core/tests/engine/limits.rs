//! What a person allows: bytes a second up and down, by hours, and how much at once.

use std::{num::NonZeroU64, time::Duration};

use holdfast_content::Profile;
use holdfast_core::{
    AtOnce, LimitedHours, Limits, Rate,
    clock::{Clock, UnixMillis},
    transfer::{TransferId, TransferState},
};
use holdfast_testkit::{Call, FakeProvider, Fault, World, bytes_of, eventually};
use tokio_util::sync::CancellationToken;

const KB: u64 = 1_000;

fn rate(bytes: u64) -> Rate {
    NonZeroU64::new(bytes)
}

/// Bytes of a transfer that were handed to the connection.
fn sent(world: &World, id: &TransferId) -> u64 {
    world.engine.progress().iter().find(|progress| progress.id == *id).map_or(0, |progress| progress.bytes_done)
}

/// Lets time pass until some of a transfer was sent.
async fn until_being_sent(world: &World, id: &TransferId) {
    eventually("it is being sent", || async {
        world.clock.advance(Duration::from_millis(100));
        (sent(world, id) > 0).then_some(())
    })
    .await;
}

/// Lets time pass in small steps until a transfer has ended; gives how many seconds that took by the clock.
async fn seconds_until_ended(world: &World, ids: &[TransferId]) -> f64 {
    let began = world.clock.monotonic();
    eventually("all are sent", || async {
        world.clock.advance(Duration::from_millis(20));
        for id in ids {
            if world.transfer(id).await.state != TransferState::Done {
                return None;
            }
        }
        Some(())
    })
    .await;
    (world.clock.monotonic() - began).as_secs_f64()
}

#[tokio::test]
async fn no_more_is_sent_in_a_second_than_is_allowed_whoever_sends_it() {
    let (provider, world) = (FakeProvider::start(Profile::UNIXFS_V1_2025).await, World::start().await);
    let account = world.account(&provider, "one").await;
    world.engine.set_limits(Limits { up: rate(100 * KB), ..Limits::default() }).await.unwrap();
    let mut ids = Vec::new();
    for number in 0..2_u64 {
        let path = world.write(&format!("{number}"), &bytes_of(number, 400_000 + number as usize));
        ids.push(world.begin_upload(&account, &path).await);
    }
    let seconds = seconds_until_ended(&world, &ids).await;
    assert!(seconds >= 7.5, "800 KB at 100 KB/s took {seconds} s");
}

#[tokio::test]
async fn a_limit_that_is_taken_away_lets_what_waits_go_at_once() {
    let (provider, world) = (FakeProvider::start(Profile::UNIXFS_V1_2025).await, World::start().await);
    let account = world.account(&provider, "one").await;
    world.engine.set_limits(Limits { up: rate(1_000), ..Limits::default() }).await.unwrap();
    let path = world.write("a", &bytes_of(1, 2_000_000));
    let id = world.begin_upload(&account, &path).await;
    until_being_sent(&world, &id).await;
    assert!(sent(&world, &id) < 100_000, "{} bytes in some seconds", sent(&world, &id));
    world.engine.set_limits(Limits::default()).await.unwrap();
    assert_eq!(world.end_of(&id).await.state, TransferState::Done);
}

#[tokio::test]
async fn a_schedule_slows_what_is_on_its_way_when_its_hour_comes_and_survives_a_restart() {
    let provider = FakeProvider::start(Profile::UNIXFS_V1_2025).await;
    let world = World::start().await;
    // The clock stands at midnight, UTC.
    let hours =
        LimitedHours { from: "00:00".parse().unwrap(), until: "00:10".parse().unwrap(), rate: rate(50 * KB).unwrap() };
    let limits = Limits { schedule: vec![hours], ..Limits::default() };
    world.engine.set_limits(limits.clone()).await.unwrap();
    let world = world.restart().await;
    assert_eq!(world.engine.limits().await.unwrap(), limits);
    let account = world.account(&provider, "one").await;
    let path = world.write("a", &bytes_of(1, 200_000));
    let id = world.begin_upload(&account, &path).await;
    let seconds = seconds_until_ended(&world, &[id]).await;
    assert!(seconds >= 3.5, "200 KB at 50 KB/s took {seconds} s");
    let path = world.write("b", &bytes_of(2, 2_000_000));
    let id = world.begin_upload(&account, &path).await;
    until_being_sent(&world, &id).await;
    world.clock.set_wall(UnixMillis(1_767_225_600_000 + 11 * 60_000));
    world.clock.advance(Duration::from_secs(31));
    assert_eq!(world.end_of(&id).await.state, TransferState::Done);
}

#[tokio::test]
async fn as_many_are_sent_at_once_as_are_allowed() {
    let (provider, world) = (FakeProvider::start(Profile::UNIXFS_V1_2025).await, World::start().await);
    let account = world.account(&provider, "one").await;
    let answer = CancellationToken::new();
    provider.fail_always(Call::Upload, Fault::ReplyHeld(answer.clone()));
    world.engine.set_limits(Limits { at_once: AtOnce::new(5).unwrap(), ..Limits::default() }).await.unwrap();
    let paths = (0..30).map(|number| world.write(&format!("{number}"), &bytes_of(number, 100 + number as usize)));
    let paths: Vec<_> = paths.collect();
    world.engine.upload(&account, paths, None, holdfast_core::pin::Metadata::new()).await.unwrap();
    eventually("five are under way", || async {
        (world.engine.transfers(1).await.unwrap().1.running == 5).then_some(())
    })
    .await;
    assert!(AtOnce::new(0).is_none() && AtOnce::new(17).is_none());
    answer.cancel();
}
