//! What changes here while an upload by way of a node waits.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use holdfast_core::{
    Background,
    disk::{Disk, Root, Watch, WatchSink},
    host::RealDisk,
    pin::PinStatus,
    transfer::TransferState,
};
use holdfast_testkit::{Call, FakeProvider, World, eventually, identified};

use super::{PROFILE, Scene};
use crate::pin_only::{PinOnly, world_of};

#[tokio::test]
async fn a_watched_file_that_changes_while_it_waits_is_taken_in_its_new_version() {
    let scene = Scene::start().await;
    let (service, account) = (scene.service.clone(), scene.account.clone());
    let world = scene.world.restart_with(Background::Everything).await;
    let path = world.write("watched/a", b"abc");
    world.engine.add_folder(path.parent().unwrap().into(), &account, None).await.unwrap();
    for bytes in [b"abc".as_slice(), b"abcdef"] {
        world.write("watched/a", bytes);
        let cid = identified(bytes, PROFILE).cid;
        eventually("this version is asked for", || async {
            world.clock.advance(Duration::from_millis(500));
            service.state().pins.iter().any(|pin| pin.cid == cid).then_some(())
        })
        .await;
    }
    service.becomes(PinStatus::Pinned, "");
    eventually("the file is pinned", || async {
        world.clock.advance(Duration::from_millis(500));
        (world.engine.folders().await.unwrap()[0].pinned == 1).then_some(())
    })
    .await;
    assert_eq!(service.state().asked, 2);
}

const CHANGES: [fn(&World); 4] = [
    |world| drop(world.write("site/a/b.css", b"a{}")),
    |world| drop(world.write("site/a/new.css", b"p{}")),
    |world| fs::remove_file(world.files.path().join("site/a/b.css")).unwrap(),
    |world| fs::rename(world.files.path().join("site/a"), world.files.path().join("site/b")).unwrap(),
];

#[tokio::test]
async fn a_folder_that_changes_while_it_waits_is_pinned_as_the_service_was_asked_for_it() {
    for change in CHANGES {
        let mut scene = Scene::start().await;
        scene.world.write("site/index.html", b"<p>");
        scene.world.write("site/a/b.css", b"p{}");
        let id = scene.world.begin_upload(&scene.account, &scene.world.files.path().join("site")).await;
        let before = scene.waiting(&id).await;
        scene.world = scene.world.restart().await;
        change(&scene.world);
        scene.service.becomes(PinStatus::Pinned, "");
        let done = scene.until(&id, TransferState::is_final).await;
        assert_eq!((&done.state, done.verified, done.cid), (&TransferState::Done, Some(true), before.cid));
        assert_eq!((scene.node.count(Call::Upload), scene.service.state().asked), (1, 1));
    }
}

#[tokio::test]
async fn a_folder_that_changes_before_the_service_is_asked_or_the_user_tries_again_is_taken_in_its_new_version() {
    for change in CHANGES {
        for was_asked in [false, true] {
            let mut scene = Scene::start().await;
            scene.service.state().refuses = !was_asked;
            scene.world.write("site/index.html", b"<p>");
            scene.world.write("site/a/b.css", b"p{}");
            let id = scene.world.begin_upload(&scene.account, &scene.world.files.path().join("site")).await;
            if was_asked {
                scene.waiting(&id).await;
                scene.service.becomes(PinStatus::Failed, "no peer has it");
            }
            let before = scene.until(&id, TransferState::is_final).await.cid;
            scene.world = scene.world.restart().await;
            change(&scene.world);
            scene.service.state().refuses = false;
            scene.world.engine.retry(&id).await.unwrap();
            scene.waiting(&id).await;
            scene.service.becomes(PinStatus::Pinned, "");
            let done = scene.until(&id, TransferState::is_final).await;
            assert_eq!((&done.state, done.verified), (&TransferState::Done, Some(true)));
            assert_ne!(done.cid, before);
            assert_eq!((scene.node.count(Call::Upload), scene.service.state().asked), (2, 1 + usize::from(was_asked)));
        }
    }
}

/// The real disk, and how often somebody looked at it.
#[derive(Default)]
struct CountingDisk {
    looks: Arc<AtomicUsize>,
}

impl CountingDisk {
    fn counted(&self) -> RealDisk {
        self.looks.fetch_add(1, Ordering::Relaxed);
        RealDisk
    }
}

impl Disk for CountingDisk {
    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        self.counted().canonicalize(path)
    }

    fn root(&self, path: &Path) -> io::Result<Arc<dyn Root>> {
        self.counted().root(path)
    }

    fn watch(&self, root: &Path, sink: WatchSink) -> Result<Box<dyn Watch>, String> {
        self.counted().watch(root, sink)
    }
}

#[tokio::test]
async fn nothing_is_looked_at_here_while_the_service_fetches() {
    let (disk, service) = (CountingDisk::default(), PinOnly::default());
    let (node, looks) = (FakeProvider::start(PROFILE).await, Arc::clone(&disk.looks));
    let scene = Scene::at(world_of(&node, &service).on(disk), node, service).await;
    scene.add_node().await;
    scene.world.write("site/a/b.css", b"p{}");
    let id = scene.world.begin_upload(&scene.account, &scene.world.files.path().join("site")).await;
    scene.waiting(&id).await;
    let before = looks.load(Ordering::Relaxed);
    scene.service.becomes(PinStatus::Pinned, "");
    scene.until(&id, TransferState::is_final).await;
    assert_eq!(looks.load(Ordering::Relaxed), before);
}
