//! What a file is, by its name, else by how it begins.
//!
//! Names and bytes are looked up in other people's tables. What the bytes say is taken only where a browser shows it, or a
//! program of the visitor's choice opens it: never a script, a program, a plug-in, an extension or a certificate. Pages and
//! drawings may have scripts in them, which is why every answer says where those run, or that they do not.

use infer::MatcherType;

/// As much of a file as is looked at.
pub(super) const SNIFFED_BYTES: usize = 8 * 1024;

const UNKNOWN: &str = "application/octet-stream";

/// Of the kinds of archives: what a browser would install or play.
const NOT_TO_OPEN: [&str; 2] = ["crx", "swf"];

/// The `Content-Type` of a file.
pub(crate) fn of(name: Option<&str>, start: &[u8]) -> String {
    let content_type = name.and_then(|name| by_name(name, start)).unwrap_or_else(|| by_content(start));
    if content_type.starts_with("text/") {
        // The web's default is not UTF-8; pages that say otherwise in their head are rare.
        format!("{content_type}; charset=utf-8")
    } else {
        content_type.into()
    }
}

fn by_name(name: &str, start: &[u8]) -> Option<&'static str> {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    match extension.as_deref() {
        Some("car") => Some("application/vnd.ipld.car"),
        // A film of a receiver, or a program's text.
        Some("ts") if is_transport_stream(start) => Some("video/mp2t"),
        Some("ts") => Some("text/plain"),
        _ => mime_guess::from_path(name).first_raw(),
    }
}

/// Packets of 188 bytes, each of which begins with a G.
fn is_transport_stream(start: &[u8]) -> bool {
    start.len() >= 188 && start.iter().step_by(188).all(|byte| *byte == b'G')
}

fn by_content(start: &[u8]) -> &'static str {
    if is_drawing(start) {
        return "image/svg+xml";
    }
    match infer::get(start) {
        Some(kind) if may_be_shown(kind) => {
            // Of the two tables the one of names has the registered types.
            let registered = mime_guess::from_ext(kind.extension()).first_raw();
            registered.filter(|registered| *registered != UNKNOWN).unwrap_or_else(|| kind.mime_type())
        }
        Some(kind) if kind.matcher_type() != MatcherType::Text => UNKNOWN,
        _ if is_transport_stream(start) => "video/mp2t",
        _ if is_text(start) => "text/plain",
        _ => UNKNOWN,
    }
}

fn may_be_shown(kind: infer::Type) -> bool {
    match kind.matcher_type() {
        MatcherType::App => kind.extension() == "wasm",
        MatcherType::Text => matches!(kind.extension(), "html" | "xml"),
        _ => !NOT_TO_OPEN.contains(&kind.extension()),
    }
}

/// An SVG: behind what may stand before it in XML, its element.
fn is_drawing(start: &[u8]) -> bool {
    let mut rest = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
    loop {
        let (skipped, end): (&[u8], &[u8]) = match rest {
            [b'<', b'?', ..] => (b"<?", b"?>"),
            [b'<', b'!', b'-', b'-', ..] => (b"<!--", b"-->"),
            [b'<', b'!', ..] if rest.to_ascii_lowercase().starts_with(b"<!doctype svg") => (b"<!", b">"),
            [b'<', name @ ..] => {
                // A prefix such as `svg:` is legal.
                let name = name.split(|byte| byte.is_ascii_whitespace() || matches!(byte, b'>' | b'/')).next();
                return name.is_some_and(|name| name == b"svg" || name == b"svg:svg");
            }
            _ => return false,
        };
        let Some(at) = rest[skipped.len()..].windows(end.len()).position(|window| window == end) else { return false };
        rest = rest[skipped.len() + at + end.len()..].trim_ascii_start();
    }
}

fn is_text(start: &[u8]) -> bool {
    // Of UTF-16, which its mark says to a browser too.
    if matches!(start, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]) {
        return true;
    }
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
        for (name, start, content_type) in [
            ("a/b.svg", &b"<html>"[..], "image/svg+xml"),
            ("a.css", b"", "text/css; charset=utf-8"),
            ("backup.CAR", b"\x3a\xa2eroots", "application/vnd.ipld.car"),
            ("main.ts", b"export const a = 1", "text/plain; charset=utf-8"),
            ("Main.TS", &[b'G'; 188 * 3], "video/mp2t"),
            ("a.mp4", b"", "video/mp4"),
        ] {
            assert_eq!(of(Some(name), start), content_type, "{name}");
        }
    }

    /// The first bytes of what people drop, as the programs write them that make such files.
    #[test]
    fn without_a_telling_name_the_bytes_do() {
        let zipped = |name: &str, content: &str| {
            let mut zip = b"PK\x03\x04\x14\0\0\0\0\0\0\0!\0".to_vec();
            zip.extend(0x1234_5678_u32.to_le_bytes());
            for length in [content.len() as u32; 2] {
                zip.extend(length.to_le_bytes());
            }
            zip.extend((name.len() as u16).to_le_bytes());
            zip.extend([0, 0]);
            zip.extend(name.bytes());
            zip.extend(content.bytes());
            zip
        };
        let tar = {
            let mut tar = vec![0; 512];
            tar[..5].copy_from_slice(b"a.txt");
            tar[257..265].copy_from_slice(b"ustar\x0000");
            tar
        };
        let stream: Vec<u8> = (0..188 * 4).map(|at| if at % 188 == 0 { b'G' } else { 0xff }).collect();
        let svg = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- Created with Inkscape -->\n\n<svg\n   width=\"1\">";
        let svg_with_type =
            "\u{feff}<!DOCTYPE svg PUBLIC \"-//W3C//DTD SVG 1.1//EN\" \"http://www.w3.org/x.dtd\"><svg/>";
        let film = |head: &[u8]| [head, &[0; 300]].concat();
        let mkv = film(b"\x1a\x45\xdf\xa3\x93\x42\x82\x88matroska\x42\x87\x81\x01\x42\x85\x81\x01\x18\x53\x80\x67");
        let webm = film(
            b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\xf7\x81\x01\x42\xf2\x81\x04\x42\xf3\x81\x08\x42\x82\x84webm",
        );
        let cases: [(&str, &[u8], &str); 45] = [
            ("png", b"\x89PNG\r\n\x1a\nxxxx", "image/png"),
            ("jpeg", b"\xff\xd8\xff\xe0\0\x10JFIF\0", "image/jpeg"),
            ("gif", b"GIF89a\x01\0\x01\0", "image/gif"),
            ("webp", b"RIFF\x24\0\0\0WEBPVP8 ", "image/webp"),
            ("avif", b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf", "image/avif"),
            ("heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "image/heif"),
            ("bmp", b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0", "image/bmp"),
            ("ico", b"\0\0\x01\0\x01\0\x10\x10\0\0\x01\0\x20\0", "image/x-icon"),
            ("tiff", b"II*\0\x08\0\0\0\x10\0\0\0", "image/tiff"),
            ("jxl", b"\0\0\0\x0cJXL \x0d\x0a\x87\x0a\0\0\0\x14", "image/jxl"),
            ("psd", b"8BPS\0\x01\0\0\0\0\0\0", "image/vnd.adobe.photoshop"),
            ("svg", b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>", "image/svg+xml"),
            ("inkscape", svg.as_bytes(), "image/svg+xml"),
            ("illustrator", svg_with_type.as_bytes(), "image/svg+xml"),
            ("mp4", b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41", "video/mp4"),
            ("mov", b"\0\0\0\x14ftypqt  \0\0\x02\0qt  ", "video/quicktime"),
            ("webm", &webm, "video/webm"),
            ("mkv", &mkv, "video/x-matroska"),
            ("avi", b"RIFF\x24\0\0\0AVI LIST", "video/x-msvideo"),
            ("mpeg ts", &stream, "video/mp2t"),
            ("mp3 with tag", b"ID3\x04\0\0\0\0\x10\0TIT2", "audio/mpeg"),
            ("mp3", b"\xff\xfb\x90\x64\0\0\0\0", "audio/mpeg"),
            ("m4a", b"\0\0\0\x20ftypM4A \0\0\0\0M4A mp42isom", "audio/m4a"),
            ("ogg", b"OggS\0\x02\0\0\0\0\0\0\0\0\x11\x22\x33\x44\0\0\0\0\0\0\0\0\x01\x1e\x01vorbis", "audio/ogg"),
            ("opus", b"OggS\0\x02\0\0\0\0\0\0\0\0\x11\x22\x33\x44\0\0\0\0\0\0\0\0\x01\x13OpusHead", "audio/ogg"),
            ("flac", b"fLaC\0\0\0\x22", "audio/flac"),
            ("wav", b"RIFF\x24\0\0\0WAVEfmt ", "audio/wav"),
            ("midi", b"MThd\0\0\0\x06", "audio/mid"),
            ("pdf", b"%PDF-1.7\n%\xe2\xe3", "application/pdf"),
            ("woff", b"wOFF\0\x01\0\0\0\0\0\0", "application/font-woff"),
            ("woff2", b"wOF2\0\x01\0\0\0\0\0\0", "font/woff2"),
            ("ttf", b"\0\x01\0\0\0\x11\x01\0", "font/ttf"),
            ("otf", b"OTTO\0\x0b\0\x80", "application/font-sfnt"),
            ("zip", &zipped("a.txt", "a"), "application/zip"),
            ("epub", &zipped("mimetype", "application/epub+zip"), "application/epub+zip"),
            (
                "odt",
                &zipped("mimetype", "application/vnd.oasis.opendocument.text"),
                "application/vnd.oasis.opendocument.text",
            ),
            ("tar", &tar, "application/x-tar"),
            ("gz", b"\x1f\x8b\x08\0\0\0\0\0\0\x03", "application/gzip"),
            ("7z", b"7z\xbc\xaf\x27\x1c\0\x04", "application/x-7z-compressed"),
            ("zst", b"\x28\xb5\x2f\xfd\x24\0\0\0", "application/zstd"),
            ("wasm", b"\0asm\x01\0\0\0", "application/wasm"),
            ("page", b" \n<!DOCTYPE HTML><title>", "text/html; charset=utf-8"),
            ("page without a type", b"<html><body>", "text/html; charset=utf-8"),
            ("xml", b"<?xml version=\"1.0\"?><feed/>", "text/xml; charset=utf-8"),
            ("text", "größe".as_bytes(), "text/plain; charset=utf-8"),
        ];
        let wrong = cases.iter().filter_map(|(what, start, wanted)| {
            let found = of(None, start);
            (found != *wanted).then(|| format!("{what}: {found} instead of {wanted}"))
        });
        let wrong: Vec<_> = wrong.collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
        assert_eq!(of(Some("README"), b"read me"), "text/plain; charset=utf-8");
        assert_eq!(of(None, b"\xff\xfea\0b\0"), "text/plain; charset=utf-8");
        assert_eq!(of(None, &"é".as_bytes()[..1]), "text/plain; charset=utf-8");
        assert_eq!(of(None, b"\x00\x01"), UNKNOWN);
        assert_eq!(of(None, b""), UNKNOWN);
    }

    #[test]
    fn bytes_alone_never_make_a_file_something_that_runs() {
        for start in [
            &b"#!/bin/sh\nrm -rf /"[..],
            b"alert(1)",
            b"import x from './x.js'",
            b"function f() {}",
            b"{\"imports\":{}}",
            b"body { color: red }",
            b"MZ\x90\0\x03\0\0\0",
            b"\x7fELF\x02\x01\x01\0",
            b"Cr24\x03\0\0\0",
            b"FWS\x05\0\0\0\0",
            b"CWS\x05\0\0\0\0",
            b"-----BEGIN CERTIFICATE-----\nMIIB",
            b"\xca\xfe\xba\xbe\0\0\x000",
            b"<xsl:stylesheet/>",
        ] {
            let content_type = of(None, start);
            let is_harmless = content_type == UNKNOWN || content_type.starts_with("text/plain");
            assert!(is_harmless, "{:?}: {content_type}", String::from_utf8_lossy(start));
        }
    }
}
