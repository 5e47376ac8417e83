//! Connections: who is let in, how long they may take, how they end.

mod peers;
mod places;
mod request_line;
mod watched;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, extract::ConnectInfo};
use hyper::{
    Request, Response, StatusCode,
    body::Incoming,
    header::{self, HeaderValue},
    server::conn::http1,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use peers::Peers;
use places::{Connection, Place, Places};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use watched::{Watched, WatchedBody};

use crate::{http::Metrics, write_timeout::WriteTimeout};

/// How long accepting rests after an error: most likely there are no file descriptors left.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// A request's head must fit. A browser may send 180 cookies of 4 KiB each, which any site on a host below ours can give it.
const MAX_HEAD_BYTES: usize = 1024 * 1024;

/// Heads that may be larger than an ordinary one at one time. Without cookies none is.
const LARGE_HEADS: usize = 16;

const MAX_HEADERS: usize = 100;

/// What is asked of a client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) head_timeout: Duration,
    /// How long a connection may stand idle after an answer.
    pub(crate) idle_timeout: Duration,
    pub(crate) write_timeout: Duration,
    /// Connections of one other computer.
    pub(crate) per_peer: usize,
}

/// The two ways to end connections.
#[derive(Clone, Debug, Default)]
pub(crate) struct StopTokens {
    /// No more requests.
    pub(crate) gracefully: CancellationToken,
    /// Not even the running ones.
    pub(crate) now: CancellationToken,
}

/// Takes connections until it is told to stop.
pub(crate) struct Acceptor {
    pub(crate) router: Router,
    pub(crate) tls: Option<TlsAcceptor>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) limits: Limits,
    pub(crate) max_connections: usize,
    pub(crate) connections: TaskTracker,
    pub(crate) stop: StopTokens,
}

impl Acceptor {
    pub(crate) async fn accept(self, listener: TcpListener) {
        let (peers, places) = (Arc::<Peers>::default(), Places::new(self.max_connections));
        let large_heads = Arc::new(Semaphore::new(LARGE_HEADS));
        loop {
            let next = async {
                let (stream, peer) = listener.accept().await?;
                let Some(share) = peers.enter(peer.ip(), self.limits.per_peer) else {
                    self.metrics.refuse_connection();
                    return Ok(None);
                };
                // Now that somebody is there, a place is worth taking from who asks for nothing.
                Ok::<_, io::Error>(Some((stream, peer, share, places.take().await)))
            };
            let accepted = tokio::select! {
                () = self.stop.gracefully.cancelled() => return,
                next = next => next,
            };
            match accepted {
                Ok(None) => {}
                Ok(Some((stream, peer, share, place))) => {
                    let serving = self.serve(stream, peer, &place, Arc::clone(&large_heads));
                    let open = self.metrics.open_connection();
                    self.connections.spawn(async move {
                        serving.await;
                        drop((place, share, open));
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "could not accept a connection");
                    tokio::time::sleep(ACCEPT_REST).await;
                }
            }
        }
    }

    fn serve(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        place: &Place,
        large_heads: Arc<Semaphore>,
    ) -> impl Future<Output = ()> + Send + 'static {
        let (router, tls, limits, stop) = (self.router.clone(), self.tls.clone(), self.limits, self.stop.clone());
        let (metrics, number, connection) = (Arc::clone(&self.metrics), place.number(), Arc::clone(&place.connection));
        async move {
            // Replies are small; without this they wait for acknowledgements. Failing costs only time.
            let _ = stream.set_nodelay(true);
            let stream = WriteTimeout::new(stream, limits.write_timeout, move || metrics.drop_slow_client());
            let served = Served { router, peer, limits, stop, connection, large_heads };
            let Some(tls) = tls else {
                return served.http(stream, number).await;
            };
            let shaken = tokio::select! {
                shaken = timeout(limits.head_timeout, tls.accept(stream)) => shaken,
                () = served.stop.gracefully.cancelled() => return,
                () = served.connection.closing().cancelled() => return,
            };
            match shaken.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
                Ok(stream) => served.http(stream, number).await,
                Err(error) => tracing::debug!(connection = number, %error, "a connection was not encrypted"),
            }
        }
    }
}

/// What one connection is served with.
struct Served {
    router: Router,
    peer: SocketAddr,
    limits: Limits,
    stop: StopTokens,
    connection: Arc<Connection>,
    large_heads: Arc<Semaphore>,
}

impl Served {
    async fn http(self, stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, number: u64) {
        let Self { router, peer, limits, stop, connection, large_heads } = self;
        let stream = Watched::new(stream, Arc::clone(&connection), limits.idle_timeout, large_heads);
        let router = TowerToHyperService::new(router);
        let keep_alive = HeaderValue::from_str(&format!("timeout={}", limits.idle_timeout.as_secs())).ok();
        let service = service_fn(move |mut request: Request<Incoming>| {
            connection.begin_answer();
            request.extensions_mut().insert(ConnectInfo(peer));
            let request = request.map(|body| WatchedBody::of_request(body, Arc::clone(&connection)));
            let (answer, connection, keep_alive) = (router.call(request), Arc::clone(&connection), keep_alive.clone());
            async move {
                let mut answer = answer.await?;
                end_or_keep(&mut answer, keep_alive);
                Ok::<_, std::convert::Infallible>(answer.map(|body| WatchedBody::of_answer(body, connection)))
            }
        });
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(limits.head_timeout)
            .max_headers(MAX_HEADERS)
            .max_buf_size(MAX_HEAD_BYTES);
        let mut connection = std::pin::pin!(http.serve_connection(TokioIo::new(stream), service));
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = stop.gracefully.cancelled() => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    ended = connection.as_mut() => ended,
                    () = stop.now.cancelled() => return,
                }
            }
        };
        if let Err(error) = ended {
            tracing::debug!(connection = number, error = &error as &dyn std::error::Error, "a connection ended early");
        }
    }
}

/// Ends the connection of who was refused, and tells others how long they may keep it.
fn end_or_keep<B>(answer: &mut Response<B>, keep_alive: Option<HeaderValue>) {
    const REFUSED: [StatusCode; 3] = [StatusCode::BAD_REQUEST, StatusCode::FORBIDDEN, StatusCode::MISDIRECTED_REQUEST];
    if REFUSED.contains(&answer.status()) {
        answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    } else if let Some(keep_alive) = keep_alive {
        answer.headers_mut().insert("keep-alive", keep_alive);
    }
}
