//! How many transfers there are in which state.

/// Transfers by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TransferCounts {
    /// Accepted.
    pub queued: u64,
    /// Under way.
    pub running: u64,
    /// To be tried again.
    pub waiting: u64,
    /// Accepted, and to begin when they cannot be undone any more.
    pub undoable: u64,
    /// Paused by themselves.
    pub paused: u64,
    /// With a service that works on it.
    pub asked: u64,
    /// Given up.
    pub failed: u64,
    /// Done.
    pub done: u64,
    /// Stopped.
    pub cancelled: u64,
}

impl TransferCounts {
    /// The same, where so many of those that wait do so to be undone.
    pub(crate) const fn with_undoable(self, undoable: u64) -> Self {
        Self { waiting: self.waiting.saturating_sub(undoable), undoable, ..self }
    }
}
