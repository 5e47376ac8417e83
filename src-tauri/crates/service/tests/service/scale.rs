//! Large and many.

use reqwest::StatusCode;

use crate::client::{Form, start, tree_cid};

#[tokio::test]
async fn ten_thousand_files_are_one_directory() {
    let service = start().await;
    let names: Vec<_> = (0..10_000).map(|number| format!("file number {number:05}.txt")).collect();
    let form = names.iter().fold(Form::new(), |form, name| form.file(&format!("many/{name}"), name.as_bytes()));
    let pin = service.upload(form).await;
    let files: Vec<_> = names.iter().map(|name| (name.as_str(), name.as_bytes())).collect();
    assert_eq!(pin["cid"], tree_cid(&files));
    let cid = pin["cid"].as_str().unwrap();
    assert_eq!(service.content(&format!("{cid}/file%20number%2004711.txt")).await, b"file number 04711.txt");
    let (status, _) = service.client_of("other").await.try_pin_by_hash(serde_json::json!({"hash_to_pin": cid})).await;
    assert_eq!(status, StatusCode::OK);
}
