//! How often lists are gone through: short ones each time that an account is looked at, long ones as seldom as they are long. What
//! is new in these is looked for in between.

use std::time::Duration;

use crate::clock::UnixMillis;

/// Between two looks at an account.
pub(crate) const LOOK: Duration = Duration::from_secs(300);

/// Requests that going through a list may take at each look; more of them have so many looks' time.
const REQUESTS_PER_LOOK: u64 = 20;

/// Rows that count as a request, where they come in fewer.
const ROWS_PER_REQUEST: u64 = 1_000;

/// However long a list is, what went from it elsewhere is noticed after that.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// When a list was last gone through, and what that took, however it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Walked {
    pub(crate) at: UnixMillis,
    pub(crate) requests: u64,
}

impl Walked {
    /// Whether it is time to go through it again.
    pub(crate) fn is_due(self, now: UnixMillis) -> bool {
        let looks = u32::try_from(self.requests / REQUESTS_PER_LOOK).unwrap_or(u32::MAX);
        // What was in the future was so before the clock was set right.
        looks <= 1 || now < self.at || now.since(self.at) >= LOOK.saturating_mul(looks).min(LONGEST)
    }
}

/// What going through a list takes, counted as it goes on.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Effort {
    pages: u64,
    rows: u64,
}

impl Effort {
    /// One more page with so many rows.
    pub(crate) const fn add(&mut self, rows: u64) {
        self.pages += 1;
        self.rows += rows;
    }

    /// In requests.
    pub(crate) const fn requests(self) -> u64 {
        let by_rows = self.rows / ROWS_PER_REQUEST;
        if by_rows > self.pages { by_rows } else { self.pages }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000;

    fn is_due(requests: u64, after_millis: u64) -> bool {
        let at = UnixMillis(1_700_000_000_000);
        Walked { at, requests }.is_due(at.plus(Duration::from_millis(after_millis)))
    }

    #[test]
    fn a_short_list_is_gone_through_at_each_look_and_a_long_one_by_its_length() {
        assert!(is_due(0, 1) && is_due(39, 1), "as often as it is looked at");
        assert!(!is_due(120, HOUR / 2 - 1) && is_due(120, HOUR / 2));
        // A million pins by hundreds.
        assert!(!is_due(10_000, 23 * HOUR) && is_due(10_000, 24 * HOUR));
        assert!(is_due(u64::MAX, 24 * HOUR));
    }

    #[test]
    fn no_list_takes_more_than_its_share_of_requests_however_long_it_is() {
        for requests in [40, 100, 1_000, 5_000] {
            let mut walked = Walked { at: UnixMillis(0), requests };
            let mut sent = 0;
            for look in 1_i64..=288 {
                let now = UnixMillis(look * 300_000);
                if walked.is_due(now) {
                    (walked, sent) = (Walked { at: now, requests }, sent + requests);
                }
            }
            assert!(sent <= 288 * REQUESTS_PER_LOOK, "{sent} requests in a day for a list of {requests}");
        }
    }

    #[test]
    fn a_clock_that_was_set_back_puts_nothing_off() {
        let at = UnixMillis(1_700_000_000_000);
        assert!(Walked { at, requests: 10_000 }.is_due(at.minus(Duration::from_secs(1))));
    }

    #[test]
    fn a_list_that_comes_in_one_answer_is_as_long_as_it_is() {
        let mut whole = Effort::default();
        whole.add(250_000);
        let mut pages = Effort::default();
        (0..30).for_each(|_| pages.add(100));
        assert_eq!((whole.requests(), pages.requests()), (250, 30));
    }
}
