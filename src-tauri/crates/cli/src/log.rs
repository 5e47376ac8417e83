//! Logging to standard error; `HOLDFAST_LOG` says what (`info`, `holdfast_core=debug`, …).

use tracing_subscriber::EnvFilter;

/// Starts logging. Warnings of other people's code and everything above `default` of ours are shown unless
/// `HOLDFAST_LOG` says otherwise.
pub fn start(default: &str) {
    // A second start, as in tests, changes nothing.
    drop(tracing_subscriber::fmt().with_env_filter(filter(default)).with_writer(std::io::stderr).try_init());
}

/// The same, one JSON object a line.
pub fn start_json(default: &str) {
    let subscriber = tracing_subscriber::fmt().json().flatten_event(true).with_env_filter(filter(default));
    drop(subscriber.with_writer(std::io::stderr).try_init());
}

fn filter(default: &str) -> EnvFilter {
    EnvFilter::try_from_env("HOLDFAST_LOG").unwrap_or_else(|_| EnvFilter::new(default))
}
