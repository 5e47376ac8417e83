//! The header: `{roots: [CID…], version: 1}` in dag-cbor. Nothing else is written, and nothing else is read.

use cid::Cid;

use crate::block::exact_cid;

const MAJOR_UNSIGNED: u8 = 0;
const MAJOR_BYTES: u8 = 2;
const MAJOR_TEXT: u8 = 3;
const MAJOR_ARRAY: u8 = 4;
const MAJOR_MAP: u8 = 5;
const MAJOR_TAG: u8 = 6;

/// CBOR tag of a CID in dag-cbor.
const TAG_CID: u64 = 42;

/// Roots that a header may name.
const MAX_ROOTS: u64 = 10_000;

/// The header's bytes, without the length before them.
pub(super) fn encode(roots: &[Cid]) -> Vec<u8> {
    let mut out = Vec::new();
    put(&mut out, MAJOR_MAP, 2);
    put_text(&mut out, "roots");
    put(&mut out, MAJOR_ARRAY, roots.len() as u64);
    for root in roots {
        let bytes = root.to_bytes();
        put(&mut out, MAJOR_TAG, TAG_CID);
        put(&mut out, MAJOR_BYTES, bytes.len() as u64 + 1);
        out.push(0);
        out.extend(bytes);
    }
    put_text(&mut out, "version");
    put(&mut out, MAJOR_UNSIGNED, 1);
    out
}

/// What a header says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) version: u64,
    pub(super) roots: Vec<Cid>,
}

/// Reads a header; `None` for anything that is none.
pub(super) fn decode(bytes: &[u8]) -> Option<Header> {
    let mut input = Input(bytes);
    let (mut version, mut roots) = (None, None);
    for _ in 0..input.expect(MAJOR_MAP)? {
        match input.bytes(MAJOR_TEXT)? {
            b"version" if version.is_none() => version = Some(input.expect(MAJOR_UNSIGNED)?),
            b"roots" if roots.is_none() => roots = Some(input.roots()?),
            _ => return None,
        }
    }
    // Version 2 begins with a header that has a version only.
    input.0.is_empty().then_some(Header { version: version?, roots: roots.unwrap_or_default() })
}

fn put(out: &mut Vec<u8>, major: u8, value: u64) {
    let major = major << 5;
    match value {
        0..=23 => out.push(major | value as u8),
        24..=0xff => out.extend([major | 24, value as u8]),
        0x100..=0xffff => {
            out.push(major | 25);
            out.extend((value as u16).to_be_bytes());
        }
        0x1_0000..=0xffff_ffff => {
            out.push(major | 26);
            out.extend((value as u32).to_be_bytes());
        }
        _ => {
            out.push(major | 27);
            out.extend(value.to_be_bytes());
        }
    }
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put(out, MAJOR_TEXT, text.len() as u64);
    out.extend(text.as_bytes());
}

struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn expect(&mut self, major: u8) -> Option<u64> {
        let first = *self.take(1)?.first()?;
        if first >> 5 != major {
            return None;
        }
        let length = match first & 31 {
            value @ 0..=23 => return Some(u64::from(value)),
            24 => 1,
            25 => 2,
            26 => 4,
            27 => 8,
            _ => return None,
        };
        Some(self.take(length)?.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }

    fn bytes(&mut self, major: u8) -> Option<&'a [u8]> {
        let length = self.expect(major)?;
        self.take(usize::try_from(length).ok()?)
    }

    fn roots(&mut self) -> Option<Vec<Cid>> {
        let count = self.expect(MAJOR_ARRAY).filter(|count| *count <= MAX_ROOTS)?;
        let root = |_| {
            (self.expect(MAJOR_TAG)? == TAG_CID).then_some(())?;
            exact_cid(self.bytes(MAJOR_BYTES)?.strip_prefix(&[0])?)
        };
        (0..count).map(root).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_back_as_written() {
        let cid: Cid = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e".parse().unwrap();
        for roots in [vec![], vec![cid], vec![cid; 30]] {
            assert_eq!(decode(&encode(&roots)), Some(Header { version: 1, roots }));
        }
    }

    #[test]
    fn what_is_no_header_is_refused() {
        for bytes in
            [&b""[..], b"\xa0", b"\xa2", b"\xff", b"\xa1\x67version\x01x", b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff"]
        {
            assert_eq!(decode(bytes), None, "{bytes:?}");
        }
        assert_eq!(decode(b"\xa1\x67version\x02"), Some(Header { version: 2, roots: vec![] }));
    }
}
