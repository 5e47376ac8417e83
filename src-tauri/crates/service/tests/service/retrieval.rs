//! Pinning by CID of what is held elsewhere.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::{self, Form, TestService, noise, start, start_with};

/// Waits until a pin is what it will be.
async fn settled(service: &TestService, id: &Value) -> Value {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let pin = service.pin(id).await;
        if pin["status"] == "pinned" || pin["status"] == "retrieveFailed" {
            return pin;
        }
        assert!(Instant::now() < deadline, "{pin}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn what_a_gateway_has_is_fetched_and_pinned() {
    let there = start().await;
    let bytes = noise(1, 5_000_000);
    let pin = there.upload(Form::new().file("t/large", &bytes).file("t/small", b"small")).await;
    let gateway = there.gateway.parse().unwrap();
    let here = start_with(|config| config.gateways = vec![gateway].into()).await;
    let (_, reply) = here.try_pin_by_hash(json!({"hash_to_pin": pin["cid"]})).await;
    let pinned = settled(&here, &reply["data"]["id"]).await;
    assert_eq!((&pinned["status"], &pinned["size"]), (&json!("pinned"), &json!(5_000_005)), "{pinned}");
    let cid = pin["cid"].as_str().unwrap();
    assert!(here.content(&format!("{cid}/large")).await == bytes);
    // It is counted like an upload, and goes like one.
    here.unpin(&pinned["id"]).await;
    here.service.collect().await.unwrap();
    assert_eq!(crate::durability::block_files(here.dir.path()), 0);
}

#[tokio::test]
async fn what_nobody_has_fails_and_says_why() {
    let there = start().await;
    let gateway = there.gateway.parse().unwrap();
    let here = start_with(|config| config.gateways = vec![gateway].into()).await;
    let (_, reply) = here.try_pin_by_hash(json!({"hash_to_pin": client::file_cid(b"nobody has this")})).await;
    let failed = settled(&here, &reply["data"]["id"]).await;
    assert_eq!(failed["status"], "retrieveFailed");
    assert!(failed["message"].as_str().unwrap().contains("does not have it"), "{failed}");
}

#[tokio::test]
async fn what_exceeds_the_quota_fails_and_leaves_nothing() {
    let there = start().await;
    let pin = there.upload(Form::new().file("large", &noise(1, 5_000_000))).await;
    let gateway = there.gateway.parse().unwrap();
    let here = start_with(|config| {
        config.gateways = vec![gateway].into();
        config.quota = holdfast_service::Quota::Bytes(3_000_000);
    })
    .await;
    let (_, reply) = here.try_pin_by_hash(json!({"hash_to_pin": pin["cid"]})).await;
    let failed = settled(&here, &reply["data"]["id"]).await;
    assert!(failed["message"].as_str().unwrap().contains("quota"), "{failed}");
    here.service.collect().await.unwrap();
    assert_eq!(crate::durability::block_files(here.dir.path()), 0);
}
