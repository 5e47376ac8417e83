//! A request's body on its way.

use crate::content::Progress;

/// What was taken of a body that takes its time.
#[derive(Clone, Debug)]
pub(crate) struct Sending {
    progress: Progress,
    content_bytes: u64,
}

impl Sending {
    /// Of a body with so much content, which `progress` counts as it is taken.
    pub(crate) const fn new(progress: Progress, content_bytes: u64) -> Self {
        Self { progress, content_bytes }
    }

    /// Bytes of content that were taken so far.
    pub(crate) fn taken_bytes(&self) -> u64 {
        self.progress.bytes()
    }

    /// Whether all of the content was.
    pub(super) fn is_over(&self) -> bool {
        self.progress.bytes() >= self.content_bytes
    }
}
