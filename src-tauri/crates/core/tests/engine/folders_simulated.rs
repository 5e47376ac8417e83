//! Watched folders where the real disk cannot be made to misbehave.

use std::{path::Path, time::Duration};

use holdfast_content::Profile;
use holdfast_core::{
    account::AccountId,
    disk::Disk,
    folder::{EntryState, FolderView},
};
use holdfast_testkit::{Call, FakeProvider, Fault, SimDisk, World, WorldBuilder, eventually, identified};
use tokio_util::sync::CancellationToken;

pub(crate) struct Scene {
    pub(crate) provider: FakeProvider,
    pub(crate) world: World,
    pub(crate) disk: SimDisk,
    pub(crate) account: AccountId,
}

async fn scene() -> Scene {
    Scene::on(|disk| disk).await
}

impl Scene {
    /// With something around the simulated disk.
    pub(crate) async fn on<D: Disk>(around: impl FnOnce(SimDisk) -> D) -> Self {
        let (provider, disk) = (FakeProvider::start(Profile::UNIXFS_V1_2025).await, SimDisk::default());
        let world = WorldBuilder::default().on(around(disk.clone())).with_background().start().await;
        let account = world.account(&provider, "one").await;
        Self { provider, world, disk, account }
    }

    pub(crate) async fn watch(&self) {
        self.world.engine.add_folder("/w".into(), &self.account, None).await.unwrap();
    }

    /// Lets time pass until the folder is so.
    pub(crate) async fn until(&self, what: &str, is_so: impl Fn(&FolderView) -> bool + Sync) -> FolderView {
        let is_so = &is_so;
        eventually(what, || async move {
            self.world.clock.advance(Duration::from_millis(500));
            Some(self.world.engine.folders().await.unwrap().remove(0)).filter(is_so)
        })
        .await
    }

    pub(crate) fn has(&self, bytes: &[u8]) -> bool {
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
    scene.world.engine.rescan_folder(&view.folder.id).unwrap();
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

#[tokio::test]
async fn a_directory_that_could_not_be_read_is_watched_from_when_it_can_be() {
    let scene = scene().await;
    scene.disk.write(Path::new("/w/a"), b"aaa");
    scene.watch().await;
    scene.until("the first is pinned", |view| view.pinned == 1).await;
    scene.disk.make_unreadable_directory(Path::new("/w/in"));
    scene.until("it is listed", |view| view.skipped == 1).await;
    scene.disk.set_readable_silently(Path::new("/w/in"), true);
    scene.until("it is listed no more", |view| view.skipped == 0).await;
    for (number, name) in [(2, "/w/in/first"), (3, "/w/in/second")] {
        scene.disk.write(Path::new(name), name.as_bytes());
        scene.until("it is pinned", |view| view.pinned == number && view.waiting == 0).await;
    }
}

#[tokio::test]
async fn a_directory_that_can_be_read_before_it_was_looked_at_is_watched_too() {
    let scene = scene().await;
    scene.disk.write(Path::new("/w/a"), b"aaa");
    scene.watch().await;
    scene.until("the first is pinned", |view| view.pinned == 1).await;
    scene.disk.make_unreadable_directory(Path::new("/w/in"));
    scene.disk.set_readable_silently(Path::new("/w/in"), true);
    for _ in 0..20 {
        scene.until("time passes", |view| view.pinned == 1).await;
    }
    scene.disk.write(Path::new("/w/in/b"), b"bbbb");
    scene.until("it is pinned", |view| view.pinned == 2).await;
}

#[tokio::test]
async fn a_file_that_could_not_be_read_is_taken_when_it_can_be_though_nothing_said_so() {
    let scene = scene().await;
    scene.disk.write(Path::new("/w/a"), b"aaa");
    scene.disk.set_readable(Path::new("/w/a"), false);
    scene.watch().await;
    scene.until("it has failed", |view| view.failed == 1).await;
    scene.disk.set_readable_silently(Path::new("/w/a"), true);
    scene.until("it is pinned", |view| view.pinned == 1 && view.failed == 0).await;
}

#[tokio::test]
async fn a_file_that_a_program_has_open_waits_for_its_end_and_no_other_waits_for_it() {
    let scene = scene().await;
    scene.disk.write(Path::new("/w/film"), b"0000");
    scene.disk.set_held(Path::new("/w/film"), true);
    scene.watch().await;
    scene.until("it is held", |view| view.held == 1 && view.waiting == 1).await;
    scene.disk.write(Path::new("/w/other"), b"other");
    let view = scene.until("the other one is pinned", |view| view.pinned == 1).await;
    let entries = scene.world.engine.folder_entries(&view.folder.id, 10).await.unwrap();
    assert_eq!((entries[0].path.as_path(), entries[0].state), (Path::new("/w/film"), EntryState::Waiting));
    assert!(entries[0].reason.as_deref().is_some_and(|reason| reason.contains("open")), "{entries:?}");
    for _ in 0..100 {
        scene.until("it still waits", |view| view.held == 1 && view.pinned == 1).await;
    }
    // Through a mapping, which no time of the file need tell of.
    scene.disk.write_unnoticed(Path::new("/w/film"), b"1111");
    scene.disk.set_held(Path::new("/w/film"), false);
    scene.until("it is pinned", |view| view.pinned == 2 && view.held == 0).await;
    assert!(scene.has(b"1111") && !scene.has(b"0000"));
}

#[tokio::test]
async fn what_waits_to_be_sent_is_not_read_while_a_program_writes_to_it() {
    let scene = scene().await;
    scene.provider.fail_always(Call::Upload, Fault::Status { status: 503, retry_after: None, message: "away" });
    scene.disk.write(Path::new("/w/a"), b"0000");
    scene.watch().await;
    scene.until("it was tried", |_| scene.provider.count(Call::Upload) > 0).await;
    scene.disk.set_held(Path::new("/w/a"), true);
    let tried = scene.provider.count(Call::Upload);
    scene.disk.write_unnoticed(Path::new("/w/a"), b"1111");
    scene.provider.heal();
    for _ in 0..100 {
        scene.until("it waits", |view| view.pinned == 0).await;
    }
    // One try may have been under way.
    assert!(scene.provider.count(Call::Upload) <= tried + 1);
    scene.disk.set_held(Path::new("/w/a"), false);
    scene.until("it is pinned", |view| view.pinned == 1).await;
    assert!(scene.has(b"1111"));
}

#[tokio::test]
async fn a_change_of_what_was_pinned_lately_is_found_without_an_event() {
    let scene = scene().await;
    scene.disk.write(Path::new("/w/a"), b"aaa");
    scene.watch().await;
    scene.until("it is pinned", |view| view.pinned == 1).await;
    scene.disk.write_silently(Path::new("/w/a"), b"through another name");
    let looks_at = scene.world.engine.folders().await.unwrap()[0].folder.last_scan;
    scene.until("the new version is pinned", |_| scene.has(b"through another name")).await;
    assert_eq!(
        scene.world.engine.folders().await.unwrap()[0].folder.last_scan,
        looks_at,
        "without a look at everything"
    );
}

#[tokio::test]
async fn another_directory_in_the_place_of_the_folder_is_noticed() {
    let scene = scene().await;
    scene.disk.write(Path::new("/disk/w/one"), b"one");
    scene.world.engine.add_folder("/disk/w".into(), &scene.account, None).await.unwrap();
    scene.until("the first is pinned", |view| view.pinned == 1).await;
    scene.disk.rename(Path::new("/disk"), Path::new("/disk.old"));
    scene.disk.write(Path::new("/disk/w/two"), b"two");
    scene.until("it is pinned", |view| view.pinned == 1 && view.on_disk == 1 && scene.has(b"two")).await;
    scene.disk.write(Path::new("/disk/w/three"), b"three");
    scene.until("the new one is watched", |view| view.pinned == 2).await;
}

#[tokio::test]
async fn a_directory_exchanged_for_a_link_publishes_nothing_from_where_it_leads() {
    let scene = scene().await;
    scene.disk.write(Path::new("/out/id_key"), b"secret");
    scene.disk.write(Path::new("/w/sub/id_key"), b"x");
    scene.watch().await;
    scene.until("it is pinned", |view| view.pinned == 1).await;
    scene.disk.write(Path::new("/w/sub/id_key"), b"xx");
    scene.disk.rename(Path::new("/w/sub"), Path::new("/away"));
    scene.disk.link(Path::new("/w/sub"), Path::new("/out"));
    scene.until("the link is left out", |view| (view.on_disk, view.skipped) == (1, 1)).await;
    for _ in 0..100 {
        scene.until("it stays so", |view| (view.on_disk, view.skipped) == (1, 1)).await;
    }
    assert!(!scene.has(b"secret"));
}

#[tokio::test]
async fn an_upload_that_waited_while_its_directory_was_exchanged_for_a_link_reads_nothing_there() {
    let scene = scene().await;
    scene.provider.fail_always(Call::Upload, Fault::Status { status: 503, retry_after: None, message: "away" });
    scene.disk.write(Path::new("/out/id_key"), b"secret");
    scene.disk.write(Path::new("/w/sub/id_key"), b"x");
    scene.watch().await;
    scene.until("it was tried", |_| scene.provider.count(Call::Upload) > 0).await;
    scene.disk.rename(Path::new("/w/sub"), Path::new("/away"));
    scene.disk.link(Path::new("/w/sub"), Path::new("/out"));
    scene.provider.heal();
    let transfers = || async { scene.world.engine.transfers(10).await.unwrap().1 };
    eventually("the transfer has failed", || async {
        scene.world.clock.advance(Duration::from_millis(500));
        (transfers().await.failed == 1).then_some(())
    })
    .await;
    assert!(!scene.has(b"secret") && !scene.has(b"x"));
}
