//! A database that has no room for what is to be written.

use std::{path::Path, time::Duration};

use holdfast_content::Profile;
use holdfast_core::{Code, Trouble, account::AccountId, pin::Metadata, transfer::TransferState};
use holdfast_testkit::{Call, FakeProvider, Fault, World, WorldBuilder, bytes_of, eventually};
use rusqlite::Connection;
use tokio_util::sync::CancellationToken;

const FILES: usize = 12;

/// A table that has no room for a row more: SQLite calls that a full disk.
const NO_ROOM: &str = "
    CREATE TABLE IF NOT EXISTS full (n INTEGER PRIMARY KEY AUTOINCREMENT);
    INSERT OR IGNORE INTO full VALUES (9223372036854775807);";

fn database(home: &Path) -> Connection {
    Connection::open(home.join("holdfast.db")).unwrap()
}

/// From now on nothing can be written to these tables.
fn fill_up(home: &Path, tables: &[&str]) {
    let db = database(home);
    db.execute_batch(NO_ROOM).unwrap();
    for table in tables {
        for event in ["INSERT", "UPDATE", "DELETE"] {
            let sql = format!(
                "CREATE TRIGGER full_{table}_{event} BEFORE {event} ON {table} BEGIN INSERT INTO full (n) VALUES (NULL); END"
            );
            db.execute_batch(&sql).unwrap();
        }
    }
}

const EVERYTHING: [&str; 8] =
    ["account", "transfer", "receipt", "pin", "setting", "batch", "observed", "content_proof"];

fn make_room(home: &Path) {
    let db = database(home);
    let mut triggers =
        db.prepare("SELECT name FROM sqlite_schema WHERE name LIKE 'full_%' AND type = 'trigger'").unwrap();
    let names: Vec<String> = triggers.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    for name in names {
        db.execute_batch(&format!("DROP TRIGGER {name}")).unwrap();
    }
}

fn is_told(world: &World) -> bool {
    world.engine.troubles().borrow().contains(&Trouble::DiskFull)
}

async fn until_told(world: &World, told: bool) {
    eventually("people are told of it, or that it is over", || async {
        world.clock.advance(Duration::from_secs(1));
        (is_told(world) == told).then_some(())
    })
    .await;
}

async fn begin_all(world: &World, account: &AccountId) -> Vec<holdfast_core::transfer::TransferId> {
    let files = (0..FILES).map(|n| world.write(&format!("{n}"), &bytes_of(n as u64, 1_000 + n))).collect();
    world.engine.upload(account, files, None, Metadata::new()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_told_once_holds_the_queue_and_fails_nothing() {
    let provider = FakeProvider::start(Profile::UNIXFS_V1_2025).await;
    let world = WorldBuilder::default().with_background().start().await;
    let account = world.account(&provider, "one").await;
    let let_go = CancellationToken::new();
    provider.fail_always(Call::Upload, Fault::Held(let_go.clone()));
    let ids = begin_all(&world, &account).await;
    let under_way = eventually("some are being sent", || async {
        let under_way = provider.under_way(Call::Upload);
        (under_way > 0).then_some(under_way)
    })
    .await;
    let mut troubles = world.engine.troubles();
    fill_up(world.home(), &EVERYTHING);
    provider.heal();
    let_go.cancel();
    until_told(&world, true).await;
    troubles.mark_unchanged();
    // An hour of it.
    let asked = provider.requests().len();
    for _ in 0..720 {
        world.clock.advance(Duration::from_secs(5));
        tokio::task::yield_now().await;
    }
    assert!(provider.count(Call::Upload) >= under_way && provider.count(Call::Upload) < FILES, "{under_way}");
    let more = provider.requests().len() - asked;
    assert!(more <= under_way, "{more} requests were made in vain");
    assert!(!troubles.has_changed().unwrap(), "it is told once");
    for id in &ids {
        let state = world.transfer(id).await.state;
        assert!(!state.is_final() || state == TransferState::Done, "{state:?}");
    }
    make_room(world.home());
    until_told(&world, false).await;
    for id in &ids {
        assert_eq!(world.end_in_time(id).await.state, TransferState::Done);
    }
    assert_eq!(provider.count(Call::Upload), FILES, "nothing is sent twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_accepted_for_want_of_room_is_said_so_and_lists_still_work() {
    let provider = FakeProvider::start(Profile::UNIXFS_V1_2025).await;
    let world = World::start().await;
    let account = world.account(&provider, "one").await;
    assert_eq!(world.upload(&account, &world.write("a", b"aaa")).await.state, TransferState::Done);
    fill_up(world.home(), &EVERYTHING);
    let file = world.write("b", b"bbbb");
    let refused = world.engine.upload(&account, vec![file], None, Metadata::new()).await.unwrap_err();
    assert_eq!(refused.code(), Code::DiskFull);
    assert_eq!(refused.to_string(), "the disk with Holdfast's data is full: make room, and try again");
    let asked = provider.count(Call::List);
    for _ in 0..5 {
        assert_eq!(world.engine.refresh(None).await.unwrap_err().code(), Code::DiskFull);
    }
    assert_eq!(provider.count(Call::List), asked, "what cannot be kept is not asked for");
    assert_eq!(world.pins().await.len(), 1);
    // And so it is for who comes then.
    let world = world.restart().await;
    assert_eq!((world.pins().await.len(), is_told(&world)), (1, false));
    let file = world.write("c", b"ccccc");
    assert!(world.engine.upload(&account, vec![file], None, Metadata::new()).await.is_err());
    until_told(&world, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_when_the_disk_was_full_is_found_again_after_a_restart() {
    let provider = FakeProvider::start(Profile::UNIXFS_V1_2025).await;
    let world = World::start().await;
    let account = world.account(&provider, "one").await;
    let let_go = CancellationToken::new();
    provider.fail(Call::Upload, Fault::Held(let_go.clone()));
    let id = world.begin_upload(&account, &world.write("a", b"aaa")).await;
    eventually("it is being sent", || async { (provider.under_way(Call::Upload) == 1).then_some(()) }).await;
    fill_up(world.home(), &EVERYTHING);
    let_go.cancel();
    until_told(&world, true).await;
    let world = world.restart().await;
    until_told(&world, true).await;
    make_room(world.home());
    assert_eq!(world.end_in_time(&id).await.state, TransferState::Done);
    assert_eq!(provider.count(Call::Upload), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_in_the_middle_of_a_try_that_finds_no_room_fails_no_transfer() {
    let provider = FakeProvider::start(Profile::UNIXFS_V1_2025).await;
    let world = World::start().await;
    let account = world.account(&provider, "one").await;
    // It is begun and ended as ever; only how much there is to send, and that it is sent, cannot be noted.
    let db = database(world.home());
    let full = "CREATE TRIGGER full_note BEFORE UPDATE OF bytes, unanswered_since ON transfer
                WHEN new.bytes <> old.bytes OR new.unanswered_since IS NOT old.unanswered_since
                BEGIN INSERT INTO full (n) VALUES (NULL); END";
    db.execute_batch(NO_ROOM).unwrap();
    db.execute_batch(full).unwrap();
    let id = world.begin_upload(&account, &world.write("a", b"aaa")).await;
    until_told(&world, true).await;
    let waits = eventually("it waits", || async {
        let state = world.transfer(&id).await.state;
        matches!(state, TransferState::Waiting { .. }).then_some(state)
    })
    .await;
    assert!(matches!(&waits, TransferState::Waiting { failure, .. } if failure.code == Code::DiskFull), "{waits:?}");
    for _ in 0..50 {
        world.clock.advance(Duration::from_secs(60));
        tokio::task::yield_now().await;
    }
    assert!(!world.transfer(&id).await.state.is_final());
    assert_eq!(provider.count(Call::Upload), 0);
    make_room(world.home());
    assert_eq!(world.end_in_time(&id).await.state, TransferState::Done);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_home_is_opened_where_there_is_no_room_for_what_its_readers_share() {
    let provider = FakeProvider::start(Profile::UNIXFS_V1_2025).await;
    let world = World::start().await;
    let account = world.account(&provider, "one").await;
    assert_eq!(world.upload(&account, &world.write("a", b"aaa")).await.state, TransferState::Done);
    // As on a disk that is full, nothing can be put there.
    let nowhere = |home: &Path| {
        let shared = home.join("holdfast.db-shm");
        drop(std::fs::remove_file(&shared));
        std::os::unix::fs::symlink("/nowhere/at/all", shared).unwrap();
    };
    let world = world.reopen_after(nowhere).await;
    assert_eq!(world.pins().await.len(), 1);
    assert_eq!(world.upload(&account, &world.write("b", b"bbbb")).await.state, TransferState::Done);
}
