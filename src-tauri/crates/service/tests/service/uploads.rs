//! What becomes of uploads.

use holdfast_content::{Discard, TreeBuilder, import_symlink};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::client::{self, BOUNDARY, Form, PROFILE, file_cid, file_link, noise, start, start_with, tree_cid};
use crate::durability::block_files;

#[tokio::test]
async fn a_file_is_pinned_under_the_cid_of_its_bytes() {
    let service = start().await;
    let pin = service.upload(Form::new().file("hello.txt", b"hello world")).await;
    assert_eq!(pin["cid"], "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e");
    assert_eq!(pin["root_hash"], "1220b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9");
    assert_eq!(service.content(pin["cid"].as_str().unwrap()).await, b"hello world");
}

#[tokio::test]
async fn the_reply_has_exactly_the_fields_of_the_api() {
    let service = start().await;
    let pin = service.upload(Form::new().file("test.png", b"x").metadata(r#"{"keyvalues":{"k":"v"}}"#)).await;
    let mut fields: Vec<_> = pin.as_object().unwrap().keys().map(String::as_str).collect();
    fields.sort_unstable();
    let mut expected = [
        "id",
        "file_record_id",
        "root_hash",
        "cid",
        "user_id",
        "date_pinned",
        "date_unpinned",
        "pinned",
        "is_pin_by_hash",
        "sub_hash_status",
        "is_dir",
        "metadata",
        "status",
    ];
    expected.sort_unstable();
    assert_eq!(fields, expected);
    assert_eq!(pin["metadata"], json!({"name": "test.png", "type": "image/png", "keyvalues": {"k": "v"}}));
    assert_eq!(pin["date_unpinned"], "0001-01-01T00:00:00Z");
    assert_eq!((&pin["pinned"], &pin["is_pin_by_hash"], &pin["is_dir"]), (&json!(true), &json!(false), &json!(false)));
    assert_eq!((&pin["status"], &pin["sub_hash_status"]), (&json!("pinned"), &json!("pinned")));
    let queried = service.pin(&pin["id"]).await;
    assert_eq!(queried["size"], 1);
    assert_eq!(queried["date_pinned"], pin["date_pinned"]);
}

#[tokio::test]
async fn files_of_every_length_around_a_block_are_kept() {
    const BLOCK: usize = 1024 * 1024;
    let service = start().await;
    for length in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 17] {
        let bytes = noise(length as u64, length);
        let pin = service.upload(Form::new().file("f", &bytes)).await;
        assert_eq!(pin["cid"], file_cid(&bytes), "{length}");
        assert_eq!(service.pin(&pin["id"]).await["size"], length as u64);
        assert!(service.content(pin["cid"].as_str().unwrap()).await == bytes, "{length}");
    }
}

#[tokio::test]
async fn a_tree_is_rebuilt_from_the_paths_of_its_files() {
    let service = start().await;
    let files: [(&str, &[u8]); 8] = [
        ("index.html", b"<h1>hi</h1>"),
        ("css/a.css", b"a{}"),
        ("css/deep/er/b.css", b"b{}"),
        (".hidden", b"h"),
        ("größe/名前 🙂.txt", b"unicode"),
        ("with \"quotes\" and \\.txt", b"q"),
        ("line%0Abreak; filename=x.txt", b"n"),
        ("empty", b""),
    ];
    let form = files.iter().fold(Form::new(), |form, (path, bytes)| form.file(&format!("site/{path}"), bytes));
    let pin = service.upload(form).await;
    assert_eq!(pin["cid"], tree_cid(&files));
    assert_eq!((&pin["is_dir"], &pin["metadata"]["name"]), (&json!(true), &json!("site")));
    let total: usize = files.iter().map(|(_, bytes)| bytes.len()).sum();
    assert_eq!(service.pin(&pin["id"]).await["size"], total as u64);
    let cid = pin["cid"].as_str().unwrap();
    let odd = ["gr%C3%B6%C3%9Fe/%E5%90%8D%E5%89%8D%20%F0%9F%99%82.txt", "line%250Abreak%3B%20filename=x.txt"];
    assert_eq!(service.content(&format!("{cid}/{}", odd[0])).await, b"unicode");
    assert_eq!(service.content(&format!("{cid}/{}", odd[1])).await, b"n");
}

#[tokio::test]
async fn empty_directories_and_symlinks_are_kept() {
    let service = start().await;
    let form = Form::new().directory("d").file("d/a", b"a").directory("d/empty/er").symlink("d/link", b"../a");
    let pin = service.upload(form).await;
    let mut tree = TreeBuilder::new(PROFILE);
    tree.insert("a", file_link(b"a")).unwrap();
    tree.insert_directory("empty/er").unwrap();
    tree.insert("link", import_symlink(PROFILE, b"../a", &mut Discard).unwrap()).unwrap();
    assert_eq!(pin["cid"], tree.finish(&mut Discard).unwrap().cid.to_string());
}

#[tokio::test]
async fn metadata_may_come_before_or_after_the_files() {
    let service = start().await;
    let text = r#"{"name":"mine","type":"text/x-mine","keyvalues":{"a":"b"}}"#;
    let expected = json!({"name": "mine", "type": "text/x-mine", "keyvalues": {"a": "b"}});
    let before = service.upload(Form::new().metadata(text).file("a.txt", b"1")).await;
    let after = service.upload(Form::new().file("a.txt", b"2").metadata(text)).await;
    assert_eq!((&before["metadata"], &after["metadata"]), (&expected, &expected));
    let none = service.upload(Form::new().file("a.txt", b"3").metadata("{}")).await;
    assert_eq!(none["metadata"], json!({"name": "a.txt", "type": "text/plain", "keyvalues": null}));
}

#[tokio::test]
async fn the_exact_path_of_a_part_counts_whatever_its_filename_is() {
    let service = start().await;
    let names = ["\u{1}", "\u{7}", "\u{b}", "\u{1b}[31m", "\u{7f}", "line\r\nbreak", "=?utf-8?B?w7w=?=", "%07", "good"];
    let files: Vec<(&str, &[u8])> = names.iter().map(|name| (*name, name.as_bytes())).collect();
    let form = files.iter().fold(Form::new(), |form, (name, bytes)| {
        let encoded: String = format!("d/{name}").bytes().map(|byte| format!("%{byte:02X}")).collect();
        form.part("name=\"file\"; filename=\"d/x\"", &format!("text/plain\r\nHoldfast-Path: {encoded}"), bytes)
    });
    let pin = service.upload(form).await;
    assert_eq!(pin["cid"], tree_cid(&files));
    let root = pin["cid"].as_str().unwrap();
    assert_eq!(service.content(&format!("{root}/%1B%5B31m")).await, b"\x1b[31m");
    let listing = service.content(&format!("{root}/")).await;
    assert!(
        listing.iter().all(|byte| *byte >= b' ' || b"\n\t".contains(byte)),
        "{}",
        String::from_utf8_lossy(&listing)
    );
}

/// What .NET's `MultipartFormDataContent` sends, and what senders of the extended filename alone do.
#[tokio::test]
async fn names_that_are_not_ascii_may_be_encoded_as_other_clients_do() {
    let service = start().await;
    let word = "name=file; filename=\"=?utf-8?B?TcO8bGxlci50eHQ=?=\"";
    for (number, disposition) in [
        format!("{word}; filename*=utf-8''M%C3%BCller.txt"),
        word.to_owned(),
        "name=file; filename=\"=?iso-8859-1?Q?M=FCller.txt?=\"".into(),
        "name=file; filename*=utf-8''M%C3%BCller.txt".into(),
        "name=\"file\"; filename=\"M_ller.txt\"; filename*=UTF-8''M%C3%BCller.txt".into(),
    ]
    .iter()
    .enumerate()
    {
        let pin = service.upload(Form::new().part(disposition, "text/plain", &[number as u8])).await;
        assert_eq!(pin["metadata"]["name"], "Müller.txt", "{disposition}");
    }
    let out = Form::new().part("name=file; filename*=utf-8''..%2F..%2Fetc%2Fpasswd", "text/plain", b"x");
    refused(&service, out, StatusCode::BAD_REQUEST, "is not a path").await;
}

async fn refused(service: &client::Client, form: Form, status: StatusCode, message: &str) {
    let (answered, reply) = service.try_upload(form).await;
    assert_eq!((answered, &reply["status"]), (status, &json!("error")), "{reply}");
    assert!(reply["message"].as_str().unwrap().contains(message), "{reply}");
}

async fn nothing_is_pinned(service: &client::Client) {
    assert_eq!(service.list("").await["totals"], json!({"files": 0, "size": 0}));
}

#[tokio::test]
async fn paths_that_lead_out_of_the_upload_are_refused() {
    let service = start().await;
    for path in ["../a", "a/../../b", "/etc/passwd", "a//b", "a/", "./a", "a/.", "", "..", "a/b/../c"] {
        refused(&service, Form::new().file(path, b"x"), StatusCode::BAD_REQUEST, "is not a path").await;
    }
    for path in ["x".repeat(256), ["d"; 300].join("/")] {
        refused(&service, Form::new().file(&path, b"x"), StatusCode::BAD_REQUEST, "too long or too deep").await;
    }
    nothing_is_pinned(&service).await;
}

#[tokio::test]
async fn parts_that_do_not_belong_together_are_refused() {
    let service = start().await;
    let bad = StatusCode::BAD_REQUEST;
    refused(&service, Form::new().file("a", b"1").file("b", b"2"), bad, "one top directory").await;
    refused(&service, Form::new().file("a/b", b"1").file("c/d", b"2"), bad, "one top directory").await;
    refused(&service, Form::new().file("a/b", b"1").file("a/b", b"2"), bad, "there twice").await;
    refused(&service, Form::new().file("a/b", b"1").file("a/b/c", b"2"), bad, "there twice").await;
    refused(&service, Form::new().directory("a/b").file("a/b", b"2"), bad, "there twice").await;
    refused(&service, Form::new(), bad, "").await;
    refused(&service, Form::new().metadata("{}"), bad, "Failed to get uploaded files").await;
    refused(&service, Form::new().part("name=\"file\"", "text/plain", b"x"), bad, "no filename").await;
    refused(&service, Form::new().part("filename=\"x\"", "text/plain", b"x"), bad, "no valid name").await;
    refused(&service, Form::new().file("a", b"1").metadata("{"), bad, "metadata is not valid").await;
    refused(&service, Form::new().file("a", b"1").metadata("{}").metadata("{}"), bad, "metadata is there twice").await;
    let large = format!(r#"{{"name":"{}"}}"#, "x".repeat(70_000));
    refused(&service, Form::new().file("a", b"1").metadata(&large), StatusCode::PAYLOAD_TOO_LARGE, "64 KiB").await;
    nothing_is_pinned(&service).await;
}

#[tokio::test]
async fn a_body_that_is_no_form_is_refused() {
    let service = start().await;
    for content_type in ["application/json", "multipart/form-data", ""] {
        let request = service.request(Method::POST, "/pinning").header("content-type", content_type).body("{}");
        let (status, reply) = client::json(request.send().await.unwrap()).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{reply}");
    }
    let endless_head = format!("--{BOUNDARY}\r\nContent-Disposition: {}", "x".repeat(3_000_000));
    let (status, reply) = client::json(service.upload_request(endless_head).send().await.unwrap()).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(reply["message"], "the head of a part is too long");
}

#[tokio::test]
async fn a_body_that_is_cut_short_pins_nothing() {
    let service = start().await;
    let bytes = noise(1, 300_000);
    let whole = Form::new().file("d/a", &bytes).file("d/b", b"b").bytes();
    let unfinished = Form::new().file("d/a", &bytes).unfinished();
    let (status, reply) = client::json(service.upload_request(unfinished).send().await.unwrap()).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{reply}");
    assert_eq!(block_files(service.dir.path()), 0);
    // The connection ends before the length that was announced, at several places.
    for kept in [0, 100, 200_000, whole.len() - 60, whole.len() - 3, whole.len() - 1] {
        let mut request = format!(
            "POST /api/pinning/ HTTP/1.1\r\nHost: localhost\r\n{}Content-Type: multipart/form-data; \
             boundary={BOUNDARY}\r\nContent-Length: {}\r\n\r\n",
            service.key_headers(),
            whole.len()
        )
        .into_bytes();
        request.extend_from_slice(&whole[..kept]);
        assert!(!service.raw_cut(&request).await.contains(" 201 "), "{kept}");
    }
    nothing_is_pinned(&service).await;
    let service = service.restart().await;
    nothing_is_pinned(&service).await;
    assert_eq!(service.upload_request(whole).send().await.unwrap().status(), StatusCode::CREATED);
}

#[tokio::test]
async fn a_body_that_stalls_is_given_up() {
    let service = start_with(|config| config.body_idle_timeout = std::time::Duration::from_millis(200)).await;
    let head = format!(
        "POST /api/pinning HTTP/1.1\r\nHost: localhost\r\n{}Expect: 100-continue\r\nContent-Type: \
         multipart/form-data; boundary={BOUNDARY}\r\nContent-Length: 1000\r\n\r\n",
        service.key_headers()
    );
    let mut stream = TcpStream::connect(service.address()).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 4096];
    let mut text = String::new();
    while !text.contains("stalled") {
        let length = tokio::io::AsyncReadExt::read(&mut stream, &mut answer).await.unwrap();
        assert_ne!(length, 0, "{text}");
        text.push_str(&String::from_utf8_lossy(&answer[..length]));
    }
    assert!(text.contains(" 408 "), "{text}");
}

#[tokio::test]
async fn a_body_that_comes_byte_by_byte_is_given_up() {
    let service = start_with(|config| config.body_idle_timeout = std::time::Duration::from_millis(500)).await;
    let bytes = Form::new().file("a", &noise(1, 100_000)).bytes();
    let drops = futures_util::stream::unfold(bytes.into_iter(), |mut bytes| async move {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        bytes.next().map(|byte| (Ok::<_, std::io::Error>(vec![byte]), bytes))
    });
    let answer = service.upload_request(reqwest::Body::wrap_stream(drops)).send();
    let answer = tokio::time::timeout(std::time::Duration::from_secs(60), answer).await.unwrap();
    // The answer, or a connection that was cut before all was sent.
    assert!(answer.map_or(true, |answer| answer.status() == StatusCode::REQUEST_TIMEOUT));
    nothing_is_pinned(&service).await;
}

#[tokio::test]
async fn an_owner_has_half_of_the_uploads() {
    let service = start_with(|config| config.max_concurrent_uploads = 2).await;
    let head = format!(
        "POST /api/pinning HTTP/1.1\r\nHost: localhost\r\n{}Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n\
         Content-Length: 1000\r\nExpect: 100-continue\r\n\r\n",
        service.key_headers()
    );
    let mut first = TcpStream::connect(service.address()).await.unwrap();
    first.write_all(head.as_bytes()).await.unwrap();
    let mut asked = [0; 12];
    tokio::io::AsyncReadExt::read_exact(&mut first, &mut asked).await.unwrap();
    assert_eq!(&asked, b"HTTP/1.1 100", "it has begun");
    let (status, _) = service.try_upload(Form::new().file("a", &noise(2, 10))).await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
    let other = service.client_of("somebody else").await;
    other.upload(Form::new().file("a", b"a")).await;
    drop(first);
}

#[tokio::test]
async fn the_same_content_is_pinned_once_by_an_owner() {
    let service = start().await;
    let pin = service.upload(Form::new().file("a", b"same")).await;
    refused(&service, Form::new().file("b", b"same"), StatusCode::CONFLICT, "Pin with that hash already exists").await;
    let other = service.client_of("somebody else").await;
    let theirs = other.upload(Form::new().file("a", b"same")).await;
    assert_ne!((&theirs["id"], &theirs["user_id"]), (&pin["id"], &pin["user_id"]));
    service.unpin(&pin["id"]).await;
    let again = service.upload(Form::new().file("a", b"same")).await;
    assert_ne!(again["id"], pin["id"]);
}

#[tokio::test]
async fn of_identical_uploads_at_one_time_one_wins() {
    let service = start().await;
    let bytes = noise(7, 2_500_000);
    let uploads: Vec<_> = (0..8)
        .map(|_| {
            let (client, form) = (service.client.clone(), Form::new().file("a", &bytes));
            tokio::spawn(async move { client.try_upload(form).await.0 })
        })
        .collect();
    let mut statuses = Vec::new();
    for upload in uploads {
        statuses.push(upload.await.unwrap());
    }
    statuses.sort();
    assert_eq!(statuses[0], StatusCode::CREATED);
    assert!(statuses[1..].iter().all(|status| *status == StatusCode::CONFLICT), "{statuses:?}");
    assert!(service.content(&file_cid(&bytes)).await == bytes);
}

#[tokio::test]
async fn limits_of_size_and_number_are_kept() {
    let service = start_with(|config| config.max_upload_bytes = Some(10_000)).await;
    let large = Form::new().file("a", &noise(1, 20_000));
    refused(&service, large.clone(), StatusCode::PAYLOAD_TOO_LARGE, "larger than this service takes").await;
    let chunks = large.bytes().chunks(1000).map(|chunk| Ok::<_, std::io::Error>(chunk.to_vec())).collect::<Vec<_>>();
    let body = reqwest::Body::wrap_stream(futures_util::stream::iter(chunks));
    let (status, _) = client::json(service.upload_request(body).send().await.unwrap()).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    service.upload(Form::new().file("a", &noise(1, 5_000))).await;

    let service = start_with(|config| config.max_concurrent_uploads = 0).await;
    let response = service.upload_request(Form::new().file("a", b"a").bytes()).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(response.headers()["retry-after"], "1");
}

#[tokio::test]
async fn fields_of_other_services_are_passed_over() {
    let service = start().await;
    let form = Form::new().part("name=\"pinataOptions\"", "text/plain", b"{}").file("a", b"a");
    let pin: Value = service.upload(form).await;
    assert_eq!(pin["cid"], file_cid(b"a"));
}
