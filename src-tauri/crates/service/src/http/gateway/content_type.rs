//! What a file is, by its name, else by how it begins.

/// The `Content-Type` of a file.
pub(crate) fn of(name: Option<&str>, start: &[u8]) -> String {
    let guessed = name.and_then(|name| mime_guess::from_path(name).first_raw());
    let content_type = guessed.unwrap_or_else(|| by_content(start));
    if content_type.starts_with("text/") {
        // The web's default is not UTF-8; pages that say otherwise in their head are rare.
        format!("{content_type}; charset=utf-8")
    } else {
        content_type.into()
    }
}

fn by_content(start: &[u8]) -> &'static str {
    const MAGIC: [(&[u8], &str); 5] = [
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"GIF8", "image/gif"),
        (b"%PDF-", "application/pdf"),
        (b"PK\x03\x04", "application/zip"),
    ];
    if let Some((_, content_type)) = MAGIC.iter().find(|(magic, _)| start.starts_with(magic)) {
        return content_type;
    }
    let text = start.trim_ascii_start();
    let begins = |tag: &[u8]| text.get(..tag.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(tag));
    if begins(b"<!doctype html") || begins(b"<html") {
        return "text/html";
    }
    if is_text(start) { "text/plain" } else { "application/octet-stream" }
}

fn is_text(start: &[u8]) -> bool {
    let valid = match std::str::from_utf8(start) {
        Ok(_) => true,
        // A character may be cut off at the end.
        Err(error) => error.error_len().is_none(),
    };
    valid && !start.is_empty() && !start.iter().any(|byte| matches!(byte, 0..=8 | 14..=31 | 127) && *byte != 27)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_decides() {
        assert_eq!(of(Some("a/b.svg"), b"<html>"), "image/svg+xml");
        assert_eq!(of(Some("a.css"), b""), "text/css; charset=utf-8");
    }

    #[test]
    fn without_a_telling_name_the_bytes_do() {
        assert_eq!(of(None, b" \n<!DOCTYPE HTML><title>"), "text/html; charset=utf-8");
        assert_eq!(of(Some("README"), "größe".as_bytes()), "text/plain; charset=utf-8");
        assert_eq!(of(None, b"\x89PNG\r\n\x1a\nxxxx"), "image/png");
        assert_eq!(of(None, b"\x00\x01"), "application/octet-stream");
        assert_eq!(of(None, b""), "application/octet-stream");
        assert_eq!(of(None, &"é".as_bytes()[..1]), "text/plain; charset=utf-8");
    }
}
