//! Space is given back while the service runs, and never too much of it.

use std::time::{Duration, Instant};

use holdfast_service::StoppedService;
use reqwest::StatusCode;

use crate::{
    client::{Form, noise, start, start_with},
    durability::block_files,
};

const PATIENCE: Duration = Duration::from_secs(30);

async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "{what} did not happen");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn what_is_unpinned_is_gone_soon_while_the_service_runs() {
    let service = start_with(|config| config.collect_after = Duration::from_millis(1)).await;
    let pin = service.upload(Form::new().file("a", &noise(1, 3_000_000))).await;
    assert!(block_files(service.dir.path()) > 0);
    service.unpin(&pin["id"]).await;
    until("the collection", || block_files(service.dir.path()) == 0).await;
}

#[tokio::test]
async fn what_another_pin_needs_stays() {
    let service = start().await;
    let shared = noise(1, 1_500_000);
    let kept = service.upload(Form::new().file("t/shared", &shared).file("t/a", b"a")).await;
    let needed = block_files(service.dir.path());
    let gone = service.upload(Form::new().file("t/shared", &shared).file("t/b", b"b")).await;
    service.unpin(&gone["id"]).await;
    let collected = service.service.collect().await.unwrap();
    assert_eq!(collected.blocks, 2, "the directory and what only it had");
    assert_eq!(block_files(service.dir.path()), needed);
    assert!(service.content(&format!("{}/shared", kept["cid"].as_str().unwrap())).await == shared);
}

/// The classic race: an upload finds a block that a collection is about to remove.
#[tokio::test]
async fn uploads_of_what_is_being_collected_are_complete() {
    let service = start_with(|config| config.collect_after = Duration::ZERO).await;
    let bytes = noise(1, 2_100_000);
    let lanes: Vec<_> = (0..4_u32)
        .map(|lane| {
            let (client, bytes) = (service.client.clone(), bytes.clone());
            tokio::spawn(async move {
                for number in 0..25 {
                    let own = format!("{lane} {number}");
                    let form = Form::new().file("t/shared", &bytes).file("t/own", own.as_bytes());
                    let pin = client.upload(form).await;
                    let cid = pin["cid"].as_str().unwrap();
                    assert!(client.content(&format!("{cid}/shared")).await == bytes, "{own}");
                    assert_eq!(client.content(&format!("{cid}/own")).await, own.as_bytes());
                    assert_eq!(client.unpin(&pin["id"]).await.0, StatusCode::OK);
                }
            })
        })
        .collect();
    let collecting = async {
        while lanes.iter().any(|lane| !lane.is_finished()) {
            service.service.collect().await.unwrap();
        }
    };
    collecting.await;
    for lane in lanes {
        lane.await.unwrap();
    }
    service.service.collect().await.unwrap();
    assert_eq!(block_files(service.dir.path()), 0);
}

#[tokio::test]
async fn an_upload_under_way_loses_nothing_to_a_collection() {
    let service = start().await;
    let whole = Form::new().file("f", &noise(5, 6_000_000)).bytes();
    let half = whole.len() / 2;
    let (sender, receiver) = tokio::sync::mpsc::channel::<Result<Vec<u8>, std::io::Error>>(1);
    let body = futures_util::stream::unfold(receiver, async |mut receiver| {
        receiver.recv().await.map(|bytes| (bytes, receiver))
    });
    let request = service.client.upload_request(reqwest::Body::wrap_stream(Box::pin(body)));
    let upload = tokio::spawn(async move { request.send().await.unwrap().status() });
    sender.send(Ok(whole[..half].to_vec())).await.unwrap();
    until("the first blocks", || block_files(service.dir.path()) > 1).await;
    assert_eq!(service.service.collect().await.unwrap().blocks, 0);
    sender.send(Ok(whole[half..].to_vec())).await.unwrap();
    drop(sender);
    assert_eq!(upload.await.unwrap(), StatusCode::CREATED);
    service.service.collect().await.unwrap();
    let (dir, service) = (service.dir, service.service);
    service.shutdown().await.unwrap();
    let checked = StoppedService::open(dir.path()).unwrap().check(|_| {}).unwrap();
    assert_eq!((checked.pins, checked.damaged_pins), (1, vec![]));
}

#[tokio::test]
async fn damage_is_found_named_and_repaired_by_uploading_again() {
    let service = start().await;
    let bytes = noise(3, 1_500_000);
    let good = service.upload(Form::new().file("good", b"good")).await;
    let bad = service.upload(Form::new().file("bad", &bytes)).await;
    let (dir, running) = (service.dir, service.service);
    running.shutdown().await.unwrap();
    let largest = walk(dir.path().join("blocks"));
    let mut content = std::fs::read(&largest).unwrap();
    content[1000] ^= 1;
    std::fs::write(&largest, content).unwrap();

    let stopped = StoppedService::open(dir.path()).unwrap();
    let checked = stopped.check(|_| {}).unwrap();
    assert_eq!((checked.pins, checked.damaged_blocks.len()), (2, 1));
    let damaged = &checked.damaged_pins[0];
    assert_eq!((damaged.cid.as_str(), damaged.name.as_str()), (bad["cid"].as_str().unwrap(), "bad"));
    assert_eq!((damaged.owner.as_str(), damaged.missing_blocks), ("home", 1));
    stopped.close().unwrap();

    let running = crate::client::open(dir.path()).await;
    let client = crate::client::Client::new(&running.gateway(), running.create_key("home", "again").await.unwrap());
    assert_eq!(client.try_upload(Form::new().file("bad", &bytes)).await.0, StatusCode::CONFLICT);
    assert!(client.content(bad["cid"].as_str().unwrap()).await == bytes);
    assert_eq!(client.content(good["cid"].as_str().unwrap()).await, b"good");
}

/// The largest file of a tree.
fn walk(dir: std::path::PathBuf) -> std::path::PathBuf {
    let (mut largest, mut pending) = ((0, dir.clone()), vec![dir]);
    while let Some(dir) = pending.pop() {
        for entry in std::fs::read_dir(dir).unwrap().map(Result::unwrap) {
            let metadata = entry.metadata().unwrap();
            if metadata.is_dir() {
                pending.push(entry.path());
            } else {
                largest = largest.max((metadata.len(), entry.path()));
            }
        }
    }
    largest.1
}
