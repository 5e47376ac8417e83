//! What Holdfast logs while tests run, at every level, for those that look for secrets in it.

use std::{
    fmt::{Debug, Write},
    sync::{Mutex, Once, PoisonError},
};

use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
    subscriber::set_global_default,
};

static COLLECT: Once = Once::new();
static COLLECTED: Mutex<String> = Mutex::new(String::new());

/// Collects from now on.
pub(crate) fn collect() {
    COLLECT.call_once(|| set_global_default(Collector).unwrap());
}

/// Everything since.
pub(crate) fn collected() -> String {
    COLLECTED.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

struct Collector;

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {}={value:?}", field.name()).unwrap();
    }
}

impl Subscriber for Collector {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("holdfast")
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().target().into());
        event.record(&mut line);
        let mut collected = COLLECTED.lock().unwrap_or_else(PoisonError::into_inner);
        collected.push_str(&line.0);
        collected.push('\n');
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}
