//! Watched folders where the real disk cannot be made to misbehave.

use std::{path::Path, time::Duration};

use holdfast_content::Profile;
use holdfast_core::{
    account::AccountId,
    folder::{EntryState, FolderView},
};
use holdfast_testkit::{Call, FakeProvider, Fault, SimDisk, World, WorldBuilder, eventually, identified};
use tokio_util::sync::CancellationToken;

struct Scene {
    provider: FakeProvider,
    world: World,
    disk: SimDisk,
    account: AccountId,
}

async fn scene() -> Scene {
    let (provider, disk) = (FakeProvider::start(Profile::UNIXFS_V1_2025).await, SimDisk::default());
    let world = WorldBuilder::default().on(disk.clone()).with_background().start().await;
    let account = world.account(&provider, "one").await;
    Scene { provider, world, disk, account }
}

impl Scene {
    async fn watch(&self) {
        self.world.engine.add_folder("/w".into(), &self.account, None).await.unwrap();
    }

    /// Lets time pass until the folder is so.
    async fn until(&self, what: &str, is_so: impl Fn(&FolderView) -> bool + Sync) -> FolderView {
        let is_so = &is_so;
        eventually(what, || async move {
            self.world.clock.advance(Duration::from_millis(500));
            Some(self.world.engine.folders().await.unwrap().remove(0)).filter(is_so)
        })
        .await
    }

    fn has(&self, bytes: &[u8]) -> bool {
        let cid = identified(bytes, Profile::UNIXFS_V1_2025).cid.to_string();
        self.provider.pins(|pins| pins.all().iter().any(|pin| pin.cid == cid))
    }
}

#[tokio::test]
async fn a_directory_that_cannot_be_read_is_listed_and_hides_no_other() {
    let scene = scene().await;
    scene.disk.write(Path::new("/w/open/a"), b"aaa");
    scene.disk.write(Path::new("/w/closed/b"), b"bbbb");
    scene.disk.set_readable(Path::new("/w/closed"), false);
    scene.watch().await;
    let view = scene.until("the other one is pinned", |view| view.pinned == 1 && view.waiting == 0).await;
    assert_eq!((view.skipped, view.on_disk), (1, 2));
    let entries = scene.world.engine.folder_entries(&view.folder.id, 10).await.unwrap();
    assert_eq!((entries[0].path.as_path(), entries[0].state), (Path::new("/w/closed"), EntryState::Skipped));
    assert!(entries[0].reason.as_deref().is_some_and(|reason| reason.contains("cannot be read")));
    scene.disk.set_readable(Path::new("/w/closed"), true);
    scene.world.engine.rescan_folder(&view.folder.id).await.unwrap();
    scene.until("it is pinned as well", |view| view.pinned == 2 && view.skipped == 0).await;
}

#[tokio::test]
async fn a_file_that_cannot_be_read_has_failed_with_the_reason_until_it_can() {
    let scene = scene().await;
    scene.disk.write(Path::new("/w/a"), b"aaa");
    scene.disk.set_readable(Path::new("/w/a"), false);
    scene.watch().await;
    let view = scene.until("it has failed", |view| view.failed == 1).await;
    let entries = scene.world.engine.folder_entries(&view.folder.id, 10).await.unwrap();
    assert!(entries[0].reason.as_deref().is_some_and(|reason| reason.contains("cannot be read")), "{entries:?}");
    scene.disk.set_readable(Path::new("/w/a"), true);
    scene.until("it is pinned", |view| view.pinned == 1 && view.failed == 0).await;
}

#[tokio::test]
async fn lost_events_are_made_up_for() {
    let scene = scene().await;
    scene.disk.write(Path::new("/w/a"), b"aaa");
    scene.watch().await;
    scene.until("the first is pinned", |view| view.pinned == 1).await;
    // Written where no watch looks, moved in without an event.
    scene.disk.write_silently(Path::new("/w/b"), b"bbbb");
    scene.disk.lose_events();
    scene.until("the second is pinned", |view| view.pinned == 2).await;
    assert_eq!(scene.provider.count(Call::Upload), 2);
}

#[tokio::test]
async fn a_version_written_while_the_last_one_is_being_taken_is_pinned_too() {
    let (scene, open) = (scene().await, CancellationToken::new());
    scene.provider.fail(Call::Upload, Fault::ReplyHeld(open.clone()));
    scene.disk.write(Path::new("/w/a"), b"one");
    scene.watch().await;
    scene.until("the first version is there", |_| scene.has(b"one")).await;
    scene.disk.write(Path::new("/w/a"), b"second");
    // Long enough for the change to settle while the first answer is still on its way.
    for _ in 0..20 {
        scene.until("it waits", |view| view.waiting == 1).await;
    }
    open.cancel();
    scene.until("the second version is there", |view| view.pinned == 1 && scene.has(b"second")).await;
    assert_eq!(scene.provider.count(Call::Upload), 2);
}

#[tokio::test]
async fn a_file_waits_for_a_service_that_is_away() {
    let scene = scene().await;
    scene.provider.fail_always(Call::Upload, Fault::Status { status: 503, retry_after: None, message: "away" });
    scene.disk.write(Path::new("/w/a"), b"aaa");
    scene.watch().await;
    scene.until("it was tried often", |_| scene.provider.count(Call::Upload) > 10).await;
    scene.until("it waits", |view| view.waiting == 1 && view.failed == 0).await;
    scene.provider.heal();
    scene.until("it is pinned", |view| view.pinned == 1).await;
}
