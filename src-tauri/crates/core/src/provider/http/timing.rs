//! How long to wait for what.

use std::{fmt, sync::Arc, time::Duration};

use crate::clock::Clock;

/// Between two signs of life: bytes of the body taken, or bytes of the answer. There is no limit in all: an upload takes as
/// long as the line needs.
const LONGEST_SILENCE: Duration = Duration::from_secs(60);

/// Before a page of a list is asked for again.
const PAGE_PAUSES: [Duration; 3] = [Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2)];

/// How long an account's client waits for what.
#[derive(Clone)]
pub(crate) struct Timing {
    /// The clock by which it rests, and by which dates are compared.
    pub(crate) clock: Arc<dyn Clock>,
    /// After how long without a sign of life a connection is given up.
    pub(crate) silence: Duration,
    /// The pauses before a page of a list is asked for again; as many as there are more tries.
    pub(crate) page_pauses: &'static [Duration],
}

impl Timing {
    /// The usual one.
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, silence: LONGEST_SILENCE, page_pauses: &PAGE_PAUSES }
    }
}

impl fmt::Debug for Timing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timing").field("silence", &self.silence).finish_non_exhaustive()
    }
}
