//! A gateway as the other side of a proof: blocking, patient within reason, stopped on request.

use std::{
    collections::{HashMap, HashSet},
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use holdfast_content::{BlockSource, Cid, child_cids};
use tokio::{runtime::Handle, task::JoinHandle};
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

/// The hash function of CIDs that are their own blocks.
const IDENTITY: u64 = 0;

/// Blocks asked for before they are needed: at most 16 MiB.
const MOST_AHEAD: usize = 8;

/// Blocks from a gateway, for a thread that may block.
pub(super) struct RemoteBlocks {
    remote: Remote,
    runtime: Handle,
    stop: CancellationToken,
}

#[derive(Clone)]
struct Remote {
    gateway: Arc<dyn Gateway>,
    clock: Arc<dyn Clock>,
}

type Fetched = Result<Option<Vec<u8>>, GatewayError>;

impl Remote {
    async fn fetch(self, cid: Cid) -> Fetched {
        let mut pause = FIRST_PAUSE;
        for _ in 1..TRIES {
            match self.gateway.block(&cid).await {
                Err(error) if error.is_retryable() => {
                    self.clock.sleep(error.retry_after().unwrap_or(pause).min(LONGEST_PAUSE)).await;
                    pause *= 2;
                }
                answer => return answer,
            }
        }
        self.gateway.block(&cid).await
    }
}

impl RemoteBlocks {
    /// To be made inside the runtime, and used outside.
    pub(super) fn new(gateway: Arc<dyn Gateway>, clock: Arc<dyn Clock>, stop: CancellationToken) -> Self {
        Self { remote: Remote { gateway, clock }, runtime: Handle::current(), stop }
    }

    /// The same for a walk that needs every block below a root, the last link of a block first.
    pub(super) fn walked(self) -> WalkedBlocks {
        WalkedBlocks { source: self, ahead: Mutex::default() }
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

/// Blocks that will be needed are asked for a few at a time, in the order in which a walk comes to them.
pub(super) struct WalkedBlocks {
    source: RemoteBlocks,
    ahead: Mutex<Ahead>,
}

#[derive(Default)]
struct Ahead {
    upcoming: Vec<Cid>,
    known: HashSet<Cid>,
    under_way: HashMap<Cid, JoinHandle<Fetched>>,
}

impl WalkedBlocks {
    fn ahead(&self) -> MutexGuard<'_, Ahead> {
        self.ahead.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn go_ahead(&self, cid: &Cid, bytes: &[u8]) {
        let mut ahead = self.ahead();
        let ahead = &mut *ahead;
        // What is no node is for the walk to say.
        for child in child_cids(cid, bytes).unwrap_or_default() {
            if child.hash().code() != IDENTITY && ahead.known.insert(child) {
                ahead.upcoming.push(child);
            }
        }
        while ahead.under_way.len() < MOST_AHEAD
            && let Some(next) = ahead.upcoming.pop()
        {
            let fetching = self.source.remote.clone().fetch(next);
            ahead.under_way.insert(next, self.source.runtime.spawn(fetching));
        }
    }
}

impl BlockSource for WalkedBlocks {
    fn get(&self, cid: &Cid) -> io::Result<Option<Vec<u8>>> {
        let begun = self.ahead().under_way.remove(cid);
        let bytes = match begun {
            Some(begun) => self.source.wait(async { Ok(begun.await.map_err(|_| Error::Internal)??) })?,
            None => {
                let mut ahead = self.ahead();
                ahead.known.insert(*cid);
                ahead.upcoming.retain(|upcoming| upcoming != cid);
                drop(ahead);
                self.source.get(cid)?
            }
        };
        self.go_ahead(cid, bytes.as_deref().unwrap_or_default());
        Ok(bytes)
    }
}

impl Drop for WalkedBlocks {
    fn drop(&mut self) {
        self.ahead().under_way.values().for_each(JoinHandle::abort);
    }
}
