//! Gateways: where the blocks of pinned content can be fetched by anybody, to be checked by whoever fetched them
//! (<https://specs.ipfs.tech/http-gateways/trustless-gateway/>). No credentials are ever sent to one.

mod http;
mod sources;
mod throttled;

use std::time::Duration;

use async_trait::async_trait;
use holdfast_content::Cid;
pub(crate) use http::HttpGateway;
pub use sources::{FetchSources, OFFERED_GATEWAY, as_typed};
pub(crate) use throttled::Throttled;

/// A place that gives blocks by CID. Every call is one request; none retries by itself.
#[async_trait]
pub trait Gateway: Send + Sync {
    /// The block's bytes, or `None` when the gateway does not have it. Whether they hash to `cid` is for the reader to
    /// check. `root` is what it is a part of: a service that finds it missing can then say so of its pin.
    async fn block(&self, cid: &Cid, root: &Cid) -> Result<Option<Vec<u8>>, GatewayError>;
}

/// A gateway that has nothing: what is proven with it, a CID proves by itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoGateway;

#[async_trait]
impl Gateway for NoGateway {
    async fn block(&self, _: &Cid, _: &Cid) -> Result<Option<Vec<u8>>, GatewayError> {
        Ok(None)
    }
}

/// Why a gateway gives no block.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GatewayError {
    /// No connection, or one that broke.
    #[error("the gateway cannot be reached: {reason}")]
    Network {
        /// What failed, without the URL.
        reason: String,
    },
    /// 429 and 5xx.
    #[error("the gateway is not answering at the moment (HTTP {status})")]
    Unavailable {
        /// The status code.
        status: u16,
        /// How long it asks to wait.
        after: Option<Duration>,
    },
    /// It wants credentials, or has blocked the content.
    #[error("the gateway refuses to give the content (HTTP {status})")]
    Refused {
        /// The status code.
        status: u16,
    },
    /// A web page, a redirect to a place that is not safe, or an answer that says that it knows no single blocks.
    #[error("this address does not give single blocks as a trustless gateway does: {reason}")]
    NotTrustless {
        /// What came instead.
        reason: String,
    },
    /// It says that what it has of the block is not what the CID says.
    #[error("the block is damaged there")]
    Damaged,
    /// More bytes than a block may have.
    #[error("the gateway answers with more than a block may have")]
    TooLong,
}

impl GatewayError {
    /// Whether asking again soon may help.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Network { .. } | Self::Unavailable { .. })
    }

    /// How long the gateway asked to wait.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unavailable { after, .. } => *after,
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use holdfast_content::{gateway_as_typed, gateway_link};

    use crate::account::{PlainHttp, parse_base_url};

    fn address(typed: &str) -> String {
        gateway_link(parse_base_url("gateway", typed, PlainHttp::Refused).unwrap().as_str(), "bafkqaaa")
    }

    #[test]
    fn a_gateway_is_a_base_or_says_where_the_cid_stands() {
        assert_eq!(address("https://premium.aiozpin.network/"), "https://premium.aiozpin.network/ipfs/bafkqaaa");
        assert_eq!(address("https://example.org/api/gateway/{cid}"), "https://example.org/api/gateway/bafkqaaa");
        assert_eq!(address("example.org/ipfs/{cid}/{path}"), "https://example.org/ipfs/bafkqaaa");
    }

    #[test]
    fn a_gateway_is_shown_as_it_was_typed() {
        let typed = "https://example.org/api/gateway/{cid}";
        assert_eq!(gateway_as_typed(parse_base_url("gateway", typed, PlainHttp::Refused).unwrap().as_str()), typed);
    }
}
