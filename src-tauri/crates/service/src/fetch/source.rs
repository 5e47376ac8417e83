//! One place that serves blocks over HTTP, as a trustless gateway does
//! (<https://specs.ipfs.tech/http-gateways/trustless-gateway/>).

use std::{
    fmt,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use futures_util::StreamExt;
use holdfast_content::{Cid, MAX_BLOCK_BYTES, gateway_link, is_block_of};
use reqwest::{Client, Response, StatusCode, header};
use tokio::time::timeout;
use url::Url;

use super::address::{NotPublic, names_private_address};
use crate::config::Gateways;

const RAW: &str = "application/vnd.ipld.raw";

/// How long a block may take.
const BLOCK_TIME: Duration = Duration::from_secs(60);

/// A source that failed so often, one time after another, is not asked any more.
const MAX_FAILURES: u32 = 8;

/// So often a source may lead to another address.
const MAX_REDIRECTS: usize = 3;

/// A gateway or an origin, and how it has done.
#[derive(Debug)]
pub(crate) struct Source {
    base: Url,
    client: Client,
    elsewhere: Elsewhere,
    failures: AtomicU32,
    /// For one of the service's gateways: those that may be asked.
    among: Option<Gateways>,
}

/// How other hosts are asked that a source leads to: nobody has vouched for those.
#[derive(Clone, Debug)]
pub(crate) struct Elsewhere {
    pub(crate) client: Client,
    /// Whether they may have addresses that are not of the public internet; the client sees to those of names.
    pub(crate) may_be_private: bool,
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
    /// One that was named with a request.
    pub(crate) const fn origin(base: Url, client: Client, elsewhere: Elsewhere) -> Self {
        Self { base, client, elsewhere, failures: AtomicU32::new(0), among: None }
    }

    /// One of the service's own, as long as it is among them.
    pub(crate) const fn gateway(base: Url, client: Client, elsewhere: Elsewhere, among: Gateways) -> Self {
        Self { base, client, elsewhere, failures: AtomicU32::new(0), among: Some(among) }
    }

    /// Whether it may be asked and is worth it, or why not.
    pub(crate) fn may_be_asked(&self) -> Result<(), &'static str> {
        if self.among.as_ref().is_some_and(|gateways| !gateways.has(&self.base)) {
            return Err("is not to be asked any more");
        }
        match self.failures.load(Ordering::Relaxed) {
            MAX_FAILURES.. => Err("failed too often"),
            _ => Ok(()),
        }
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
        let link = gateway_link(self.base.as_str(), &cid.to_string());
        let response = self.ask(format!("{link}?format=raw")).await?;
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

impl Source {
    /// Asks an address, and where that leads.
    async fn ask(&self, address: String) -> Result<Response, SourceError> {
        let mut url = Url::parse(&address).map_err(|error| SourceError::Unreachable(error.to_string()))?;
        for _ in 0..MAX_REDIRECTS {
            let response = self.ask_once(url.clone()).await?;
            if !response.status().is_redirection() {
                return Ok(response);
            }
            let location = response.headers().get(header::LOCATION).and_then(|to| to.to_str().ok());
            let Some(next) = location.and_then(|to| url.join(to).ok()) else { return Ok(response) };
            // What came over an encrypted way does not go on over one that is not.
            if next.scheme() != "https" && (next.scheme() != "http" || url.scheme() == "https") {
                return Ok(response);
            }
            url = next;
        }
        self.ask_once(url).await
    }

    async fn ask_once(&self, url: Url) -> Result<Response, SourceError> {
        let client = if url.origin() == self.base.origin() {
            &self.client
        } else if self.elsewhere.may_be_private || !names_private_address(&url) {
            &self.elsewhere.client
        } else {
            return Err(SourceError::NotPublic);
        };
        let request = client.get(url).header(header::ACCEPT, RAW);
        request.send().await.map_err(|error| unreachable(&error))
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
