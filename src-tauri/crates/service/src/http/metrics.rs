//! Numbers about the service's work, in the text format of Prometheus
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/>).

use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::Response,
};

use super::Shared;
use crate::store::Held;

/// Upper ends of the histogram's buckets, in seconds. A request ends here when its head is answered.
const BUCKETS: [f64; 8] = [0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0, 600.0];

/// What is counted since the start.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    requests: Mutex<BTreeMap<Kind, Answered>>,
    connections: AtomicU64,
    open_connections: AtomicU64,
    refused_connections: AtomicU64,
    slow_clients: AtomicU64,
}

/// Routes are few, and so are methods of them and statuses.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    route: String,
    method: &'static str,
    status: u16,
}

#[derive(Clone, Copy, Debug, Default)]
struct Answered {
    count: u64,
    seconds: f64,
    buckets: [u64; BUCKETS.len()],
}

/// Counts a connection as open as long as it lives.
#[derive(Debug)]
pub(crate) struct OpenConnection(std::sync::Arc<Metrics>);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.open_connections.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Metrics {
    pub(crate) fn open_connection(self: &std::sync::Arc<Self>) -> OpenConnection {
        self.connections.fetch_add(1, Ordering::Relaxed);
        self.open_connections.fetch_add(1, Ordering::Relaxed);
        OpenConnection(std::sync::Arc::clone(self))
    }

    /// Counts a connection of a peer that has too many.
    pub(crate) fn refuse_connection(&self) {
        self.refused_connections.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a client that was dropped for reading too slowly.
    pub(crate) fn drop_slow_client(&self) {
        self.slow_clients.fetch_add(1, Ordering::Relaxed);
    }

    fn answered(&self, kind: Kind, took: Duration) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let answered = requests.entry(kind).or_default();
        answered.count += 1;
        answered.seconds += took.as_secs_f64();
        for (bucket, end) in answered.buckets.iter_mut().zip(BUCKETS) {
            *bucket += u64::from(took.as_secs_f64() <= end);
        }
    }

    /// All numbers.
    pub(crate) fn text(&self, held: Held) -> String {
        let mut text = String::new();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let load = |number: &AtomicU64| number.load(Ordering::Relaxed);
        for (name, kind, help, value) in [
            ("holdfast_time_seconds", "gauge", "Seconds since 1970 by the service's clock.", now),
            ("holdfast_pins", "gauge", "Pins that are held.", held.pins),
            ("holdfast_pinned_bytes", "gauge", "Bytes of their files.", held.bytes),
            ("holdfast_connections_total", "counter", "Connections that were accepted.", load(&self.connections)),
            ("holdfast_connections_open", "gauge", "Connections that are open.", load(&self.open_connections)),
            (
                "holdfast_connections_refused_total",
                "counter",
                "Connections of peers that had too many.",
                load(&self.refused_connections),
            ),
            (
                "holdfast_slow_clients_total",
                "counter",
                "Clients that were dropped for reading too slowly.",
                load(&self.slow_clients),
            ),
        ] {
            put(&mut text, format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n"));
        }
        let version = env!("CARGO_PKG_VERSION");
        put(
            &mut text,
            format_args!(
                "# HELP holdfast_build_info The program.\n# TYPE holdfast_build_info gauge\n\
                 holdfast_build_info{{version=\"{version}\"}} 1\n\
                 # HELP holdfast_request_seconds Time until a request's answer began.\n\
                 # TYPE holdfast_request_seconds histogram\n"
            ),
        );
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for (Kind { route, method, status }, answered) in requests {
            let labels = format!("method=\"{method}\",route=\"{route}\",status=\"{status}\"");
            for (end, count) in BUCKETS.iter().zip(answered.buckets) {
                put(&mut text, format_args!("holdfast_request_seconds_bucket{{{labels},le=\"{end}\"}} {count}\n"));
            }
            let Answered { count, seconds, .. } = answered;
            put(
                &mut text,
                format_args!(
                    "holdfast_request_seconds_bucket{{{labels},le=\"+Inf\"}} {count}\n\
                     holdfast_request_seconds_sum{{{labels}}} {seconds}\n\
                     holdfast_request_seconds_count{{{labels}}} {count}\n"
                ),
            );
        }
        text
    }
}

fn put(text: &mut String, what: std::fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    let _ = text.write_fmt(what);
}

/// Counts each request.
pub(crate) async fn count(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    // Methods that nobody knows are countless.
    let method = match request.method().as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    };
    let started = Instant::now();
    let response = next.run(request).await;
    shared.metrics.answered(Kind { route, method, status: response.status().as_u16() }, started.elapsed());
    response
}
