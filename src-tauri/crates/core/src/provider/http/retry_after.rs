//! `Retry-After` (RFC 9110, section 10.2.3): seconds, or a date.

use std::time::Duration;

use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};

use crate::clock::UnixMillis;

/// Nobody is kept waiting longer before Holdfast looks for itself.
const LONGEST: Duration = Duration::from_secs(3600);

/// How long the service asks to wait. A date is compared with the answer's own date, which the service's clock has made as
/// well, and with `now` where it has none.
pub(crate) fn retry_after(headers: &HeaderMap, now: UnixMillis) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let asked = if is_number {
        text.parse().map_or(LONGEST, Duration::from_secs)
    } else {
        date(headers, &RETRY_AFTER)?.since(date(headers, &DATE).unwrap_or(now))
    };
    Some(asked.min(LONGEST))
}

fn date(headers: &HeaderMap, name: &HeaderName) -> Option<UnixMillis> {
    let time = httpdate::parse_http_date(headers.get(name)?.to_str().ok()?).ok()?;
    Some(UnixMillis(0).plus(time.duration_since(std::time::UNIX_EPOCH).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-01-01T00:00:00Z.
    const NOW: UnixMillis = UnixMillis(1_767_225_600_000);

    fn asked(after: &'static str, date: Option<&'static str>) -> Option<u64> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, after.parse().unwrap());
        headers.extend(date.map(|date| (DATE, date.parse().unwrap())));
        retry_after(&headers, NOW).map(|asked| asked.as_secs())
    }

    #[test]
    fn seconds_and_every_form_of_a_date_are_understood_and_capped() {
        for (after, seconds) in [
            ("0", Some(0)),
            (" 17 ", Some(17)),
            ("7200", Some(3600)),
            ("99999999999999999999999", Some(3600)),
            ("Thu, 01 Jan 2026 00:00:42 GMT", Some(42)),
            ("Thursday, 01-Jan-26 00:00:42 GMT", Some(42)),
            ("Thu Jan  1 00:00:42 2026", Some(42)),
            ("Wed, 31 Dec 2025 23:00:00 GMT", Some(0)),
            ("Fri, 01 Jan 2027 00:00:00 GMT", Some(3600)),
            ("", None),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
        ] {
            assert_eq!(asked(after, None), seconds, "{after:?}");
        }
    }

    #[test]
    fn a_date_is_compared_with_the_clock_that_made_it() {
        let hours_ahead = Some("Thu, 01 Jan 2026 05:00:00 GMT");
        assert_eq!(asked("Thu, 01 Jan 2026 05:00:30 GMT", hours_ahead), Some(30));
        assert_eq!(asked("Thu, 01 Jan 2026 00:00:42 GMT", Some("no date")), Some(42));
    }
}
