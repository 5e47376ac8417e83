//! Pieces read from the disk as a response body: read ahead by one batch, so that disk and network work at the same time.

use std::{collections::VecDeque, io};

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use holdfast_content::ReadError;
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

use super::error::log_read_error;
use crate::http::shares::Permit;

/// How much is read at a time: enough to make the hop between threads cheap. At most a batch and a block are in memory.
const BATCH_BYTES: usize = 1024 * 1024;

/// What gives the pieces.
pub(super) type Pieces = Box<dyn Iterator<Item = Result<Vec<u8>, ReadError>> + Send>;

struct Batches {
    ready: VecDeque<Bytes>,
    coming: Option<JoinHandle<(VecDeque<Bytes>, Next)>>,
    work: TaskTracker,
    _permit: Permit,
}

enum Next {
    More(Pieces),
    End,
    Failed(ReadError),
}

/// A body of all pieces; it holds `permit` until it has gone. An error cuts the connection, which tells the client that
/// bytes are missing.
pub(super) fn body(pieces: Pieces, work: TaskTracker, permit: Permit) -> Body {
    let coming = Some(work.spawn_blocking(move || read_batch(pieces)));
    let batches = Batches { ready: VecDeque::new(), coming, work, _permit: permit };
    Body::from_stream(stream::try_unfold(batches, |mut batches| async move {
        let next = batches.next().await?;
        Ok::<_, io::Error>(next.map(|bytes| (bytes, batches)))
    }))
}

impl Batches {
    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        while self.ready.is_empty() {
            let Some(coming) = self.coming.take() else {
                return Ok(None);
            };
            let (ready, next) = coming.await.map_err(io::Error::other)?;
            self.ready = ready;
            match next {
                Next::More(pieces) => self.coming = Some(self.work.spawn_blocking(move || read_batch(pieces))),
                Next::End => {}
                Next::Failed(error) => {
                    log_read_error(&error, "content could not be read to its end");
                    return Err(io::Error::other(error));
                }
            }
        }
        Ok(self.ready.pop_front())
    }
}

fn read_batch(mut pieces: Pieces) -> (VecDeque<Bytes>, Next) {
    let mut batch = VecDeque::new();
    let mut bytes = 0;
    while bytes < BATCH_BYTES {
        match pieces.next() {
            Some(Ok(piece)) => {
                bytes += piece.len();
                batch.push_back(Bytes::from(piece));
            }
            Some(Err(error)) => return (batch, Next::Failed(error)),
            None => return (batch, Next::End),
        }
    }
    (batch, Next::More(pieces))
}
