//! A gateway from which no more comes in a second than is allowed.

use std::sync::Arc;

use async_trait::async_trait;
use holdfast_content::Cid;

use super::{Gateway, GatewayError};
use crate::content::Throttle;

/// A gateway whose blocks share a rate with all that is fetched.
pub(crate) struct Throttled {
    pub(crate) gateway: Arc<dyn Gateway>,
    pub(crate) down: Throttle,
}

#[async_trait]
impl Gateway for Throttled {
    async fn block(&self, cid: &Cid, root: &Cid) -> Result<Option<Vec<u8>>, GatewayError> {
        let block = self.gateway.block(cid, root).await?;
        // The next one is asked for when this one would have come at that rate.
        self.down.take(block.as_ref().map_or(0, Vec::len)).await;
        Ok(block)
    }
}
