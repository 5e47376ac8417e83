//! How fast bytes go and how much at once, and for how long what has ended is kept.

use std::num::NonZeroU64;

use holdfast_core::{AtOnce, Error, History, MinuteOfDay, Rate};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

#[derive(Clone, Debug, Serialize, Deserialize, TS)]
pub(crate) struct Limits {
    /// Bytes a second of all that is sent; none for as fast as it goes.
    up: Option<u64>,
    /// The same of all that is fetched to prove it.
    down: Option<u64>,
    /// Transfers at once at each account, of those that come in bulk.
    at_once: u8,
    /// Hours of every day in which no more than this goes.
    schedule: Vec<LimitedHours>,
    /// Days that ended transfers are kept for.
    keep_days: u32,
    /// How many of them are kept.
    keep_transfers: u32,
}

/// From one time of day, such as "08:00", until another.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
pub(crate) struct LimitedHours {
    from: String,
    until: String,
    /// Bytes a second.
    rate: u64,
}

impl Limits {
    pub(crate) fn new(limits: &holdfast_core::Limits, history: History) -> Self {
        Self {
            up: limits.up.map(NonZeroU64::get),
            down: limits.down.map(NonZeroU64::get),
            at_once: limits.at_once.into(),
            schedule: limits.schedule.iter().map(LimitedHours::from).collect(),
            keep_days: history.days,
            keep_transfers: history.transfers,
        }
    }

    /// What they mean.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] with what is wrong.
    pub(crate) fn parse(self) -> Result<(holdfast_core::Limits, History), Error> {
        let limits = holdfast_core::Limits {
            up: rate(self.up)?,
            down: rate(self.down)?,
            at_once: AtOnce::try_from(self.at_once).map_err(invalid)?,
            schedule: self.schedule.iter().map(LimitedHours::parse).collect::<Result<_, _>>()?,
        };
        Ok((limits, History { days: self.keep_days, transfers: self.keep_transfers }))
    }
}

impl LimitedHours {
    fn parse(&self) -> Result<holdfast_core::LimitedHours, Error> {
        let minute = |text: &str| text.parse::<MinuteOfDay>().map_err(invalid);
        let rate = NonZeroU64::new(self.rate).ok_or_else(|| invalid(NO_RATE))?;
        Ok(holdfast_core::LimitedHours { from: minute(&self.from)?, until: minute(&self.until)?, rate })
    }
}

impl From<&holdfast_core::LimitedHours> for LimitedHours {
    fn from(hours: &holdfast_core::LimitedHours) -> Self {
        Self { from: hours.from.to_string(), until: hours.until.to_string(), rate: hours.rate.get() }
    }
}

const NO_RATE: &str = "expected more than 0 bytes a second";

fn rate(bytes: Option<u64>) -> Result<Rate, Error> {
    bytes.map(|bytes| NonZeroU64::new(bytes).ok_or_else(|| invalid(NO_RATE))).transpose()
}

fn invalid(why: &str) -> Error {
    Error::InvalidInput(format!("This limit cannot be kept: {why}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed() -> Limits {
        let hours = LimitedHours { from: "22:00".into(), until: "06:30".into(), rate: 500_000 };
        Limits { up: Some(1), down: None, at_once: 4, schedule: vec![hours], keep_days: 7, keep_transfers: 50 }
    }

    #[test]
    fn limits_come_back_as_they_were_typed() {
        let (limits, history) = typed().parse().unwrap();
        let shown = Limits::new(&limits, history);
        assert_eq!(serde_json::to_value(shown).unwrap(), serde_json::to_value(typed()).unwrap());
    }

    #[test]
    fn what_is_no_limit_is_refused() {
        let hours = |from: &str, rate| LimitedHours { from: from.into(), until: "06:00".into(), rate };
        for wrong in [
            Limits { up: Some(0), ..typed() },
            Limits { at_once: 0, ..typed() },
            Limits { at_once: 17, ..typed() },
            Limits { schedule: vec![hours("25:00", 1)], ..typed() },
            Limits { schedule: vec![hours("05:00", 0)], ..typed() },
        ] {
            assert!(matches!(wrong.clone().parse(), Err(Error::InvalidInput(_))), "{wrong:?}");
        }
    }
}
