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
