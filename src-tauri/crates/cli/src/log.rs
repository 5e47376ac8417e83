//! Logging to standard error; `HOLDFAST_LOG` says what (`info`, `holdfast_core=debug`, …).

use std::{
    borrow::Cow,
    io::{self, Write},
};

use holdfast_content::{harmless, harmless_json};
use tracing_subscriber::EnvFilter;

/// Starts logging. Warnings of other people's code and everything above `default` of ours are shown unless
/// `HOLDFAST_LOG` says otherwise.
pub fn start(default: &str) {
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_env_filter(filter(default));
    // A second start, as in tests, changes nothing.
    drop(subscriber.with_writer(|| Escaping { to: io::stderr(), escape: harmless }).try_init());
}

/// The same, one JSON object a line.
pub fn start_json(default: &str) {
    let subscriber = tracing_subscriber::fmt().json().flatten_event(true).with_env_filter(filter(default));
    drop(subscriber.with_writer(|| Escaping { to: io::stderr(), escape: harmless_json }).try_init());
}

fn filter(default: &str) -> EnvFilter {
    EnvFilter::try_from_env("HOLDFAST_LOG").unwrap_or_else(|_| EnvFilter::new(default))
}

/// Writes one event a call, and of what others wrote in it nothing that a terminal would act on.
struct Escaping<W> {
    to: W,
    escape: fn(&str) -> Cow<'_, str>,
}

impl<W: Write> Write for Escaping<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let line = text.strip_suffix('\n').unwrap_or(&text);
        writeln!(self.to, "{}", (self.escape)(line))?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_whatever_is_in_it() {
        let mut written = Vec::new();
        for escape in [harmless, harmless_json] {
            Escaping { to: &mut written, escape }.write_all("a\nb\u{1b}[31m\u{202e}\n".as_bytes()).unwrap();
        }
        assert_eq!(
            String::from_utf8(written).unwrap(),
            "a\\nb\\u{1b}[31m\\u{202e}\n\"a\\u000ab\\u001b[31m\\u202e\"\n".replace('"', "")
        );
    }
}
