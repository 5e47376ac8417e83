//! Results on standard output (JSON or for people), everything else on standard error.

use std::io::{self, Write};

use serde::Serialize;

/// How results are printed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) const fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether results are JSON.
    pub(crate) const fn is_json(self) -> bool {
        self.json
    }

    /// Prints one result: as one line of JSON, or as the text that `for_people` makes.
    pub(crate) fn result(self, value: &impl Serialize, for_people: impl FnOnce() -> String) -> io::Result<()> {
        let text = if self.json { serde_json::to_string(value).map_err(io::Error::other)? } else { for_people() };
        if text.is_empty() {
            return Ok(());
        }
        let mut out = io::stdout().lock();
        writeln!(out, "{text}")?;
        out.flush()
    }
}

/// Says on standard error what went wrong, and what is known beyond that.
pub(crate) fn complain(what: &str, details: Option<&str>) {
    match details.filter(|details| !what.contains(details)) {
        Some(details) => note(&format!("holdfast: {what} ({})", one_line(details))),
        None => note(&format!("holdfast: {what}")),
    }
}

/// Says something on standard error.
pub(crate) fn note(text: &str) {
    // Without a standard error nobody can be told.
    drop(writeln!(io::stderr().lock(), "{}", one_line(text)));
}

/// Bytes for people: `1.2 MB`.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if count < 1000 {
        return format!("{count} B");
    }
    let mut value = count as f64 / 1000.0;
    let mut unit = 0;
    while value >= 999.95 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// A name for one line of a terminal: control characters are shown as escapes.
pub(crate) fn one_line(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect::<Vec<_>>() } else { vec![c] }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_readable_at_every_size() {
        let shown: Vec<_> = [0, 999, 1000, 999_949, 999_950, 1_073_741_824].map(bytes).into();
        assert_eq!(shown, ["0 B", "999 B", "1.0 kB", "999.9 kB", "1.0 MB", "1.1 GB"]);
    }

    #[test]
    fn a_name_cannot_write_elsewhere_on_the_terminal() {
        assert_eq!(one_line("a\nb\u{1b}[2Jé"), "a\\nb\\u{1b}[2Jé");
    }
}
