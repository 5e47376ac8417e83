//! Connections: how they end, and who keeps a place.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::client::{BOUNDARY, Form, TestService, start, start_with};

const PATIENCE: Duration = Duration::from_secs(60);

async fn connect(service: &TestService, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(service.address()).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    stream
}

/// What comes until the service ends the connection.
async fn rest(mut stream: TcpStream) -> String {
    let mut text = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut text)).await.unwrap().unwrap();
    String::from_utf8_lossy(&text).into_owned()
}

async fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(timeout(PATIENCE, stream.read_u8()).await.unwrap().unwrap());
    }
    String::from_utf8(head).unwrap()
}

#[tokio::test]
async fn who_is_refused_keeps_no_place() {
    let service = start().await;
    for (request, status) in [
        ("GET /health HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403),
        ("GET /health HTTP/1.1\r\nHost: localhost\r\nOrigin: https://evil.example\r\n\r\n", 403),
        ("GET /health HTTP/1.1\r\n\r\n", 400),
        ("GET /ipfs/hello HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 400),
    ] {
        let answer = rest(connect(&service, request.as_bytes()).await).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")) && answer.contains("connection: close"), "{answer}");
    }
    // Who is answered may ask again, and is told for how long.
    let mut stream = connect(&service, b"HEAD /health HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    for _ in 0..2 {
        let answer = head(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("keep-alive: timeout=20\r\n"), "{answer}");
        stream.write_all(b"HEAD /health HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    }
}

#[tokio::test]
async fn who_asks_nothing_more_after_an_answer_is_let_go_and_a_long_answer_is_not_cut() {
    let service = start_with(|config| config.idle_timeout = Duration::from_millis(300)).await;
    let bytes = crate::client::noise(1, 30 * 1024 * 1024);
    let cid = service.upload(Form::new().file("a", &bytes)).await["cid"].as_str().unwrap().to_owned();
    let ask = format!("GET /ipfs/{cid} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    let mut slow = connect(&service, ask.as_bytes()).await;
    head(&mut slow).await;
    let answer = rest(connect(&service, b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").await).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"ok\""), "{answer}");
    // That took longer than a connection may be idle.
    let mut got = Vec::new();
    timeout(PATIENCE, slow.read_to_end(&mut got)).await.unwrap().unwrap();
    assert!(got == bytes);
}

#[tokio::test]
async fn when_places_are_short_those_are_ended_that_ask_for_nothing() {
    let service = start_with(|config| config.max_connections = 4).await;
    let upload = format!(
        "POST /api/pinning HTTP/1.1\r\nHost: localhost\r\n{}Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n\
         Content-Length: 1000\r\nExpect: 100-continue\r\n\r\n",
        service.key_headers()
    );
    let mut busy = connect(&service, upload.as_bytes()).await;
    assert!(head(&mut busy).await.starts_with("HTTP/1.1 100"));
    for _ in 0..20 {
        // Neither idle ones nor half heads keep anybody out.
        let idle = connect(&service, b"").await;
        let half = connect(&service, b"GET /health HTTP/1.1\r\nHos").await;
        let mut asking = connect(&service, b"HEAD /health HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
        assert!(head(&mut asking).await.starts_with("HTTP/1.1 200"));
        drop((idle, half));
    }
    // Who is being answered goes on.
    let body = Form::new().file("a", b"a").bytes();
    busy.write_all(&body).await.unwrap();
    busy.write_all(&vec![b' '; 1000 - body.len()]).await.unwrap();
    assert!(head(&mut busy).await.starts_with("HTTP/1.1 201"));
}

#[tokio::test]
async fn cookies_of_one_site_break_no_other() {
    let service = start().await;
    let cid = service.upload(Form::new().file("t/index.html", b"hello")).await["cid"].as_str().unwrap().to_owned();
    // As many and as large as browsers keep for a domain.
    let cookies: Vec<_> = (0..180).map(|number| format!("c{number}={}", "x".repeat(4090))).collect();
    let ask = |host: &str, cookies: &str| {
        let request =
            format!("GET /ipfs/{cid}/ HTTP/1.1\r\nHost: {host}\r\nCookie: {cookies}\r\nConnection: close\r\n\r\n");
        let service = &service;
        async move { rest(connect(service, request.as_bytes()).await).await }
    };
    let site = format!("{cid}.ipfs.localhost");
    let answer = ask(&site, &cookies.join("; ")).await;
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer:.300}");
    assert!(answer.contains("clear-site-data: \"cookies\""), "other gateways would not take them: {answer:.300}");
    let few = ask(&site, "theme=dark").await;
    assert!(!few.contains("clear-site-data"));
    assert!(ask("127.0.0.1", &cookies.join("; ")).await.contains("hello"));
    // Many such at once are answered one after the other.
    let many: Vec<_> = (0..40).map(|_| ask("127.0.0.1", &cookies[..60].join("; "))).collect();
    for answer in futures_util::future::join_all(many).await {
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer:.300}");
    }
}
