//! How fast and how much at once: what a person allows, by the hours of the day.

use std::{
    fmt,
    num::NonZeroU64,
    str::FromStr,
    sync::{Arc, PoisonError},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::{Change, Engine, Shared};
use crate::{error::Error, queue::AtOnce};

const LIMITS: &str = "limits";

/// Between two looks at the hour.
const LOOK: Duration = Duration::from_secs(30);

/// Minutes of a day.
const DAY: u16 = 24 * 60;

/// Most hours that a schedule has.
const MOST_HOURS: usize = 24;

/// Bytes a second; `None` for as fast as it goes.
pub type Rate = Option<NonZeroU64>;

/// What is allowed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Of all that is sent.
    pub up: Rate,
    /// Of all that is fetched to prove it.
    pub down: Rate,
    /// Transfers at once at each account, of those that come in bulk.
    pub at_once: AtOnce,
    /// Hours in which no more than this goes, up and down each.
    pub schedule: Vec<LimitedHours>,
}

/// Hours of every day, over midnight where they end before they begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitedHours {
    /// The first minute.
    pub from: MinuteOfDay,
    /// The minute that is the first not to be one of them.
    pub until: MinuteOfDay,
    /// Bytes a second.
    pub rate: NonZeroU64,
}

/// A minute of the day, by this computer's clock on the wall.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct MinuteOfDay(u16);

impl MinuteOfDay {
    /// The minute of that number, counted from midnight.
    #[must_use]
    pub fn new(number: u16) -> Option<Self> {
        (number < DAY).then_some(Self(number))
    }
}

impl TryFrom<u16> for MinuteOfDay {
    type Error = &'static str;

    fn try_from(number: u16) -> Result<Self, Self::Error> {
        Self::new(number).ok_or("no minute of a day")
    }
}

impl From<MinuteOfDay> for u16 {
    fn from(minute: MinuteOfDay) -> Self {
        minute.0
    }
}

impl fmt::Display for MinuteOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl FromStr for MinuteOfDay {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = "expected a time of day such as 08:00";
        let (hour, minute) = text.split_once(':').ok_or(wrong)?;
        let number = |text: &str, below: u16| text.parse::<u16>().ok().filter(|number| *number < below).ok_or(wrong);
        Ok(Self(number(hour, 24)? * 60 + number(minute, 60)?))
    }
}

impl LimitedHours {
    fn have(&self, minute: MinuteOfDay) -> bool {
        match self.from < self.until {
            true => (self.from..self.until).contains(&minute),
            false => minute >= self.from || minute < self.until,
        }
    }
}

impl Limits {
    /// Bytes a second up and down at that time of day: the least of all that apply.
    #[must_use]
    pub fn at(&self, minute: MinuteOfDay) -> (Rate, Rate) {
        let now = self.schedule.iter().filter(|hours| hours.have(minute)).map(|hours| hours.rate);
        let least = |usual: Rate| now.clone().chain(usual).min();
        (least(self.up), least(self.down))
    }
}

impl Engine {
    /// What is allowed.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn limits(&self) -> Result<Limits, Error> {
        kept(&self.shared).await
    }

    /// Sets what is allowed, from now on, also for what is on its way.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for too many hours.
    pub async fn set_limits(&self, limits: Limits) -> Result<(), Error> {
        if limits.schedule.len() > MOST_HOURS {
            return Err(Error::InvalidInput(format!("A schedule has at most {MOST_HOURS} entries.")));
        }
        let text = serde_json::to_string(&limits).map_err(|_| Error::Internal)?;
        self.shared.store.set_setting(LIMITS, Some(text)).await?;
        self.shared.keep_to(&limits);
        self.shared.wake.notify_one();
        self.shared.announce(Change::Settings);
        Ok(())
    }
}

/// Sets the pace as the hours change.
pub(super) async fn follow(shared: Arc<Shared>) {
    loop {
        shared.ports.clock.sleep(LOOK).await;
        if let Err(error) = apply(&shared).await {
            tracing::warn!(%error, "the limits cannot be read");
        }
    }
}

/// Sets the pace of this hour.
pub(super) async fn apply(shared: &Shared) -> Result<(), Error> {
    shared.keep_to(&kept(shared).await?);
    Ok(())
}

async fn kept(shared: &Shared) -> Result<Limits, Error> {
    let text = shared.store.setting(LIMITS).await?;
    // Those of a Holdfast with other words are as good as none.
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
}

impl Shared {
    fn keep_to(&self, limits: &Limits) {
        let (up, down) = limits.at(MinuteOfDay(self.ports.clock.minute_of_day().min(DAY - 1)));
        self.up.set(up);
        self.down.set(down);
        *self.at_once.lock().unwrap_or_else(PoisonError::into_inner) = limits.at_once;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(bytes: u64) -> NonZeroU64 {
        NonZeroU64::new(bytes).unwrap()
    }

    #[test]
    fn the_least_of_what_applies_at_an_hour_holds_and_hours_go_over_midnight() {
        let hours = |from: &str, until: &str, bytes| LimitedHours {
            from: from.parse().unwrap(),
            until: until.parse().unwrap(),
            rate: rate(bytes),
        };
        let limits = Limits {
            up: Some(rate(100)),
            schedule: vec![hours("08:00", "18:00", 50), hours("22:30", "06:00", 200), hours("09:00", "10:00", 70)],
            ..Limits::default()
        };
        for (time, up, down) in [
            ("07:59", Some(100), None),
            ("08:00", Some(50), Some(50)),
            ("09:30", Some(50), Some(50)),
            ("18:00", Some(100), None),
            ("23:00", Some(100), Some(200)),
            ("05:59", Some(100), Some(200)),
            ("06:00", Some(100), None),
        ] {
            let allowed = limits.at(time.parse().unwrap());
            assert_eq!(allowed, (up.map(rate), down.map(rate)), "{time}");
        }
        for wrong in ["8", "24:00", "08:60", "-1:00", ""] {
            assert!(wrong.parse::<MinuteOfDay>().is_err(), "{wrong}");
        }
    }
}
