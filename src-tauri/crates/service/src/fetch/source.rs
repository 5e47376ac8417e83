//! One place that serves blocks over HTTP, as a trustless gateway does
//! (<https://specs.ipfs.tech/http-gateways/trustless-gateway/>).

use std::{
    fmt,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use futures_util::StreamExt;
use holdfast_content::{Cid, MAX_BLOCK_BYTES, is_block_of};
use reqwest::{Client, StatusCode, header};
use tokio::time::timeout;
use url::Url;

use super::address::NotPublic;

const RAW: &str = "application/vnd.ipld.raw";

/// How long a block may take.
const BLOCK_TIME: Duration = Duration::from_secs(60);

/// A source that failed so often, one time after another, is not asked any more.
const MAX_FAILURES: u32 = 8;

/// A gateway or an origin, and how it has done.
#[derive(Debug)]
pub(crate) struct Source {
    base: Url,
    client: Client,
    failures: AtomicU32,
}

/// Why a source did not give a block.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SourceError {
    #[error("does not have it")]
    NotThere,
    #[error("answered {0}")]
    Status(StatusCode),
    #[error("could not be reached: {0}")]
    Unreachable(String),
    #[error("leads to no address of the public internet")]
    NotPublic,
    #[error("was too slow")]
    TooSlow,
    #[error("sent more than a block may have")]
    TooLarge,
    #[error("sent other bytes than those of the block")]
    WrongBytes,
}

impl SourceError {
    /// Whether the same may work a little later.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::TooSlow => true,
            Self::Status(status) => status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS,
            Self::NotThere | Self::NotPublic | Self::TooLarge | Self::WrongBytes => false,
        }
    }
}

impl Source {
    pub(crate) const fn new(base: Url, client: Client) -> Self {
        Self { base, client, failures: AtomicU32::new(0) }
    }

    /// Whether it is worth asking.
    pub(crate) fn is_usable(&self) -> bool {
        self.failures.load(Ordering::Relaxed) < MAX_FAILURES
    }

    /// Gets a block and checks it.
    pub(crate) async fn block(&self, cid: &Cid) -> Result<Vec<u8>, SourceError> {
        let got = timeout(BLOCK_TIME, self.get(cid)).await.unwrap_or(Err(SourceError::TooSlow));
        match &got {
            Ok(_) | Err(SourceError::NotThere) => self.failures.store(0, Ordering::Relaxed),
            // Nothing that it says can be counted on.
            Err(SourceError::WrongBytes | SourceError::TooLarge) => {
                self.failures.store(MAX_FAILURES, Ordering::Relaxed)
            }
            Err(_) => {
                self.failures.fetch_add(1, Ordering::Relaxed);
            }
        }
        got
    }

    async fn get(&self, cid: &Cid) -> Result<Vec<u8>, SourceError> {
        let base = self.base.as_str().trim_end_matches('/');
        let request = self.client.get(format!("{base}/ipfs/{cid}?format=raw")).header(header::ACCEPT, RAW);
        let response = request.send().await.map_err(|error| unreachable(&error))?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND | StatusCode::GONE => return Err(SourceError::NotThere),
            status => return Err(SourceError::Status(status)),
        }
        let mut bytes = Vec::new();
        let mut body = response.bytes_stream();
        while let Some(piece) = body.next().await {
            let piece = piece.map_err(|error| unreachable(&error))?;
            if bytes.len() + piece.len() > MAX_BLOCK_BYTES {
                return Err(SourceError::TooLarge);
            }
            bytes.extend_from_slice(&piece);
        }
        if is_block_of(cid, &bytes) == Some(true) { Ok(bytes) } else { Err(SourceError::WrongBytes) }
    }
}

impl fmt::Display for Source {
    /// Scheme, host and port: what may be told to whoever asked for a pin.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.base.origin().ascii_serialization())
    }
}

/// The innermost cause is the one in plain words.
fn unreachable(error: &reqwest::Error) -> SourceError {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    if cause.is::<NotPublic>() { SourceError::NotPublic } else { SourceError::Unreachable(cause.to_string()) }
}
