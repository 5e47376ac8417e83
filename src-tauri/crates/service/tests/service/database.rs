//! A service whose database is gone, damaged, or has no room.

use std::{fs, path::Path};

use holdfast_service::{KeyRing, RunningService, Service, ServiceConfig, ServiceError, StoppedService};
use reqwest::StatusCode;
use rusqlite::Connection;

use crate::{
    client::{Form, TestService, noise, open, start},
    durability::block_files,
};

const DATABASE: &str = "service.db";

/// Everything in the one file.
fn without_log(dir: &Path) -> Vec<u8> {
    let path = dir.join(DATABASE);
    Connection::open(&path).unwrap().pragma_update(None, "journal_mode", "DELETE").unwrap();
    fs::read(path).unwrap()
}

async fn try_start(dir: &Path) -> Result<RunningService, ServiceError> {
    Service::start(ServiceConfig::new(dir)).await
}

#[tokio::test]
async fn a_database_that_is_gone_is_not_begun_anew_over_its_blocks() {
    let TestService { client, service, dir } = start().await;
    let bytes = noise(1, 3_000_000);
    let pin = client.upload(Form::new().file("f", &bytes)).await;
    service.shutdown().await.unwrap();
    let (dir, sound) = (dir.path(), without_log(dir.path()));
    let (path, blocks) = (dir.join(DATABASE), block_files(dir));
    let nothing_in_it = |path: &Path| {
        fs::remove_file(path).unwrap();
        Connection::open(path).unwrap().pragma_update(None, "journal_mode", "WAL").unwrap();
    };
    let losses: [&dyn Fn(&Path); 3] =
        [&|path| fs::remove_file(path).unwrap(), &|path| fs::write(path, b"").unwrap(), &nothing_in_it];
    for lose in losses {
        fs::write(&path, &sound).unwrap();
        lose(&path);
        let error = try_start(dir).await.unwrap_err();
        assert!(matches!(error, ServiceError::DatabaseLost { .. }), "{error}");
        let (said, is_named) = (error.to_string(), path.display().to_string());
        assert!(said.contains(&is_named) && said.contains("backup"), "{said}");
        assert!(matches!(StoppedService::open(dir), Err(ServiceError::DatabaseLost { .. })));
        assert!(matches!(KeyRing::open(dir), Err(ServiceError::DatabaseLost { .. })));
        assert_eq!(block_files(dir), blocks);
    }
    fs::write(&path, &sound).unwrap();
    let service = open(dir).await;
    let client = crate::client::Client { gateway: service.gateway(), ..client };
    assert!(client.content(pin["cid"].as_str().unwrap()).await == bytes);
    assert_eq!(client.pin(&pin["id"]).await["status"], "pinned");
}

#[tokio::test]
async fn a_first_start_that_was_cut_is_begun_again() {
    let TestService { service, dir, .. } = start().await;
    service.shutdown().await.unwrap();
    fs::write(dir.path().join(DATABASE), b"").unwrap();
    open(dir.path()).await.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_damaged_database_is_called_that_with_what_to_do_and_no_block_goes() {
    let TestService { client, service, dir } = start().await;
    client.upload(Form::new().file("f", &noise(1, 3_000_000))).await;
    service.shutdown().await.unwrap();
    let (dir, sound) = (dir.path(), without_log(dir.path()));
    let blocks = block_files(dir);
    let no_database = noise(7, sound.len());
    let cut = sound[..sound.len() / 2 / 4096 * 4096].to_vec();
    for damaged in [no_database, cut] {
        fs::write(dir.join(DATABASE), &damaged).unwrap();
        let error = try_start(dir).await.unwrap_err();
        assert!(matches!(error, ServiceError::DatabaseDamaged { .. }), "{error}");
        assert!(error.to_string().contains("backup"), "{error}");
        assert!(matches!(StoppedService::open(dir), Err(ServiceError::DatabaseDamaged { .. })));
        assert!(matches!(KeyRing::open(dir), Err(ServiceError::DatabaseDamaged { .. })));
        assert_eq!(block_files(dir), blocks);
    }
}

/// A table that has no room for a row more: SQLite calls that a full disk.
fn fill_up(dir: &Path) -> Connection {
    let db = Connection::open(dir.join(DATABASE)).unwrap();
    let sql = "
        CREATE TABLE no_room (n INTEGER PRIMARY KEY AUTOINCREMENT);
        INSERT INTO no_room VALUES (9223372036854775807);
        CREATE TRIGGER full_insert BEFORE INSERT ON pins BEGIN INSERT INTO no_room (n) VALUES (NULL); END;
        CREATE TRIGGER full_update BEFORE UPDATE ON pins BEGIN INSERT INTO no_room (n) VALUES (NULL); END;";
    db.execute_batch(sql).unwrap();
    db
}

#[tokio::test]
async fn what_there_is_no_room_to_note_is_answered_507_leaves_nothing_and_goes_well_when_there_is() {
    let service = start().await;
    let client = &service.client;
    let bytes = noise(1, 3_000_000);
    let pin = client.upload(Form::new().file("kept", &bytes)).await;
    let blocks = block_files(service.dir.path());
    let full = fill_up(service.dir.path());
    let more = noise(2, 3_000_000);
    for _ in 0..3 {
        let (status, reply) = client.try_upload(Form::new().file("more", &more)).await;
        assert_eq!(status, StatusCode::INSUFFICIENT_STORAGE, "{reply}");
        assert!(reply["message"].as_str().unwrap().contains("full"), "{reply}");
    }
    let (status, reply) = client.unpin(&pin["id"]).await;
    assert_eq!(status, StatusCode::INSUFFICIENT_STORAGE, "{reply}");
    assert_eq!(block_files(service.dir.path()), blocks, "blocks of what failed are left");
    assert_eq!(client.pin(&pin["id"]).await["status"], "pinned");
    assert!(client.content(pin["cid"].as_str().unwrap()).await == bytes);
    full.execute_batch("DROP TRIGGER full_insert; DROP TRIGGER full_update; DROP TABLE no_room;").unwrap();
    let later = client.upload(Form::new().file("more", &more)).await;
    assert!(client.content(later["cid"].as_str().unwrap()).await == more);
}
