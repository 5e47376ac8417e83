//! A connection's stream, watched for what it is used for.

use std::{
    future::Future,
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf, Take},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Sleep, sleep_until},
};
use tokio_util::sync::{PollSemaphore, WaitForCancellationFutureOwned};

use super::{
    places::{Connection, Phase},
    request_line::RequestLine,
};

/// A head of so many bytes is nothing special. A browser sends more when a site has given it many cookies.
const ORDINARY_HEAD_BYTES: usize = 64 * 1024;

/// So much of a head is read at one time until its first line is complete.
const LINE_BYTES: usize = 4096;

/// The most that is read at one time: the HTTP library keeps as much memory as it was given at once.
const READ_BYTES: u64 = 64 * 1024;

/// A stream that comes to its end when nothing is asked for too long, or when others need the place; and that lets only
/// some heads at a time grow large.
#[derive(Debug)]
pub(super) struct Watched<S> {
    stream: Take<S>,
    connection: Arc<Connection>,
    request_line: RequestLine,
    /// How long it may be idle.
    idle_time: Duration,
    idle_end: Pin<Box<Sleep>>,
    closing: Pin<Box<WaitForCancellationFutureOwned>>,
    large_heads: PollSemaphore,
    /// Kept until the request is answered: so long its head is in memory.
    large_head: Option<OwnedSemaphorePermit>,
}

impl<S: AsyncRead> Watched<S> {
    pub(super) fn new(
        stream: S,
        connection: Arc<Connection>,
        idle_time: Duration,
        large_heads: Arc<Semaphore>,
    ) -> Self {
        let closing = Box::pin(connection.closing().clone().cancelled_owned());
        let idle_end = Box::pin(tokio::time::sleep(idle_time));
        Self {
            stream: stream.take(READ_BYTES),
            connection,
            request_line: RequestLine::default(),
            idle_time,
            idle_end,
            closing,
            large_heads: PollSemaphore::new(large_heads),
            large_head: None,
        }
    }

    /// Whether there is nothing more to be read, because nobody asks for anything.
    fn is_over(&mut self, context: &mut Context<'_>) -> bool {
        if self.closing.as_mut().poll(context).is_ready() {
            return true;
        }
        let Some(since) = self.connection.idle_since() else { return false };
        let end = since + self.idle_time;
        if self.idle_end.deadline() != end {
            self.idle_end.set(sleep_until(end));
        }
        self.idle_end.as_mut().poll(context).is_ready()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.request_line.give(buffer) {
            return Poll::Ready(Ok(()));
        }
        let phase = self.connection.phase();
        match phase {
            Phase::Answering | Phase::Answered => {}
            Phase::Head(bytes) if bytes >= ORDINARY_HEAD_BYTES && self.large_head.is_none() => {
                if self.is_over(context) {
                    return Poll::Ready(Ok(()));
                }
                self.large_head = ready!(self.large_heads.poll_acquire(context));
            }
            phase => {
                if !matches!(phase, Phase::Head(_)) {
                    self.large_head = None;
                }
                if self.is_over(context) {
                    return Poll::Ready(Ok(()));
                }
            }
        }
        self.stream.set_limit(READ_BYTES);
        if matches!(phase, Phase::New | Phase::Idle) && self.connection.is_between_requests() {
            self.request_line.begin();
        }
        if self.request_line.is_open() && !matches!(phase, Phase::Answering | Phase::Answered) {
            let mut bytes = [0; LINE_BYTES];
            let mut read = ReadBuf::new(&mut bytes);
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut read))?;
            if !read.filled().is_empty() {
                self.connection.note_read(read.filled().len());
                self.request_line.take(read.filled());
                self.request_line.give(buffer);
            }
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let read = buffer.filled().len() - before;
        if read > 0 {
            self.connection.note_read(read);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(self.stream.get_mut()).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(self.stream.get_mut()).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.get_ref().is_write_vectored()
    }

    /// Called when everything was written.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(self.stream.get_mut()).poll_flush(context))?;
        self.connection.note_sent();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.stream.get_mut()).poll_shutdown(context)
    }
}

/// The body of a request or of its answer, whose end the connection is told.
#[derive(Debug)]
pub(super) struct WatchedBody<B> {
    body: B,
    of: Of,
    connection: Arc<Connection>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    /// Until it has come to its end, what comes further is no next request.
    Request,
    /// Its end is the answer's, also where nobody takes the rest.
    Answer,
}

impl<B: Body> WatchedBody<B> {
    pub(super) fn of_request(body: B, connection: Arc<Connection>) -> Self {
        connection.begin_body(body.is_end_stream());
        Self { body, of: Of::Request, connection }
    }

    pub(super) const fn of_answer(body: B, connection: Arc<Connection>) -> Self {
        Self { body, of: Of::Answer, connection }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for WatchedBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if self.of == Of::Request && (frame.is_none() || self.body.is_end_stream()) {
            self.connection.end_body();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B> Drop for WatchedBody<B> {
    fn drop(&mut self) {
        if self.of == Of::Answer {
            self.connection.end_answer();
        }
    }
}
