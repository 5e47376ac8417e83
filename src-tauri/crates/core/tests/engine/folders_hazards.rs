//! Watched folders when something comes between: a removal, a crash, a failing database, a watch that is none.

use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use holdfast_core::{
    disk::{Disk, Entries, Identity, Opened, Root, Stat, Watch, WatchEvent, WatchSink},
    folder::FolderState,
    transfer::TransferState,
};
use holdfast_testkit::{Call, Fault, SimDisk, eventually};
use rusqlite::Connection;
use tokio_util::sync::CancellationToken;

use crate::folders_simulated::Scene;

/// A disk whose system is asked for a file's writers, which it answers when the door is open.
struct Doored {
    disk: Arc<dyn Disk>,
    door: Arc<Door>,
}

/// Closed at first. Nobody waits for it for ever.
#[derive(Debug, Default)]
struct Door {
    is_open: Mutex<bool>,
    opens: Condvar,
    before_it: AtomicUsize,
}

impl Door {
    fn pass(&self) {
        self.before_it.fetch_add(1, Ordering::Relaxed);
        let is_open = self.is_open.lock().unwrap();
        drop(self.opens.wait_timeout_while(is_open, Duration::from_secs(20), |is_open| !*is_open).unwrap());
    }

    fn turn(&self, is_open: bool) {
        *self.is_open.lock().unwrap() = is_open;
        self.opens.notify_all();
    }
}

impl Disk for Doored {
    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        self.disk.canonicalize(path)
    }

    fn root(&self, path: &Path) -> io::Result<Arc<dyn Root>> {
        Ok(Arc::new(DooredRoot { root: self.disk.root(path)?, door: Arc::clone(&self.door) }))
    }

    fn watch(&self, root: &Path, sink: WatchSink) -> Result<Box<dyn Watch>, String> {
        self.disk.watch(root, sink)
    }
}

#[derive(Debug)]
struct DooredRoot {
    root: Arc<dyn Root>,
    door: Arc<Door>,
}

impl Root for DooredRoot {
    fn identity(&self) -> io::Result<Identity> {
        self.root.identity()
    }

    fn stat(&self, below: &Path) -> io::Result<Stat> {
        self.root.stat(below)
    }

    fn read_directory(&self, below: &Path) -> io::Result<Entries> {
        self.root.read_directory(below)
    }

    fn read_link(&self, below: &Path) -> io::Result<PathBuf> {
        self.root.read_link(below)
    }

    fn open(&self, below: &Path) -> io::Result<Opened> {
        self.root.open(below)
    }

    fn has_writer(&self, below: &Path) -> io::Result<bool> {
        self.door.pass();
        self.root.has_writer(below)
    }

    fn root(&self, below: &Path) -> io::Result<Arc<dyn Root>> {
        self.root.root(below)
    }
}

async fn doored() -> (Scene, Arc<Door>) {
    let door = Arc::new(Door::default());
    let of_disk = Arc::clone(&door);
    let scene = Scene::on(|disk| Doored { disk: Arc::new(disk), door: of_disk }).await;
    (scene, door)
}

impl Scene {
    /// Lets that many half seconds pass, and whatever is due in them happen.
    async fn let_time_pass(&self, steps: usize) {
        let left = AtomicUsize::new(steps);
        eventually("time passes", || async {
            self.world.clock.advance(Duration::from_millis(500));
            (left.fetch_sub(1, Ordering::Relaxed) <= 1).then_some(())
        })
        .await;
    }

    async fn failed(&self, count: u64) {
        eventually("it has failed", || async {
            self.world.clock.advance(Duration::from_millis(500));
            (self.world.engine.transfers(10).await.unwrap().1.failed == count).then_some(())
        })
        .await;
    }

    /// Another connection to the home's database.
    fn database(&self) -> Connection {
        Connection::open(self.world.home().join("holdfast.db")).unwrap()
    }
}

#[tokio::test]
async fn nothing_of_a_folder_is_sent_that_is_removed_in_the_middle_of_its_first_scan() {
    let (scene, door) = doored().await;
    for number in 0..2_000 {
        scene.disk.write(Path::new(&format!("/w/{number}")), format!("{number}").as_bytes());
    }
    scene.watch().await;
    eventually("the scan is in its middle", || async {
        scene.world.clock.advance(Duration::from_millis(500));
        (door.before_it.load(Ordering::Relaxed) > 0).then_some(())
    })
    .await;
    let id = scene.world.engine.folders().await.unwrap().remove(0).folder.id;
    scene.world.engine.remove_folder(&id).await.unwrap();
    let before = scene.provider.count(Call::Upload);
    door.turn(true);
    scene.let_time_pass(100).await;
    assert_eq!(scene.provider.count(Call::Upload), before, "not one request after it");
    assert!(scene.world.engine.transfers(10).await.unwrap().0.iter().all(|one| one.state.is_final()));
}

#[tokio::test]
async fn a_folder_that_is_removed_is_not_being_sent_any_more_when_that_is_said() {
    let scene = Scene::on(|disk| disk).await;
    let open = CancellationToken::new();
    scene.provider.fail(Call::Upload, Fault::ReplyHeld(open.clone()));
    for number in 0..2_000 {
        scene.disk.write(Path::new(&format!("/w/{number}")), format!("{number}").as_bytes());
    }
    scene.watch().await;
    scene.until("much is sent", |_| scene.provider.count(Call::Upload) > 20).await;
    let id = scene.world.engine.folders().await.unwrap().remove(0).folder.id;
    scene.world.engine.remove_folder(&id).await.unwrap();
    let (transfers, counts) = scene.world.engine.transfers(5_000).await.unwrap();
    assert_eq!((counts.queued, counts.running, counts.waiting, counts.asked), (0, 0, 0, 0));
    let sent = scene.provider.count(Call::Upload);
    open.cancel();
    scene.let_time_pass(100).await;
    assert_eq!(scene.provider.count(Call::Upload), sent);
    assert!(transfers.iter().any(|one| one.state == TransferState::Cancelled));
}

#[tokio::test]
async fn what_had_failed_in_a_folder_that_is_removed_is_not_sent_with_new_credentials() {
    let scene = Scene::on(|disk| disk).await;
    scene.provider.fail_always(Call::Upload, Fault::Status { status: 401, retry_after: None, message: "no" });
    scene.disk.write(Path::new("/w/a"), b"aaa");
    scene.watch().await;
    scene.until("it was tried", |_| scene.provider.count(Call::Upload) > 0).await;
    scene.let_time_pass(10).await;
    let id = scene.world.engine.folders().await.unwrap().remove(0).folder.id;
    scene.world.engine.remove_folder(&id).await.unwrap();
    scene.provider.heal();
    let sent = scene.provider.count(Call::Upload);
    scene.world.account(&scene.provider, "one").await;
    scene.let_time_pass(50).await;
    assert_eq!(scene.provider.count(Call::Upload), sent);
}

const REFUSED: Fault = Fault::Status { status: 400, retry_after: None, message: "not this one" };

#[tokio::test]
async fn a_version_is_not_given_up_when_the_engine_ends_between_seeing_and_accepting_it() {
    let (mut scene, door) = doored().await;
    door.turn(true);
    scene.provider.fail(Call::Upload, REFUSED);
    scene.disk.write(Path::new("/w/a"), b"one");
    scene.watch().await;
    scene.failed(1).await;
    door.turn(false);
    let asked = door.before_it.load(Ordering::Relaxed);
    scene.disk.write(Path::new("/w/a"), b"second");
    scene.until("it is looked at", |_| door.before_it.load(Ordering::Relaxed) > asked).await;
    scene.world = scene.world.restart().await;
    door.turn(true);
    scene.until("the new version is there", |view| view.pinned == 1 && scene.has(b"second")).await;
}

#[tokio::test]
async fn a_version_saved_while_the_last_one_is_sent_is_tried_when_that_one_comes_to_nothing() {
    let (scene, open) = (Scene::on(|disk| disk).await, CancellationToken::new());
    scene.provider.fail(Call::Upload, Fault::Held(open.clone()));
    scene.disk.write(Path::new("/w/a"), b"one");
    scene.watch().await;
    scene.until("the first version is being sent", |_| scene.provider.count(Call::Upload) == 1).await;
    scene.disk.write(Path::new("/w/a"), b"second");
    scene.let_time_pass(20).await;
    let sent = scene.world.engine.transfers(1).await.unwrap().0.remove(0);
    scene.world.engine.cancel(&sent.id).await.unwrap();
    open.cancel();
    scene.until("the second version is there", |view| view.pinned == 1 && scene.has(b"second")).await;
}

#[tokio::test]
async fn a_file_that_comes_back_after_it_failed_is_tried_again() {
    let scene = Scene::on(|disk| disk).await;
    scene.provider.fail(Call::Upload, REFUSED);
    scene.disk.write(Path::new("/w/a"), b"one");
    scene.watch().await;
    scene.failed(1).await;
    scene.disk.remove(Path::new("/w/a"));
    scene.until("it is gone", |view| view.on_disk == 0).await;
    scene.disk.write(Path::new("/w/a"), b"second");
    scene.until("it is pinned", |view| view.pinned == 1 && scene.has(b"second")).await;
}

#[tokio::test]
async fn a_database_that_fails_is_no_folder_that_is_missing() {
    let scene = Scene::on(|disk| disk).await;
    scene.disk.write(Path::new("/w/a"), b"aaa");
    scene.watch().await;
    scene.until("the first is pinned", |view| view.pinned == 1 && view.state == FolderState::Watching).await;
    let fails = "CREATE TRIGGER fails BEFORE INSERT ON observed BEGIN SELECT RAISE(FAIL, 'the disk is full'); END";
    scene.database().execute_batch(fails).unwrap();
    scene.disk.write(Path::new("/w/b"), b"bbbb");
    let view = scene.until("it is said", |view| view.message.is_some()).await;
    assert_eq!(view.state, FolderState::Watching, "{:?}", view.message);
    assert!(view.message.is_some_and(|message| message.contains("the disk is full")));
    scene.database().execute_batch("DROP TRIGGER fails").unwrap();
    scene.until("it goes on", |view| view.pinned == 2 && view.message.is_none()).await;
}

#[tokio::test]
async fn events_in_a_directory_that_is_left_out_make_no_rows() {
    let scene = Scene::on(|disk| disk).await;
    scene.disk.write(Path::new("/w/a"), b"aaa");
    scene.disk.write(Path::new("/w/.git/HEAD"), b"ref");
    scene.watch().await;
    scene.until("the first is pinned", |view| view.pinned == 1).await;
    for number in 0..20 {
        scene.disk.write(Path::new(&format!("/w/.git/objects/{number}")), b"object");
        scene.until("nothing of it is counted", |view| (view.on_disk, view.skipped) == (1, 0)).await;
    }
    scene.disk.write(Path::new("/w/b"), b"bbbb");
    let view = scene.until("the next one is pinned", |view| view.pinned == 2).await;
    assert_eq!((view.on_disk, view.skipped), (2, 0));
}

#[tokio::test]
async fn a_watch_that_goes_on_losing_events_does_not_look_at_everything_without_pause() {
    let scene = Scene::on(|disk| disk).await;
    scene.disk.write(Path::new("/w/a"), b"aaa");
    scene.watch().await;
    scene.until("the first is pinned", |view| view.pinned == 1).await;
    let mut looks = BTreeSet::new();
    for _ in 0..100 {
        scene.disk.lose_events();
        scene.world.clock.advance(Duration::from_millis(100));
        looks.insert(scene.until("a moment passes", |_| true).await.folder.last_scan.unwrap().0);
    }
    assert!(looks.len() < 12, "{} looks at everything in a minute", looks.len());
    scene.disk.write_silently(Path::new("/w/b"), b"bbbb");
    scene.until("what was not told is found", |view| view.pinned == 2).await;
}

/// A disk whose system can watch all of a folder but one directory.
struct HalfWatched(SimDisk);

impl Disk for HalfWatched {
    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        self.0.canonicalize(path)
    }

    fn root(&self, path: &Path) -> io::Result<Arc<dyn Root>> {
        self.0.root(path)
    }

    fn watch(&self, root: &Path, sink: WatchSink) -> Result<Box<dyn Watch>, String> {
        sink(WatchEvent::Unwatched(root.join("deep")));
        self.0.watch(root, sink)
    }
}

#[tokio::test]
async fn a_folder_of_which_a_directory_cannot_be_watched_is_not_said_to_be_watched() {
    let scene = Scene::on(HalfWatched).await;
    scene.disk.write(Path::new("/w/deep/a"), b"aaa");
    scene.watch().await;
    let view = scene.until("it is said", |view| view.pinned == 1 && view.message.is_some()).await;
    assert_eq!(view.state, FolderState::Polling);
    assert!(view.message.is_some_and(|message| message.contains("deep")));
    for _ in 0..20 {
        scene.until("it stays so", |view| view.state != FolderState::Watching).await;
    }
    scene.disk.write_silently(Path::new("/w/deep/b"), b"bbbb");
    scene.until("it is found all the same", |view| view.pinned == 2).await;
}
