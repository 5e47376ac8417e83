//! The port for time.

use std::{pin::Pin, time::Duration};

use serde::{Deserialize, Serialize};

/// A point in time: milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnixMillis(pub i64);

impl UnixMillis {
    /// That much later.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }

    /// That much earlier.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }

    /// How long after `earlier` this is; zero when it is not.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Reads RFC 3339. Go's zero time (year 1) means "never" and gives `None`.
    #[must_use]
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        let millis = text.parse::<jiff::Timestamp>().ok()?.as_millisecond();
        (millis > 0).then_some(Self(millis))
    }

    /// RFC 3339 in UTC.
    #[must_use]
    pub fn to_rfc3339(self) -> String {
        jiff::Timestamp::from_millisecond(self.0).map(|time| time.to_string()).unwrap_or_default()
    }
}

/// Sleeping, as a future.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Tells the time and waits.
pub trait Clock: Send + Sync + 'static {
    /// The wall clock; it may jump.
    fn now(&self) -> UnixMillis;

    /// Time since some fixed moment of this run, awake or asleep; never set.
    fn monotonic(&self) -> Duration;

    /// Minutes since midnight, as the clocks on the walls around show it.
    fn minute_of_day(&self) -> u16 {
        u16::try_from(self.now().0.div_euclid(60_000).rem_euclid(24 * 60)).unwrap_or_default()
    }

    /// Ends after `duration`, whatever the wall clock does; soon after waking up where that is slept through.
    fn sleep(&self, duration: Duration) -> Sleep;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_any_fraction_are_read_and_gos_zero_time_is_never() {
        assert_eq!(UnixMillis::from_rfc3339("2023-06-07T04:16:17.336658824Z"), Some(UnixMillis(1_686_111_377_336)));
        assert_eq!(UnixMillis::from_rfc3339("2023-06-07T04:16:17Z"), Some(UnixMillis(1_686_111_377_000)));
        assert_eq!(UnixMillis::from_rfc3339("2023-06-07T06:16:17+02:00"), Some(UnixMillis(1_686_111_377_000)));
        assert_eq!(UnixMillis::from_rfc3339("0001-01-01T00:00:00Z"), None);
        assert_eq!(UnixMillis::from_rfc3339("yesterday"), None);
        assert_eq!(UnixMillis(1_686_111_377_000).to_rfc3339(), "2023-06-07T04:16:17Z");
    }
}
