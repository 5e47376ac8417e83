//! What AIOZ's own programs and samples send, in every spelling that their languages give it.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::client::{Client, Form, json, start};

/// Sends a request line as it is: no client here would write all of these.
async fn list_raw(client: &Client, query: &[u8]) -> String {
    let mut request = b"GET /api/pinning/pins/?".to_vec();
    request.extend_from_slice(query);
    let rest = format!(" HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{}\r\n", client.key_headers());
    request.extend_from_slice(rest.as_bytes());
    client.raw(&request).await
}

#[tokio::test]
async fn lists_are_given_however_their_query_is_spelled() {
    let service = start().await;
    let tagged = service.upload(Form::new().file("a", b"a").metadata(r#"{"keyvalues":{"a":"b","ü":"1"}}"#)).await;
    service.upload(Form::new().file("b", b"b")).await;
    let (all, one, none) = (2, 1, 0);
    for (query, pins) in [
        // The samples'.
        ("offset=0&limit=10&pinned=true&sortBy=name&sortOrder=ASC", all),
        ("", all),
        // Empty and absent ones, as programs write what was not chosen.
        ("offset=&limit=&pinned=&sortBy=&sortOrder=&metadata=", all),
        ("offset=0&limit=10&pinned=all&sortBy=created_at&sortOrder=DESC&metadata=null", all),
        ("metadata=%7B%7D", all),
        ("metadata={}", all),
        // Python's truth and small letters.
        ("pinned=True&sortOrder=asc", all),
        ("pinned=False", none),
        ("pinned=false&sortBy=size", none),
        // The filter as the command line writes it, and as URL libraries of Go, Python and JavaScript encode it.
        (r#"offset=0&limit=10&pinned=true&sortBy=created_at&sortOrder=DESC&metadata={"a":"b"}"#, one),
        ("metadata=%7B%22a%22%3A%22b%22%7D", one),
        ("metadata=%7B%22a%22%3A+%22b%22%7D", one),
        ("metadata=%7B%22a%22:%22b%22%7D", one),
        ("metadata={%22a%22:%22b%22}", one),
        (r#"metadata={"a":"c"}"#, none),
        (r#"metadata={"a":"b","x":"<y>`"}"#, none),
        ("metadata=%7B%22%C3%BC%22%3A%221%22%7D", one),
        (r#"metadata={"ü":"1"}"#, one),
        ("unknown=x&metadata=null", all),
    ] {
        let answer = list_raw(&service, query.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{query}: {answer}");
        assert!(answer.contains(&format!("\"files\":{pins},")), "{query}: {answer}");
        assert_eq!(answer.contains(tagged["id"].as_str().unwrap()), pins > 0, "{query}: {answer}");
    }
    for query in ["metadata=[]", "metadata=1", "metadata=x", "pinned=perhaps", "sortBy=x", "limit=x", "offset=-1"] {
        assert!(list_raw(&service, query.as_bytes()).await.starts_with("HTTP/1.1 400"), "{query}");
    }
}

#[tokio::test]
async fn a_filter_that_was_not_encoded_is_read_on_a_connection_that_is_used_again() {
    let service = start().await;
    service.upload(Form::new().file("a", b"a").metadata(r#"{"keyvalues":{"a":"b"}}"#)).await;
    let list = format!(
        "GET /api/pinning/pins/?metadata={{\"a\":\"b\"}} HTTP/1.1\r\nHost: 127.0.0.1\r\n{}\r\n",
        service.key_headers()
    );
    // A body with quotes stays what it is.
    let body = r#"{"hash_to_pin":"bafkqaaa","metadata":{"name":"a \"b\" <c>"}}"#;
    let pin = format!(
        "POST /api/pinning/pinByHash HTTP/1.1\r\nHost: 127.0.0.1\r\n{}Content-Length: {}\r\n\r\n",
        service.key_headers(),
        body.len()
    );
    let mut stream = tokio::net::TcpStream::connect(service.address()).await.unwrap();
    for (request, wanted) in [
        (list.clone(), "\"files\":1,"),
        (format!("{pin}{body}"), r#""name":"a \"b\" <c>""#),
        (list.clone(), "\"files\":1,"),
    ] {
        tokio::io::AsyncWriteExt::write_all(&mut stream, request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        while !answer.contains("\"status\":\"success\"}") {
            let mut piece = [0; 4096];
            let length = tokio::io::AsyncReadExt::read(&mut stream, &mut piece).await.unwrap();
            assert_ne!(length, 0, "{answer}");
            answer.push_str(&String::from_utf8_lossy(&piece[..length]));
        }
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains(wanted), "{answer}");
    }
}

#[tokio::test]
async fn metadata_of_a_pin_may_be_an_object_or_its_text() {
    let service = start().await;
    let (object, text) = (json!({"name": "n", "keyvalues": {"k": "v"}}), r#"{"name":"n","keyvalues":{"k":"v"}}"#);
    for (cid, metadata, name) in [
        ("bafkqaaa", object, "n"),
        ("bafkqaala", json!(text), "n"),
        ("bafkqaalb", json!(null), "bafkqaalb"),
        ("bafkqaalc", json!(""), "bafkqaalc"),
        ("bafkqaald", json!({}), "bafkqaald"),
        ("bafkqaale", json!({"name": "", "keyvalues": null}), "bafkqaale"),
    ] {
        let (status, reply) = service.try_pin_by_hash(json!({"hash_to_pin": cid, "metadata": metadata})).await;
        assert_eq!((status, &reply["data"]["metadata"]["name"]), (StatusCode::OK, &json!(name)), "{metadata}: {reply}");
    }
    let (status, _) = service.try_pin_by_hash(json!({"hash_to_pin": "bafkqaaa", "metadata": "{"})).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn lists_are_filtered_by_a_hundred_pairs_at_most() {
    let service = start().await;
    let pairs = |count: usize| (0..count).map(|n| (format!("k{n}"), json!("v"))).collect::<serde_json::Map<_, _>>();
    let with = |count: usize| {
        let text = serde_json::to_string(&pairs(count)).unwrap();
        let encoded: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
        [
            format!("/pinning/pins?metadata={encoded}"),
            format!("/psa/pins?meta={encoded}"),
            format!("/psa/pins?{}", (0..count).map(|n| format!("meta[k{n}]=v")).collect::<Vec<_>>().join("&")),
        ]
    };
    for (count, status) in [(100, StatusCode::OK), (101, StatusCode::BAD_REQUEST), (1_500, StatusCode::BAD_REQUEST)] {
        for path in with(count) {
            let response = service.request(Method::GET, &path).send().await.unwrap();
            assert_eq!(json(response).await.0, status, "{count} {path:.40}");
        }
    }
}
