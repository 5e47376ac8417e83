//! A service that keeps every request as the bytes that came, and has one answer for all of them.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::{CancellationToken, DropGuard};

/// A service on a port of its own; ends with the value.
#[derive(Debug)]
pub struct Recorder {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Vec<u8>>>>,
    _end: DropGuard,
}

impl Recorder {
    /// Answers every request with 200 and `answer`.
    ///
    /// # Panics
    /// Without a free port.
    pub async fn start(answer: Value) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
        let end = CancellationToken::new();
        let (kept, over) = (Arc::clone(&requests), end.clone());
        tokio::spawn(async move {
            while let Some(Ok((stream, _))) = over.run_until_cancelled(listener.accept()).await {
                tokio::spawn(serve(stream, answer.to_string(), Arc::clone(&kept)));
            }
        });
        Self { address, requests, _end: end.drop_guard() }
    }

    /// The address, as `127.0.0.1:PORT`.
    #[must_use]
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// Every request so far.
    #[must_use]
    pub fn requests(&self) -> Vec<Vec<u8>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// One connection, closed after its first request.
async fn serve(mut stream: TcpStream, answer: String, kept: Arc<Mutex<Vec<Vec<u8>>>>) {
    let mut request = Vec::new();
    while !is_whole(&request) {
        // A client that goes away has sent what it has sent.
        if !matches!(stream.read_buf(&mut request).await, Ok(1..)) {
            break;
        }
    }
    kept.lock().unwrap_or_else(PoisonError::into_inner).push(request);
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        answer.len()
    );
    // The client may have gone away.
    drop(stream.write_all((head + &answer).as_bytes()).await);
}

/// Whether a request has come to its end, by what its head says.
fn is_whole(request: &[u8]) -> bool {
    let Some(end_of_head) = request.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
    let (head, body) = request.split_at(end_of_head + 4);
    let head = String::from_utf8_lossy(head).to_lowercase();
    if head.contains("transfer-encoding: chunked") {
        return body.ends_with(b"0\r\n\r\n");
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    body.len() >= length.unwrap_or(0)
}
