//! What is announced says which, so that nobody asks again for what is as it was.

use holdfast_content::Profile;
use holdfast_core::{Change, Changes, Which, pin::Pin, transfer::TransferId};
use holdfast_testkit::{FakeProvider, World, bytes_of};
use tokio::sync::broadcast::Receiver;

fn all_of(changes: &mut Receiver<Change>) -> Vec<Change> {
    std::iter::from_fn(|| changes.try_recv().ok()).collect()
}

#[tokio::test]
async fn an_upload_says_which_transfer_and_which_pin_are_other_than_they_were_and_nothing_of_the_rest() {
    let (provider, world) = (FakeProvider::start(Profile::UNIXFS_V1_2025).await, World::start().await);
    let account = world.account(&provider, "one").await;
    world.upload(&account, &world.write("first", b"first")).await;
    let (paths, mut changes): (Vec<_>, _) = (
        (0..20).map(|file| world.write(&format!("{file}"), &bytes_of(file, 100 + file as usize))).collect(),
        world.engine.changes(),
    );
    let mut ids: Vec<TransferId> = Vec::new();
    for path in &paths {
        ids.push(world.upload(&account, path).await.id);
    }
    let told = all_of(&mut changes);
    let mut gathered = Changes::default();
    told.iter().cloned().for_each(|change| gathered.add(change));
    assert_eq!(gathered.transfers, Some(ids.into_iter().collect()));
    let Some(Which::These(pins)) = &gathered.pins else { panic!("{gathered:?}") };
    let held: Vec<_> = world.pins().await.iter().map(Pin::key).filter(|key| pins.contains(key)).collect();
    assert_eq!((held.len(), pins.len()), (20, 20));
    assert!(!gathered.folders && !gathered.settings && !gathered.unpinning, "{gathered:?}");
    // What an account is was told with the first.
    assert_eq!(gathered.accounts, None);
}
