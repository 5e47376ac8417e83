//! The `Range` header: one range of bytes. Several at once are legal to ignore, and are.

use std::ops::Range;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    All,
    Part(Range<u64>),
    /// A range that holds no byte of the file.
    Nothing,
}

/// Reads the header's value for a file of `bytes` bytes. What is not understood asks for all.
pub(crate) fn parse(value: &str, bytes: u64) -> Asked {
    let Some((unit, range)) = value.split_once('=') else {
        return Asked::All;
    };
    let Some((first, last)) = range.trim().split_once('-') else {
        return Asked::All;
    };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Asked::All;
    }
    let range = match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => first..last.saturating_add(1).min(bytes),
        (Some(first), None) if last.is_empty() => first..bytes,
        (None, Some(suffix)) if first.is_empty() => bytes.saturating_sub(suffix)..bytes,
        _ => return Asked::All,
    };
    if range.is_empty() { Asked::Nothing } else { Asked::Part(range) }
}

fn number(digits: &str) -> Option<u64> {
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_cut_to_the_file() {
        for (value, range) in [
            ("bytes=0-0", 0..1),
            ("bytes=2-5", 2..6),
            ("bytes=7-", 7..10),
            ("bytes=-3", 7..10),
            ("bytes=-99", 0..10),
            ("bytes=5-99", 5..10),
            ("Bytes = 0-18446744073709551615", 0..10),
        ] {
            assert_eq!(parse(value, 10), Asked::Part(range), "{value}");
        }
    }

    #[test]
    fn a_range_behind_the_end_holds_nothing() {
        for value in ["bytes=10-", "bytes=10-20", "bytes=-0"] {
            assert_eq!(parse(value, 10), Asked::Nothing, "{value}");
        }
        assert_eq!(parse("bytes=0-", 0), Asked::Nothing);
    }

    #[test]
    fn anything_else_asks_for_all() {
        for value in
            ["", "bytes", "bytes=", "bytes=-", "bytes=5-2", "bytes=0-1,3-4", "lines=0-1", "bytes=a-b", "bytes=+1-2"]
        {
            assert_eq!(parse(value, 10), Asked::All, "{value}");
        }
    }
}
