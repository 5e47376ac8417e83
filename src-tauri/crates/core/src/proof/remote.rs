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

/// A longer rest than this is not waited out, however politely it is asked for.
const LONGEST_REST: Duration = Duration::from_secs(60);

/// Blocks from a gateway, for a thread that may block.
pub(super) struct RemoteBlocks {
    remote: Remote,
    runtime: Handle,
    stop: CancellationToken,
}

/// A gateway that is asked again where that may help.
#[derive(Clone)]
pub(super) struct Remote {
    gateway: Arc<dyn Gateway>,
    /// What the blocks are parts of.
    root: Cid,
    clock: Arc<dyn Clock>,
}

type Fetched = Result<Option<Vec<u8>>, GatewayError>;

impl Remote {
    pub(super) fn new(gateway: Arc<dyn Gateway>, root: Cid, clock: Arc<dyn Clock>) -> Self {
        Self { gateway, root, clock }
    }

    /// The block's bytes, or `None` when the gateway does not have it.
    pub(super) async fn fetch(self, cid: Cid) -> Fetched {
        let mut pause = FIRST_PAUSE;
        for _ in 1..TRIES {
            match self.gateway.block(&cid, &self.root).await {
                Err(error) if error.is_retryable() => {
                    let rest = error.retry_after().map(|asked| asked.min(LONGEST_REST));
                    self.clock.sleep(rest.unwrap_or(pause)).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                answer => return answer,
            }
        }
        self.gateway.block(&cid, &self.root).await
    }
}

impl RemoteBlocks {
    /// To be made inside the runtime, and used outside.
    pub(super) fn new(gateway: Arc<dyn Gateway>, root: Cid, clock: Arc<dyn Clock>, stop: CancellationToken) -> Self {
        Self { remote: Remote::new(gateway, root, clock), runtime: Handle::current(), stop }
    }

    fn wait(&self, fetching: impl Future<Output = Result<Option<Vec<u8>>, Error>>) -> io::Result<Option<Vec<u8>>> {
        self.runtime.block_on(async {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => Err(as_io(Error::Cancelled)),
                fetched = fetching => fetched.map_err(as_io),
            }
        })
    }
}

impl BlockSource for RemoteBlocks {
    fn get(&self, cid: &Cid) -> io::Result<Option<Vec<u8>>> {
        self.wait(async { Ok(self.remote.clone().fetch(*cid).await?) })
    }
}
