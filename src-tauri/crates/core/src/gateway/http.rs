//! The trustless gateway's raw blocks over HTTP.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::StreamExt;
use holdfast_content::{Cid, MAX_BLOCK_BYTES, gateway_link};
use reqwest::{Client, Response, StatusCode, header::ACCEPT, redirect::Policy};
use tokio::time::timeout;
use url::Url;

use super::{Gateway, GatewayError};
use crate::provider::http::{Limits, Timing, client_builder, content_type, is_near, limits_of, reason, retry_after};

const RAW: &str = "application/vnd.ipld.raw";

/// By this header Holdfast's own service says why it cannot give a block.
const BLOCK: &str = "x-holdfast-block";
const DAMAGED: &str = "damaged";

/// By this one it is told which pin a block belongs to.
const ROOT: &str = "x-holdfast-root";

/// Over the largest block, so that one that is too long is seen as such.
const MOST_BYTES: usize = MAX_BLOCK_BYTES + 1;

/// Gateways send those who ask for `/ipfs/…` to an origin of the content's own.
const MOST_REDIRECTS: usize = 5;

/// A gateway that looks for a block elsewhere takes its time; beyond this it has none.
const LONGEST_SILENCE: Duration = Duration::from_secs(30);

/// One gateway.
pub(crate) struct HttpGateway {
    client: Client,
    base: Url,
    timing: Timing,
    /// Those of the service whose gateway it is, where it has the same host; and the rests that it asks for.
    limits: Limits,
}

impl HttpGateway {
    pub(crate) fn new(base: &Url, timing: &Timing) -> Result<Self, GatewayError> {
        let from = base.clone();
        let redirects = Policy::custom(move |attempt| {
            let may = attempt.previous().len() <= MOST_REDIRECTS
                && attempt.previous().last().is_some_and(|via| may_lead(&from, via, attempt.url()));
            if may { attempt.follow() } else { attempt.stop() }
        });
        let client = client_builder(base).redirect(redirects).build();
        let client = client.map_err(|error| GatewayError::Network { reason: reason(&error) })?;
        let silence = timing.silence.min(LONGEST_SILENCE);
        let limits = Limits::new(limits_of(base), Arc::clone(&timing.clock));
        Ok(Self { client, base: base.clone(), timing: Timing { silence, ..timing.clone() }, limits })
    }

    async fn read_limited(&self, response: Response) -> Result<Vec<u8>, GatewayError> {
        let mut body = Vec::new();
        let mut stream = response.bytes_stream();
        while let Some(piece) = timeout(self.timing.silence, stream.next()).await.map_err(|_| silent())? {
            let piece = piece.map_err(|error| GatewayError::Network { reason: reason(&error) })?;
            if body.len() + piece.len() > MOST_BYTES {
                return Err(GatewayError::TooLong);
            }
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }
}

#[async_trait]
impl Gateway for HttpGateway {
    async fn block(&self, cid: &Cid, root: &Cid) -> Result<Option<Vec<u8>>, GatewayError> {
        let url = format!("{}?format=raw", gateway_link(self.base.as_str(), &cid.to_string()));
        let request = self.client.get(url).header(ACCEPT, RAW).header(ROOT, root.to_string()).build();
        let request = request.map_err(|error| GatewayError::Network { reason: reason(&error) })?;
        if let Err(error) = self.limits.admit(request.method(), request.url().path()).await {
            let status = StatusCode::TOO_MANY_REQUESTS.as_u16();
            return Err(GatewayError::Unavailable { status, after: error.retry_after() });
        }
        let sending = self.client.execute(request);
        let response = timeout(self.timing.silence, sending).await.map_err(|_| silent())?;
        let response = response.map_err(|error| GatewayError::Network { reason: reason(&error) })?;
        let is_html = content_type(&response).is_some_and(|value| value.starts_with("text/html"));
        let status = response.status();
        let number = status.as_u16();
        let strange = |reason: String| Err(GatewayError::NotTrustless { reason });
        match status {
            _ if status.is_redirection() => strange(format!("it redirects elsewhere (HTTP {number})")),
            StatusCode::NOT_FOUND | StatusCode::GONE => Ok(None),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS => {
                Err(GatewayError::Refused { status: number })
            }
            StatusCode::INTERNAL_SERVER_ERROR
                if response.headers().get(BLOCK).is_some_and(|value| value == DAMAGED) =>
            {
                Err(GatewayError::Damaged)
            }
            StatusCode::NOT_IMPLEMENTED => strange(format!("it knows no such format (HTTP {number})")),
            // A gateway that gets content when it is first asked for says 202: come again.
            _ if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::ACCEPTED) || status.is_server_error() => {
                let after = retry_after(response.headers(), self.timing.clock.now());
                if let Some(after) = after.filter(|_| status == StatusCode::TOO_MANY_REQUESTS) {
                    self.limits.rest_for(after);
                }
                Err(GatewayError::Unavailable { status: number, after })
            }
            _ if !status.is_success() => strange(format!("it refuses the request (HTTP {number})")),
            _ if is_html => strange("a web page came back".into()),
            _ => self.read_limited(response).await.map(Some),
        }
    }
}

/// Whether the gateway at `base`, in an answer of `via`, may lead to `to`: never from what is encrypted to what is not, and
/// nowhere into this computer or its networks that it is not in itself.
fn may_lead(base: &Url, via: &Url, to: &Url) -> bool {
    let is_plain = to.username().is_empty() && to.password().is_none();
    is_plain
        && match to.scheme() {
            "https" => to.host() == base.host() || !is_near(to) || is_near(base),
            "http" => via.scheme() == "http" && to.origin() == base.origin(),
            _ => false,
        }
}

fn silent() -> GatewayError {
    GatewayError::Network { reason: "no answer in time".into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_leads_to_nothing_less_safe_than_itself() {
        let base = "https://gateway.example/";
        for (base, via, to, may) in [
            (base, base, "https://bafy.ipfs.gateway.example/", true),
            (base, base, "https://elsewhere.example/", true),
            (base, base, "http://gateway.example/", false),
            (base, "https://elsewhere.example/", "http://elsewhere.example/", false),
            (base, base, "https://127.0.0.1/", false),
            (base, base, "https://192.168.1.1/", false),
            (base, base, "https://router.local/", false),
            (base, base, "https://user:word@elsewhere.example/", false),
            (base, base, "ftp://gateway.example/", false),
            ("http://127.0.0.1:8080/", "http://127.0.0.1:8080/", "http://127.0.0.1:8080/ipfs/x", true),
            ("http://127.0.0.1:8080/", "http://127.0.0.1:8080/", "http://127.0.0.1:9/secret", false),
            ("http://127.0.0.1:8080/", "http://127.0.0.1:8080/", "https://elsewhere.example/", true),
            ("http://nas:8080/", "https://elsewhere.example/", "http://nas:8080/", false),
            ("https://nas/", "https://nas/", "https://bafy.ipfs.nas.lan/", true),
        ] {
            let url = |text| Url::parse(text).unwrap();
            assert_eq!(may_lead(&url(base), &url(via), &url(to)), may, "{via} to {to}");
        }
    }
}
