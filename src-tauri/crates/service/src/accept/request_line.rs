//! The first line of a request, with what some clients should have percent-encoded in it.
//!
//! The HTTP library's addresses have no quotes in their query. Programs in Go write a query as it was given to them, and
//! with that the JSON of a list's filter.

use bytes::{Buf, Bytes};
use tokio::io::ReadBuf;

/// What is given on of a head until its first line is complete.
#[derive(Debug, Default)]
pub(super) struct RequestLine {
    is_open: bool,
    /// Read and not given on.
    ready: Bytes,
}

impl RequestLine {
    /// A request begins with the next byte.
    pub(super) const fn begin(&mut self) {
        self.is_open = true;
    }

    /// Whether the line is not complete.
    pub(super) const fn is_open(&self) -> bool {
        self.is_open
    }

    /// Takes what was read. All of what was there before must have been given on.
    pub(super) fn take(&mut self, read: &[u8]) {
        let line = read.iter().position(|byte| *byte == b'\n').map_or(read.len(), |end| end + 1);
        self.is_open = line == read.len() && !read.ends_with(b"\n");
        let mut ready = Vec::with_capacity(read.len());
        for byte in &read[..line] {
            match byte {
                b'"' => ready.extend(b"%22"),
                b'<' => ready.extend(b"%3C"),
                b'>' => ready.extend(b"%3E"),
                b'`' => ready.extend(b"%60"),
                byte => ready.push(*byte),
            }
        }
        ready.extend_from_slice(&read[line..]);
        self.ready = ready.into();
    }

    /// Gives on what there is and fits, and says whether there was anything.
    pub(super) fn give(&mut self, buffer: &mut ReadBuf<'_>) -> bool {
        let bytes = self.ready.len().min(buffer.remaining());
        buffer.put_slice(&self.ready[..bytes]);
        self.ready.advance(bytes);
        bytes > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(reads: &[&str]) -> String {
        let mut line = RequestLine::default();
        line.begin();
        let mut given = Vec::new();
        for read in reads {
            if !line.is_open() {
                given.extend_from_slice(read.as_bytes());
                continue;
            }
            line.take(read.as_bytes());
            loop {
                // A reader that takes little at a time.
                let mut bytes = [0; 3];
                let mut buffer = ReadBuf::new(&mut bytes);
                if !line.give(&mut buffer) {
                    break;
                }
                given.extend_from_slice(buffer.filled());
            }
        }
        String::from_utf8(given).unwrap()
    }

    #[test]
    fn quotes_are_encoded_in_the_first_line_and_nowhere_else() {
        let raw = "GET /pins?metadata={\"a\":\"<b>`\"} HTTP/1.1\r\nX: \"y\"\r\n\r\n\"body\"\n";
        let encoded = "GET /pins?metadata={%22a%22:%22%3Cb%3E%60%22} HTTP/1.1\r\nX: \"y\"\r\n\r\n\"body\"\n";
        assert_eq!(given(&[raw]), encoded);
        for at in 0..raw.len() {
            assert_eq!(given(&[&raw[..at], &raw[at..]]), encoded, "{at}");
        }
    }
}
