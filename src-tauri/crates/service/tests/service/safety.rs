//! Who is not answered.

use reqwest::{Method, StatusCode};

use crate::client::{Form, start, start_with};

#[tokio::test]
async fn a_name_that_somebody_points_at_loopback_is_refused() {
    let service = start().await;
    let cid = service.upload(Form::new().file("a", b"a")).await["cid"].as_str().unwrap().to_owned();
    for path in ["/api/pinning/pins".to_owned(), format!("/ipfs/{cid}")] {
        for (host, allowed) in [
            ("evil.example", false),
            ("localhost.evil.example:80", false),
            ("192.168.1.1", false),
            ("localhost", true),
            ("127.0.0.1:1234", true),
            ("[::1]", true),
        ] {
            let request =
                format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{}\r\n", service.key_headers());
            let answer = service.raw(request.as_bytes()).await;
            assert!(answer.starts_with(if allowed { "HTTP/1.1 200" } else { "HTTP/1.1 403" }), "{host}: {answer}");
        }
        let nameless = format!("GET {path} HTTP/1.1\r\nConnection: close\r\n{}\r\n", service.key_headers());
        assert!(service.raw(nameless.as_bytes()).await.starts_with("HTTP/1.1 400"));
    }
}

#[tokio::test]
async fn other_host_names_can_be_allowed() {
    let service = start_with(|config| config.allowed_hosts = vec!["pins.example".into()]).await;
    let request = format!(
        "GET /api/pinning/pins HTTP/1.1\r\nHost: pins.example\r\nConnection: close\r\n{}\r\n",
        service.key_headers()
    );
    assert!(service.raw(request.as_bytes()).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn web_pages_of_other_origins_do_not_reach_the_api() {
    let service = start().await;
    for (origin, status) in [
        ("https://evil.example", StatusCode::FORBIDDEN),
        ("null", StatusCode::FORBIDDEN),
        ("http://127.0.0.1:1", StatusCode::FORBIDDEN),
        (&*service.gateway, StatusCode::OK),
    ] {
        let response = service.request(Method::GET, "/pinning/pins").header("origin", origin).send().await.unwrap();
        assert_eq!(response.status(), status, "{origin}");
        assert!(response.headers().keys().all(|name| !name.as_str().starts_with("access-control")));
    }
    let preflight = service
        .http
        .request(Method::OPTIONS, format!("{}/api/pinning/pins", service.gateway))
        .header("origin", "https://evil.example")
        .header("access-control-request-method", "GET");
    assert_eq!(preflight.send().await.unwrap().status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_head_that_does_not_come_ends_the_connection() {
    let service = start_with(|config| config.head_timeout = std::time::Duration::from_millis(200)).await;
    let mut stream = tokio::net::TcpStream::connect(service.address()).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut stream, b"GET / HTTP/1.1\r\nHos").await.unwrap();
    let mut answer = Vec::new();
    tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut answer).await.unwrap();
    assert!(!String::from_utf8_lossy(&answer).contains(" 200 "));
}

/// What somebody sends who means no good, or whose program is broken.
fn hostile_texts() -> Vec<String> {
    let mut texts: Vec<String> = [
        "",
        " ",
        "\0",
        "\u{0}a",
        "..",
        "../../etc/passwd",
        "%00",
        "%2e%2e%2f",
        "%",
        "%zz",
        "%ff",
        "'",
        "\"",
        "\\",
        "' OR 1=1 --",
        "\u{202e}",
        "\u{feff}",
        "🦀",
        "null",
        "true",
        "-1",
        "1e999",
        "NaN",
        "[]",
        "{}",
        "{\"a\":",
        "bafk",
        "bafkqaaa/../x",
        "Qm",
        "z6mk",
        "f01551220",
        "bafkqabtimvwgy3yk",
        "/ipfs/bafkqaaa",
    ]
    .map(str::to_owned)
    .into();
    texts.extend([
        "9".repeat(400),
        "b".repeat(5_000),
        format!("f0155{}", "ff".repeat(300)),
        format!("f0155f0ffffffffffffffff01{}", "00".repeat(8)),
        "[".repeat(3_000),
        "{\"a\":".repeat(3_000),
    ]);
    texts
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[tokio::test]
async fn hostile_paths_and_queries_are_answered_and_never_with_a_failure() {
    let service = start().await;
    for text in hostile_texts() {
        // The client takes no addresses of more than 64 KiB.
        let text = encoded(text.get(..4_000).unwrap_or(&text));
        for path in [
            format!("/api/pinning/{text}"),
            format!("/api/pinning/pins/{text}"),
            format!("/api/psa/pins/{text}"),
            format!("/api/apiKeys/{text}"),
            format!("/ipfs/{text}"),
            format!("/api/psa/pins?cid={text}"),
            format!("/api/psa/pins?name={text}&match=ipartial"),
            format!("/api/psa/pins?meta={text}&status={text}"),
            format!("/api/psa/pins?meta[{text}]={text}"),
            format!("/api/psa/pins?before={text}"),
            format!("/api/psa/pins?{text}&limit={text}"),
            format!("/api/pinning/pins?offset={text}"),
            format!("/api/pinning/pins?metadata={text}&sortBy={text}"),
        ] {
            let request = service.http.get(format!("{}{path}", service.gateway));
            let request = request.header("pinning_api_key", &service.key);
            let request = request.header("pinning_secret_key", secrecy::ExposeSecret::expose_secret(&service.secret));
            let status = request.send().await.unwrap().status();
            assert!(!status.is_server_error(), "{path}: {status}");
        }
    }
}

#[tokio::test]
async fn hostile_json_is_answered_and_never_with_a_failure() {
    let service = start().await;
    let mut bodies = hostile_texts();
    for text in hostile_texts() {
        let text = serde_json::Value::from(text);
        bodies.push(serde_json::json!({"cid": text}).to_string());
        bodies.push(serde_json::json!({"hash_to_pin": text}).to_string());
        bodies.push(
            serde_json::json!({
                "cid": "bafkqaaa", "hash_to_pin": "bafkqaaa", "name": text, "origins": [text], "meta": {"k": text},
                "metadata": {"name": text, "type": text, "keyvalues": {"k": text}}
            })
            .to_string(),
        );
        bodies.push(
            serde_json::json!({"cid": "bafkqaaa", "name": text, "meta": {text.as_str().unwrap(): text}}).to_string(),
        );
    }
    for body in bodies {
        for path in ["/pinning/pinByHash", "/psa/pins", "/pinning/pins", "/psa/pins/x", "/apiKeys"] {
            let status = service.request(Method::POST, path).body(body.clone()).send().await.unwrap().status();
            assert!(!status.is_server_error(), "{path} {body:.300}: {status}");
        }
    }
    // What was taken can be shown.
    for path in ["/psa/pins?limit=1000", "/pinning/pins?limit=1000"] {
        assert_eq!(service.get(path).await.0, StatusCode::OK);
    }
}

#[tokio::test]
async fn hostile_parts_are_answered_and_leave_nothing_outside_of_the_store() {
    let service = start().await;
    let outside = |dir: &std::path::Path| {
        let names = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name());
        names.collect::<std::collections::BTreeSet<_>>()
    };
    let before = outside(service.dir.path());
    for text in hostile_texts().into_iter().filter(|text| !text.contains(['\r', '\n', '\0'])) {
        let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
        for form in [
            Form::new().part(&format!("name=\"file\"; filename=\"{quoted}\""), "text/plain", b"x"),
            Form::new().part(&format!("name=\"file\"; filename=\"d/{quoted}\""), "text/plain", b"x"),
            Form::new().part(&format!("name=\"{quoted}\""), "text/plain", b"x"),
            Form::new().part(&text, "text/plain", b"x"),
            Form::new().file("f", b"x").metadata(&text),
            Form::new().symlink("d/l", text.as_bytes()),
        ] {
            let (status, reply) = service.try_upload(form).await;
            assert!(!status.is_server_error(), "{text:.300}: {reply}");
        }
    }
    for content_type in
        ["", "multipart/form-data", "multipart/form-data; boundary=", "text/plain", "multipart/form-data; boundary=\"x"]
    {
        let request =
            service.request(Method::POST, "/pinning").header("content-type", content_type).body("--x\r\n\r\n--x--");
        assert_eq!(request.send().await.unwrap().status(), StatusCode::BAD_REQUEST, "{content_type}");
    }
    assert_eq!(outside(service.dir.path()), before);
}

#[tokio::test]
async fn hostile_heads_are_answered_and_the_service_goes_on() {
    let service = start().await;
    let long = "x".repeat(200_000);
    for head in [
        "GET /api/psa/pins HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \u{1}\r\n\r\n".to_owned(),
        "GET /api/psa/pins HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic eA==\r\nConnection: close\r\n\r\n"
            .into(),
        format!(
            "GET /api/psa/pins HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {long}\r\nConnection: close\r\n\r\n"
        ),
        format!("GET /{long} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
        "GET /api/psa/pins HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n".into(),
        "POST /api/psa/pins HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef".into(),
        "POST /api/psa/pins HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n".into(),
        "NONSENSE\r\n\r\n".into(),
    ] {
        let answer = service.raw_cut(head.as_bytes()).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{head:.80}: {answer:.200}");
    }
    assert_eq!(service.get("/psa/pins").await.0, StatusCode::OK);
}

#[tokio::test]
async fn the_service_describes_itself_and_takes_what_it_describes() {
    let service = start().await;
    let (status, description) = service.get("/openapi.json").await;
    assert_eq!(status, StatusCode::OK);
    for (path, methods) in description["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let path = path.replace("{id}", "3c3fec2a-ca65-4b8e-bcf3-c8e2ceaa23d2");
            let request = service.http.request(method.clone(), format!("{}{path}", service.gateway));
            let status = request.send().await.unwrap().status();
            let expected = if path == "/api/openapi.json" { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
            assert_eq!(status, expected, "{method} {path}");
        }
    }
}
