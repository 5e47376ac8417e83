//! `holdfast limit`: how fast and how much at once, and for how long ended transfers are kept.

use std::num::NonZeroU64;

use holdfast_core::{AtOnce, History, LimitedHours, Limits, Rate};
use serde_json::{Value, json};

use crate::{Failure, args::LimitArgs, caller::Caller, output::Lines, session::Session};

/// What is typed for no limit.
const NONE: &str = "none";

/// Shows the limits, or sets those that are given.
pub(crate) async fn run(args: LimitArgs, caller: &Caller) -> Result<(), Failure> {
    let session = Session::open(caller).await?;
    let (before, kept) = (session.engine.limits().await?, session.engine.history().await?);
    let limits = Limits {
        up: args.up.map_or(before.up, |up| up.0),
        down: args.down.map_or(before.down, |down| down.0),
        at_once: args.at_once.unwrap_or(before.at_once),
        schedule: match (args.no_schedule, args.schedule) {
            (true, _) => Vec::new(),
            (false, schedule) if schedule.is_empty() => before.schedule.clone(),
            (false, schedule) => schedule,
        },
    };
    let history =
        History { days: args.keep_days.unwrap_or(kept.days), transfers: args.keep_transfers.unwrap_or(kept.transfers) };
    if limits != before {
        session.engine.set_limits(limits.clone()).await?;
    }
    if history != kept {
        session.engine.set_history(history).await?;
    }
    caller.result(&as_json(&limits, history), || lines(&limits, history))?;
    session.end().await
}

fn as_json(limits: &Limits, history: History) -> Value {
    let hours = |hours: &LimitedHours| json!({ "from": hours.from.to_string(), "until": hours.until.to_string(), "bytes_per_second": hours.rate });
    json!({
        "up_bytes_per_second": limits.up,
        "down_bytes_per_second": limits.down,
        "at_once": limits.at_once,
        "schedule": limits.schedule.iter().map(hours).collect::<Vec<_>>(),
        "keep_days": history.days,
        "keep_transfers": history.transfers,
    })
}

fn lines(limits: &Limits, history: History) -> Lines {
    let rate = |rate: Rate| rate.map_or_else(|| "as fast as it goes".into(), shown);
    let mut lines = vec![
        format!("Up:       {}", rate(limits.up)),
        format!("Down:     {}", rate(limits.down)),
        format!("At once:  {} at each account", u8::from(limits.at_once)),
    ];
    for hours in &limits.schedule {
        lines.push(format!("{}-{}:  {} at the most, up and down", hours.from, hours.until, shown(hours.rate)));
    }
    lines.push(format!("Ended transfers are kept for {} days, at most {}.", history.days, history.transfers));
    lines.into_iter().collect()
}

fn shown(rate: NonZeroU64) -> String {
    let bytes = rate.get();
    let units = [("GB", 1_000_000_000), ("MB", 1_000_000), ("KB", 1_000)];
    match units.into_iter().find(|(_, unit)| bytes.is_multiple_of(*unit)) {
        Some((name, unit)) => format!("{} {name}/s", bytes / unit),
        None => format!("{bytes} B/s"),
    }
}

/// A rate as it is typed, or that there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TypedRate(Rate);

pub(crate) fn parse_rate(text: &str) -> Result<TypedRate, String> {
    if text.eq_ignore_ascii_case(NONE) { Ok(TypedRate(None)) } else { bytes(text).map(|rate| TypedRate(Some(rate))) }
}

pub(crate) fn parse_hours(text: &str) -> Result<LimitedHours, String> {
    let expected = "expected hours and a rate such as 08:00-18:00=500KB/s";
    let (hours, rate) = text.split_once('=').ok_or(expected)?;
    let (from, until) = hours.split_once('-').ok_or(expected)?;
    Ok(LimitedHours { from: from.trim().parse()?, until: until.trim().parse()?, rate: bytes(rate)? })
}

pub(crate) fn parse_at_once(text: &str) -> Result<AtOnce, String> {
    let count = text.parse().ok().and_then(AtOnce::new);
    count.ok_or_else(|| format!("expected 1 to {}", AtOnce::MOST))
}

/// Bytes a second: `500KB/s`, `2MB`, `1MiB/s`, `750000`.
fn bytes(text: &str) -> Result<NonZeroU64, String> {
    let expected = || format!("expected a rate such as 500KB/s or 2MB/s, or `{NONE}`");
    let typed = text.trim().to_ascii_lowercase();
    let typed = typed.strip_suffix("/s").unwrap_or(&typed).trim_end();
    let digits = typed.find(|sign: char| !sign.is_ascii_digit() && sign != '.').unwrap_or(typed.len());
    let (number, unit) = typed.split_at(digits);
    let unit = match unit.trim() {
        "" | "b" => 1.0,
        "k" | "kb" => 1e3,
        "m" | "mb" => 1e6,
        "g" | "gb" => 1e9,
        "kib" => 1024.0,
        "mib" => 1024.0 * 1024.0,
        "gib" => 1024.0 * 1024.0 * 1024.0,
        _ => return Err(expected()),
    };
    let number: f64 = number.parse().map_err(|_| expected())?;
    NonZeroU64::new((number * unit) as u64).ok_or_else(expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_as_people_write_them_and_shown_so() {
        for (typed, bytes_per_second, as_shown) in [
            ("500KB/s", 500_000, "500 KB/s"),
            ("2 MB/s", 2_000_000, "2 MB/s"),
            ("1.5mb", 1_500_000, "1500 KB/s"),
            ("1MiB/s", 1_048_576, "1048576 B/s"),
            ("750", 750, "750 B/s"),
        ] {
            let rate = bytes(typed).unwrap();
            assert_eq!((rate.get(), shown(rate).as_str()), (bytes_per_second, as_shown), "{typed}");
        }
        for wrong in ["", "fast", "0", "-1MB/s", "0.1", "5 parsecs", "MB/s"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
        assert_eq!(parse_rate("none"), Ok(TypedRate(None)));
        assert!(parse_hours("08:00-18:00").is_err() && parse_hours("8-9=1MB/s").is_err());
        assert_eq!(parse_hours("22:00-06:30=1MB/s").unwrap().until.to_string(), "06:30");
    }
}
