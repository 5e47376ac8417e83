//! Replies have the shape of the samples in the AIOZ API's documents: the same fields in the same order, of the same types.

use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Client, Form, start};

/// What the documents show for an upload.
const UPLOAD: &str = r#"{"data":{"id":"string","file_record_id":"string","root_hash":"string","cid":"string",
    "user_id":"string","date_pinned":"2023-01-01T11:11:11.111111Z","date_unpinned":"2023-11-11T11:11:11.111111Z",
    "pinned":false,"is_pin_by_hash":false,"sub_hash_status":"string","is_dir":false,
    "metadata":{"name":"string","type":"string"},"status":"string"},"status":"success"}"#;

const PIN_BY_HASH: &str = r#"{"data":{"id":"e5c4456d-5e5c-465d-a02a-3a536fc6e718",
    "file_record_id":"00000000-0000-0000-0000-000000000000",
    "root_hash":"1220cafafc20fc9de1c913769d254ded6be39a12c21bb0028654cd838775aed6325c",
    "cid":"Qmc1135ziMvmFG534i75E8HpJoLqzLzgKBxfjBV9cBsMAs","user_id":"c2452942-5dc5-4a0d-9c38-77a66edcf43a",
    "date_pinned":"2023-06-07T04:16:17.336658824Z","date_unpinned":"0001-01-01T00:00:00Z","pinned":false,
    "is_pin_by_hash":true,"is_dir":false,"metadata":{"name":"name-ipfs-hash"},"status":"RETRIEVAL"},
    "status":"success"}"#;

const GET: &str = r#"{"data":{"id":"string","file_record_id":"string","root_hash":"string","cid":"string","size":1,
    "user_id":"string","date_pinned":"2023-01-01T11:11:11.111111Z","date_unpinned":"2023-11-11T11:11:11.111111Z",
    "pinned":true,"is_pin_by_hash":false,"sub_hash_status":"string","is_dir":false,
    "metadata":{"name":"string","type":"string"},"status":"string"},"status":"success"}"#;

const LIST: &str = r#"{"data":{"totals":{"files":1,"size":1},"pins":[{"id":"string","file_record_id":"string",
    "root_hash":"string","cid":"string","size":1,"user_id":"string","date_pinned":"2023-01-01T11:11:11.111111Z",
    "date_unpinned":"2023-11-11T11:11:11.111111Z","pinned":true,"is_pin_by_hash":false,"sub_hash_status":"string",
    "is_dir":false,"metadata":{"name":"string","type":"string"},"status":"string"}]},"status":"success"}"#;

const UNPIN: &str = r#"{"data":{"id":"string","file_record_id":"string","root_hash":"string","cid":"string","size":1,
    "user_id":"string","date_pinned":"2023-01-01T11:11:11.111111Z","date_unpinned":"2023-11-11T11:11:11.111111Z",
    "pinned":true,"is_pin_by_hash":true,"is_dir":false,"metadata":{"name":"string"},"status":"string"},
    "status":"success"}"#;

/// A JSON text with every value replaced by the name of its type: order and fields stay.
fn shape(json: &str) -> String {
    let mut shape = String::new();
    let mut rest = json.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '"' => {
                let mut text = String::new();
                while let Some(c) = rest.next() {
                    match c {
                        '\\' => text.extend(rest.next()),
                        '"' => break,
                        c => text.push(c),
                    }
                }
                let is_key = rest.peek() == Some(&':');
                shape.push_str(if is_key { &text } else { "string" });
            }
            '0'..='9' | '-' => {
                while rest.next_if(|c| c.is_ascii_digit()).is_some() {}
                shape.push_str("number");
            }
            't' | 'f' | 'n' => {
                while rest.next_if(char::is_ascii_alphabetic).is_some() {}
                shape.push_str(if c == 'n' { "null" } else { "bool" });
            }
            c if c.is_whitespace() => {}
            c => shape.push(c),
        }
    }
    shape
}

async fn reply(client: &Client, method: Method, path: &str, body: &Value) -> String {
    let request = client.request(method, path).header("content-type", "application/json");
    request.body(body.to_string()).send().await.unwrap().text().await.unwrap()
}

#[tokio::test]
async fn replies_have_the_shape_of_the_samples() {
    let service = start().await;
    let form = Form::new().file("test.png", b"x").bytes();
    let uploaded = service.upload_request(form).send().await.unwrap().text().await.unwrap();
    // The documents leave out what an upload without keyvalues has; a service that was seen says null.
    let without_keyvalues = |text: &str| text.replace(r#","keyvalues":null"#, "");
    assert_eq!(shape(&without_keyvalues(&uploaded)), shape(UPLOAD));
    let asked = json!({"hash_to_pin": "Qmc1135ziMvmFG534i75E8HpJoLqzLzgKBxfjBV9cBsMAs", "metadata": {"name": "name-ipfs-hash"}});
    let by_hash = reply(&service, Method::POST, "/pinning/pinByHash", &asked).await;
    assert_eq!(shape(&by_hash), shape(PIN_BY_HASH));
    let (by_hash, sample): (Value, Value) = (parse(&by_hash), parse(PIN_BY_HASH));
    for same in
        ["file_record_id", "root_hash", "cid", "date_unpinned", "pinned", "is_pin_by_hash", "metadata", "status"]
    {
        assert_eq!(by_hash["data"][same], sample["data"][same], "{same}");
    }
    service.unpin(&by_hash["data"]["id"]).await;
    let id = parse(&uploaded)["data"]["id"].as_str().unwrap().to_owned();
    let got = reply(&service, Method::GET, &format!("/pinning/{id}"), &Value::Null).await;
    assert_eq!(shape(&without_keyvalues(&got)), shape(GET));
    let path = "/pinning/pins/?offset=0&limit=10&pinned=true&sortBy=name&sortOrder=ASC";
    let listed = reply(&service, Method::GET, path, &Value::Null).await;
    assert_eq!(shape(&without_keyvalues(&listed)), shape(LIST));
    let held = parse(&uploaded)["data"]["cid"].clone();
    let other = service.client_of("other").await;
    let (_, pinned) = other.try_pin_by_hash(json!({"hash_to_pin": held})).await;
    let path = format!("/pinning/unpin/{}", pinned["data"]["id"].as_str().unwrap());
    assert_eq!(shape(&reply(&other, Method::DELETE, &path, &Value::Null).await), shape(UNPIN));
}

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}
