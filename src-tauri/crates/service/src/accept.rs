//! Connections: who is let in, how long they may take, how they end.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{Router, extract::ConnectInfo};
use hyper::{Request, body::Incoming, server::conn::http1, service::Service, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;

use crate::{
    http::{Metrics, Peer},
    service::StopTokens,
    write_timeout::WriteTimeout,
};

/// How long accepting rests after an error: most likely there are no file descriptors left.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// A request's head must fit; with as many connections as may be open this is what they can hold in memory.
const MAX_HEAD_BYTES: usize = 128 * 1024;

const MAX_HEADERS: usize = 100;

/// What is asked of a client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) head_timeout: Duration,
    pub(crate) write_timeout: Duration,
    /// Connections of one other computer.
    pub(crate) per_peer: usize,
}

/// Takes connections until it is told to stop.
pub(crate) struct Acceptor {
    pub(crate) router: Router,
    pub(crate) tls: Option<TlsAcceptor>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) limits: Limits,
    pub(crate) permits: Arc<Semaphore>,
    pub(crate) connections: TaskTracker,
    pub(crate) stop: StopTokens,
}

impl Acceptor {
    pub(crate) async fn accept(self, listener: TcpListener) {
        let peers = Arc::<Peers>::default();
        let mut number = 0_u64;
        loop {
            let next = async {
                // The semaphore is never closed.
                let permit = Arc::clone(&self.permits).acquire_owned().await;
                (permit, listener.accept().await)
            };
            let (permit, accepted) = tokio::select! {
                () = self.stop.gracefully.cancelled() => return,
                next = next => next,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let Some(place) = peers.enter(peer.ip(), self.limits.per_peer) else {
                        self.metrics.refuse_connection();
                        continue;
                    };
                    number += 1;
                    let serving = self.serve(stream, peer, number);
                    let open = self.metrics.open_connection();
                    self.connections.spawn(async move {
                        serving.await;
                        drop((permit, place, open));
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "could not accept a connection");
                    tokio::time::sleep(ACCEPT_REST).await;
                }
            }
        }
    }

    fn serve(&self, stream: TcpStream, peer: SocketAddr, number: u64) -> impl Future<Output = ()> + Send + 'static {
        let (router, tls, limits, stop) = (self.router.clone(), self.tls.clone(), self.limits, self.stop.clone());
        let metrics = Arc::clone(&self.metrics);
        async move {
            // Replies are small; without this they wait for acknowledgements. Failing costs only time.
            let _ = stream.set_nodelay(true);
            let stream = WriteTimeout::new(stream, limits.write_timeout, move || metrics.drop_slow_client());
            let Some(tls) = tls else {
                return http(stream, router, peer, limits, stop, number).await;
            };
            let shaken = tokio::select! {
                shaken = timeout(limits.head_timeout, tls.accept(stream)) => shaken,
                () = stop.gracefully.cancelled() => return,
            };
            match shaken.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
                Ok(stream) => http(stream, router, peer, limits, stop, number).await,
                Err(error) => tracing::debug!(connection = number, %error, "a connection was not encrypted"),
            }
        }
    }
}

async fn http(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    router: Router,
    peer: SocketAddr,
    limits: Limits,
    stop: StopTokens,
    number: u64,
) {
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        router.call(request)
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

/// How many connections each other computer has.
#[derive(Debug, Default)]
struct Peers(Mutex<HashMap<IpAddr, usize>>);

/// A connection that counts until it is dropped.
#[derive(Debug)]
struct Place(Option<(Arc<Peers>, IpAddr)>);

impl Peers {
    fn enter(self: &Arc<Self>, peer: IpAddr, limit: usize) -> Option<Place> {
        if peer.to_canonical().is_loopback() {
            return Some(Place(None));
        }
        let peer = Peer(peer).subscriber();
        let mut peers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let connections = peers.entry(peer).or_default();
        if *connections >= limit {
            return None;
        }
        *connections += 1;
        Some(Place(Some((Arc::clone(self), peer))))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some((peers, peer)) = self.0.take() else { return };
        let mut peers = peers.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connections) = peers.get_mut(&peer) {
            *connections -= 1;
            if *connections == 0 {
                peers.remove(&peer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_has_so_many_connections_and_no_more() {
        let peers = Arc::<Peers>::default();
        let enter = |peer: &str| peers.enter(peer.parse().unwrap(), 2);
        let first = enter("192.0.2.1").unwrap();
        let _second = enter("::ffff:192.0.2.1").unwrap();
        assert!(enter("192.0.2.1").is_none());
        let _other = enter("192.0.2.2").unwrap();
        drop(first);
        assert!(enter("192.0.2.1").is_some());
    }

    #[test]
    fn a_network_of_ipv6_is_one_peer_and_this_computer_is_none() {
        let peers = Arc::<Peers>::default();
        let _first = peers.enter("2001:db8::1".parse().unwrap(), 1).unwrap();
        assert!(peers.enter("2001:db8::2".parse().unwrap(), 1).is_none());
        assert!(peers.enter("2001:db8:0:1::1".parse().unwrap(), 1).is_some());
        let near: Vec<_> = (0..9).map(|_| peers.enter("127.0.0.1".parse().unwrap(), 1)).collect();
        assert!(near.iter().all(Option::is_some));
        drop((_first, near));
        assert!(peers.0.lock().unwrap().is_empty());
    }
}
