//! The page of a directory that has none of its own.

use std::fmt::Write;

use holdfast_content::{BlockSource, Cid, DirectoryEntry, ReadError, harmless, visit_directory};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::wanted::Wanted;

/// The most entries on one page.
const MAX_ENTRIES: usize = 10_000;

/// What a URL's path cannot have as it is, and what HTML would not like in a quoted attribute.
const IN_PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'`')
    .add(b'{')
    .add(b'}')
    .add(b'&')
    .add(b'\'')
    .add(b'/')
    .add(b'+')
    .add(b'\\');

const STYLE: &str = "\
    :root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem}\
    h1{font-size:1.1rem;overflow-wrap:anywhere}small{opacity:.7;overflow-wrap:anywhere}a{text-decoration:none}\
    a:hover{text-decoration:underline}table{border-collapse:collapse;width:100%}tr+tr{border-top:1px solid #8884}\
    td{padding:.3rem 0;overflow-wrap:anywhere}td+td{text-align:right;white-space:nowrap;padding-left:1rem}";

/// The entries of a directory that are shown: not all are ever in memory.
#[derive(Debug, Default)]
pub(super) struct Listed {
    /// By name.
    first: Vec<DirectoryEntry>,
    count: usize,
}

impl Listed {
    /// Reads a directory.
    pub(super) fn of(source: &dyn BlockSource, cid: &Cid) -> Result<Self, ReadError> {
        let mut listed = Self::default();
        visit_directory(source, cid, &mut |entry| {
            listed.count += 1;
            listed.first.push(entry);
            if listed.first.len() == 2 * MAX_ENTRIES {
                listed.cut();
            }
        })?;
        listed.cut();
        Ok(listed)
    }

    fn cut(&mut self) {
        self.first.sort_by(|a, b| a.name.cmp(&b.name));
        self.first.truncate(MAX_ENTRIES);
    }
}

/// HTML for a directory's entries.
pub(super) fn page(wanted: &Wanted, listed: &Listed) -> String {
    let mut base = wanted.base();
    let root = wanted.root.to_string();
    let mut crumbs = format!("/ipfs/<a href=\"{base}\">{root}</a>/");
    let mut parent = None;
    for segment in &wanted.path.segments {
        parent = Some(base.clone());
        base.extend(utf8_percent_encode(segment, IN_PATH));
        base.push('/');
        crumbs.push_str(&format!("<a href=\"{base}\">{}</a>/", Escaped(segment)));
    }
    let mut title = format!("/ipfs/{root}");
    for segment in &wanted.path.segments {
        title.push('/');
        title.push_str(segment);
    }
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>Index of {}</title><style>{STYLE}</style></head><body>\
         <h1>Index of {crumbs}</h1><table>",
        Escaped(&title)
    );
    if let Some(parent) = parent {
        page.push_str(&format!("<tr><td><a href=\"{parent}\">..</a></td><td></td></tr>"));
    }
    for entry in &listed.first {
        let encoded = utf8_percent_encode(&entry.name, IN_PATH);
        // Writing to a string does not fail.
        let _ = write!(
            page,
            "<tr><td><a href=\"{base}{encoded}\">{}</a><br><small>{}</small></td><td title=\"{} bytes\">{}</td></tr>",
            Escaped(&entry.name),
            entry.cid,
            entry.dag_bytes,
            Size(entry.dag_bytes),
        );
    }
    page.push_str("</table>");
    if listed.count == 0 {
        page.push_str("<p>This directory is empty.</p>");
    }
    if listed.count > listed.first.len() {
        page.push_str(&format!("<p>and {} more</p>", listed.count - listed.first.len()));
    }
    page.push_str("</body></html>\n");
    page
}

/// Bytes for people.
struct Size(u64);

impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
        if self.0 < 1024 {
            return write!(f, "{} B", self.0);
        }
        let mut size = self.0 as f64 / 1024.0;
        let mut units = UNITS.iter();
        let mut unit = units.next();
        // Below, so that rounding does not show 1024.0.
        while size >= 1023.95
            && let Some(next) = units.next()
        {
            size /= 1024.0;
            unit = Some(next);
        }
        write!(f, "{size:.1} {}", unit.unwrap_or(&"KiB"))
    }
}

/// Text as HTML; what could deceive in it is shown as an escape.
struct Escaped<'a>(&'a str);

impl std::fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for char in harmless(self.0).chars() {
            match char {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                char => f.write_char(char)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (1_048_575, "1.0 MiB"),
            (3 << 30, "3.0 GiB"),
            (u64::MAX, "16.0 EiB"),
        ] {
            assert_eq!(Size(bytes).to_string(), text);
        }
    }
}
