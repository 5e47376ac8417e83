//! What is acknowledged survives, whatever happens; what is not needed goes.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use holdfast_service::ApiKey;
use reqwest::StatusCode;
use secrecy::ExposeSecret;
use serde_json::Value;

use crate::client::{self, BOUNDARY, Client, Form, file_cid, noise, start};

const DIR: &str = "HOLDFAST_SERVICE_TEST_DIR";
const TOLD_IN: &str = "HOLDFAST_SERVICE_TEST_TOLD_IN";
const THIS_SERVICE: [&str; 3] = ["--exact", "durability::serve_in_this_process", "--nocapture"];
const KEY: &str = "HOLDFAST_SERVICE_TEST_KEY";
const SECRET: &str = "HOLDFAST_SERVICE_TEST_SECRET";

/// A service in a process of its own, to be killed.
pub(crate) struct ServiceProcess {
    child: Child,
    pub(crate) client: Client,
}

impl Drop for ServiceProcess {
    fn drop(&mut self) {
        self.kill();
    }
}

impl ServiceProcess {
    pub(crate) async fn start(dir: &Path) -> Self {
        let mut test = Command::new(std::env::current_exe().unwrap());
        test.args(THIS_SERVICE);
        Self::spawn(test, dir, dir).await
    }

    /// The same with `starter` as what starts the test's program; it tells its address in another directory.
    #[cfg(target_os = "linux")]
    pub(crate) async fn start_as(mut starter: Command, dir: &Path, told_in: &Path) -> Self {
        starter.arg(std::env::current_exe().unwrap()).args(THIS_SERVICE);
        Self::spawn(starter, dir, told_in).await
    }

    async fn spawn(mut command: Command, dir: &Path, told_in: &Path) -> Self {
        let address = address_file(told_in);
        let _ = fs::remove_file(&address);
        let key = ApiKey::random().unwrap();
        let child = command
            .env(DIR, dir)
            .env(TOLD_IN, told_in)
            .env(KEY, &key.key)
            .env(SECRET, key.secret.expose_secret())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        let gateway = loop {
            match fs::read_to_string(&address) {
                Ok(gateway) => break gateway,
                Err(_) if Instant::now() < deadline => tokio::time::sleep(Duration::from_millis(5)).await,
                Err(error) => panic!("the service did not start: {error}"),
            }
        };
        Self { child, client: Client::new(&gateway, key) }
    }

    #[cfg(target_os = "linux")]
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn kill(&mut self) {
        // SIGKILL; it may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// The most memory that it has had, in bytes.
    #[cfg(target_os = "linux")]
    fn peak_memory_bytes(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap() * 1024
    }
}

fn address_file(dir: &Path) -> PathBuf {
    dir.join("address-for-test")
}

/// Not a test of its own: the body of [`ServiceProcess`].
#[tokio::test]
async fn serve_in_this_process() {
    let Ok(dir) = std::env::var(DIR) else {
        return;
    };
    let change = |config: &mut holdfast_service::ServiceConfig| {
        config.collect_after = Duration::from_millis(5);
        config.disk_reserve_bytes = 0;
    };
    let service = client::open_with(Path::new(&dir), change).await;
    let told_in = std::env::var(TOLD_IN).unwrap();
    let (key, secret) = (std::env::var(KEY).unwrap(), std::env::var(SECRET).unwrap());
    service.install_key("home", &key, secret.into()).await.unwrap();
    let written = Path::new(&told_in).join("address-unfinished");
    fs::write(&written, service.gateway()).unwrap();
    fs::rename(written, address_file(Path::new(&told_in))).unwrap();
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn every_acknowledged_pin_survives_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged: Vec<(Value, u64, usize)> = Vec::new();
    for round in 0..4_u64 {
        let mut process = ServiceProcess::start(dir.path()).await;
        let (sender, mut acks) = tokio::sync::mpsc::unbounded_channel();
        for lane in 0..4_u64 {
            let (client, sender) = (process.client.clone(), sender.clone());
            tokio::spawn(async move {
                for number in 0.. {
                    let seed = round * 1_000_000 + lane * 1000 + number;
                    let length = [10, 70_000, 1_500_000, 4_000_000][((lane + number) % 4) as usize];
                    let form = Form::new().file("f", &noise(seed, length));
                    let Ok(response) = client.upload_request(form.bytes()).send().await else {
                        return;
                    };
                    if response.status() == StatusCode::CREATED
                        && let Ok(reply) = response.json::<Value>().await
                    {
                        let _ = sender.send((reply["data"].clone(), seed, length));
                    }
                }
            });
        }
        drop(sender);
        for _ in 0..=round * 3 {
            acknowledged.push(acks.recv().await.unwrap());
        }
        process.kill();
        while let Some(ack) = acks.recv().await {
            acknowledged.push(ack);
        }
        let process = ServiceProcess::start(dir.path()).await;
        let client = &process.client;
        for (pin, seed, length) in &acknowledged {
            let bytes = noise(*seed, *length);
            assert_eq!(pin["cid"], file_cid(&bytes));
            assert_eq!(client.pin(&pin["id"]).await["status"], "pinned");
            assert!(client.content(pin["cid"].as_str().unwrap()).await == bytes);
        }
        // Pins whose acknowledgement was lost are complete as well.
        let list = client.list("limit=1000&pinned=true").await;
        assert!(list["totals"]["files"].as_u64().unwrap() >= acknowledged.len() as u64);
        for pin in list["pins"].as_array().unwrap() {
            let bytes = client.content(pin["cid"].as_str().unwrap()).await;
            assert_eq!(pin["size"], bytes.len() as u64);
            assert_eq!(pin["cid"], file_cid(&bytes));
        }
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_large_upload_needs_little_memory() {
    const MEBIBYTE: usize = 1024 * 1024;
    let dir = tempfile::tempdir().unwrap();
    let process = ServiceProcess::start(dir.path()).await;
    let client = &process.client;
    let send = async |blocks: u64| {
        let head =
            format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{blocks}\"\r\n\r\n");
        let end = format!("\r\n--{BOUNDARY}--\r\n");
        let body = std::iter::once(head.into_bytes())
            .chain((0..blocks).map(|block| noise(block, MEBIBYTE)))
            .chain(std::iter::once(end.into_bytes()))
            .map(Ok::<_, std::io::Error>);
        let body = reqwest::Body::wrap_stream(futures_util::stream::iter(body));
        let (status, reply) = client::json(client.upload_request(body).send().await.unwrap()).await;
        assert_eq!(status, StatusCode::CREATED, "{reply}");
        reply["data"]["cid"].as_str().unwrap().to_owned()
    };
    send(4).await;
    let before = process.peak_memory_bytes();
    let cid = send(256).await;
    let uploaded = process.peak_memory_bytes();
    assert!(uploaded - before < 24 * MEBIBYTE as u64, "{before} bytes, then {uploaded}");
    let mut response = client.ipfs(reqwest::Method::GET, &cid).send().await.unwrap();
    let mut received = 0;
    while let Some(bytes) = response.chunk().await.unwrap() {
        received += bytes.len();
    }
    assert_eq!(received, 256 * MEBIBYTE);
    let downloaded = process.peak_memory_bytes();
    assert!(downloaded - uploaded < 24 * MEBIBYTE as u64, "{uploaded} bytes, then {downloaded}");
}

pub(crate) fn block_files(dir: &Path) -> usize {
    let shards = fs::read_dir(dir.join("blocks")).unwrap();
    shards.map(|shard| fs::read_dir(shard.unwrap().path()).unwrap().count()).sum()
}

#[tokio::test]
async fn blocks_go_when_no_pin_needs_them() {
    let service = start().await;
    let shared = noise(1, 2_000_000);
    let kept = service.upload(Form::new().file("t/shared", &shared).file("t/own", b"own")).await;
    let needed = block_files(service.dir.path());
    let gone = service.upload(Form::new().file("u/shared", &shared).file("u/other", &noise(2, 3_000_000))).await;
    service.upload_request(Form::new().file("x", &noise(3, 2_500_000)).unfinished()).send().await.unwrap();
    service.unpin(&gone["id"]).await;
    assert!(block_files(service.dir.path()) > needed);
    assert!(service.service.collect().await.unwrap().blocks > 0);
    assert_eq!(block_files(service.dir.path()), needed);
    let cid = kept["cid"].as_str().unwrap();
    assert!(service.content(&format!("{cid}/shared")).await == shared);
    assert_eq!(service.content(&format!("{cid}/own")).await, b"own");
    // What is gone can come again.
    service.upload(Form::new().file("u/shared", &shared).file("u/other", &noise(2, 3_000_000))).await;
}

#[tokio::test]
async fn nothing_is_removed_while_a_pin_cannot_be_walked() {
    let service = start().await;
    let pin = service.upload(Form::new().file("t/a", b"a")).await;
    let gone = service.upload(Form::new().file("b", b"b")).await;
    service.unpin(&gone["id"]).await;
    let hash = pin["root_hash"].as_str().unwrap();
    let root = service.dir.path().join("blocks").join(&hash[hash.len() - 2..]).join(hash);
    let block = fs::read(&root).unwrap();
    fs::remove_file(&root).unwrap();
    let before = block_files(service.dir.path());
    let error = service.service.collect().await.unwrap_err();
    assert!(error.to_string().contains("is damaged"), "{error}");
    assert_eq!(block_files(service.dir.path()), before);
    // Once it can, the rest goes.
    fs::write(&root, block).unwrap();
    let service = service.restart().await;
    service.service.collect().await.unwrap();
    assert_eq!(block_files(service.dir.path()), before);
    assert_eq!(service.content(&format!("{}/a", pin["cid"].as_str().unwrap())).await, b"a");
}

#[tokio::test]
async fn a_shutdown_lets_an_upload_end() {
    let service = start().await;
    let whole = Form::new().file("f", &noise(5, 2_000_000)).bytes();
    let half = whole.len() / 2;
    let (sender, receiver) = tokio::sync::mpsc::channel::<Result<Vec<u8>, std::io::Error>>(1);
    let body = futures_util::stream::unfold(receiver, async |mut receiver| {
        receiver.recv().await.map(|bytes| (bytes, receiver))
    });
    let request = service.client.upload_request(reqwest::Body::wrap_stream(Box::pin(body)));
    let upload = tokio::spawn(async move { request.send().await.unwrap().status() });
    sender.send(Ok(whole[..half].to_vec())).await.unwrap();
    // The second piece is taken from the queue only after the first is on its way.
    sender.send(Ok(Vec::new())).await.unwrap();
    let client::TestService { service, dir, .. } = service;
    let shutdown = tokio::spawn(service.shutdown());
    sender.send(Ok(whole[half..].to_vec())).await.unwrap();
    drop(sender);
    assert_eq!(upload.await.unwrap(), StatusCode::CREATED);
    shutdown.await.unwrap().unwrap();
    drop(client::open(dir.path()).await);
}
