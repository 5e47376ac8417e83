//! Running it: health and metrics, encryption, clients that dawdle, the end.

use std::{path::Path, time::Duration};

use holdfast_service::{Service, ServiceConfig, ServiceError, TlsFiles};
use reqwest::{Method, StatusCode};
use secrecy::ExposeSecret;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::client::{Client, Form, noise, open, start, start_with};

const PATIENCE: Duration = Duration::from_secs(60);

async fn metrics(client: &Client) -> String {
    let request = client.http.get(format!("{}/metrics", client.gateway)).bearer_auth(client.secret.expose_secret());
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    response.text().await.unwrap()
}

#[tokio::test]
async fn metrics_may_be_told_to_anybody() {
    let service = start_with(|config| config.public_metrics = true).await;
    let response = service.http.get(format!("{}/metrics", service.gateway)).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn health_is_told_to_anybody_and_metrics_to_who_has_a_key_and_neither_tells_names() {
    let service = start().await;
    let secret_name = "a-name-of-mine";
    let pin = service.upload(Form::new().file(secret_name, b"hello")).await;
    let cid = pin["cid"].as_str().unwrap();
    service.content(cid).await;
    let health = service.http.get(format!("{}/health", service.gateway)).send().await.unwrap();
    assert!(health.text().await.unwrap().contains("\"ok\""));
    // Other people of this computer, and whoever comes over a proxy, have none.
    let stranger = service.http.get(format!("{}/metrics", service.gateway)).send().await.unwrap();
    assert_eq!(stranger.status(), StatusCode::UNAUTHORIZED);
    let metrics = metrics(&service).await;
    for line in [
        "holdfast_pins 1",
        "holdfast_pinned_bytes 5",
        "holdfast_request_seconds_count{method=\"POST\",route=\"/api/pinning/\",status=\"201\"} 1",
        "holdfast_request_seconds_count{method=\"GET\",route=\"/ipfs/{*path}\",status=\"200\"} 1",
        "# TYPE holdfast_request_seconds histogram",
    ] {
        assert!(metrics.lines().any(|each| each == line), "{line:?} in\n{metrics}");
    }
    assert!(!metrics.contains(cid) && !metrics.contains(secret_name) && !metrics.contains(&service.key));
}

#[tokio::test]
async fn a_client_that_does_not_read_is_dropped() {
    let service = start_with(|config| config.write_timeout = Duration::from_millis(300)).await;
    let bytes = noise(1, 40 * 1024 * 1024);
    let cid = service.upload(Form::new().file("a", &bytes)).await["cid"].as_str().unwrap().to_owned();
    let mut stream = TcpStream::connect(service.address()).await.unwrap();
    stream.write_all(format!("GET /ipfs/{cid} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").as_bytes()).await.unwrap();
    let dropped = async {
        loop {
            if metrics(&service).await.contains("holdfast_slow_clients_total 1") {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, dropped).await.unwrap();
    let mut got = Vec::new();
    // Cut or reset, but not whole.
    let _ = stream.read_to_end(&mut got).await;
    assert!(got.len() < bytes.len());
    // Others are served meanwhile and after.
    assert!(service.content(&cid).await == bytes);
}

#[tokio::test]
async fn content_in_memory_is_limited_and_who_waits_too_long_is_told() {
    let service = start_with(|config| config.max_gateway_answers = 1).await;
    let bytes = noise(2, 40 * 1024 * 1024);
    let cid = service.upload(Form::new().file("a", &bytes)).await["cid"].as_str().unwrap().to_owned();
    let mut first = service.ipfs(Method::GET, &cid).send().await.unwrap();
    let second = service.ipfs(Method::HEAD, &cid).send().await.unwrap();
    assert_eq!(second.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(second.headers()["retry-after"], "1");
    let mut left = bytes.len();
    while let Some(piece) = first.chunk().await.unwrap() {
        left -= piece.len();
    }
    assert_eq!(left, 0);
    let third = async { while service.ipfs(Method::HEAD, &cid).send().await.unwrap().status() != StatusCode::OK {} };
    timeout(PATIENCE, third).await.unwrap();
}

#[tokio::test]
async fn heads_that_are_too_large_are_refused() {
    let service = start().await;
    let long = format!("GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX: {}\r\n\r\n", "x".repeat(2_000_000));
    let many = format!("GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n{}\r\n", "X: x\r\n".repeat(200));
    for head in [long, many] {
        let mut stream = TcpStream::connect(service.address()).await.unwrap();
        // The answer may come before all was sent.
        let _ = stream.write_all(head.as_bytes()).await;
        let mut answer = vec![0; 12];
        if stream.read_exact(&mut answer).await.is_ok() {
            assert_eq!(String::from_utf8_lossy(&answer), "HTTP/1.1 431");
        }
    }
}

#[tokio::test]
async fn a_shutdown_rolls_back_an_upload_that_does_not_end() {
    let service = start_with(|config| config.shutdown_grace = Duration::from_millis(200)).await;
    let bytes = noise(3, 3_000_000);
    let body = Form::new().file("a", &bytes).unfinished();
    let head = format!(
        "POST /api/pinning/ HTTP/1.1\r\nHost: 127.0.0.1\r\n{}Content-Type: multipart/form-data; boundary={}\r\n\
         Content-Length: {}\r\n\r\n",
        service.key_headers(),
        crate::client::BOUNDARY,
        body.len() + 1000
    );
    let mut stream = TcpStream::connect(service.address()).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&body).await.unwrap();
    let crate::client::TestService { mut client, service, dir } = service;
    timeout(PATIENCE, service.shutdown()).await.unwrap().unwrap();
    let blocks = |dir: &std::path::Path| -> usize {
        let shards = std::fs::read_dir(dir.join("blocks")).unwrap().map(|shard| shard.unwrap().path());
        shards.map(|shard| std::fs::read_dir(shard).unwrap().count()).sum()
    };
    assert_eq!(blocks(dir.path()), 0, "blocks of an upload that was not acknowledged");
    let service = open(dir.path()).await;
    client.gateway = service.gateway();
    assert_eq!(client.list("").await["totals"]["files"], 0);
}

/// A certificate for this computer, its key, and another key, in a directory.
fn certificate() -> tempfile::TempDir {
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| std::fs::write(dir.path().join(name), text).unwrap();
    write("localhost.crt", made.cert.pem());
    write("localhost.key", made.signing_key.serialize_pem());
    write("other.key", rcgen::KeyPair::generate().unwrap().serialize_pem());
    dir
}

fn tls(dir: &Path, certificates: &str, key: &str) -> TlsFiles {
    TlsFiles { certificates: dir.join(certificates), key: dir.join(key) }
}

#[tokio::test]
async fn with_a_certificate_it_speaks_https_and_nothing_else() {
    let (dir, files) = (tempfile::tempdir().unwrap(), certificate());
    let mut config = ServiceConfig::new(dir.path());
    config.tls = Some(tls(files.path(), "localhost.crt", "localhost.key"));
    let service = Service::start(config).await.unwrap();
    assert!(service.endpoint().starts_with("https://127.0.0.1:"));
    let key = service.create_key("home", "test").await.unwrap();
    let mut client = Client::new(&service.gateway(), key);
    let authority =
        reqwest::Certificate::from_pem(&std::fs::read(files.path().join("localhost.crt")).unwrap()).unwrap();
    client.http = reqwest::Client::builder()
        .tls_certs_only([authority])
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .unwrap();
    let cid = client.upload(Form::new().file("a", &noise(4, 3_000_000))).await["cid"].as_str().unwrap().to_owned();
    assert!(client.content(&cid).await == noise(4, 3_000_000));
    for (origin, status) in
        [(client.gateway.clone(), StatusCode::OK), ("http://127.0.0.1".into(), StatusCode::FORBIDDEN)]
    {
        let response = client.request(Method::GET, "/pinning/pins").header("origin", &origin).send().await.unwrap();
        assert_eq!(response.status(), status, "{origin}");
    }
    let local = client.ipfs(Method::GET, &cid).header("host", "localhost").send().await.unwrap();
    assert_eq!(local.headers()["location"], format!("https://{cid}.ipfs.localhost/").as_str());
    let plain = reqwest::get(service.gateway().replace("https", "http")).await;
    assert!(plain.is_err(), "{plain:?}");
    service.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_certificate_that_cannot_be_used_is_said_in_words() {
    let files = certificate();
    for (certificates, key, words) in [
        ("nothing.crt", "localhost.key", "nothing.crt cannot be read: No such file"),
        ("localhost.key", "localhost.key", "localhost.key has no certificate"),
        ("localhost.crt", "localhost.crt", "localhost.crt has no private key"),
        ("localhost.crt", "other.key", "cannot be used: "),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let mut config = ServiceConfig::new(dir.path());
        config.tls = Some(tls(files.path(), certificates, key));
        let error = Service::start(config).await.unwrap_err();
        assert!(matches!(error, ServiceError::Tls(_)));
        assert!(error.to_string().contains(words), "{error}");
    }
}
