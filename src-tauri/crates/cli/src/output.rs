//! Results on standard output (JSON or for people), everything else on standard error. All that is printed goes through here,
//! and what others wrote in it can do nothing to a terminal.

use std::io::{self, Write};

use holdfast_content::{harmless, harmless_json};
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

    /// Prints one result: as one line of JSON, or as the lines that `for_people` makes.
    pub(crate) fn result<L: Into<Lines>>(
        self,
        value: &impl Serialize,
        for_people: impl FnOnce() -> L,
    ) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if self.json {
            let json = serde_json::to_string(value).map_err(io::Error::other)?;
            writeln!(out, "{}", harmless_json(&json))?;
        } else {
            for line in for_people().into().0 {
                writeln!(out, "{}", harmless(&line))?;
            }
        }
        out.flush()
    }
}

/// What people are shown of a result. A line ends where one ends here: what others wrote in it is escaped and ends none.
#[derive(Debug, Default)]
pub(crate) struct Lines(Vec<String>);

impl From<String> for Lines {
    fn from(line: String) -> Self {
        Self(vec![line])
    }
}

impl From<Vec<String>> for Lines {
    fn from(lines: Vec<String>) -> Self {
        Self(lines)
    }
}

impl FromIterator<String> for Lines {
    fn from_iter<T: IntoIterator<Item = String>>(lines: T) -> Self {
        Self(lines.into_iter().collect())
    }
}

/// Says on standard error what went wrong, and what is known beyond that.
pub(crate) fn complain(what: &str, details: Option<&str>) {
    match details.filter(|details| !what.contains(details)) {
        Some(details) => note(&format!("holdfast: {what} ({details})")),
        None => note(&format!("holdfast: {what}")),
    }
}

/// Says something in one line on standard error.
pub(crate) fn note(text: &str) {
    // Without a standard error nobody can be told.
    drop(writeln!(io::stderr().lock(), "{}", harmless(text)));
}

/// Shows something in the line of a terminal on standard error, in place of what this showed before.
pub(crate) fn note_for_now(text: &str) {
    const CLEAR: &str = "\r\x1b[K";
    // A terminal that is gone needs no progress.
    drop(write!(io::stderr().lock(), "{CLEAR}{}", harmless(text)));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_readable_at_every_size() {
        let shown: Vec<_> = [0, 999, 1000, 999_949, 999_950, 1_073_741_824].map(bytes).into();
        assert_eq!(shown, ["0 B", "999 B", "1.0 kB", "999.9 kB", "1.0 MB", "1.1 GB"]);
    }
}
