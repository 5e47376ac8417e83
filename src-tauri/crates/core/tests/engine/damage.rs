//! A home whose database is damaged.

use std::{
    fs::{self, OpenOptions},
    io::{Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use holdfast_content::Profile;
use holdfast_core::{
    Background, Settings, Theme, Trouble,
    account::AccountId,
    pin::{Metadata, PinQuery},
    transfer::{TransferId, TransferState},
};
use holdfast_testkit::{Call, FakeProvider, Fault, World, WorldBuilder, bytes_of, eventually};
use rusqlite::Connection;

/// Enough that tables are more than a page.
const FILES: usize = 40;

const PAGE: u64 = 4096;

/// Everything in the one file.
fn without_log(home: &Path) -> PathBuf {
    let path = home.join("holdfast.db");
    Connection::open(&path).unwrap().pragma_update(None, "journal_mode", "DELETE").unwrap();
    path
}

fn cut(home: &Path) {
    let path = without_log(home);
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    let length = file.metadata().unwrap().len();
    file.set_len(length / 2 / PAGE * PAGE).unwrap();
}

fn zero(path: &Path, pages: std::ops::Range<u64>) {
    let mut file = OpenOptions::new().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(pages.start * PAGE)).unwrap();
    file.write_all(&vec![0; usize::try_from((pages.end - pages.start) * PAGE).unwrap()]).unwrap();
}

fn zero_in_the_middle(home: &Path) {
    let path = without_log(home);
    let pages = fs::metadata(&path).unwrap().len() / PAGE;
    zero(&path, pages / 2..pages / 2 + pages / 4);
}

/// The first page of a table is none any more.
fn zero_table(home: &Path, table: &str) {
    let path = without_log(home);
    let root: u32 = {
        let db = Connection::open(&path).unwrap();
        db.query_row("SELECT rootpage FROM sqlite_schema WHERE name = ?1", [table], |row| row.get(0)).unwrap()
    };
    zero(&path, u64::from(root - 1)..u64::from(root));
}

fn overwrite(home: &Path) {
    fs::write(without_log(home), bytes_of(1, 100_000)).unwrap();
}

fn empty(home: &Path) {
    fs::write(without_log(home), b"").unwrap();
}

async fn with_pins(provider: &FakeProvider) -> (World, Vec<PathBuf>) {
    let world = WorldBuilder::default().start().await;
    assert!(world.engine.troubles().borrow().is_empty(), "a new home is no damaged one");
    let account = world.account(provider, "one").await;
    let files: Vec<_> = (0..FILES).map(|n| world.write(&format!("{n}"), &bytes_of(n as u64, 100 + n))).collect();
    upload_all(&world, &account, &files).await;
    let settings = Settings { theme: Theme::Dark, ..world.engine.settings().await.unwrap() };
    world.engine.save_settings(settings).await.unwrap();
    assert_eq!(provider.count(Call::Upload), FILES);
    (world, files)
}

async fn begin_all(world: &World, account: &AccountId, files: &[PathBuf]) -> Vec<TransferId> {
    world.engine.upload(account, files.to_vec(), None, Metadata::new()).await.unwrap()
}

async fn upload_all(world: &World, account: &AccountId, files: &[PathBuf]) {
    for id in begin_all(world, account, files).await {
        assert_eq!(world.end_in_time(&id).await.state, TransferState::Done);
    }
}

/// The account, which is added again where it could not be read.
async fn account_of(world: &World, provider: &FakeProvider) -> AccountId {
    match world.engine.account_named("one").await {
        Ok(account) => account.id,
        Err(_) => world.account(provider, "one").await,
    }
}

fn aside(world: &World) -> Option<(PathBuf, bool)> {
    world.engine.troubles().borrow().iter().find_map(|trouble| match trouble {
        Trouble::SetAside { copy, is_whole } => Some((copy.clone(), *is_whole)),
        _ => None,
    })
}

/// Opens the home after something was done to it. What is found only while it is open is set aside at the next start.
async fn until_set_aside(world: World, damage: impl FnOnce(&Path)) -> World {
    let mut world = world.reopen_after(damage).await;
    let mut tries = 0;
    while aside(&world).is_none() {
        tries += 1;
        assert!(tries < 3, "the damage is not found");
        let pins = PinQuery { limit: 100, ..PinQuery::default() };
        drop((world.engine.pins(pins).await, world.engine.transfers(100).await));
        world = world.restart().await;
    }
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_database_is_set_aside_and_what_is_pinned_is_not_sent_again() {
    for damage in [cut, zero_in_the_middle, overwrite, empty] {
        let provider = FakeProvider::start(Profile::UNIXFS_V1_2025).await;
        let (world, files) = with_pins(&provider).await;
        let world = until_set_aside(world, damage).await;
        let (copy, _) = aside(&world).unwrap();
        assert!(copy.exists());
        assert!(copy.file_name().unwrap().to_str().unwrap().starts_with("holdfast.db.damaged-2026-01-01T"), "{copy:?}");
        let account = account_of(&world, &provider).await;
        upload_all(&world, &account, &files).await;
        assert_eq!(provider.count(Call::Upload), FILES, "nothing is sent again");
        // And the new one is sound, and the other was told of.
        let world = world.restart().await;
        assert_eq!((aside(&world), world.pins().await.len()), (None, FILES));
        assert!(copy.exists());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_beside_the_damage_is_kept_and_only_the_lists_are_asked_for_again() {
    let provider = FakeProvider::start(Profile::UNIXFS_V1_2025).await;
    let (world, files) = with_pins(&provider).await;
    let before = world.engine.transfers(1_000).await.unwrap();
    let world = until_set_aside(world, |home| zero_table(home, "pin")).await;
    assert_eq!(aside(&world).map(|(_, is_whole)| is_whole), Some(true));
    let account = world.engine.account_named("one").await.unwrap();
    assert_eq!(world.engine.settings().await.unwrap().theme, Theme::Dark);
    assert_eq!(world.engine.transfers(1_000).await.unwrap(), before);
    let read = provider.requests().len();
    upload_all(&world, &account.id, &files).await;
    assert_eq!((provider.count(Call::Upload), world.pins().await.len()), (FILES, FILES));
    let asked = provider.requests().len() - read;
    assert!(asked < FILES / 2 + FILES, "{asked} requests to find {FILES} pins again");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_to_an_account_whose_list_cannot_be_had_after_damage() {
    for damage in [|home: &Path| zero_table(home, "pin"), empty] {
        let provider = FakeProvider::start(Profile::UNIXFS_V1_2025).await;
        let (world, files) = with_pins(&provider).await;
        let world = world.restart_with(Background::Everything).await;
        provider.fail_always(Call::List, Fault::Status { status: 503, retry_after: None, message: "down" });
        let world = until_set_aside(world, damage).await;
        let account = account_of(&world, &provider).await;
        let new = world.write("new", b"new");
        let ids = begin_all(&world, &account, &[files, vec![new]].concat()).await;
        for _ in 0..100 {
            world.clock.advance(std::time::Duration::from_secs(30));
            tokio::task::yield_now().await;
        }
        assert_eq!(provider.count(Call::Upload), FILES);
        for id in &ids {
            assert!(!world.transfer(id).await.state.is_final());
        }
        // So it is after another start, whose word for it is not the damaged file.
        let world = world.restart().await;
        world.clock.advance(std::time::Duration::from_secs(30));
        assert_eq!(provider.count(Call::Upload), FILES);
        provider.heal();
        for id in &ids {
            assert_eq!(world.end_in_time(id).await.state, TransferState::Done);
        }
        assert_eq!(provider.count(Call::Upload), FILES + 1, "only what is new is sent");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_that_is_found_while_work_is_under_way_fails_none_of_it() {
    let provider = FakeProvider::start(Profile::UNIXFS_V1_2025).await;
    let (world, _) = with_pins(&provider).await;
    let world = world.reopen_after(|home| zero_table(home, "receipt")).await;
    let account = account_of(&world, &provider).await;
    let more: Vec<_> = (0..9).map(|n| world.write(&format!("more {n}"), &bytes_of(90 + n, 5_000))).collect();
    let ids = begin_all(&world, &account, &more).await;
    eventually("it is told", || async { world.engine.troubles().borrow().contains(&Trouble::Damaged).then_some(()) })
        .await;
    // What is cut in the middle by the restart would have to be sent again.
    eventually("what was begun is sent", || async { (provider.under_way(Call::Upload) == 0).then_some(()) }).await;
    for _ in 0..50 {
        world.clock.advance(std::time::Duration::from_secs(60));
        tokio::task::yield_now().await;
    }
    for id in &ids {
        assert!(!world.transfer(id).await.state.is_final());
        let told = world.engine.wait_for(id, |_| {}).await.unwrap_err().to_string();
        assert!(told.contains("start Holdfast again"), "whoever waits is not kept: {told}");
    }
    let world = world.restart().await;
    assert_eq!(aside(&world).map(|(_, is_whole)| is_whole), Some(false), "receipts are lost");
    for id in &ids {
        assert_eq!(world.end_in_time(id).await.state, TransferState::Done);
    }
    assert_eq!(provider.count(Call::Upload), FILES + ids.len(), "each is sent once");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keyring_keeps_the_secrets_of_accounts_that_could_not_be_read() {
    let provider = FakeProvider::start(Profile::UNIXFS_V1_2025).await;
    let (world, _) = with_pins(&provider).await;
    let account = account_of(&world, &provider).await;
    let world = until_set_aside(world, |home| zero_table(home, "account")).await;
    assert!(world.engine.account_named("one").await.is_err());
    world.account(&provider, "another").await;
    let world = world.restart().await;
    assert!(world.vault.accounts().contains(&account), "its secret is still there");
}
