//! What must hold of any bytes that a client begins with. The fuzz target and the regression test run this.

use std::{
    panic,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use holdfast_service::{RunningService, Service, ServiceConfig};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    runtime::{Builder, Runtime},
    time::timeout,
};

/// A key and secret that the service knows, as the API's headers have them.
pub(crate) const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAA==";
pub(crate) const SECRET: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

/// Far more than any answer needs.
const PATIENCE: Duration = Duration::from_secs(9);

/// A connection's task ends by itself when it panics, and the client only sees no answer.
static PANICKED: AtomicBool = AtomicBool::new(false);

thread_local! {
    static HARNESS: Harness = Harness::start();
}

struct Harness {
    runtime: Runtime,
    service: RunningService,
    _dir: TempDir,
}

impl Harness {
    fn start() -> Self {
        let told = panic::take_hook();
        panic::set_hook(Box::new(move |what| {
            PANICKED.store(true, Ordering::Relaxed);
            told(what);
        }));
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let service = runtime.block_on(async {
            let service = Service::start(ServiceConfig::new(dir.path())).await.unwrap();
            service.install_key("somebody", KEY, SECRET.to_owned().into()).await.unwrap();
            service
        });
        Self { runtime, service, _dir: dir }
    }

    async fn answer(&self, input: &[u8]) -> Vec<u8> {
        let address = self.service.gateway().replace("http://", "");
        let mut stream = TcpStream::connect(address).await.unwrap();
        // The service may refuse before it has read everything, and then says so or is gone.
        let _ = stream.write_all(input).await;
        let _ = stream.shutdown().await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        answer
    }
}

/// Sends `input` to a service: it answers nothing, or with a head that is well formed, and never that it failed.
pub(crate) fn check(input: &[u8]) {
    // Nothing is asked of it that it would do.
    if input.windows(4).any(|word| [b"POST", b"ELET"].iter().any(|method| word == *method)) {
        return;
    }
    let answer = HARNESS.with(|harness| {
        harness.runtime.block_on(async { timeout(PATIENCE, harness.answer(input)).await.expect("it hangs") })
    });
    assert!(!PANICKED.load(Ordering::Relaxed), "a panic while it was answered");
    // Who has closed its half may be taken for gone.
    if answer.is_empty() {
        return;
    }
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("an answer's head has an end");
    let head = &answer[..end];
    let status = head.strip_prefix(b"HTTP/1.").and_then(|rest| rest.get(2..5)).unwrap_or_default();
    let shown = String::from_utf8_lossy(head);
    assert!(status.iter().all(u8::is_ascii_digit) && !status.is_empty(), "{shown}");
    assert!(status != b"500", "{shown}");
    assert!(head.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\r' | b'\n')), "{shown:?}");
}
