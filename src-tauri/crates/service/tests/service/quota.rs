//! What a key may store, and what the disk has room for.

use futures_util::StreamExt;
use holdfast_service::Quota;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::{
    client::{self, Form, json, noise, start, start_with},
    durability::block_files,
};

const QUOTA: u64 = 4_000_000;

async fn start_small() -> client::TestService {
    start_with(|config| config.quota = Quota::Bytes(QUOTA)).await
}

#[tokio::test]
async fn an_upload_over_the_quota_is_refused_and_leaves_nothing() {
    let service = start_small().await;
    let kept = service.upload(Form::new().file("a", &noise(1, 2_500_000))).await;
    let blocks = block_files(service.dir.path());
    let (status, reply) = service.try_upload(Form::new().file("b", &noise(2, 2_500_000))).await;
    assert_eq!((status, &reply["status"]), (StatusCode::PAYMENT_REQUIRED, &json!("error")), "{reply}");
    assert!(reply["message"].as_str().unwrap().contains("quota"), "{reply}");
    assert_eq!(block_files(service.dir.path()), blocks, "blocks of the refused upload are left");
    assert_eq!(service.list("").await["totals"]["files"], 1);
    service.upload(Form::new().file("c", &noise(3, 1_000_000))).await;
    // What is given up can be used again.
    service.unpin(&kept["id"]).await;
    service.upload(Form::new().file("b", &noise(2, 2_500_000))).await;
}

#[tokio::test]
async fn an_upload_of_what_is_pinned_already_is_told_so_whatever_is_left_of_the_quota() {
    let service = start_small().await;
    let ours = Form::new().file("t/a", &noise(1, 1_500_000)).file("t/b", &noise(2, 1_500_000));
    service.upload(ours.clone()).await;
    let blocks = block_files(service.dir.path());
    for quota in [QUOTA, 3_000_000, 1] {
        service.service.set_quota("home", Quota::Bytes(quota)).await.unwrap();
        let (status, reply) = service.try_upload(ours.clone()).await;
        assert_eq!((status, &reply["message"]), (StatusCode::CONFLICT, &json!("Pin with that hash already exists")));
    }
    // What is there but not pinned like this is refused, even if all of its blocks are there.
    let (status, reply) = service.try_upload(Form::new().file("b", &noise(2, 1_500_000))).await;
    assert_eq!(status, StatusCode::PAYMENT_REQUIRED, "{reply}");
    let (status, reply) = service.try_upload(ours.file("t/c", b"c")).await;
    assert_eq!(status, StatusCode::PAYMENT_REQUIRED, "{reply}");
    assert_eq!(block_files(service.dir.path()), blocks);
    assert_eq!(service.list("").await["totals"]["files"], 1);
}

#[tokio::test]
async fn over_the_quota_no_more_is_read_than_the_owner_has_pinned() {
    let service = start_small().await;
    service.service.set_quota("home", Quota::Unlimited).await.unwrap();
    let theirs = noise(1, 12_000_000);
    service.upload(Form::new().file("a", &theirs)).await;
    let other = service.client_of("somebody else").await;
    other.upload(Form::new().file("b", &noise(2, 1_500_000))).await;
    service.service.set_quota("somebody else", Quota::Bytes(1)).await.unwrap();
    let begun = Form::new().file("a", &theirs[..6_000_000]).unfinished();
    let body = futures_util::stream::iter([Ok::<_, std::io::Error>(begun)]).chain(futures_util::stream::pending());
    let answer = other.upload_request(reqwest::Body::wrap_stream(body)).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::PAYMENT_REQUIRED);
}

#[tokio::test]
async fn what_is_far_too_large_is_refused_before_it_is_sent() {
    let service = start_small().await;
    let request = service
        .upload_request(reqwest::Body::wrap_stream(futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>()));
    let answer = request.header("content-length", 1_u64 << 32).header("expect", "100-continue").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn uploads_at_one_time_cannot_exceed_together_what_one_may() {
    let service = start_small().await;
    let uploads: Vec<_> = (0..6_u64)
        .map(|seed| {
            let (client, form) = (service.client.clone(), Form::new().file("a", &noise(seed, 1_500_000)));
            tokio::spawn(async move { client.try_upload(form).await.0 })
        })
        .collect();
    let mut taken = 0;
    for upload in uploads {
        match upload.await.unwrap() {
            StatusCode::CREATED => taken += 1,
            status => assert_eq!(status, StatusCode::PAYMENT_REQUIRED),
        }
    }
    assert!(taken <= 2, "{taken} uploads of 1.5 MB into 4 MB");
}

#[tokio::test]
async fn blocks_that_repeat_in_a_dag_count_once_and_those_of_other_pins_again() {
    let service = start_small().await;
    // Thirty equal mebibytes are one block and a node.
    let zeros = vec![0; 30 * 1024 * 1024];
    service.upload(Form::new().file("t/zeros", &zeros).file("t/a", b"a")).await;
    service.upload(Form::new().file("t/zeros", &zeros).file("t/b", b"b")).await;
    service.upload(Form::new().file("t/zeros", &zeros).file("t/c", b"c")).await;
    let (status, _) = service.try_upload(Form::new().file("t/zeros", &zeros).file("t/d", b"d")).await;
    assert_eq!(status, StatusCode::PAYMENT_REQUIRED);
}

#[tokio::test]
async fn pinning_what_others_hold_counts_too() {
    let service = start_small().await;
    service.service.set_quota("home", Quota::Unlimited).await.unwrap();
    let pin = service.upload(Form::new().file("a", &noise(1, 6_000_000))).await;
    let other = service.client_of("somebody else").await;
    let (status, reply) = other.try_pin_by_hash(json!({"hash_to_pin": pin["cid"]})).await;
    assert_eq!(status, StatusCode::PAYMENT_REQUIRED, "{reply}");
    service.service.set_quota("somebody else", Quota::Bytes(8_000_000)).await.unwrap();
    assert_eq!(other.try_pin_by_hash(json!({"hash_to_pin": pin["cid"]})).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_visit_with_a_key_that_may_store_no_more_leads_to_what_is_held() {
    let service = start_small().await;
    service.service.set_quota("home", Quota::Unlimited).await.unwrap();
    let pin = service.upload(Form::new().file("a", &noise(1, 6_000_000))).await;
    let other = service.client_of("somebody else").await;
    let visited = other.request(Method::GET, &format!("/gateway/{}", pin["cid"].as_str().unwrap()));
    assert_eq!(visited.send().await.unwrap().status(), StatusCode::FOUND);
    assert_eq!(other.list("").await["totals"]["files"], 0);
}

#[tokio::test]
async fn quotas_and_what_is_used_survive_a_restart() {
    let service = start().await;
    service.service.set_quota("home", Quota::Bytes(QUOTA)).await.unwrap();
    service.upload(Form::new().file("a", &noise(1, 3_000_000))).await;
    let service = service.restart().await;
    let (status, _) = service.try_upload(Form::new().file("b", &noise(2, 3_000_000))).await;
    assert_eq!(status, StatusCode::PAYMENT_REQUIRED);
}

#[tokio::test]
async fn what_is_said_about_a_pin_counts_until_it_ends() {
    let service = start().await;
    service.service.set_quota("home", Quota::Bytes(100_000)).await.unwrap();
    let meta = |bytes: usize| json!({"cid": "bafkqaaa", "name": "n", "meta": {"k": "v".repeat(bytes)}});
    let pin = async |path: &str, meta: serde_json::Value| {
        json(service.request(Method::POST, path).body(meta.to_string()).send().await.unwrap()).await
    };
    let mut pins = Vec::new();
    for _ in 0..3 {
        let (status, reply) = pin("/psa/pins", meta(30_000)).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{reply}");
        pins.push(reply["requestid"].as_str().unwrap().to_owned());
    }
    let (status, reply) = pin("/psa/pins", meta(30_000)).await;
    assert_eq!((status, &reply["error"]["reason"]), (StatusCode::PAYMENT_REQUIRED, &json!("INSUFFICIENT_FUNDS")));
    // To say more about a pin is refused too, to say less is not.
    let described = |id: &str| format!("/pinning/pins/{id}");
    assert_eq!(pin("/psa/pins", meta(9_000)).await.0, StatusCode::ACCEPTED);
    assert_eq!(pin(&described(&pins[0]), meta(31_000)).await.0, StatusCode::PAYMENT_REQUIRED);
    assert_eq!(pin(&described(&pins[0]), meta(100)).await.0, StatusCode::ACCEPTED);
    assert_eq!(pin("/psa/pins", meta(30_000)).await.0, StatusCode::ACCEPTED);
    service.request(Method::DELETE, &format!("/psa/pins/{}", pins[1])).send().await.unwrap();
    assert_eq!(pin("/psa/pins", meta(30_000)).await.0, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn an_upload_whose_metadata_is_over_the_quota_leaves_nothing() {
    let service = start().await;
    service.service.set_quota("home", Quota::Bytes(20_000)).await.unwrap();
    let before = block_files(service.dir.path());
    let metadata = json!({"keyvalues": {"k": "v".repeat(30_000)}}).to_string();
    let (status, reply) = service.try_upload(Form::new().file("a", b"a").metadata(&metadata)).await;
    assert_eq!(status, StatusCode::PAYMENT_REQUIRED, "{reply}");
    assert_eq!(block_files(service.dir.path()), before);
}

#[cfg(unix)]
#[tokio::test]
async fn a_disk_that_is_nearly_full_takes_nothing_more_and_still_gives() {
    let service = start().await;
    let pin = service.upload(Form::new().file("a", b"a")).await;
    let client::TestService { service: running, dir, client } = service;
    running.shutdown().await.unwrap();
    let running = client::open_with(dir.path(), |config| config.disk_reserve_bytes = u64::MAX).await;
    let key = running.create_key("home", "again").await.unwrap();
    drop(client);
    let client = client::Client::new(&running.gateway(), key);
    let (status, reply) = client.try_upload(Form::new().file("b", b"b")).await;
    assert_eq!(status, StatusCode::INSUFFICIENT_STORAGE, "{reply}");
    assert!(reply["message"].as_str().unwrap().contains("nearly full"), "{reply}");
    let cid = pin["cid"].as_str().unwrap();
    assert_eq!(client.content(cid).await, b"a");
    let other = client::Client::new(&running.gateway(), running.create_key("somebody else", "k").await.unwrap());
    let visited = other.request(Method::GET, &format!("/gateway/{cid}")).send().await.unwrap();
    assert_eq!(visited.status(), StatusCode::FOUND);
    assert_eq!(client.request(Method::GET, "/pinning/pins/").send().await.unwrap().status(), StatusCode::OK);
    assert_eq!(client.unpin(&pin["id"]).await.0, StatusCode::OK);
}
