//! Logging to standard error; `HOLDFAST_LOG` says what (`info`, `holdfast_core=debug`, …).

use tracing_subscriber::EnvFilter;

/// Starts logging. Warnings of other people's code and everything above `default` of ours are shown unless
/// `HOLDFAST_LOG` says otherwise.
pub fn start(default: &str) {
    let filter = EnvFilter::try_from_env("HOLDFAST_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
    // A second start, as in tests, changes nothing.
    drop(subscriber);
}
