//! A file's bytes as a response body: read ahead by one batch, so that disk and network work at the same time.

use std::{collections::VecDeque, io};

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use holdfast_content::{FileReader, ReadError};
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

use crate::store::blocks::BlockStore;

/// How much is read at a time: enough to make the hop between threads cheap.
const BATCH_BYTES: usize = 2 * 1024 * 1024;

type Reader = FileReader<BlockStore>;

struct Batches {
    ready: VecDeque<Bytes>,
    coming: Option<JoinHandle<(VecDeque<Bytes>, Next)>>,
    work: TaskTracker,
}

enum Next {
    More(Box<Reader>),
    End,
    Failed(ReadError),
}

/// A body of all bytes that `reader` gives. An error cuts the connection, which tells the client that bytes are missing.
pub(super) fn body(reader: Reader, work: TaskTracker) -> Body {
    let coming = Some(work.spawn_blocking(move || read_batch(Box::new(reader))));
    let batches = Batches { ready: VecDeque::new(), coming, work };
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
                Next::More(reader) => self.coming = Some(self.work.spawn_blocking(move || read_batch(reader))),
                Next::End => {}
                Next::Failed(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "a file could not be read to its end");
                    return Err(io::Error::other(error));
                }
            }
        }
        Ok(self.ready.pop_front())
    }
}

fn read_batch(mut reader: Box<Reader>) -> (VecDeque<Bytes>, Next) {
    let mut batch = VecDeque::new();
    let mut bytes = 0;
    while bytes < BATCH_BYTES {
        match reader.next() {
            Some(Ok(block)) => {
                bytes += block.len();
                batch.push_back(Bytes::from(block));
            }
            Some(Err(error)) => return (batch, Next::Failed(error)),
            None => return (batch, Next::End),
        }
    }
    (batch, Next::More(reader))
}
