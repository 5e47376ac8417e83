//! Files that are not what they were: the provider never sees a well-formed body of the wrong bytes.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use holdfast_content::Profile;
use holdfast_core::{
    Code, Error,
    account::AccountId,
    content::{HashingPool, Identification, Limits, Urgency, plan},
    transfer::{Transfer, TransferState},
};
use holdfast_testkit::{Call, FakeProvider, SimDisk, World, WorldBuilder, bytes_of, eventually, identified};

const LENGTH: usize = 3_000_000;

struct Scene {
    provider: FakeProvider,
    world: World,
    account: AccountId,
    disk: SimDisk,
    path: PathBuf,
}

async fn scene() -> Scene {
    let (provider, disk) = (FakeProvider::start(Profile::UNIXFS_V1_2025).await, SimDisk::default());
    let world = WorldBuilder::default().on(disk.clone()).start().await;
    let account = world.account(&provider, "one").await;
    let path = PathBuf::from("/u/video.mp4");
    disk.write(&path, &bytes_of(1, LENGTH));
    Scene { provider, world, account, disk, path }
}

impl Scene {
    /// One try of an upload of the file.
    async fn tried(&self) -> Transfer {
        self.tried_with(&self.path).await
    }

    async fn tried_with(&self, path: &Path) -> Transfer {
        let id = self.world.begin_upload(&self.account, path).await;
        eventually("the try ends", || async {
            let transfer = self.world.transfer(&id).await;
            transfer.state.failure().is_some().then_some(transfer)
        })
        .await
    }

    async fn assert_nothing_was_taken(&self) {
        assert!(self.provider.requests().iter().all(|one| !one.complete), "a short body was well formed");
        assert!(self.provider.pins(|pins| pins.all().is_empty()));
        assert!(self.world.pins().await.is_empty());
    }
}

#[tokio::test]
async fn a_file_that_changes_while_it_is_read_is_read_again() {
    let scene = scene().await;
    let (path, after) = (scene.path.clone(), bytes_of(2, LENGTH));
    let write = after.clone();
    scene.disk.at_byte(&scene.path, 1_000_000, move |disk| {
        disk.write(&path, &write);
        Ok(())
    });
    let waiting = scene.tried().await;
    assert_eq!(waiting.state.failure().unwrap().code, Code::FileChanged);
    scene.assert_nothing_was_taken().await;
    let done = scene.world.end_in_time(&waiting.id).await;
    assert_eq!((done.state, done.verified), (TransferState::Done, Some(true)));
    assert_eq!(done.cid, Some(identified(&after, Profile::UNIXFS_V1_2025).cid));
    assert_eq!(scene.provider.pins(|pins| pins.all().len()), 1);
}

#[tokio::test]
async fn a_file_that_shrinks_or_grows_while_it_is_read_is_not_taken() {
    for length in [0, 1_200_000, LENGTH + 1] {
        let scene = scene().await;
        let path = scene.path.clone();
        scene.disk.at_byte(&scene.path, 1_000_000, move |disk| {
            disk.write(&path, &bytes_of(1, length));
            Ok(())
        });
        assert_eq!(scene.tried().await.state.failure().unwrap().code, Code::FileChanged, "{length}");
        scene.assert_nothing_was_taken().await;
    }
}

#[tokio::test]
async fn a_file_that_vanishes_while_it_is_read_says_so() {
    let scene = scene().await;
    let path = scene.path.clone();
    scene.disk.at_byte(&scene.path, 2_000_000, move |disk| {
        disk.remove(&path);
        Ok(())
    });
    // The open file is whole, and has lost its name: it is looked for again.
    let tried = scene.tried().await;
    assert_eq!(tried.state.failure().unwrap().code, Code::FileChanged);
    let failed = scene.world.end_in_time(&tried.id).await;
    let failure = failed.state.failure().unwrap();
    assert_eq!(failure.code, Code::FileUnreadable);
    assert!(failure.message.contains("/u/video.mp4"), "{}", failure.message);
    scene.assert_nothing_was_taken().await;
}

#[tokio::test]
async fn a_disk_that_fails_in_the_middle_says_so() {
    let scene = scene().await;
    scene.disk.at_byte(&scene.path, 2_000_000, |_| Err(io::Error::other("Input/output error")));
    let failed = scene.tried().await;
    let failure = failed.state.failure().unwrap();
    assert_eq!(failure.code, Code::FileUnreadable);
    assert!(failure.message.contains("Input/output error"), "{}", failure.message);
    scene.assert_nothing_was_taken().await;
    scene.world.engine.retry(&failed.id).await.unwrap();
    assert_eq!(scene.world.end_of(&failed.id).await.verified, Some(true));
}

#[tokio::test]
async fn one_bad_file_of_a_directory_breaks_the_whole_upload() {
    let scene = scene().await;
    let (directory, bad) = (PathBuf::from("/d"), PathBuf::from("/d/z"));
    scene.disk.write(&directory.join("a"), b"fine");
    scene.disk.write(&bad, &bytes_of(3, 700_000));
    scene.disk.at_byte(&bad, 500_000, |_| Err(io::Error::other("Input/output error")));
    let failed = scene.tried_with(&directory).await;
    assert_eq!(failed.state.failure().unwrap().code, Code::FileUnreadable);
    scene.assert_nothing_was_taken().await;
}

#[tokio::test]
async fn what_is_not_there_or_not_to_be_read_is_refused_before_anything_is_sent() {
    let scene = scene().await;
    scene.disk.set_readable(&scene.path, false);
    for path in [scene.path.clone(), PathBuf::from("/u/nothing")] {
        let failed = scene.tried_with(&path).await;
        let failure = failed.state.failure().unwrap();
        assert_eq!(failure.code, Code::FileUnreadable);
        assert!(failure.message.contains(&*path.to_string_lossy()), "{}", failure.message);
    }
    scene.assert_nothing_was_taken().await;
}

#[tokio::test]
async fn a_file_whose_size_is_not_what_is_read_is_refused_and_never_verified() {
    for (length, said) in [(187, 0), (5, 4096), (2 << 20, 0), (LENGTH, LENGTH - 1), (LENGTH, LENGTH + 1)] {
        let scene = scene().await;
        let directory = PathBuf::from("/d");
        let inside = directory.join("version");
        for path in [&scene.path, &inside] {
            scene.disk.write(path, &bytes_of(1, length));
            scene.disk.say_size(path, said as u64);
        }
        for path in [&scene.path, &directory] {
            let failed = scene.tried_with(path).await;
            let failure = failed.state.failure().unwrap();
            assert_eq!(failure.code, Code::FileRefused, "{}", failure.message);
            let said = format!("its size is said to be {said} bytes, ");
            assert!(failure.message.contains(&said), "{}", failure.message);
            let plan = Arc::new(plan(&scene.disk, path, Limits::NONE).unwrap());
            let pool = HashingPool::start(Urgency::Background).unwrap();
            let identification = Identification::new(pool);
            let identified = identification.identify(&plan, &Profile::ALL);
            assert!(matches!(identified, Err(Error::Refused { .. })), "{identified:?}");
        }
        scene.assert_nothing_was_taken().await;
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_pipe_is_refused_and_never_waited_for() {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    let (provider, world) = (FakeProvider::start(Profile::UNIXFS_V1_2025).await, World::start().await);
    let account = world.account(&provider, "one").await;
    let pipe = world.files.path().join("pipe");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
    let failed = world.upload(&account, &pipe).await;
    assert_eq!(failed.state.failure().unwrap().code, Code::FileRefused);
    assert_eq!(provider.count(Call::Upload), 0);
}

#[tokio::test]
async fn an_empty_file_that_the_service_refuses_says_so_in_its_words() {
    let (provider, world) = (FakeProvider::start(Profile::UNIXFS_V1_2025).await, World::start().await);
    let account = world.account(&provider, "one").await;
    let empty = world.write("empty", b"");
    provider.behave(|manners| manners.refuses_empty = true);
    let failed = world.upload(&account, &empty).await;
    assert!(failed.state.failure().unwrap().message.contains("Cannot pin empty file"), "{failed:?}");
    provider.behave(|manners| manners.refuses_empty = false);
    world.engine.retry(&failed.id).await.unwrap();
    assert_eq!(world.end_of(&failed.id).await.verified, Some(true));
}
