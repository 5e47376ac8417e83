//! Pins that never get anywhere, and what to say of them.

use std::time::Duration;

use super::{PinStatus, ProviderPin};
use crate::clock::UnixMillis;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// How long a service may work on a pin before that is called stuck.
const DEADLINE: Duration = DAY;

/// Says of a pin that its service has been working on for too long that it is stuck and why that may be, before what the
/// service says itself.
pub(super) fn explain(pin: &mut ProviderPin, now: UnixMillis) {
    let waiting = match pin.status {
        PinStatus::Queued => "has not begun with it",
        PinStatus::Fetching => "has not got all of the content",
        _ => return,
    };
    let Some(since) = pin.pinned_at.map(|at| now.since(at)).filter(|since| *since > DEADLINE) else { return };
    let days = match since.as_secs() / DAY.as_secs() {
        1 => "a day".into(),
        days => format!("{days} days"),
    };
    let said = pin.message.take().map(|said| format!(" It says: {said}")).unwrap_or_default();
    pin.message = Some(format!(
        "Stuck: after {days} the service {waiting}. Perhaps nobody who is online has it; keep a node running that does, or \
         upload the files themselves.{said}"
    ));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ids::PinId,
        pin::{LeftOut, Metadata},
    };

    fn said_after(hours: u64, status: PinStatus, said: Option<&str>) -> Option<String> {
        let asked = UnixMillis(1_767_225_600_000);
        let mut pin = ProviderPin {
            id: PinId("1".into()),
            cid: holdfast_content::Cid::default(),
            name: None,
            bytes: None,
            status,
            raw_status: String::new(),
            message: said.map(str::to_owned),
            is_directory: false,
            pinned_at: Some(asked),
            metadata: Metadata::new(),
            left_out: LeftOut::NOTHING,
        };
        explain(&mut pin, asked.plus(Duration::from_secs(hours * 3600)));
        pin.message
    }

    #[test]
    fn only_what_a_service_works_on_for_more_than_a_day_is_stuck() {
        let waits = Some("Queue position: 7 of 9");
        assert_eq!(said_after(24, PinStatus::Queued, waits).as_deref(), waits);
        for status in [PinStatus::Pinned, PinStatus::Stored, PinStatus::Failed, PinStatus::Unpinned, PinStatus::Unknown]
        {
            assert_eq!(said_after(100, status, None), None);
        }
        let queued = said_after(25, PinStatus::Queued, waits).unwrap();
        assert!(queued.starts_with("Stuck: after a day the service has not begun with it."), "{queued}");
        assert!(queued.ends_with(" It says: Queue position: 7 of 9"), "{queued}");
        let fetching = said_after(72, PinStatus::Fetching, None).unwrap();
        assert!(fetching.starts_with("Stuck: after 3 days the service has not got all of the content."), "{fetching}");
    }
}
