//! The page of a directory that has none of its own.

use std::fmt::Write;

use holdfast_content::DirectoryEntry;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::Wanted;

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
    .add(b'\\');

/// HTML for a directory's entries.
pub(super) fn page(wanted: &Wanted, entries: &[DirectoryEntry]) -> String {
    let mut base = format!("/ipfs/{}/", wanted.root);
    let mut title = base.clone();
    let mut parent = None;
    for segment in &wanted.segments {
        parent = Some(base.clone());
        base.extend(utf8_percent_encode(segment, IN_PATH));
        base.push('/');
        title.push_str(segment);
        title.push('/');
    }
    let title = Escaped(&title);
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title><style>\
         :root{{color-scheme:light dark}}body{{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;\
         padding:0 1rem}}h1{{font-size:1.1rem;overflow-wrap:anywhere}}table{{border-collapse:collapse;width:100%}}\
         td{{padding:.2rem 0;overflow-wrap:anywhere}}td+td{{text-align:right;white-space:nowrap;padding-left:1rem}}\
         </style></head><body><h1>{title}</h1><table>"
    );
    if let Some(parent) = parent {
        page.push_str(&format!("<tr><td><a href=\"{parent}\">..</a></td><td></td></tr>"));
    }
    for entry in entries.iter().take(MAX_ENTRIES) {
        // Writing to a string does not fail.
        let _ = write!(
            page,
            "<tr><td><a href=\"{base}{}\">{}</a></td><td>{} bytes</td></tr>",
            utf8_percent_encode(&entry.name, IN_PATH),
            Escaped(&entry.name),
            entry.dag_bytes,
        );
    }
    page.push_str("</table>");
    if entries.len() > MAX_ENTRIES {
        page.push_str(&format!("<p>and {} more</p>", entries.len() - MAX_ENTRIES));
    }
    page.push_str("</body></html>\n");
    page
}

struct Escaped<'a>(&'a str);

impl std::fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for char in self.0.chars() {
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
