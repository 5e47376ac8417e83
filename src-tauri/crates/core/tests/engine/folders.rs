//! Watched folders on the real disk, with the system's own watcher.

use std::{fs, future::Future, io::Write, path::Path, time::Duration};

use holdfast_content::Profile;
use holdfast_core::{
    account::AccountId,
    folder::{EntryState, FolderEntry, FolderState, FolderView},
};
use holdfast_testkit::{Call, FakeProvider, RefusesEmpty, World, WorldBuilder, eventually, identified};

const SETTLE: Duration = Duration::from_millis(150);

struct Scene {
    provider: FakeProvider,
    world: World,
    account: AccountId,
}

async fn scene_of(builder: WorldBuilder) -> Scene {
    let provider = FakeProvider::start(Profile::UNIXFS_V1_2025).await;
    let world = builder.real_time().with_background().start().await;
    let account = world.account(&provider, "one").await;
    fs::create_dir(world.files.path().join("w")).unwrap();
    Scene { provider, world, account }
}

async fn scene() -> Scene {
    scene_of(WorldBuilder::default()).await
}

impl Scene {
    async fn watch(&self) {
        let added = self.world.engine.add_folder(self.world.files.path().join("w"), &self.account, Some(SETTLE)).await;
        added.unwrap();
        self.until("it is watched", |view| view.state == FolderState::Watching).await;
    }

    async fn view(&self) -> FolderView {
        let view = self.world.engine.folders().await.unwrap().remove(0);
        let sum = view.pinned + view.waiting + view.skipped + view.failed;
        assert_eq!(view.on_disk, sum, "the counts add up");
        view
    }

    fn until<'a>(
        &'a self,
        what: &'a str,
        is_so: impl Fn(&FolderView) -> bool + Copy + 'a,
    ) -> impl Future<Output = FolderView> + 'a {
        eventually(what, move || async move { Some(self.view().await).filter(|view| is_so(view)) })
    }

    /// Waits until that many files are pinned and nothing is left to do.
    async fn settled(&self, pinned: u64) -> FolderView {
        self.until("everything is pinned", |view| view.pinned == pinned && view.waiting == 0).await
    }

    async fn entries(&self) -> Vec<FolderEntry> {
        let id = self.view().await.folder.id;
        self.world.engine.folder_entries(&id, 100).await.unwrap()
    }

    fn cids(&self) -> Vec<String> {
        self.provider.pins(|pins| pins.all().iter().filter(|pin| pin.pinned).map(|pin| pin.cid.clone()).collect())
    }

    fn uploads(&self) -> usize {
        self.provider.count(Call::Upload)
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.world.files.path().join("w").join(name)
    }
}

fn cid_of(bytes: &[u8]) -> String {
    identified(bytes, Profile::UNIXFS_V1_2025).cid.to_string()
}

#[tokio::test]
async fn what_is_there_and_what_appears_is_pinned_once() {
    let scene = scene().await;
    scene.world.write("w/old", b"old");
    scene.world.write("w/a b/\"old\" é\n", b"older");
    scene.watch().await;
    scene.settled(2).await;
    scene.world.write("w/new", b"new");
    let view = scene.settled(3).await;
    assert!(view.last_event.is_some() && view.folder.last_scan.is_some());
    assert_eq!(scene.uploads(), 3);
    assert!(scene.cids().contains(&cid_of(b"new")));
    fs::write(scene.path("new"), b"new version").unwrap();
    eventually("the new version is pinned", || async { scene.cids().contains(&cid_of(b"new version")).then_some(()) })
        .await;
    scene.settled(3).await;
    assert_eq!(scene.uploads(), 4);
}

#[tokio::test]
async fn a_file_that_keeps_growing_is_pinned_once_with_its_last_bytes() {
    let scene = scene().await;
    scene.watch().await;
    let mut bytes = Vec::new();
    let mut file = fs::File::create(scene.path("recording")).unwrap();
    for second in 0..20_u8 {
        file.write_all(&[second; 1_000]).unwrap();
        bytes.extend([second; 1_000]);
        tokio::time::sleep(SETTLE / 3).await;
    }
    assert_eq!(scene.uploads(), 0, "not while it grows");
    drop(file);
    scene.settled(1).await;
    assert_eq!((scene.uploads(), scene.cids()), (1, vec![cid_of(&bytes)]));
}

#[tokio::test]
async fn an_atomic_save_pins_the_file_and_never_its_temporary_form() {
    let scene = scene().await;
    scene.watch().await;
    scene.world.write("w/report", b"first");
    scene.settled(1).await;
    scene.world.write("w/report.sb-1f2e", b"second");
    fs::rename(scene.path("report.sb-1f2e"), scene.path("report")).unwrap();
    eventually("the second is pinned", || async { scene.cids().contains(&cid_of(b"second")).then_some(()) }).await;
    let view = scene.settled(1).await;
    assert_eq!((view.on_disk, scene.uploads()), (1, 2));
}

#[tokio::test]
async fn directories_made_faster_than_they_can_be_watched_hide_nothing() {
    let scene = scene().await;
    scene.watch().await;
    for number in 0..20 {
        scene.world.write(&format!("w/{number}/a/b/c/file"), format!("deep {number}").as_bytes());
    }
    scene.settled(20).await;
    scene.world.write("w/3/a/b/c/later", b"later");
    scene.settled(21).await;
    assert_eq!(scene.uploads(), 21);
}

#[tokio::test]
async fn what_is_moved_is_recognised_and_what_is_deleted_stays_pinned() {
    let scene = scene().await;
    scene.world.write("w/d/a", b"aaaa");
    scene.world.write("w/b", b"bbbbb");
    scene.watch().await;
    scene.settled(2).await;
    fs::rename(scene.path("b"), scene.path("c")).unwrap();
    fs::rename(scene.path("d"), scene.path("e")).unwrap();
    eventually("the old names are gone", || async {
        let transfers = scene.world.engine.transfers(100).await.unwrap().1;
        (transfers.done == 4 && transfers.running + transfers.queued == 0).then_some(())
    })
    .await;
    scene.settled(2).await;
    fs::remove_dir_all(scene.path("e")).unwrap();
    fs::remove_file(scene.path("c")).unwrap();
    scene.until("nothing is left", |view| view.on_disk == 0).await;
    assert_eq!((scene.uploads(), scene.provider.count(Call::Unpin), scene.cids().len()), (2, 0, 2));
}

#[cfg(unix)]
#[tokio::test]
async fn what_is_left_out_is_listed_with_the_reason() {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    let scene = scene_of(WorldBuilder::default().through(RefusesEmpty)).await;
    for (name, bytes) in
        [("good", &b"x"[..]), (".hidden", b"x"), ("movie.mkv.part", b"x"), ("a~", b"x"), ("empty", b"")]
    {
        scene.world.write(&format!("w/{name}"), bytes);
    }
    scene.world.write("w/.git/config", b"x");
    mknodat(CWD, scene.path("pipe"), FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
    std::os::unix::fs::symlink("/etc/hostname", scene.path("link")).unwrap();
    std::os::unix::fs::symlink("..", scene.path("loop")).unwrap();
    scene.watch().await;
    let view = scene.settled(1).await;
    assert_eq!((view.skipped, view.failed, scene.uploads()), (7, 0, 1));
    let mut left_out: Vec<_> = scene
        .entries()
        .await
        .into_iter()
        .map(|entry| {
            assert_eq!(entry.state, EntryState::Skipped);
            let name = entry.path.file_name().unwrap().to_string_lossy().into_owned();
            (name, entry.reason.unwrap())
        })
        .collect();
    left_out.sort();
    let expected = [
        (".hidden", "hidden"),
        ("a~", "temporary"),
        ("empty", "empty"),
        ("link", "link"),
        ("loop", "link"),
        ("movie.mkv.part", "temporary"),
        ("pipe", "pipe"),
    ];
    for ((name, reason), (expected_name, expected_reason)) in left_out.iter().zip(expected) {
        assert_eq!(name, expected_name);
        assert!(reason.contains(expected_reason), "{name}: {reason}");
    }
    fs::write(scene.path("empty"), b"no more").unwrap();
    scene.settled(2).await;
}

#[tokio::test]
async fn a_folder_that_vanishes_unpins_nothing_and_goes_on_when_it_is_back() {
    for is_moved in [false, true] {
        let scene = scene().await;
        scene.world.write("w/a", b"aaa");
        scene.watch().await;
        scene.settled(1).await;
        let (root, away) = (scene.world.files.path().join("w"), scene.world.files.path().join("away"));
        if is_moved {
            fs::rename(&root, &away).unwrap();
        } else {
            fs::remove_dir_all(&root).unwrap();
        }
        let view = scene.until("it is missed", |view| view.state == FolderState::Missing).await;
        assert!(view.message.is_some());
        assert_eq!((scene.provider.count(Call::Unpin), scene.cids().len()), (0, 1), "moved: {is_moved}");
        if is_moved {
            fs::rename(&away, &root).unwrap();
        } else {
            scene.world.write("w/a", b"aaa");
        }
        scene.until("it is watched again", |view| view.state == FolderState::Watching).await;
        scene.settled(1).await;
        scene.world.write("w/b", b"after");
        scene.settled(2).await;
        assert_eq!((scene.uploads(), scene.provider.count(Call::Unpin)), (2, 0), "moved: {is_moved}");
    }
}

#[tokio::test]
async fn a_restart_uploads_nothing_again_and_finds_what_changed_meanwhile() {
    let scene = scene().await;
    for number in 0..10 {
        scene.world.write(&format!("w/{number}"), &vec![number; 100 + usize::from(number)]);
    }
    scene.watch().await;
    scene.settled(10).await;
    let Scene { provider, world, account } = scene;
    world.engine.shut_down().await;
    world.write("w/new", b"while it was off");
    fs::remove_file(world.files.path().join("w/3")).unwrap();
    let scene = Scene { provider, world: world.reopen().await, account };
    eventually("the new one is there", || async { scene.cids().contains(&cid_of(b"while it was off")).then_some(()) })
        .await;
    scene.until("it is pinned", |view| view.pinned == 10 && view.on_disk == 10 && view.waiting == 0).await;
    assert_eq!((scene.uploads(), scene.provider.count(Call::Unpin)), (11, 0));
}

#[tokio::test]
async fn a_folder_is_refused_where_it_makes_no_sense() {
    let scene = scene().await;
    scene.world.write("w/in/file", b"x");
    scene.watch().await;
    let add = |path: &Path| scene.world.engine.add_folder(path.into(), &scene.account, None);
    for path in [
        scene.path(""),
        scene.path("in"),
        scene.world.files.path().into(),
        scene.path("in/file"),
        scene.path("nothing"),
        scene.world.home().join("service"),
        scene.world.home().into(),
    ] {
        add(&path).await.unwrap_err();
    }
    assert_eq!(scene.world.engine.folders().await.unwrap().len(), 1);
    let id = scene.view().await.folder.id;
    scene.world.engine.remove_folder(&id).await.unwrap();
    scene.world.engine.remove_folder(&id).await.unwrap_err();
    assert_eq!(scene.provider.count(Call::Unpin), 0);
}

#[cfg(unix)]
#[tokio::test]
async fn what_a_link_leads_to_is_neither_watched_nor_pinned() {
    let scene = scene().await;
    let out = scene.world.files.path().join("out");
    fs::create_dir(&out).unwrap();
    std::os::unix::fs::symlink(&out, scene.path("link")).unwrap();
    scene.world.write("w/mine", b"mine");
    scene.watch().await;
    scene.settled(1).await;
    fs::write(out.join("new.txt"), b"canary").unwrap();
    fs::create_dir(out.join("deep")).unwrap();
    fs::write(out.join("deep/a"), b"another").unwrap();
    // What is written after them was seen after them.
    scene.world.write("w/last", b"last");
    let view = scene.settled(2).await;
    assert_eq!((view.skipped, view.on_disk, scene.uploads()), (1, 3, 2));
}

#[cfg(unix)]
#[tokio::test]
async fn a_directory_exchanged_for_a_link_while_its_file_settles_publishes_nothing() {
    let scene = scene().await;
    scene.world.write("out/id_key", b"outside");
    scene.watch().await;
    for round in 0..5 {
        let (sub, away) = (scene.path("sub"), scene.world.files.path().join(format!("away{round}")));
        scene.world.write("w/sub/id_key", b"x");
        fs::rename(&sub, away).unwrap();
        std::os::unix::fs::symlink(scene.world.files.path().join("out"), &sub).unwrap();
        scene.until("the link is left out", |view| (view.on_disk, view.skipped) == (1, 1)).await;
        fs::remove_file(&sub).unwrap();
    }
    scene.world.write("w/last", b"last");
    scene.settled(1).await;
    assert!(!scene.cids().contains(&cid_of(b"outside")));
}

#[tokio::test]
async fn another_directory_at_the_folders_path_is_watched_within_seconds() {
    let scene = scene().await;
    scene.world.write("disk/w/one", b"one");
    let (disk, old) = (scene.world.files.path().join("disk"), scene.world.files.path().join("disk.old"));
    scene.world.engine.add_folder(disk.join("w"), &scene.account, Some(SETTLE)).await.unwrap();
    scene.settled(1).await;
    fs::rename(&disk, old).unwrap();
    scene.world.write("disk/w/two", b"two");
    eventually("the new one's file is pinned", || async { scene.cids().contains(&cid_of(b"two")).then_some(()) }).await;
    scene.world.write("disk/w/three", b"three");
    scene.settled(2).await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_file_that_is_open_for_writing_is_pinned_once_it_is_closed() {
    let scene = scene().await;
    scene.watch().await;
    let mut writer = fs::File::create(scene.path("film")).unwrap();
    writer.set_len(100_000).unwrap();
    scene.until("it is held", |view| view.held == 1).await;
    scene.world.write("w/other", b"other");
    scene.until("the other one is pinned", |view| view.pinned == 1 && view.waiting == 1).await;
    let entries = scene.entries().await;
    assert_eq!(entries.len(), 1);
    assert!(entries[0].reason.as_deref().is_some_and(|reason| reason.contains("has it open")), "{entries:?}");
    writer.write_all(&[7; 100_000]).unwrap();
    drop(writer);
    scene.settled(2).await;
    assert_eq!((scene.uploads(), scene.cids().contains(&cid_of(&[7; 100_000]))), (2, true));
}

/// As an ordinary user, whom the test becomes where it is not one.
#[cfg(target_os = "linux")]
#[test]
fn a_directory_without_permission_is_watched_from_when_there_is_one() {
    use std::os::unix::{fs::PermissionsExt, process::CommandExt};
    const NAME: &str = "folders::a_directory_without_permission_is_watched_from_when_there_is_one";
    const NOBODY: u32 = 65534;
    if !rustix::process::geteuid().is_root() {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        return runtime.block_on(a_directory_gets_permission());
    }
    // Where it lies, nobody else may be able to start it.
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = dir.path().join("tests");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let mut again = std::process::Command::new(program);
    again.args(["--exact", NAME, "--nocapture"]).current_dir("/").uid(NOBODY).gid(NOBODY);
    assert!(again.status().unwrap().success(), "as an ordinary user");
}

#[cfg(target_os = "linux")]
async fn a_directory_gets_permission() {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    let scene = scene().await;
    scene.watch().await;
    fs::DirBuilder::new().mode(0o000).create(scene.path("in")).unwrap();
    scene.until("it is listed", |view| view.skipped == 1).await;
    fs::set_permissions(scene.path("in"), fs::Permissions::from_mode(0o755)).unwrap();
    for (number, name) in [(1, "w/in/first"), (2, "w/in/second"), (3, "w/in/third")] {
        scene.world.write(name, name.as_bytes());
        scene.settled(number).await;
    }
    scene.until("it is listed no more", |view| view.skipped == 0).await;
}
