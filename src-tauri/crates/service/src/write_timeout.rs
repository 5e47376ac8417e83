//! Drops clients that do not read: a stream whose writes must get on.

use std::{
    future::Future,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};

/// So much must be taken within the time by a client that does not take all.
const LEAST_BYTES: usize = 64 * 1024;

/// A stream that fails when what is written to it gets on too slowly. While there is nothing to write, time does not count.
#[derive(Debug)]
pub(crate) struct WriteTimeout<S, F> {
    stream: S,
    time: Duration,
    /// Runs since a write had to wait.
    deadline: Option<Pin<Box<Sleep>>>,
    /// What was written since then.
    written: usize,
    /// Told when it fails.
    on_timeout: F,
}

impl<S, F: Fn()> WriteTimeout<S, F> {
    pub(crate) const fn new(stream: S, time: Duration, on_timeout: F) -> Self {
        Self { stream, time, deadline: None, written: 0, on_timeout }
    }

    fn after_write(&mut self, context: &mut Context<'_>, wrote: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(bytes)) = wrote {
            self.written += bytes;
        }
        if wrote.is_ready() {
            return wrote;
        }
        loop {
            let written = &mut self.written;
            let deadline = self.deadline.get_or_insert_with(|| {
                *written = 0;
                Box::pin(sleep_until(Instant::now() + self.time))
            });
            if deadline.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            self.deadline = None;
            if self.written < LEAST_BYTES {
                (self.on_timeout)();
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client reads too slowly")));
            }
        }
    }
}

impl<S: AsyncRead + Unpin, F: Unpin> AsyncRead for WriteTimeout<S, F> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin, F: Fn() + Unpin> AsyncWrite for WriteTimeout<S, F> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.after_write(context, wrote)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.after_write(context, wrote)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// Called when everything was written.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.deadline = None;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt, duplex},
        time::{advance, pause},
    };

    use super::*;

    const TIME: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn a_client_that_does_not_read_is_dropped() {
        pause();
        let (_client, server) = duplex(1000);
        let dropped = AtomicUsize::new(0);
        let mut server = WriteTimeout::new(server, TIME, || {
            dropped.fetch_add(1, Ordering::Relaxed);
        });
        // The clock of a paused runtime goes on by itself when nothing else can.
        let error = server.write_all(&[0; 2000]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(dropped.into_inner(), 1);
    }

    #[tokio::test]
    async fn a_client_that_reads_slowly_but_enough_is_served() {
        pause();
        let (mut client, server) = duplex(LEAST_BYTES);
        let mut server = WriteTimeout::new(server, TIME, || {});
        let reading = async {
            let mut read = vec![0; LEAST_BYTES];
            for _ in 0..5 {
                advance(TIME / 2).await;
                client.read_exact(&mut read).await.unwrap();
            }
        };
        let (wrote, ()) = tokio::join!(server.write_all(&[0; LEAST_BYTES * 5]), reading);
        wrote.unwrap();
    }

    #[tokio::test]
    async fn a_pause_between_answers_costs_nothing() {
        pause();
        let (mut client, server) = duplex(100);
        let mut server = WriteTimeout::new(server, TIME, || {});
        for _ in 0..3 {
            let mut read = [0; 200];
            let writing = async {
                server.write_all(&[0; 200]).await.unwrap();
                server.flush().await.unwrap();
            };
            let (_, read) = tokio::join!(writing, client.read_exact(&mut read));
            read.unwrap();
            advance(TIME * 2).await;
        }
    }
}
