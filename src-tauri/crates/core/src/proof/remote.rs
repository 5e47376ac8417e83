//! A gateway as the other side of a proof: blocking, patient within reason, stopped on request.

use std::{io, sync::Arc, time::Duration};

use holdfast_content::{BlockSource, Cid};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::local::as_io;
use crate::{
    clock::Clock,
    error::Error,
    gateway::{Gateway, GatewayError},
};

/// Requests for one block, the first one included.
const TRIES: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Blocks from a gateway, for a thread that may block.
pub(super) struct RemoteBlocks {
    pub(super) gateway: Arc<dyn Gateway>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) runtime: Handle,
    pub(super) stop: CancellationToken,
}

impl RemoteBlocks {
    async fn fetch(&self, cid: &Cid) -> Result<Option<Vec<u8>>, GatewayError> {
        let mut pause = FIRST_PAUSE;
        for _ in 1..TRIES {
            match self.gateway.block(cid).await {
                Err(error) if error.is_retryable() => {
                    self.clock.sleep(error.retry_after().unwrap_or(pause).min(LONGEST_PAUSE)).await;
                    pause *= 2;
                }
                answer => return answer,
            }
        }
        self.gateway.block(cid).await
    }
}

impl BlockSource for RemoteBlocks {
    fn get(&self, cid: &Cid) -> io::Result<Option<Vec<u8>>> {
        self.runtime.block_on(async {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => Err(as_io(Error::Cancelled)),
                fetched = self.fetch(cid) => fetched.map_err(|error| as_io(error.into())),
            }
        })
    }
}
