//! Names as text: how bytes that are no UTF-8 are written.

use std::borrow::Cow;

use crate::tree::MAX_NAME_BYTES;

/// A name as UTF-8: bytes that are none stand as `%XX`, and then so does `%` itself.
///
/// ```
/// use holdfast_content::name_as_text;
/// assert_eq!(name_as_text(b"100%"), "100%");
/// assert_eq!(name_as_text(b"100% \xff"), "100%25 %FF");
/// ```
#[must_use]
pub fn name_as_text(name: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(name) {
        return text.into();
    }
    let mut out = String::new();
    for chunk in name.utf8_chunks() {
        out.push_str(&chunk.valid().replace('%', "%25"));
        for byte in chunk.invalid() {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out.into()
}

/// A path inside a directory, to be shown: a name of no file system is cut.
pub(crate) fn joined(directory: &str, name: &str) -> String {
    let cut = name.char_indices().map(|(at, _)| at).find(|&at| at > MAX_NAME_BYTES * 3);
    let name = cut.map_or(Cow::from(name), |at| format!("{}…", &name[..at]).into());
    if directory.is_empty() { name.into_owned() } else { format!("{directory}/{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_no_utf8_keep_all_their_bytes() {
        assert_eq!(name_as_text(b"100% \xff\xc3x"), "100%25 %FF%C3x");
        assert_eq!(name_as_text("100% é".as_bytes()), "100% é");
    }
}
