//! A service in a directory of its own, and a client of it.

use std::{
    net::SocketAddr,
    path::Path,
    time::{Duration, Instant},
};

use holdfast_content::{BlockSink, Discard, FileImporter, Link, Profile, TreeBuilder};
use holdfast_service::{ApiKey, RunningService, Service, ServiceConfig};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

pub(crate) const PROFILE: Profile = Profile::UNIXFS_V1_2025;
pub(crate) const BOUNDARY: &str = "------------------------d74496d66958873e";

/// Talks to a service with one key.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) http: reqwest::Client,
    pub(crate) gateway: String,
    pub(crate) key: String,
    pub(crate) secret: SecretString,
}

/// A running service whose directory goes with it.
pub(crate) struct TestService {
    pub(crate) client: Client,
    pub(crate) service: RunningService,
    pub(crate) dir: tempfile::TempDir,
}

impl std::ops::Deref for TestService {
    type Target = Client;
    fn deref(&self) -> &Client {
        &self.client
    }
}

pub(crate) async fn start() -> TestService {
    start_with(|_| {}).await
}

pub(crate) async fn start_with(change: impl FnOnce(&mut ServiceConfig)) -> TestService {
    let dir = tempfile::tempdir().unwrap();
    let mut config = ServiceConfig::new(dir.path());
    change(&mut config);
    let service = Service::start(config).await.unwrap();
    let key = service.create_key("home", "test").await.unwrap();
    TestService { client: Client::new(&service.gateway(), key), service, dir }
}

impl TestService {
    /// Ends the service and starts it again in the same directory.
    pub(crate) async fn restart(self) -> Self {
        let Self { mut client, service, dir } = self;
        service.shutdown().await.unwrap();
        let service = open(dir.path()).await;
        client.gateway = service.gateway();
        Self { client, service, dir }
    }

    pub(crate) async fn client_of(&self, owner: &str) -> Client {
        Client::new(&self.service.gateway(), self.service.create_key(owner, "test").await.unwrap())
    }
}

pub(crate) async fn open(dir: &Path) -> RunningService {
    open_with(dir, |_| {}).await
}

pub(crate) async fn open_with(dir: &Path, change: impl FnOnce(&mut ServiceConfig)) -> RunningService {
    let mut config = ServiceConfig::new(dir);
    change(&mut config);
    Service::start(config).await.unwrap()
}

impl Client {
    pub(crate) fn new(gateway: &str, key: ApiKey) -> Self {
        // A second test of this process finds it installed.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(Duration::from_secs(120))
            .build()
            .unwrap();
        Self { http, gateway: gateway.into(), key: key.key, secret: key.secret }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.gateway.strip_prefix("http://").unwrap().parse().unwrap()
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("{}/api{path}", self.gateway))
            .header("pinning_api_key", &self.key)
            .header("pinning_secret_key", self.secret.expose_secret())
    }

    pub(crate) fn upload_request(&self, body: impl Into<reqwest::Body>) -> RequestBuilder {
        self.request(Method::POST, "/pinning/")
            .header("content-type", format!("multipart/form-data; boundary={BOUNDARY}"))
            .body(body)
    }

    pub(crate) async fn try_upload(&self, form: Form) -> (StatusCode, Value) {
        json(self.upload_request(form.bytes()).send().await.unwrap()).await
    }

    /// Uploads and gives the pin.
    pub(crate) async fn upload(&self, form: Form) -> Value {
        let (status, reply) = self.try_upload(form).await;
        assert_eq!(status, StatusCode::CREATED, "{reply}");
        assert_eq!(reply["status"], "success");
        reply["data"].clone()
    }

    pub(crate) async fn try_pin_by_hash(&self, body: Value) -> (StatusCode, Value) {
        let request = self.request(Method::POST, "/pinning/pinByHash").header("content-type", "application/json");
        json(request.body(body.to_string()).send().await.unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> (StatusCode, Value) {
        json(self.request(Method::GET, path).send().await.unwrap()).await
    }

    pub(crate) async fn pin(&self, id: &Value) -> Value {
        let (status, reply) = self.get(&format!("/pinning/{}", id.as_str().unwrap())).await;
        assert_eq!(status, StatusCode::OK, "{reply}");
        reply["data"].clone()
    }

    /// The `data` of a list.
    pub(crate) async fn list(&self, query: &str) -> Value {
        let (status, reply) = self.get(&format!("/pinning/pins/?{query}")).await;
        assert_eq!(status, StatusCode::OK, "{reply}");
        reply["data"].clone()
    }

    pub(crate) async fn unpin(&self, id: &Value) -> (StatusCode, Value) {
        let path = format!("/pinning/unpin/{}", id.as_str().unwrap());
        json(self.request(Method::DELETE, &path).send().await.unwrap()).await
    }

    pub(crate) fn ipfs(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}/ipfs/{path}", self.gateway))
    }

    /// The body of a gateway's 200.
    pub(crate) async fn content(&self, path: &str) -> Vec<u8> {
        let response = self.ipfs(Method::GET, path).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.bytes().await.unwrap().to_vec()
    }

    /// Sends bytes as they are and gives all that is answered until the service closes the connection.
    pub(crate) async fn raw(&self, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address()).await.unwrap();
        stream.write_all(request).await.unwrap();
        rest(stream).await
    }

    /// The same, but nothing comes after these bytes.
    pub(crate) async fn raw_cut(&self, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address()).await.unwrap();
        stream.write_all(request).await.unwrap();
        stream.shutdown().await.unwrap();
        rest(stream).await
    }

    pub(crate) fn key_headers(&self) -> String {
        format!("pinning_api_key: {}\r\npinning_secret_key: {}\r\n", self.key, self.secret.expose_secret())
    }
}

async fn rest(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

/// Asks until the answer is as hoped for.
pub(crate) async fn until(ask: impl AsyncFn() -> Value, is_so: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let answer = ask().await;
        if is_so(&answer) {
            return answer;
        }
        assert!(Instant::now() < deadline, "{answer}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

pub(crate) async fn json(response: Response) -> (StatusCode, Value) {
    let status = response.status();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or_else(|error| panic!("{status}: {error}: {text:?}")))
}

/// A multipart body.
#[derive(Clone, Default)]
pub(crate) struct Form {
    body: Vec<u8>,
}

impl Form {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn part(mut self, disposition: &str, content_type: &str, bytes: &[u8]) -> Self {
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; {disposition}\r\nContent-Type: {content_type}\r\n\r\n"
        );
        self.body.extend_from_slice(head.as_bytes());
        self.body.extend_from_slice(bytes);
        self.body.extend_from_slice(b"\r\n");
        self
    }

    pub(crate) fn file(self, path: &str, bytes: &[u8]) -> Self {
        self.part(&file_named(path), "application/octet-stream", bytes)
    }

    pub(crate) fn directory(self, path: &str) -> Self {
        self.part(&file_named(path), "application/x-directory", b"")
    }

    pub(crate) fn symlink(self, path: &str, target: &[u8]) -> Self {
        self.part(&file_named(path), "application/symlink", target)
    }

    pub(crate) fn metadata(self, text: &str) -> Self {
        self.part("name=\"metadata\"", "text/plain", text.as_bytes())
    }

    pub(crate) fn bytes(mut self) -> Vec<u8> {
        self.body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
        self.body
    }

    /// Without the end.
    pub(crate) fn unfinished(self) -> Vec<u8> {
        self.body
    }
}

/// Go's escapes.
fn file_named(path: &str) -> String {
    format!("name=\"file\"; filename=\"{}\"", path.replace('\\', "\\\\").replace('"', "\\\""))
}

pub(crate) fn file_link(bytes: &[u8]) -> Link {
    import_file(bytes, &mut Discard)
}

pub(crate) fn import_file(bytes: &[u8], sink: &mut dyn BlockSink) -> Link {
    let mut importer = FileImporter::new(PROFILE);
    importer.push(bytes, sink).unwrap();
    importer.finish(sink).unwrap()
}

pub(crate) fn file_cid(bytes: &[u8]) -> String {
    file_link(bytes).cid.to_string()
}

/// The CID of a directory with these files.
pub(crate) fn tree_cid(files: &[(&str, &[u8])]) -> String {
    let mut tree = TreeBuilder::new(PROFILE);
    for (path, bytes) in files {
        tree.insert(path, file_link(bytes)).unwrap();
    }
    tree.finish(&mut Discard).unwrap().cid.to_string()
}

/// Bytes that do not repeat.
pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2).wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}
