//! Pins whose blocks were damaged or lost after they were pinned: they do not say `pinned`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use holdfast_content::{Cid, multihash_hex};
use holdfast_service::StoppedService;
use reqwest::{Method, StatusCode};
use secrecy::ExposeSecret;
use serde_json::Value;

use crate::client::{self, Client, Form, TestService, file_link, noise, start, until};

/// More than two blocks.
const BYTES: usize = 3_000_000;

/// Where the service keeps the last part of a file of these bytes.
fn last_part(service: &Path, bytes: &[u8]) -> (Cid, PathBuf) {
    let cid = file_link(&bytes[bytes.len() / 1_048_576 * 1_048_576..]).cid;
    let name = multihash_hex(&cid);
    (cid, service.join("blocks").join(&name[name.len() - 2..]).join(name))
}

/// Other bytes, as many.
fn damage(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    bytes[0] ^= 1;
    fs::write(path, bytes).unwrap();
}

async fn psa(client: &Client, query: &str) -> Value {
    let request = client.http.get(format!("{}/api/psa/pins{query}", client.gateway));
    client::json(request.bearer_auth(client.secret.expose_secret()).send().await.unwrap()).await.1
}

async fn until_failed(client: &Client, pin: &Value) -> Value {
    until(async || client.pin(&pin["id"]).await, |pin| pin["status"] == "retrieveFailed").await
}

#[tokio::test]
async fn a_pin_whose_block_is_damaged_says_failed_with_the_reason_until_it_is_uploaded_again() {
    let service = start().await;
    let client = &service.client;
    let (bytes, other) = (noise(1, BYTES), noise(2, BYTES));
    let pin = client.upload(Form::new().file("f", &bytes)).await;
    let sound = client.upload(Form::new().file("g", &other)).await;
    let (block, path) = last_part(service.dir.path(), &bytes);
    damage(&path);
    // Somebody asks for that block alone, as whoever verifies a copy does.
    let asked = client.ipfs(Method::GET, &format!("{block}?format=raw")).send().await.unwrap();
    assert_eq!(asked.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let failed = until_failed(client, &pin).await;
    let said = failed["message"].as_str().unwrap();
    assert!(said.contains(&format!("the block {block} is missing or damaged")), "{said}");
    assert_eq!(failed["pinned"], false);
    assert_eq!(client.pin(&sound["id"]).await["status"], "pinned");

    // The other API says the same, and its filters go by it.
    let one = psa(client, &format!("/{}", pin["id"].as_str().unwrap())).await;
    assert_eq!(one["status"], "failed");
    assert_eq!(one["info"]["status_details"], said);
    for (query, count, status) in [
        ("?status=failed", 1, "failed"),
        ("?status=pinned", 1, "pinned"),
        ("?status=failed&name=f", 1, "failed"),
        ("?status=pinned&name=g", 1, "pinned"),
    ] {
        let found = psa(client, query).await;
        assert_eq!((&found["count"], found["results"].as_array().unwrap().len()), (&count.into(), 1), "{query}");
        assert_eq!(found["results"][0]["status"], status, "{query}");
    }
    let all = psa(client, "?status=pinned,failed,queued,pinning").await;
    assert_eq!((&all["count"], all["results"].as_array().unwrap().len()), (&2.into(), 2));

    let service = service.restart().await;
    let client = &service.client;
    assert_eq!(client.pin(&pin["id"]).await["status"], "retrieveFailed");
    let (status, _) = client.try_upload(Form::new().file("f", &bytes)).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(client.pin(&pin["id"]).await["status"], "pinned");
    assert_eq!(client.content(pin["cid"].as_str().unwrap()).await, bytes);
    assert_eq!(psa(client, "?status=pinned").await["count"], 2);
}

#[tokio::test]
async fn a_pin_of_which_a_block_is_lost_says_failed_once_somebody_wants_it() {
    let service = start().await;
    let client = &service.client;
    let bytes = noise(3, BYTES);
    let pin = client.upload(Form::new().file("f", &bytes)).await;
    let cid = pin["cid"].as_str().unwrap();
    fs::remove_file(last_part(service.dir.path(), &bytes).1).unwrap();
    // It is met while the content is being sent.
    let got = client.ipfs(Method::GET, cid).send().await.unwrap();
    assert!(got.bytes().await.is_err());
    until_failed(client, &pin).await;

    // What another upload brings repairs it too.
    let (status, _) = client.try_upload(Form::new().file("a/f", &bytes).file("a/other", b"x")).await;
    assert_eq!(status, StatusCode::CREATED);
    until(async || client.pin(&pin["id"]).await, |pin| pin["status"] == "pinned").await;
}

#[tokio::test]
async fn a_lost_block_that_is_asked_for_by_itself_is_noted_of_the_pin_that_the_asker_names() {
    let service = start().await;
    let client = &service.client;
    let bytes = noise(5, BYTES);
    let pin = client.upload(Form::new().file("f", &bytes)).await;
    let (block, path) = last_part(service.dir.path(), &bytes);
    fs::remove_file(path).unwrap();
    let ask = |root: &str| {
        let request = client.ipfs(Method::GET, &format!("{block}?format=raw")).header("x-holdfast-root", root);
        async { request.send().await.unwrap().status() }
    };
    // Neither nonsense nor what nobody has pinned does harm.
    for root in ["nonsense", &block.to_string(), pin["cid"].as_str().unwrap()] {
        assert_eq!(ask(root).await, StatusCode::NOT_FOUND, "{root}");
    }
    let failed = until_failed(client, &pin).await;
    assert!(failed["message"].as_str().unwrap().contains(&block.to_string()), "{failed}");
}

#[tokio::test]
async fn a_damaged_block_is_called_damaged_as_often_as_it_is_asked_for_until_it_is_there_again() {
    let service = start().await;
    let client = &service.client;
    let bytes = noise(6, BYTES);
    let pin = client.upload(Form::new().file("f", &bytes)).await;
    let (block, path) = last_part(service.dir.path(), &bytes);
    damage(&path);
    let ask = async || {
        let answer = client.ipfs(Method::GET, &format!("{block}?format=raw")).send().await.unwrap();
        let word = answer.headers().get("x-holdfast-block").map(|value| value.to_str().unwrap().to_owned());
        (answer.status(), word)
    };
    let damaged = (StatusCode::INTERNAL_SERVER_ERROR, Some("damaged".to_owned()));
    assert_eq!(ask().await, damaged);
    until_failed(client, &pin).await;
    assert!(!path.exists(), "it was put aside, to be written again");
    assert_eq!(ask().await, damaged);
    assert_eq!(client.try_upload(Form::new().file("f", &bytes)).await.0, StatusCode::CONFLICT);
    assert_eq!(ask().await, (StatusCode::OK, None));
    let aside = path.with_extension("damaged");
    assert!(aside.exists());
    // A collection takes what is of no use to anybody.
    service.service.collect().await.unwrap();
    assert!(!aside.exists() && path.exists());
}

#[tokio::test]
async fn a_check_records_what_it_finds_and_forgets_what_is_whole_again() {
    let TestService { mut client, service, dir } = start().await;
    let bytes = noise(4, BYTES);
    let pin = client.upload(Form::new().file("f", &bytes)).await;
    service.shutdown().await.unwrap();
    let (_, path) = last_part(dir.path(), &bytes);
    let aside = path.with_extension("elsewhere");
    for (from, to, damaged, status) in [(&path, &aside, 1, "retrieveFailed"), (&aside, &path, 0, "pinned")] {
        fs::rename(from, to).unwrap();
        let stopped = StoppedService::open(dir.path()).unwrap();
        assert_eq!(stopped.check(|_| {}).unwrap().damaged_pins.len(), damaged);
        stopped.close().unwrap();
        let running = client::open(dir.path()).await;
        client.gateway = running.gateway();
        assert_eq!(client.pin(&pin["id"]).await["status"], status);
        running.shutdown().await.unwrap();
    }
}
