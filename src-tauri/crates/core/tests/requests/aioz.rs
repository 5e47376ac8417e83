//! The AIOZ Pin API. The samples are those of its pages "Pinning" and "Pin a file to IPFS by its CID".

use std::sync::Arc;

use futures_util::StreamExt;
use holdfast_content::{Cid, Profile};
use holdfast_core::{
    account::ProviderKind,
    content::{HashingPool, Limits, Progress, UploadBody, Urgency, plan},
    host::RealDisk,
    pin::{Metadata, PinId},
    provider::PinRequest,
    vault::Credentials,
};
use serde_json::json;
use tempfile::TempDir;

use super::Recorded;

async fn recorded() -> Recorded {
    let credentials = Credentials::key_and_secret("KEY", &"SECRET".into()).unwrap();
    let data = json!({ "id": "an-id", "cid": "bafkqaaa", "pins": null, "total_storage": 12.5 });
    let answer = json!({ "data": data, "status": "success", "message": "Congratulations!" });
    Recorded::start(ProviderKind::Aioz, "/api", credentials, answer).await
}

async fn upload(files: &TempDir, name: &str, metadata: &Metadata) -> Recorded {
    let recorded = recorded().await;
    let plan = Arc::new(plan(&RealDisk, &files.path().join(name), Limits::LEAST).unwrap());
    let pool = HashingPool::start(Urgency::Foreground).unwrap();
    let profiles = vec![Profile::UNIXFS_V1_2025];
    let (body, _sent) = UploadBody::new(pool, plan, profiles, Progress::default());
    recorded.provider.upload(name, metadata, body).await.unwrap();
    recorded
}

/// The sample has no metadata; here the name always goes along. The part has the content type that the service's own command
/// line tool sends, where the samples leave it to the client.
#[tokio::test(flavor = "multi_thread")]
async fn an_upload_of_a_file() {
    let files = tempfile::tempdir().unwrap();
    std::fs::write(files.path().join("test.png"), "the picture").unwrap();
    upload(&files, "test.png", &Metadata::new()).await.sent(include_str!("aioz/upload_file.http"));
}

/// No sample shows one; the parts are named as the service's own command line tool names them.
#[tokio::test(flavor = "multi_thread")]
async fn an_upload_of_a_directory() {
    let files = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(files.path().join("site/css")).unwrap();
    std::fs::write(files.path().join("site/index.html"), "the page").unwrap();
    std::fs::write(files.path().join("site/css/a.css"), "the style").unwrap();
    let metadata = [("key1".to_owned(), "value1".to_owned()), ("key2".to_owned(), "value2".to_owned())].into();
    upload(&files, "site", &metadata).await.sent(include_str!("aioz/upload_directory.http"));
}

#[tokio::test]
async fn a_pin_by_cid() {
    let recorded = recorded().await;
    let cid = Cid::try_from("Qmc1135ziMvmFG534i75E8HpJoLqzLzgKBxfjBV9cBsMAs").unwrap();
    let request = PinRequest { cid: &cid, name: Some("name-ipfs-hash"), metadata: &Metadata::new(), origins: &[] };
    recorded.provider.pin(request).await.unwrap();
    recorded.sent(include_str!("aioz/pin_by_cid.http"));
}

#[tokio::test]
async fn a_question_for_one_pin() {
    let recorded = recorded().await;
    recorded.provider.get(&PinId("3c3fec2a-ca65-4b8e-bcf3-c8e2ceaa23d2".into())).await.unwrap();
    recorded.sent(include_str!("aioz/get.http"));
}

/// The sample asks for ten pinned ones by name; the mirror needs all of them, newest first, in longer pages.
#[tokio::test]
async fn a_list() {
    let recorded = recorded().await;
    recorded.provider.list(&[]).next().await.unwrap().unwrap();
    recorded.sent(include_str!("aioz/list.http"));
}

#[tokio::test]
async fn an_unpinning() {
    let recorded = recorded().await;
    recorded.provider.unpin(&PinId("e5c4456d-5e5c-465d-a02a-3a536fc6e718".into())).await.unwrap();
    recorded.sent(include_str!("aioz/unpin.http"));
}

#[tokio::test]
async fn a_test_of_the_credentials() {
    let recorded = recorded().await;
    recorded.provider.test().await.unwrap();
    recorded.sent(include_str!("aioz/test.http"));
}

/// No document shows it; the service's own client asks this way.
#[tokio::test]
async fn a_question_for_the_usage() {
    let recorded = recorded().await;
    assert_eq!(recorded.provider.usage().await.unwrap().used_bytes, 12);
    recorded.sent(include_str!("aioz/usage.http"));
}
